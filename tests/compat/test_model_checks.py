"""ClarifyCheck steps of the SDK that ask a model: bias of its predictions, and what explains them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NAMES = pytest.mark.parametrize("name", ["Bias", "Explanation"])
Client = Callable[[str], Any]


@pytest.fixture(scope="module")
def told(program: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the user's program saw of each execution."""
    result = tmp_path_factory.mktemp("model-checks") / "result.json"
    program(Path(__file__).with_name("model_checks.py"), result)
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def metadata(step: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = step["Metadata"]["ClarifyCheck"]
    return found


def read(client: Client, uri: str) -> Any:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return json.loads(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def test_the_model_was_asked(told: dict[str, Any]) -> None:
    """Its predictions disfavour group 0, as the labels do, and income explains them."""
    (facet,) = told["analyses"]["Bias"]["post_training_bias_metrics"]["facets"]["group"]
    bias = {metric["name"]: metric["value"] for metric in facet["metrics"]}
    explained = told["analyses"]["Explanation"]["explanations"]["kernel_shap"]["label0"]["global_shap_values"]

    assert 0.1 < bias["DPPL"] < 0.5
    assert bias["AD"] is not None
    assert sorted(explained, key=explained.get) == ["noise", "group", "income"]


@NAMES
def test_the_job_was_told_the_model(told: dict[str, Any], client: Client, name: str) -> None:
    """The analysis config that the SDK wrote before there was a model says nothing of it; the job's copy does."""
    arn = metadata(told["first"][name])["CheckJobArn"]
    job = client("sagemaker").describe_processing_job(ProcessingJobName=arn.rpartition("/")[2])
    (given,) = (
        each["S3Input"]["S3Uri"] for each in job["ProcessingInputs"] if each["InputName"] == "analysis_config"
    )
    written = given.replace(f"{job['ProcessingJobName']}/", "")
    model = told["first"]["Create"]["Metadata"]["Model"]["Arn"].rpartition("/")[2]

    assert read(client, given)["predictor"]["model_name"].lower() == model
    assert "model_name" not in read(client, written)["predictor"]


@NAMES
def test_the_same_results_violate_nothing(told: dict[str, Any], name: str) -> None:
    """A check against the analysis of the same model and rows passes."""
    step = told["same"][name]

    assert step["StepStatus"] == "Succeeded", step
    assert "ViolationReport" not in metadata(step)
    assert metadata(step)["BaselineUsedForDriftCheckConstraints"].endswith(f"{name.lower()}-first.json")


@pytest.mark.parametrize(("name", "metric"), [("Bias", "DPPL"), ("Explanation", "shap")])
def test_better_results_are_violated(told: dict[str, Any], client: Client, name: str, metric: str) -> None:
    """More bias than the baseline allows, and other reasons than the baseline's, fail the check."""
    step = told["better"][name]

    assert step["StepStatus"] == "Failed"
    assert step["FailureReason"].startswith("ClientError: Clarify check failed. See violation report: s3://")
    report = read(client, metadata(step)["ViolationReport"])
    assert [each["metric_name"] for each in report["violations"]] == [metric]


def test_no_shadow_endpoint_is_left(told: dict[str, Any], client: Client) -> None:
    """Each check deletes the endpoint that it made to ask the model."""
    assert told["better"]["Bias"]["StepStatus"] == "Failed"

    left = client("sagemaker").list_endpoints(NameContains="sm-clarify")["Endpoints"]

    assert left == []
