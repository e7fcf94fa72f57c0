"""What a deployment asks the model registry, and what it writes there: a version that was taken back is rejected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from containers.registry import NO_GROUP

APPROVED = "Approved"
REJECTED = "Rejected"
_LONGEST = 1024  # characters of an ApprovalDescription, which is one line
_COMPLETED = "Completed"


@dataclass(frozen=True)
class Package:
    """A version of the group."""

    arn: str
    version: int
    group: str
    approval: str
    status: str = "Completed"  # of its making; anything else cannot be hosted

    @property
    def usable(self) -> bool:
        """Whether it may be deployed."""
        return self.approval == APPROVED and self.status == _COMPLETED

    @property
    def standing(self) -> str:
        """What it is, in SageMaker's words."""
        return self.approval if self.status == _COMPLETED else self.status


def approved(sagemaker: Any, group: str) -> list[Package]:
    """The approved versions, the newest first; none where there is no group yet, which its first package makes."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, ModelApprovalStatus=APPROVED
    )
    try:
        found = [each for page in pages for each in page["ModelPackageSummaryList"]]
    except ClientError as error:
        if error.response["Error"]["Code"] in NO_GROUP:
            return []
        raise
    usable = [package for package in map(_package, found) if package.usable]
    return sorted(usable, key=lambda package: package.version, reverse=True)


def describe(sagemaker: Any, arn: str) -> Package:
    """One version. Raises SageMaker's error where it is not there."""
    return _package(sagemaker.describe_model_package(ModelPackageName=arn))


def reject(sagemaker: Any, package: Package, reason: str) -> None:
    """Take a version out of service for good; ``reason`` is kept with it."""
    sagemaker.update_model_package(
        ModelPackageArn=package.arn,
        ModelApprovalStatus=REJECTED,
        ApprovalDescription=" ".join(reason.split())[:_LONGEST],
    )


def _package(found: Mapping[str, Any]) -> Package:
    return Package(
        arn=found["ModelPackageArn"],
        version=found.get("ModelPackageVersion", 0),  # one without a group has none
        group=found.get("ModelPackageGroupName", ""),
        approval=found.get("ModelApprovalStatus", ""),
        status=found.get("ModelPackageStatus", _COMPLETED),
    )
