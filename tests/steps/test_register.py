"""Registering: the package says what it is, how good, and where it came from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from steps.context import StepContext
from steps.register import Hosting, register_step, serving_environment


@pytest.fixture
def request_(context: StepContext, compiled: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    step = register_step(
        context,
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
        Hosting(instances=("ml.m5.xlarge",)),
        "group",
        model="s3://b/model.tar.gz",
        evaluation="s3://b/evaluation",
        approval="PendingManualApproval",
        lineage={"DataManifest": "s3://b/manifest"},
        commit="abc",
        environment=serving_environment("s3://b/serving/sourcedir.tar.gz", "0.3"),
    )
    arguments: dict[str, Any] = compiled(step)["Arguments"]
    return arguments


def test_the_package_carries_its_metrics(request_: dict[str, Any]) -> None:
    """Model Registry draws the evaluation report."""
    statistics = request_["ModelMetrics"]["ModelQuality"]["Statistics"]

    assert statistics["ContentType"] == "application/json"
    assert statistics["S3Uri"]["Std:Join"]["Values"] == ["s3://b/evaluation", "evaluation.json"]


def test_the_package_carries_its_lineage(request_: dict[str, Any]) -> None:
    """Execution, commit and data, for whoever audits it later."""
    assert request_["MetadataProperties"] == {
        "CommitId": "abc",
        "GeneratedBy": {"Get": "Execution.PipelineExecutionArn"},
    }
    assert request_["CustomerMetadataProperties"] == {"DataManifest": "s3://b/manifest"}


def test_the_package_says_where_it_may_run(request_: dict[str, Any]) -> None:
    """Image, model and instances make it deployable from the registry alone."""
    specification = request_["InferenceSpecification"]

    assert specification["Containers"][0]["ModelDataUrl"] == "s3://b/model.tar.gz"
    assert specification["SupportedRealtimeInferenceInstanceTypes"] == ["ml.m5.xlarge"]


def test_the_package_serves_with_our_program(request_: dict[str, Any]) -> None:
    """Whoever hosts the package gets raw rows answered, at the threshold that evaluation chose."""
    assert request_["InferenceSpecification"]["Containers"][0]["Environment"] == {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "s3://b/serving/sourcedir.tar.gz",
        "DECISION_THRESHOLD": "0.3",
    }
    assert "application/x-parquet" in request_["InferenceSpecification"]["SupportedContentTypes"]
