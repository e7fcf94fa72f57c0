"""Champion and challenger: who is better on the same rows, and whether that is sure."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from containers import contract
from containers.contract import ProcessingPaths, TrainingPaths
from containers.metrics.regression import RegressionSample
from containers.processing import champion, prep
from containers.processing.job import DataError
from containers.training import train

COLUMNS = {"a": "number", "b": "number", "c": "string", "y": "integer"}
SETTINGS: dict[str, Any] = {
    "name": "test",
    "problem": "binary",
    "label": "y",
    "positive": 1,
    "source": {"missing": []},
    "columns": COLUMNS,
    "split": {"strategy": "stratified", "validation": 0.2, "test": 0.3, "seed": 1, "order_by": ""},
    "flow": [{"operator": "encode", "columns": ["c"], "method": "one_hot"}],
    "gate": {"metric": "auc", "at_least": 0.5, "at_most": None, "margin": 0.0},
}


def rows(number: int, seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    a, b = draw.normal(size=(2, number))
    c = draw.choice(["x", "y", "z"], number)
    odds = 1.5 * a * b + (c == "x") - 0.5
    return pd.DataFrame({"a": a, "b": b, "c": c, "y": (odds + draw.logistic(size=number) > 0).astype(int)})


def model(base: Path, data: pd.DataFrame, flow: list[Any] | None = None, **hyperparameters: str) -> Path:
    """The archive of a model that prep and training made of ``data``; the raw test rows lie beside it."""
    paths = ProcessingPaths(base)
    paths.settings.parent.mkdir(parents=True)
    paths.settings.write_text(json.dumps(SETTINGS if flow is None else {**SETTINGS, "flow": flow}))
    paths.input(contract.DATA).mkdir(parents=True)
    pq.write_table(pa.Table.from_pandas(data), paths.input(contract.DATA) / contract.PART_FILE)
    prep.main(paths)
    channels = TrainingPaths(base / "training")
    for name in (contract.TRAIN, contract.VALIDATION, contract.FLOW):
        channels.channel(name).parent.mkdir(parents=True, exist_ok=True)
        channels.channel(name).symlink_to(paths.output(name))
    train.main(
        channels, {"problem": "binary", "rounds": "25", "early_stopping_rounds": "0", **hyperparameters}
    )
    archive = base / contract.MODEL_ARCHIVE
    with tarfile.open(archive, "w:gz") as packed:
        for path in sorted(channels.model.iterdir()):
            packed.add(path, path.name)
    return archive


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return rows(4000, 1)


@pytest.fixture(scope="module")
def good(data: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model(tmp_path_factory.mktemp("good"), data)


@pytest.fixture(scope="module")
def poor(data: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that does not look at ``b``, and so has other features than the good one."""
    return model(tmp_path_factory.mktemp("poor"), data, flow=[{"operator": "drop", "columns": ["b", "c"]}])


