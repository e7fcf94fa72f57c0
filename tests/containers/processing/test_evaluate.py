from __future__ import annotations

import json
import re
import struct
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from containers import contract
from containers.contract import LABEL, ProcessingPaths, TrainingPaths
from containers.processing import evaluate
from containers.processing.job import DataError, run
from containers.training import train

GATES = {
    "binary": {"metric": "auc", "at_least": 0.8},
    "multiclass": {"metric": "accuracy", "at_least": 0.6},
    "regression": {"metric": "rmse", "at_most": 1.4},
}


def table(problem: str, rows: int, seed: int) -> pa.Table:
    draw = np.random.default_rng(seed)
    features = draw.normal(size=(rows, 4)).astype(np.float32)
    signal = 2 * features[:, 0] + features[:, 1] * features[:, 2] + draw.normal(size=rows)
    labels = {
        "binary": (signal > 1).astype(np.float32),
        "multiclass": np.digitize(signal, [-1, 1]).astype(np.float32),
        "regression": signal,
    }[problem]
    return pa.table({LABEL: labels, **{f"feature_{index}": features[:, index] for index in range(4)}})


def write(folder: Path, content: pa.Table) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(content, folder / contract.PART_FILE)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``trained("binary")``: the ``model.tar.gz`` of a model of that kind, trained once."""
    done: dict[str, Path] = {}

    def make(problem: str) -> Path:
        if problem not in done:
            paths = TrainingPaths(tmp_path_factory.mktemp(problem))
            write(paths.channel("train"), table(problem, 2000, 1))
            write(paths.channel("validation"), table(problem, 600, 2))
            more = {"num_class": "3"} if problem == "multiclass" else {}
            train.main(paths, {"problem": problem, "rounds": "20", **more})
            done[problem] = paths.base / contract.MODEL_ARCHIVE
            with tarfile.open(done[problem], "w:gz") as archive:
                for path in sorted(paths.model.iterdir()):
                    archive.add(path, path.name)
        return done[problem]

    return make


def prepare(
    base: Path,
    archive: Path,
    problem: str,
    test: pa.Table | None = None,
    settings: Mapping[str, object] | None = None,
) -> ProcessingPaths:
    """Everything that the job gets, below ``base``."""
    paths = ProcessingPaths(base)
    paths.input(contract.MODEL).mkdir(parents=True)
    (paths.input(contract.MODEL) / contract.MODEL_ARCHIVE).write_bytes(archive.read_bytes())
    write(paths.input(contract.VALIDATION), table(problem, 600, 2))
    write(paths.input(contract.TEST), table(problem, 800, 3) if test is None else test)
    paths.settings.parent.mkdir(parents=True)
    told = {"title": "A test", "problem": problem, "gate": GATES[problem], **(settings or {})}
    paths.settings.write_text(json.dumps(told))
    return paths


@pytest.fixture
def job(tmp_path: Path, trained: Callable[[str], Path]) -> Callable[..., ProcessingPaths]:
    """``job("binary", test, **settings)``: a job that is about to run."""

    def make(problem: str, test: pa.Table | None = None, /, **settings: object) -> ProcessingPaths:
        return prepare(tmp_path, trained(problem), problem, test, settings)

    return make


@pytest.fixture(scope="module")
def evaluated(
    tmp_path_factory: pytest.TempPathFactory, trained: Callable[[str], Path]
) -> Callable[[str], ProcessingPaths]:
    """``evaluated("binary")``: a job that has run, once for all tests that only look at what it left."""
    done: dict[str, ProcessingPaths] = {}

    def make(problem: str) -> ProcessingPaths:
        if problem not in done:
            done[problem] = prepare(tmp_path_factory.mktemp("job"), trained(problem), problem)
            evaluate.main(done[problem], resamples=20)
        return done[problem]

    return make


def output(paths: ProcessingPaths) -> Path:
    return paths.output(contract.EVALUATION)


def report(paths: ProcessingPaths) -> dict:
    """The report, read as strictly as another language would."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads((output(paths) / contract.EVALUATION_FILE).read_text(), parse_constant=refuse)


def follow(document: object, path: str) -> object:
    for key in path.split("."):
        document = document[key]
    return document


@pytest.mark.parametrize("problem", GATES)
def test_the_gate_finds_its_metric_and_its_sentence(evaluated, problem):
    """The JSON paths of the contract lead to a number and a sentence, and the verdict agrees with them."""
    paths = evaluated(problem)
    found, gate = report(paths), GATES[problem]

    value = follow(found, contract.metric_path(problem, gate["metric"]))
    (bar,) = found["gate"]["bars"]
    assert bar["value"] == value
    assert bar["passed"] is True
    assert follow(found, contract.GATE_MISSED_PATH) == 0
    assert follow(found, contract.GATE_MESSAGE_PATH).startswith(
        f"{gate['metric']} on the test rows is {value:.6g}, which "
    )
    assert bar["shortfall"] == 0


