from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xgboost as xgb

from containers import contract
from containers.contract import LABEL, TrainingPaths
from containers.processing.job import DataError, run
from containers.training.hyperparameters import OBJECTIVES
from containers.training.train import main

ROOT = Path(__file__).resolve().parents[3]
SAMPLED = {
    "subsample": "0.7",
    "colsample_bytree": "0.6",
    "colsample_bynode": "0.8",
    "eta": "0.2",
    "max_depth": "4",
}
NUM_CLASS = {"multiclass": {"num_class": "3"}}


def texts(problem: str = "binary", **more: str) -> dict[str, str]:
    return {"problem": problem, "rounds": "30", "seed": "5", **SAMPLED, **NUM_CLASS.get(problem, {}), **more}


def model_bytes(paths: TrainingPaths) -> bytes:
    return (paths.model / contract.MODEL_FILE).read_bytes()


def info(paths: TrainingPaths) -> dict:
    return json.loads((paths.model / contract.MODEL_INFO_FILE).read_text())


class After:
    """Says that the signal came once it has been asked ``rounds`` times."""

    def __init__(self, rounds: int) -> None:
        self.left = rounds

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize("problem", OBJECTIVES)
def test_each_problem_leaves_a_model_that_serving_can_load(paths, channels, problem):
    """Model, description and the fitted flow lie in the model folder, and agree with each other."""
    channels(problem)
    paths.channel(contract.FLOW).mkdir(parents=True)
    (paths.channel(contract.FLOW) / contract.FLOW_FILE).write_text('{"fitted": "flow"}')
    main(paths, texts(problem))

    booster = xgb.Booster(model_file=bytearray(model_bytes(paths)))
    assert booster.feature_names == info(paths)["features"]
    assert booster.num_boosted_rounds() == info(paths)["best_iteration"] + 1
    assert info(paths)["problem"] == problem
    assert (paths.model / contract.FLOW_FILE).read_text() == '{"fitted": "flow"}'
    assert json.loads(booster.save_config())["learner"]["objective"]["name"] == OBJECTIVES[problem][0]


@pytest.mark.parametrize("problem", OBJECTIVES)
def test_two_trainings_give_the_same_bytes(tmp_path, paths, channels, problem):
    """Same rows, same hyperparameters, same seed: every file is the same, and another seed makes another model."""
    channels(problem)
    main(paths, texts(problem))
    first = {path.name: path.read_bytes() for path in paths.model.iterdir()}
    main(paths, texts(problem))
    assert first == {path.name: path.read_bytes() for path in paths.model.iterdir()}
    main(paths, texts(problem, seed="6"))

    assert first[contract.MODEL_FILE] != model_bytes(paths)


@pytest.mark.parametrize("problem", OBJECTIVES)
@pytest.mark.parametrize("rounds", [1, 7, 10, 29])
def test_a_resumed_model_equals_an_uninterrupted_one(paths, channels, problem, rounds):
    """Interrupted after any round and started again, training gives the same files bit for bit."""
    channels(problem)
    wanted = texts(problem, checkpoint_every="10", early_stopping_rounds="8")
    main(paths, wanted)
    whole = {path.name: path.read_bytes() for path in paths.model.iterdir()}
    paths.checkpoints.mkdir()
    with pytest.raises(SystemExit) as left:
        main(paths, wanted, After(rounds))
    assert left.value.code == 128 + signal.SIGTERM
    shutil.rmtree(paths.model)
    main(paths, wanted)

    assert whole == {path.name: path.read_bytes() for path in paths.model.iterdir()}


def test_a_crash_costs_at_most_the_rounds_since_the_last_checkpoint(paths, channels, capsys):
    """With no time to save anything, training carries on from the last periodic checkpoint."""
    channels("binary")
    wanted = texts(checkpoint_every="10")
    main(paths, wanted)
    whole = model_bytes(paths)
    paths.checkpoints.mkdir()
    main(paths, {**wanted, "rounds": "15"})  # leaves the checkpoint of round 10
    capsys.readouterr()
    main(paths, wanted)

    assert "resuming after round 9, from a checkpoint\n[10]\t" in capsys.readouterr().out
    assert model_bytes(paths) == whole


