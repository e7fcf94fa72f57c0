"""XGBoost's algorithm mode as a job: the same data in three formats, and data that is wrong."""

from __future__ import annotations

import io
import json
import pickle
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import xgboost

if TYPE_CHECKING:
    from conftest import Workshop

SMALL = {"num_round": "8", "objective": "reg:squarederror", "max_depth": "3", "nthread": "1"}


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """600 rows: a label and four features, one of them with holes."""
    random = np.random.default_rng(7)
    features = random.normal(size=(600, 4)).astype(np.float32)
    label = features[:, 0] * 2 + features[:, 1] ** 2 + random.normal(scale=0.1, size=600)
    features[::17, 2] = np.nan
    return np.column_stack([label, features]).astype(np.float32)


def csv(rows: np.ndarray) -> bytes:
    return pd.DataFrame(rows).to_csv(header=False, index=False).encode()


def libsvm(rows: np.ndarray) -> bytes:
    lines = []
    for label, *features in rows.tolist():
        pairs = (f"{index}:{value!r}" for index, value in enumerate(features) if value == value)
        lines.append(f"{label!r} {' '.join(pairs)}")
    return "\n".join(lines).encode()


def parquet(rows: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    pd.DataFrame(rows, columns=[f"c{index}" for index in range(rows.shape[1])]).to_parquet(buffer)
    return buffer.getvalue()


def model(workshop: Workshop, job: dict[str, Any]) -> xgboost.Booster:
    """The model that a job left, read as its users read it."""
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    with tarfile.open(
        fileobj=io.BytesIO(workshop.store.read(job["ModelArtifacts"]["S3ModelArtifacts"]))
    ) as tar:
        assert tar.getnames() == ["xgboost-model"]
        file = tar.extractfile("xgboost-model")
        assert file is not None
        booster = xgboost.Booster()
        booster.load_model(bytearray(file.read()))
    return booster


Train = Callable[..., dict[str, Any]]


@pytest.fixture
def train(workshop: Workshop, request: pytest.FixtureRequest) -> Train:
    """Runs the algorithm on channels given as bytes (or lists of them: one file each)."""
    place = re.sub(r"\W", "-", request.node.name)

    def run(
        hyperparameters: dict[str, str],
        content_type: str | None = "text/csv",
        *,
        extra: Any = None,
        **channels: Any,
    ) -> dict[str, Any]:
        fields = {"ContentType": content_type} if content_type else {}
        sent = []
        for name, content in channels.items():
            for index, body in enumerate(content if isinstance(content, list) else [content]):
                workshop.put(f"{place}/{name}/part-{index}", body)
            sent.append(workshop.channel(name, f"s3://bucket/{place}/{name}/", **fields))
        return workshop.run(workshop.training(hyperparameters, *sent, **(extra or {})))

    return run


@pytest.mark.parametrize(
    ("content_type", "write"),
    [
        ("text/csv", csv),
        ("csv; label_size=1", csv),
        ("text/libsvm", libsvm),
        (None, libsvm),
        ("application/x-parquet", parquet),
    ],
)
def test_every_format_gives_the_same_model(
    workshop: Workshop, train: Train, rows: np.ndarray, content_type: str | None, write: Callable[..., bytes]
) -> None:
    """CSV, libsvm and Parquet of the same rows train what XGBoost trains on them directly."""
    job = train(
        SMALL, content_type, train=[write(rows[:300]), write(rows[300:])], validation=write(rows[:100])
    )
    expected = xgboost.train(
        {"objective": "reg:squarederror", "max_depth": 3, "nthread": 1},
        xgboost.DMatrix(rows[:, 1:], label=rows[:, 0]),
        num_boost_round=8,
    )
    test = xgboost.DMatrix(rows[:, 1:])

    np.testing.assert_allclose(model(workshop, job).predict(test), expected.predict(test), rtol=1e-5)


def test_the_log_and_the_metrics(workshop: Workshop, train: Train, rows: np.ndarray) -> None:
    """One line a round in the image's form; the last values are the job's metrics."""
    job = train(SMALL, train=csv(rows), validation=csv(rows[:100]))
    rounds = [
        line
        for line in workshop.log(job)
        if re.fullmatch(r"\[\d+\]\ttrain-rmse:\S+\tvalidation-rmse:\S+", line)
    ]
    values = {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}

    assert len(rounds) == 8
    assert (
        rounds[-1]
        == f"[7]\ttrain-rmse:{values['train:rmse']:.5f}\tvalidation-rmse:{values['validation:rmse']:.5f}"
    )
    assert set(values) == {"train:rmse", "validation:rmse"}


def test_abalone_with_the_old_objective(
    workshop: Workshop, train: Train, shared_data: Callable[[str], Path]
) -> None:
    """AWS's own example: abalone, reg:linear, the first image's hyperparameters; the model is a good one."""
    table = pd.read_csv(shared_data("abalone/abalone.csv"), header=None)
    table[0] = table[0].map({"M": 0, "F": 1, "I": 2})
    table = table[[8, *range(8)]].sample(frac=1, random_state=1)
    parameters = (
        "objective reg:linear num_round 50 max_depth 5 eta 0.2 gamma 4 min_child_weight 6 subsample 0.7"
    )
    words = [*parameters.split(), "silent", "0"]
    sent = [part.to_csv(header=False, index=False).encode() for part in (table[:3000], table[3000:])]
    job = train(dict(zip(words[::2], words[1::2], strict=True)), train=sent[0], validation=sent[1])
    error = {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}["validation:rmse"]

    assert model(workshop, job).num_boosted_rounds() == 50
    assert error < 2.4


def test_early_stopping_keeps_the_best_round(workshop: Workshop, train: Train, rows: np.ndarray) -> None:
    """Training ends when validation no longer improves, and the model is that of its best round."""
    noise = np.column_stack([np.random.default_rng(3).normal(size=600), rows[:, 1:]])
    job = train(
        {**SMALL, "num_round": "200", "eta": "1", "early_stopping_rounds": "5", "eval_metric": "mae,rmse"},
        train=csv(noise[:300]),
        validation=csv(noise[300:]),
    )
    rounds = sum(line.startswith("[") for line in workshop.log(job))

    assert model(workshop, job).num_boosted_rounds() == rounds - 5


def test_weights_and_own_metrics(workshop: Workshop, train: Train, rows: np.ndarray) -> None:
    """csv_weights takes the second column; metrics that only the image has are computed."""
    label = (rows[:, 0] > 1).astype(float)
    weighted = np.column_stack([label, np.where(label, 5.0, 1.0), rows[:, 1:]])
    plain = np.column_stack([label, rows[:, 1:]])
    parameters = {
        **SMALL,
        "objective": "binary:logistic",
        "csv_weights": "1",
        "eval_metric": "f1,accuracy,auc",
    }
    job = train(parameters, train=csv(weighted), validation=csv(plain))
    values = {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}

    assert model(workshop, job).num_features() == 4
    assert set(values) == {
        f"{channel}:{metric}" for channel in ("train", "validation") for metric in ("f1", "accuracy", "auc")
    }
    assert values["train:accuracy"] > 0.8


def test_a_second_job_goes_on_from_the_checkpoints(
    workshop: Workshop, train: Train, rows: np.ndarray
) -> None:
    """With CheckpointConfig, the next job starts at the round after the newest checkpoint; five are kept."""
    extra = {"CheckpointConfig": {"S3Uri": "s3://bucket/xgboost-checkpoints"}}
    train({**SMALL, "num_round": "6"}, train=csv(rows), extra=extra)
    job = train({**SMALL, "num_round": "10"}, train=csv(rows), extra=extra)
    straight = train({**SMALL, "num_round": "10"}, train=csv(rows))
    log = workshop.log(job)
    test = xgboost.DMatrix(rows[:, 1:])

    assert any("resuming at round 6" in line for line in log)
    assert [line.split("\t")[0] for line in log if line.startswith("[")] == ["[6]", "[7]", "[8]", "[9]"]
    assert "xgboost-checkpoint.9" in workshop.keys("xgboost-checkpoints/")
    np.testing.assert_allclose(
        model(workshop, job).predict(test), model(workshop, straight).predict(test), rtol=1e-5
    )


WRONG: dict[str, tuple[dict[str, str], str, dict[str, Any], str]] = {
    "a header": (
        SMALL,
        "csv",
        {"train": b"label,x\n1,2\n"},
        "part-0: column 1 has 'label', which is not a number",
    ),
    "text in a cell": (SMALL, "csv", {"train": b"1,2\n3,abc\n"}, "part-0: column 2 has 'abc'"),
    "lines of two lengths": (
        SMALL,
        "csv",
        {"train": b"1,2\n1,2,3\n"},
        "part-0 has 3 columns in one line, 2 in the",
    ),
    "only a label": (SMALL, "csv", {"train": b"1\n2\n"}, "a label and at least one feature"),
    "no label": (SMALL, "csv", {"train": b"1,2\n,3\n"}, "the label (the first column) of row 2 is missing"),
    "an empty file": (SMALL, "csv", {"train": b""}, "No data in train channel path"),
    "no rows": (SMALL, "libsvm", {"train": b"\n\n"}, "No data in train channel path"),
    "an empty validation": (
        SMALL,
        "csv",
        {"train": b"1,2\n", "validation": b""},
        "No data in validation channel",
    ),
    "no train channel": (SMALL, "csv", {"validation": b"1,2\n"}, "Missing required channel: train"),
    "CSV as libsvm": (SMALL, "libsvm", {"train": b"1 0:1\n1,2,3\n"}, "'part-0', '1,2,3', is not 'LIBSVM'"),
    "CSV as Parquet": (SMALL, "parquet", {"train": b"1,2,3\n"}, "part-0 is not Parquet"),
    "unknown content": (SMALL, "image/png", {"train": b"1,2\n"}, "image/png is not an accepted ContentType"),
    "label elsewhere": (SMALL, "csv;label_size=2", {"train": b"1,2\n"}, "label_size must be 1"),
    "two widths": (
        SMALL,
        "csv",
        {"train": b"1,2\n", "validation": b"1,2,3\n"},
        "numbers of features: [1, 2]",
    ),
    "a bad label": (
        {**SMALL, "objective": "binary:logistic"},
        "csv",
        {"train": b"5,2\n0,3\n"},
        "train: label must be in [0,1] for logistic regression; found 5",
    ),
    "no rounds": (
        {"max_depth": "3"},
        "csv",
        {"train": b"1,2\n"},
        "Missing required hyperparameter: num_round",
    ),
}


@pytest.mark.parametrize(("parameters", "content_type", "channels", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said(
    train: Train, parameters: dict[str, str], content_type: str, channels: dict[str, Any], says: str
) -> None:
    """The job fails as the client's error, with the file and the place, without a traceback."""
    job = train(parameters, content_type, **channels)

    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert says in job["FailureReason"]
    assert "Traceback" not in job["FailureReason"]


def test_an_old_image_leaves_a_pickle(workshop: Workshop, train: Train, rows: np.ndarray) -> None:
    """Before 1.3-1 the model is a pickled Booster, and evaluation programs of that time read it so."""
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.0-1-cpu-py3"
    old = {"TrainingImage": image, "TrainingInputMode": "File"}
    job = train(SMALL, train=csv(rows), extra={"AlgorithmSpecification": old})
    archive = io.BytesIO(workshop.store.read(job["ModelArtifacts"]["S3ModelArtifacts"]))
    with tarfile.open(fileobj=archive) as tar:
        model = tar.extractfile("xgboost-model").read()

    booster = pickle.loads(model)  # noqa: S301 - ours
    assert booster.num_boosted_rounds() == int(SMALL["num_round"])


def test_a_model_file_opens_by_its_name(
    workshop: Workshop, train: Train, rows: np.ndarray, tmp_path: Path
) -> None:
    """``load_model`` on the file's own name works, and the model knows its configuration."""
    job = train(SMALL, train=csv(rows))
    booster = model(workshop, job)

    assert json.loads(booster.save_config())["learner"]["objective"]["name"] == "reg:squarederror"
    assert booster.save_raw("ubj")[:1] == b"{"