@pytest.mark.parametrize("problem", GATES)
def test_every_metric_has_a_value_a_deviation_and_an_interval(evaluated, problem):
    """AWS's report shape, with the interval beside it."""
    paths = evaluated(problem)
    group = report(paths)[contract.METRIC_GROUPS[problem]]
    metrics = {name: entry for name, entry in group.items() if "value" in entry}

    assert metrics
    for entry in metrics.values():
        low, high = entry["confidence_interval"]
        assert low <= entry["value"] <= high
        assert entry["standard_deviation"] >= 0


@pytest.mark.parametrize("problem", GATES)
def test_every_picture_is_a_whole_png(evaluated, problem):
    """Each named file is there and is a picture of a size that one can look at; nothing else lies about."""
    paths = evaluated(problem)
    pictures = report(paths)["pictures"]

    assert {path.name for path in output(paths).iterdir()} == {contract.EVALUATION_FILE, *pictures}
    for name in pictures:
        content = (output(paths) / name).read_bytes()
        width, height = struct.unpack(">II", content[16:24])
        assert content.startswith(b"\x89PNG")
        assert content.endswith(b"IEND\xaeB`\x82")
        assert 400 < width < 1200
        assert 300 < height < 1000


@pytest.mark.parametrize("problem", GATES)
def test_two_evaluations_write_the_same_bytes(job, evaluated, problem):
    """Nothing in the report or the pictures depends on the clock, the folder or chance."""
    paths = job(problem)
    evaluate.main(paths, resamples=20)
    first = {path.name: path.read_bytes() for path in output(evaluated(problem)).iterdir()}

    assert first == {path.name: path.read_bytes() for path in output(paths).iterdir()}


@pytest.mark.parametrize(
    ("problem", "theirs", "ours"),
    [
        ("binary", "validation:auc", "auc"),
        ("binary", "validation:logloss", "log_loss"),
        ("multiclass", "validation:mlogloss", "log_loss"),
        ("regression", "validation:rmse", "rmse"),
        ("regression", "validation:mae", "mae"),
    ],
)
def test_training_and_evaluation_measure_the_same(evaluated, problem, theirs, ours):
    """What XGBoost said of the validation rows while training is what the report says of them."""
    paths = evaluated(problem)
    found = report(paths)

    assert found["validation"][ours] == pytest.approx(found["model"]["metrics"][theirs], rel=1e-5)


def test_the_curves_are_in_the_shape_that_the_registry_draws(evaluated):
    """Points of one length, at most 200, and a confusion matrix by actual and predicted class."""
    paths = evaluated("binary")
    group = report(paths)["binary_classification_metrics"]
    roc, precision_recall = group["receiver_operating_characteristic_curve"], group["precision_recall_curve"]

    assert len(roc["false_positive_rates"]) == len(roc["true_positive_rates"]) <= 200
    assert len(precision_recall["precisions"]) == len(precision_recall["recalls"]) <= 200
    assert sum(sum(row.values()) for row in group["confusion_matrix"].values()) == 800


def test_the_threshold_is_chosen_on_the_validation_rows(job, evaluated):
    """Other test rows do not move it, and on the validation rows it is at least as good as one half."""
    paths = job("binary", table("binary", 800, 77))
    evaluate.main(paths, resamples=20)
    chosen = report(paths)["threshold"]

    assert chosen == report(evaluated("binary"))["threshold"]
    assert chosen["validation_f1"] >= chosen["validation_f1_at_half"]


def test_the_bar_of_the_command_line_overrides_the_settings(job):
    """A missed bar is a finding with a number, and the job succeeds."""
    paths = job("binary")
    assert run(evaluate.main, paths, bar=0.999, resamples=20) == 0
    gate = report(paths)["gate"]
    (bar,) = gate["bars"]

    assert (gate["missed"], gate["passed"]) == (1, False)
    assert bar["shortfall"] == pytest.approx(0.999 - bar["value"])
    assert gate["message"].startswith("auc on the test rows is 0.")
    assert not paths.failure_message.exists()