def test_other_data_does_not_resume(paths, channels, write, make_table, capsys):
    """A checkpoint of other rows is passed over with a reason, and the model is that of the new rows."""
    channels("binary")
    paths.checkpoints.mkdir()
    main(paths, texts(checkpoint_every="10"))
    write(train=make_table("binary", 1500, 9))
    capsys.readouterr()
    main(paths, texts(checkpoint_every="10"))

    log = capsys.readouterr().out
    assert "it was trained with other hyperparameters or on other data" in log
    assert "resuming" not in log


def test_an_interruption_before_the_first_round_leaves_no_model(paths, channels):
    """There is nothing to keep, and the exit status says that it was not finished."""
    channels("binary")
    with pytest.raises(SystemExit):
        main(paths, texts(), After(0))

    assert not paths.model.exists()


def test_early_stopping_keeps_the_best_round(paths, channels, capsys):
    """Training ends ``early_stopping_rounds`` after its best round, and the model is cut there."""
    channels("binary")
    main(paths, texts(rounds="500", early_stopping_rounds="5", eta="0.9"))
    said = [float(found) for found in re.findall(r"validation-auc:(\S+)", capsys.readouterr().out)]

    *rounds, final = said
    best = int(np.argmax(rounds))
    assert len(rounds) == best + 1 + 5 == info(paths)["rounds"]
    assert final == rounds[best]
    assert info(paths)["best_iteration"] == best
    assert info(paths)["metrics"]["validation:auc"] == final


@pytest.mark.parametrize("problem", OBJECTIVES)
def test_the_last_match_of_each_metric_definition_is_the_kept_model(paths, channels, problem, capsys):
    """The regexes of the contract find every metric, and their last match is what the model file scores."""
    channels(problem)
    main(paths, texts(problem, early_stopping_rounds="3", eta="0.8"))
    log = capsys.readouterr().out

    found = {
        each["Name"]: float(re.findall(each["Regex"], log)[-1])
        for each in contract.metric_definitions(problem)
    }
    assert found == info(paths)["metrics"]


def test_features_are_matched_by_name(paths, channels, write):
    """A validation channel with its columns in another order is the same channel."""
    tables = channels("binary")
    main(paths, texts())
    first = model_bytes(paths), info(paths)
    write(validation=tables["validation"].select(list(reversed(tables["validation"].column_names))))
    main(paths, texts())

    assert first == (model_bytes(paths), info(paths))


def test_a_channel_may_have_many_files(paths, channels, write):
    """Part files are read in the order of their names."""
    tables = channels("binary")
    main(paths, texts())
    first = model_bytes(paths)
    folder = paths.channel("train")
    pa.parquet.write_table(tables["train"].slice(700), folder / "part-00001.parquet")
    pa.parquet.write_table(tables["train"].slice(0, 700), folder / contract.PART_FILE)
    (folder / "_SUCCESS").touch()
    main(paths, texts())

    assert first == model_bytes(paths)


def without_label(good: pa.Table) -> pa.Table:
    return good.drop_columns([LABEL])


def with_column(name: str, values: object) -> object:
    return lambda good: good.append_column(
        name, pa.array(values).take(pa.array(np.arange(len(good)) % len(values)))
    )


def with_labels(*values: float | None) -> object:
    return lambda good: good.set_column(
        0, LABEL, pa.array(values).take(pa.array(np.arange(len(good)) % len(values)))
    )


