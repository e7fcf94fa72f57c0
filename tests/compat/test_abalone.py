"""The pipeline that most SageMaker users start from, built and run by the SDK with no word about where it runs."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

Client = Callable[[str], Any]
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def told(
    program: Callable[..., str], shared_data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What the user's program saw of the execution."""
    result = tmp_path_factory.mktemp("abalone") / "result.json"
    program(HERE / "abalone" / "pipeline.py", shared_data("abalone/abalone.csv"), result)
    found: dict[str, Any] = json.loads(result.read_text())
    return found


@pytest.fixture(scope="module")
def steps(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["StepName"]: step for step in told["steps"]}


def body(client: Client, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    content: bytes = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def test_it_succeeds_step_by_step(told: dict[str, Any], steps: dict[str, dict[str, Any]]) -> None:
    """Every step ran to its end, and the newest comes first, as on AWS."""
    assert told["execution"]["PipelineExecutionStatus"] == "Succeeded", told["steps"]
    assert {step["StepStatus"] for step in steps.values()} == {"Succeeded"}
    assert set(steps) == {
        "PreprocessAbaloneData",
        "TrainAbaloneModel",
        "EvaluateAbaloneModel",
        "CheckMSEAbaloneEvaluation",
        "CreateAbaloneModel",
        "RegisterAbaloneModel",
    }
    assert told["steps"][-1]["StepName"] == "PreprocessAbaloneData"


def test_the_model_has_learned(steps: dict[str, dict[str, Any]], client: Client) -> None:
    """The artifact is the 50-round booster that the image would leave, and it explains half of the variance."""
    name = steps["TrainAbaloneModel"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    job = client("sagemaker").describe_training_job(TrainingJobName=name)
    archive = io.BytesIO(body(client, job["ModelArtifacts"]["S3ModelArtifacts"]))
    with tarfile.open(fileobj=archive) as tar:
        file = tar.extractfile("xgboost-model")
        assert file is not None
        booster = pickle.loads(file.read())  # noqa: S301 - ours
    rows = np.loadtxt(
        io.BytesIO(body(client, "s3://sagemaker-us-east-1-123456789012/compat-abalone/test/test.csv")),
        delimiter=",",
    )
    error = np.mean((booster.predict(xgboost.DMatrix(rows[:, 1:])) - rows[:, 0]) ** 2)

    assert booster.num_boosted_rounds() == 50
    assert error < 0.55 * rows[:, 0].var()
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert 0 < metrics["validation:rmse"] < 2.6


def test_the_report_says_what_the_model_does(steps: dict[str, dict[str, Any]], client: Client) -> None:
    """The condition read the number that the evaluation script wrote."""
    uri = "s3://sagemaker-us-east-1-123456789012/compat-abalone/evaluation/evaluation.json"
    mse = json.loads(body(client, uri))["regression_metrics"]["mse"]["value"]

    assert 3 < mse < 6
    assert steps["CheckMSEAbaloneEvaluation"]["Metadata"]["Condition"]["Outcome"] == "True"


def test_the_model_is_registered(told: dict[str, Any], client: Client) -> None:
    """One package in the group, approved as the start parameter wished, with the trained model's archive."""
    sagemaker = client("sagemaker")
    (summary,) = sagemaker.list_model_packages(ModelPackageGroupName="abalone-packages")[
        "ModelPackageSummaryList"
    ]
    package = sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
    (container,) = package["InferenceSpecification"]["Containers"]

    assert package["ModelApprovalStatus"] == "Approved"
    assert container["Image"].endswith("/sagemaker-xgboost:1.0-1-cpu-py3")
    assert body(client, container["ModelDataUrl"])[:2] == b"\x1f\x8b"
