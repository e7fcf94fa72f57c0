"""The versions that runs have registered, and what people decide about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from botocore.exceptions import ClientError
from rich.table import Table

from containers import contract
from pipelines.errors import UsageError
from pipelines.service import Service

GONE = ("ResourceNotFound", "ValidationException")  # the group is made with its first package
LONGEST_REASON = 1024  # characters of an ApprovalDescription
Status = Literal["Approved", "Rejected", "PendingManualApproval"]
STYLES: Mapping[str, str] = {"Approved": "green", "Rejected": "red", "PendingManualApproval": "yellow"}


@dataclass(frozen=True)
class Package:
    """One version of the use case's group."""

    arn: str
    version: int
    status: str
    created: datetime
    execution: str  # that it came from; empty where it does not say
    reason: str  # why it was approved or rejected
    evaluation: str  # S3 address of its evaluation report; empty where it has none


def packages(service: Service, most: int = 50) -> list[Package]:
    """The newest versions of the group, the newest first; none where the group is not there yet."""
    try:
        listed = service.sagemaker.list_model_packages(
            ModelPackageGroupName=service.config.group,
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=most,
        )["ModelPackageSummaryList"]
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            return []
        raise
    return [_package(service, each["ModelPackageArn"]) for each in listed]


def find(service: Service, version: str) -> Package:
    """The version with this number, ARN, or the newest for ``latest``.

    Raises:
        UsageError: there is none; those that there are.
    """
    group = service.config.group
    known = packages(service)
    if not known:
        raise UsageError(f"The group '{group}' has no package yet. A run that passes its gate registers one.")
    if version == "latest":
        return known[0]
    for each in known:
        if version in (str(each.version), each.arn):
            return each
    numbers = ", ".join(str(each.version) for each in known)
    raise UsageError(f"The group '{group}' has no version '{version}'. It has {numbers}; or say 'latest'.")


def decide(service: Service, package: Package, status: Status, reason: str) -> None:
    """Approve or reject; whoever listens to the registry, such as a deployment, hears of it.

    Raises:
        UsageError: the reason is not one that a package can keep.
    """
    if len(reason) > LONGEST_REASON or len(reason.splitlines()) > 1:
        raise UsageError(f"A reason is one line of at most {LONGEST_REASON} characters.")
    service.sagemaker.update_model_package(
        ModelPackageArn=package.arn,
        ModelApprovalStatus=status,
        **({"ApprovalDescription": reason} if reason else {}),
    )


def table(service: Service, found: list[Package]) -> Table:
    """The versions, with the metric that the gate looks at."""
    metric, problem = service.config.usecase.gate.metric, service.config.usecase.problem
    shown = Table("version", "status", metric, "registered", "execution", "reason", box=None, pad_edge=False)
    for each in found:
        shown.add_row(
            str(each.version),
            f"[{STYLES.get(each.status, '')}]{each.status}[/]",
            _metric(service, each, f"{contract.metric_path(problem, metric)}"),
            f"{each.created:%Y-%m-%d %H:%M:%S}",
            each.execution,
            each.reason,
        )
    return shown


def _package(service: Service, arn: str) -> Package:
    found: dict[str, Any] = service.sagemaker.describe_model_package(ModelPackageName=arn)
    statistics = found.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {})
    return Package(
        arn=arn,
        version=found["ModelPackageVersion"],
        status=found["ModelApprovalStatus"],
        created=found["CreationTime"],
        execution=found.get("MetadataProperties", {}).get("GeneratedBy", "").rpartition("/")[2],
        reason=found.get("ApprovalDescription", ""),
        evaluation=statistics.get("S3Uri", ""),
    )


def _metric(service: Service, package: Package, path: str) -> str:
    """The metric in the package's evaluation report; a dash where there is none any more."""
    if not package.evaluation:
        return "-"
    try:
        value = service.read_json(package.evaluation)
    except ClientError:
        return "-"
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return "-" if value is None else f"{value:.4f}"
