"""The baselines of the latest approved package, asked of a real registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from containers.analyzer.check_baselines import Approved, latest_approved, read
from containers.checks import CHECKS, DATA_BIAS, DATA_QUALITY, MODEL_BIAS
from containers.processing.job import DataError

Client = Callable[[str], Any]


def source(name: str) -> dict[str, str]:
    return {"ContentType": "application/json", "S3Uri": f"s3://baselines/{name}"}


def package(sagemaker: Any, group: str, status: str, **baselines: Any) -> str:
    """Registers a package; its ARN."""
    known = sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]
    if not known:
        sagemaker.create_model_package_group(ModelPackageGroupName=group)
    answer = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus=status,
        InferenceSpecification={
            "Containers": [{"Image": "an/image:1", "ModelDataUrl": "s3://models/model.tar.gz"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        **({"DriftCheckBaselines": baselines} if baselines else {}),
    )
    arn: str = answer["ModelPackageArn"]
    return arn


def test_the_latest_approved_package_counts(client: Client) -> None:
    """Not one that waits for approval, and not an older one that has more."""
    sagemaker, group = client("sagemaker"), "check-baselines-latest"
    package(sagemaker, group, "Approved", Bias={"PreTrainingConstraints": source("1")})
    approved = package(sagemaker, group, "Approved", Bias={"PostTrainingConstraints": source("2")})
    package(sagemaker, group, "PendingManualApproval", Bias={"PreTrainingConstraints": source("3")})
    package(sagemaker, group, "Rejected", Bias={"PreTrainingConstraints": source("4")})

    found = latest_approved(sagemaker, group)

    assert found.package == approved
    assert found.addresses(MODEL_BIAS) == {"analysis.json": "s3://baselines/2"}
    assert found.addresses(DATA_BIAS) == {}


def test_a_quality_baseline_has_statistics_too(client: Client) -> None:
    """Each file by the name that the analyzer gives it; statistics alone are no baseline."""
    sagemaker, group = client("sagemaker"), "check-baselines-quality"
    both = {"Statistics": source("statistics.json"), "Constraints": source("constraints.json")}
    package(
        sagemaker, group, "Approved", ModelDataQuality=both, ModelQuality={"Statistics": both["Statistics"]}
    )

    found = latest_approved(sagemaker, group)

    assert found.addresses(DATA_QUALITY) == {
        "constraints.json": "s3://baselines/constraints.json",
        "statistics.json": "s3://baselines/statistics.json",
    }
    assert found.addresses(CHECKS["ModelQuality"]) == {}


@pytest.mark.parametrize("status", [None, "PendingManualApproval", "Rejected"])
def test_without_an_approved_package_there_is_no_baseline(status: str | None, client: Client) -> None:
    """A group that is not there yet is like one without packages."""
    sagemaker, group = client("sagemaker"), f"check-baselines-none-{status}"
    if status:
        package(sagemaker, group, status, Bias={"PreTrainingConstraints": source("1")})

    assert latest_approved(sagemaker, group) == Approved("")


def test_a_baseline_that_was_deleted_is_named(client: Client) -> None:
    """With the parameters that help."""
    s3 = client("s3")
    s3.create_bucket(Bucket="check-baselines-gone")

    for uri in ("s3://check-baselines-gone/analysis.json", "s3://check-baselines-no-bucket/analysis.json"):
        with pytest.raises(
            DataError, match=f"{uri} of roaming/1 has been deleted; .*SkipCheck and RegisterNew"
        ):
            read(s3, uri, "roaming/1")