@pytest.mark.parametrize(
    ("channel", "change", "message"),
    [
        (
            "train",
            without_label,
            "'train' has no column 'label' (found: feature_0, feature_1, feature_2, ",
        ),
        ("train", lambda good: good.slice(0, 0), "'train' has no rows"),
        ("train", lambda good: good.select([LABEL]), "'train' has no features, only 'label'"),
        (
            "train",
            with_column("city", ["Rome", "Oslo"]),
            "only numbers can be trained on, but there is city (string)",
        ),
        ("train", with_column("x", [1.0, float("inf")]), "'train': infinite values in x"),
        (
            "train",
            with_column("size [cm]", [1.0]),
            "takes no feature name with [, ] or <, but there is size [cm]",
        ),
        ("train", with_labels(0.0, 2.0), "binary labels are the whole numbers 0 to 1, found 2"),
        ("train", with_labels(0.0, 0.5), "binary labels are the whole numbers 0 to 1, found 0.5"),
        ("train", with_labels(0.0, -1.0), "binary labels are the whole numbers 0 to 1, found -1"),
        (
            "train",
            with_labels(1.0),
            "'train': every label is 1; a classifier needs rows of at least two",
        ),
        ("train", with_labels(0.0, None, 1.0), "'train': 500 of 1500 labels are missing or infinite"),
        (
            "validation",
            lambda good: good.drop_columns(["count"]),
            "'validation' lacks count; it must have",
        ),
        (
            "validation",
            with_column("extra", [1.0]),
            "'validation' has besides extra; it must have the 7",
        ),
        ("validation", with_labels(0.0), "'validation': every label is 0"),
    ],
)
def test_a_wrong_channel_is_one_clear_line(paths, channels, write, channel, change, message):
    """Where, what, and what would be right; nothing is written to the model folder."""
    tables = channels("binary")
    write(**{channel: change(tables[channel])})

    with pytest.raises(DataError, match=re.escape(message)):
        main(paths, texts())
    assert not paths.model.exists()


@pytest.mark.parametrize(("flow", "count"), [(None, 3), ({"label": {"classes": ["a", "b", "c", "d"]}}, 4)])
def test_the_number_of_classes_is_found_out(paths, channels, flow, count):
    """The fitted flow knows the classes, also one that no training row has; without it the labels have to do."""
    channels("multiclass")
    if flow:
        paths.channel(contract.FLOW).mkdir(parents=True)
        (paths.channel(contract.FLOW) / contract.FLOW_FILE).write_text(json.dumps(flow))
    main(paths, {"problem": "multiclass", "rounds": "2"})

    assert info(paths)["num_class"] == count


def test_a_class_beyond_num_class_is_refused(paths, channels):
    """num_class says how many classes there are; a label outside is a mistake in one of the two."""
    channels("multiclass")

    with pytest.raises(DataError, match="multiclass labels are the whole numbers 0 to 1, found 2"):
        main(paths, texts("multiclass", num_class="2"))


@pytest.mark.parametrize("content", [b"", b"label,x\n1,2\n", None])
def test_a_channel_without_parquet_is_refused(paths, channels, content):
    """A missing channel, an empty file and a CSV file each get a sentence."""
    channels("binary")
    file = paths.channel("train") / contract.PART_FILE
    file.unlink()
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(DataError, match=r"^'train'"):
        main(paths, texts())


def test_early_stopping_needs_a_validation_channel(paths, channels):
    """Without it nothing could be stopped by; without early stopping it may be left out."""
    channels("binary")
    shutil.rmtree(paths.channel("validation"))
    with pytest.raises(DataError, match="'validation' is missing"):
        main(paths, texts(early_stopping_rounds="5"))
    main(paths, texts())

    assert set(info(paths)["metrics"]) == {"train:logloss", "train:auc"}


def test_wrong_hyperparameters_end_the_job_with_a_reason(paths, channels, capsys):
    """Exit status 1, the reason in the failure file, no traceback."""
    channels("binary")

    assert run(main, paths, {"problem": "binary", "etaa": "1"}) == 1
    assert (
        paths.failure_message.read_text()
        == "hyperparameters: there is no hyperparameter 'etaa'. Did you mean 'eta'?"
    )
    assert "Traceback" not in capsys.readouterr().err