@pytest.mark.parametrize(("rows", "label"), [(1, 0.0), (1, 1.0), (60, 0.0)])
def test_one_class_among_the_test_rows_is_refused_by_the_gate(job, rows, label):
    """No crash: the metric is null with a reason, the gate says why it refuses, every picture is drawn."""
    test = table("binary", rows, 3).set_column(0, LABEL, pa.array([label] * rows))
    paths = job("binary", test)
    evaluate.main(paths, resamples=20)
    found = report(paths)

    assert found["binary_classification_metrics"]["auc"]["value"] is None
    assert found["gate"]["passed"] is False
    assert found["gate"]["message"] == (
        "auc on the test rows is undefined (all rows are of one class), so it cannot meet at least 0.8"
    )
    assert len(found["pictures"]) == 6


@pytest.mark.parametrize("problem", ["multiclass", "regression"])
def test_one_test_row_is_evaluated(job, problem):
    """What one row can tell is told."""
    paths = job(problem, table(problem, 1, 3))
    evaluate.main(paths, resamples=20)

    assert report(paths)["dataset"]["item_count"] == 1


def test_a_model_that_learned_nothing_is_evaluated(job, tmp_path):
    """Constant scores: no importance, an AUC of one half, a refusal by the gate."""
    paths = job("binary")
    training = TrainingPaths(tmp_path / "training")
    constant = table("binary", 100, 1).select([LABEL]).append_column("feature_0", pa.array(np.zeros(100)))
    write(training.channel("train"), constant)
    train.main(training, {"problem": "binary", "rounds": "2"})
    with tarfile.open(paths.input(contract.MODEL) / contract.MODEL_ARCHIVE, "w:gz") as archive:
        for path in training.model.iterdir():
            archive.add(path, path.name)
    for name in (contract.VALIDATION, contract.TEST):
        write(paths.input(name), constant)
    evaluate.main(paths, resamples=20)
    found = report(paths)

    assert found["gate"]["bars"][0]["value"] == 0.5
    assert found["feature_importance"] == {}
    assert "feature_importance.png" not in found["pictures"]


def test_a_report_without_a_gate_is_a_report(job):
    """Whoever has no bar gets the numbers."""
    paths = job("regression", gate=None)
    evaluate.main(paths, resamples=20)

    assert "gate" not in report(paths)


@pytest.mark.parametrize(
    ("settings", "arguments", "message"),
    [
        (
            {"problem": "regression"},
            {},
            "the settings say the problem is regression, the model was trained for binary",
        ),
        (
            {"gate": {"metric": "acc", "at_least": 1}},
            {},
            "gate.metric: binary has no metric 'acc'. Did you mean 'auc'?",
        ),
        (
            {"gate": {"metric": "auc"}},
            {},
            "gate: there is no bar for auc; give at_least, at_most or --bar a number",
        ),
        (
            {},
            {"bar": float("nan")},
            "gate: there is no bar for auc; give at_least, at_most or --bar a number",
        ),
        ({}, {"threshold": "f7"}, "'f7' is not a rule for the threshold"),
        ({}, {"resamples": 1}, "resamples must be at least 2, got 1"),
    ],
)
def test_wrong_settings_are_one_clear_line(job, settings, arguments, message):
    """What is wrong and what would be right, and no report."""
    paths = job("binary", **settings)

    with pytest.raises(DataError, match=re.escape(message)):
        evaluate.main(paths, **arguments)
    assert not output(paths).exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda good: good.slice(0, 0), "'test' has no rows"),
        (
            lambda good: good.drop_columns(["feature_1"]),
            "'test' lacks feature_1; it must have the 4 features",
        ),
        (lambda good: good.drop_columns([LABEL]), "'test' has no column 'label'"),
        (lambda good: good.set_column(0, LABEL, pa.array([2.0] * len(good))), "found 2"),
    ],
)
def test_wrong_test_rows_are_one_clear_line(job, change, message):
    """The input is named, and what it must have."""
    paths = job("binary", change(table("binary", 50, 3)))

    with pytest.raises(DataError, match=re.escape(message)):
        evaluate.main(paths)


def test_a_missing_input_is_one_clear_line(tmp_path):
    """A job that was given nothing says what it lacks, with status 1."""
    paths = ProcessingPaths(tmp_path)

    assert run(evaluate.main, paths) == 1
    assert "the job got no input 'settings'" in paths.failure_message.read_text()


def test_every_metric_that_settings_may_name_is_measured(job):
    """What the settings accept as a gate's metric is in the report."""
    config = pytest.importorskip("pipelines.config")
    for problem, names in config.GATE_METRICS.items():
        sample = evaluate.assess(
            problem,
            ("0", "1"),
            *[
                evaluate.Scored(
                    np.array([0.0, 1.0]), np.eye(2) if problem == "multiclass" else np.array([0.2, 0.7])
                )
            ]
            * 2,
            rule="f1",
            resamples=2,
        )
        assert set(names) <= set(sample.metrics)
