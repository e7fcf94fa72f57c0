"""The baseline that a check step compares with: supplied, or that of the latest approved model package.

A baseline is one file of constraints, and for a quality check a file of statistics as well. A model package
carries those of all five checks as its DriftCheckBaselines.
https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-quality-clarify-baseline-lifecycle.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local_sagemaker.errors import AwsError

Baseline = dict[str, str]  # "Constraints", and perhaps "Statistics" -> S3 URI

# CheckType -> part of the baseline -> where DriftCheckBaselines have it
_REGISTERED = {
    "DATA_BIAS": {"Constraints": ("Bias", "PreTrainingConstraints")},
    "MODEL_BIAS": {"Constraints": ("Bias", "PostTrainingConstraints")},
    "MODEL_EXPLAINABILITY": {"Constraints": ("Explainability", "Constraints")},
    "DATA_QUALITY": {
        "Constraints": ("ModelDataQuality", "Constraints"),
        "Statistics": ("ModelDataQuality", "Statistics"),
    },
    "MODEL_QUALITY": {
        "Constraints": ("ModelQuality", "Constraints"),
        "Statistics": ("ModelQuality", "Statistics"),
    },
}


class NoBaseline(LookupError):
    """There is no previous baseline; the message says what is missing, and why."""


def previous(
    check_type: str,
    supplied: Mapping[str, str],
    group: str | None,
    call: Callable[[str, Mapping[str, Any]], dict[str, Any]],
) -> Baseline:
    """The whole baseline for one CheckType. Raises NoBaseline.

    ``supplied`` is what the step was given; where that is anything, the package group ``group`` (a name or ARN)
    does not count. ``call`` is ControlPlane.call.
    """
    parts = _REGISTERED[check_type]
    missing = [part for part in parts if part not in supplied]
    if not missing:
        return _files({part: supplied[part] for part in parts})
    without = ", ".join(f"no SuppliedBaseline{part}" for part in missing)
    if supplied:
        given = " and ".join(f"SuppliedBaseline{part}" for part in parts if part in supplied)
        raise NoBaseline(f"the step has {given}, but {without}, and a baseline is both")
    if not group:
        raise NoBaseline(f"the step has {without} and no ModelPackageGroupName")
    package = _latest_approved(group, call)
    registered = package.get("DriftCheckBaselines", {})
    found = {}
    for part, (area, member) in parts.items():
        source = registered.get(area, {}).get(member)
        if source is None:
            raise NoBaseline(
                f"the step has {without}, and the latest approved model package, {package['ModelPackageArn']}, "
                f"has no DriftCheckBaselines.{area}.{member}"
            )
        found[part] = source["S3Uri"]
    return _files(found)


def _files(baseline: Baseline) -> Baseline:
    for part, uri in baseline.items():
        if uri.endswith("/"):
            raise NoBaseline(f"{uri} is a folder, and {part} are a file")
    return baseline


def _latest_approved(group: str, call: Callable[[str, Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """The package, as DescribeModelPackage has it."""
    wanted = {
        "ModelPackageGroupName": group,
        "ModelApprovalStatus": "Approved",
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
        "MaxResults": 1,
    }
    try:
        found = call("ListModelPackages", wanted)["ModelPackageSummaryList"]
        if not found:
            raise NoBaseline(f"model package group {group!r} has no approved model package")
        return call("DescribeModelPackage", {"ModelPackageName": found[0]["ModelPackageArn"]})
    except AwsError as error:
        raise NoBaseline(error.message.rstrip(".")) from None