def test_labels_that_the_objective_does_not_take_are_a_clear_line(paths, channels):
    """What only XGBoost can judge comes back in XGBoost's words, without its stack."""
    channels("regression")

    with pytest.raises(
        DataError, match=r"^XGBoost refuses: `base_score` must be greater than 0 for gamma regression$"
    ):
        main(paths, texts("regression", objective="reg:gamma"))


def test_it_runs_as_the_toolkit_runs_it_and_ends_well_when_told_to(tmp_path, paths, channels):
    """``python3 -m train`` in a source folder, found by ``SM_*``; SIGTERM leaves the model so far and says so."""
    channels("binary")
    source = tmp_path / "code"
    shutil.copytree(ROOT / "containers", source / "containers", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "containers" / "training" / "train.py", source)
    environment = {**os.environ, "PYTHONPATH": str(source), "SM_MODEL_DIR": str(paths.model)}
    for name in ("train", "validation"):
        environment[f"SM_CHANNEL_{name.upper()}"] = str(paths.channel(name))
    hyperparameters = [
        f"--{name}={value}" for name, value in texts(rounds="100000", checkpoint_every="0").items()
    ]
    command = [sys.executable, "-m", "train", *hyperparameters]
    with subprocess.Popen(command, cwd=source, stdout=subprocess.PIPE, text=True, env=environment) as process:
        for line in process.stdout:
            if line.startswith("[20]\t"):
                process.terminate()

    assert process.returncode == 128 + signal.SIGTERM
    assert info(paths)["rounds"] > 20
    assert xgb.Booster(model_file=bytearray(model_bytes(paths))).num_boosted_rounds() == info(paths)["rounds"]


def weigh(paths, *weights):
    folder = paths.channel("weights")
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"weight": pa.array(weights)}), folder / "part-00000.parquet")


def test_weights_that_are_all_one_change_nothing(tmp_path, paths, channels):
    """The channel itself plays no part."""
    channels("binary")
    main(paths, texts())
    plain = model_bytes(paths)
    weigh(paths, *[1.0] * 1500)
    main(paths, texts())

    assert model_bytes(paths) == plain


def test_a_row_of_weight_two_is_two_rows(paths, channels, write):
    """What counts more is learned more: scores follow the weighted labels."""
    tables = channels("binary")
    labels = tables["train"][LABEL].to_numpy()
    weigh(paths, *np.where(labels == 1, 4.0, 1.0))
    main(paths, texts())
    heavy = load_booster(paths)
    shutil.rmtree(paths.channel("weights"))
    main(paths, texts())
    rows = xgb.DMatrix(tables["validation"].drop_columns([LABEL]))

    assert heavy.predict(rows).mean() > load_booster(paths).predict(rows).mean() + 0.1


def load_booster(paths):
    return xgb.Booster(model_file=bytearray((paths.model / contract.MODEL_FILE).read_bytes()))


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1.0, 2.0], "'weights' has 2 rows, 'train' 1500; one each is needed"),
        ([0.0, *[1.0] * 1499], "'weights': 1 of 1500 weights are not positive numbers"),
        ([float("nan"), -1.0, *[1.0] * 1498], "'weights': 2 of 1500 weights are not positive numbers"),
        (["much"] * 1500, "'weights': only numbers can be trained on"),
    ],
)
def test_weights_that_cannot_be_are_one_clear_line(paths, channels, weights, said):
    """And nothing is trained."""
    channels("binary")
    weigh(paths, *weights)
    with pytest.raises(DataError) as caught:
        main(paths, texts())

    assert str(caught.value).startswith(said)
    assert not paths.model.exists()


def test_other_weights_do_not_resume(paths, channels, capsys):
    """A checkpoint belongs to the rows and to what they count."""
    channels("binary")
    paths.checkpoints.mkdir(parents=True)
    main(paths, texts(checkpoint_every="2"))
    weigh(paths, *[2.0] * 1500)
    capsys.readouterr()
    main(paths, texts(checkpoint_every="2"))

    assert "resuming" not in capsys.readouterr().out