@pytest.fixture
def register(client: Callable[[str], Any], request: pytest.FixtureRequest) -> Callable[..., str]:
    """Puts an archive into a group of this test's own; the group's name."""
    group = f"champion-{abs(hash(request.node.nodeid))}"[:40]

    def put(archive: Path | None, status: str = "Approved") -> str:
        bucket = "champion-models"
        s3, sagemaker = client("s3"), client("sagemaker")
        if archive is None:
            return group
        if bucket not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
            s3.create_bucket(Bucket=bucket)
        known = sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]
        if not known:
            sagemaker.create_model_package_group(ModelPackageGroupName=group)
        key = f"{group}/{archive.parent.name}/{contract.MODEL_ARCHIVE}"
        s3.upload_file(str(archive), bucket, key)
        sagemaker.create_model_package(
            ModelPackageGroupName=group,
            ModelApprovalStatus=status,
            InferenceSpecification={
                "Containers": [{"Image": "an/image:1", "ModelDataUrl": f"s3://{bucket}/{key}"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )
        return group

    return put


def challenge(
    base: Path, challenger: Path, group: str, client: Callable[[str], Any], margin: float | None = 0.0
) -> dict[str, Any]:
    """The verdict on ``challenger``."""
    paths = ProcessingPaths(base)
    for name in (contract.MODEL, contract.EVALUATION, contract.SETTINGS):
        paths.input(name).mkdir(parents=True)
    (paths.input(contract.MODEL) / contract.MODEL_ARCHIVE).write_bytes(challenger.read_bytes())
    held_out = ProcessingPaths(challenger.parent).output(contract.HOLDOUT)
    paths.input(contract.HOLDOUT).symlink_to(held_out)
    report = paths.input(contract.EVALUATION) / contract.EVALUATION_FILE
    report.write_text(json.dumps({"threshold": {"value": 0.4}}))
    settings = {**SETTINGS, "gate": {**SETTINGS["gate"], "margin": margin}}
    paths.settings.write_text(json.dumps(settings))
    champion.main(paths, group, client("sagemaker"), client("s3"))
    return dict(json.loads((paths.output(contract.CHAMPION) / contract.CHAMPION_FILE).read_text()))


def test_the_first_model_has_nobody_to_beat(
    good: Path, register: Callable[..., str], client: Callable[[str], Any], tmp_path: Path
) -> None:
    """Without a group, and with a group of pending packages only, nothing is compared, and that is said."""
    first = challenge(tmp_path / "1", good, register(None), client)
    second = challenge(tmp_path / "2", good, register(good, "PendingManualApproval"), client)
    for verdict in (first, second):
        assert verdict["missed"] == 0
        assert verdict["champion"] is None
        assert "no champion to beat" in verdict["message"]


def test_a_better_model_is_promoted_and_a_worse_one_is_not(
    good: Path, poor: Path, register: Callable[..., str], client: Callable[[str], Any], tmp_path: Path
) -> None:
    """Models with other features are compared on the same raw rows; the one that is surely better passes."""
    verdict = challenge(tmp_path / "better", good, register(poor), client)
    assert verdict["missed"] == 0
    assert verdict["difference"]["confidence_interval"][0] > 0
    worse = challenge(tmp_path / "worse", poor, register(good), client)
    assert worse["missed"] == 1
    assert (verdict["objection"], worse["objection"]) == ("", f"; {worse['message']}")
    assert worse["champion"].endswith("/2")
    assert "not surely better by more than 0" in worse["message"]


def test_the_same_model_again_is_called_so(
    good: Path, register: Callable[..., str], client: Callable[[str], Any], tmp_path: Path
) -> None:
    """It is no gain: where one is asked for, the champion stays."""
    group = register(good)
    asked = challenge(tmp_path / "1", good, group, client)
    told = challenge(tmp_path / "2", good, group, client, margin=None)
    assert "scores the test rows as the champion does" in asked["message"]
    assert (asked["missed"], told["missed"]) == (1, 0)


def test_the_margin_is_asked_for(
    good: Path, poor: Path, register: Callable[..., str], client: Callable[[str], Any], tmp_path: Path
) -> None:
    """A gain below the margin does not promote; without a margin even a loss is only reported."""
    group = register(poor)
    gain = challenge(tmp_path / "1", good, group, client)["difference"]["value"]
    assert challenge(tmp_path / "2", good, group, client, margin=gain)["missed"] == 1
    group = register(good)
    report = challenge(tmp_path / "3", poor, group, client, margin=None)
    assert report["missed"] == 0
    assert "no margin is asked for" in report["message"]


def test_where_less_is_better_a_fall_is_a_gain() -> None:
    """For an error, the challenger is better if the interval lies below zero."""
    draw = np.random.default_rng(2)
    truth = draw.normal(size=2000)
    near = RegressionSample(truth, truth + 0.1 * draw.normal(size=2000))
    far = RegressionSample(truth, truth + 0.5 * draw.normal(size=2000))
    told = {"lower_is_better": True, "margin": 0.1, "champion": "it"}
    assert champion.judge(near, far, "rmse", **told).missed == 0
    assert champion.judge(far, near, "rmse", **told).missed == 1


def test_a_champion_whose_model_is_gone_is_named(
    good: Path, register: Callable[..., str], client: Callable[[str], Any], tmp_path: Path
) -> None:
    """A deleted archive is one clear line with the package in it."""
    group = register(good)
    s3 = client("s3")
    for each in s3.list_objects_v2(Bucket="champion-models", Prefix=f"{group}/")["Contents"]:
        s3.delete_object(Bucket="champion-models", Key=each["Key"])
    with pytest.raises(DataError, match=rf"{group}/1\) cannot be read: 404"):
        challenge(tmp_path, good, group, client)
