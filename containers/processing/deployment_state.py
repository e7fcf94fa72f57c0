"""Where a deployment is: one look at the endpoint and at the registry, and what the two come to in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import ClientError

from containers.registry import latest_approved

State = Literal[
    "InService",  # the endpoint serves what is wanted, and nothing else is on its way
    "Moving",  # an update to it is under way, and some of the traffic may reach it
    "Waiting",  # not begun, or the endpoint is being created
    "Superseded",  # a newer version is approved, and is or will be in service instead
    "RolledBack",  # the endpoint went back to what it served before
    "Rejected",  # the version was taken out of the registry's approved ones
    "Failed",  # the endpoint could not be created
]
OVER = frozenset({"InService", "Superseded", "RolledBack", "Rejected", "Failed"})
_ABSENT = "Could not find"  # what AWS says in a ValidationException of an endpoint that is not there


@dataclass(frozen=True)
class Wanted:
    """What was asked for."""

    package: str  # ARN
    group: str
    version: int
    endpoint: str
    configuration: str  # the endpoint configuration that serves the package


@dataclass(frozen=True)
class Look:
    """What there is to see at one moment."""

    state: State
    message: str  # a sentence


def wanted(sagemaker: Any, package: str, endpoint: str, configuration: str) -> Wanted:
    """What is to be deployed, as the registry knows it. Raises ClientError."""
    found = sagemaker.describe_model_package(ModelPackageName=package)
    return Wanted(
        package, found["ModelPackageGroupName"], found["ModelPackageVersion"], endpoint, configuration
    )


def look(sagemaker: Any, asked: Wanted, *, moved: bool = False) -> Look:
    """Where the deployment is now; ``moved`` says that an earlier look saw the update under way. Raises ClientError."""
    what = f"version {asked.version}"
    package = sagemaker.describe_model_package(ModelPackageName=asked.package)
    status, reason = package["ModelApprovalStatus"], package.get("ApprovalDescription", "")
    if status != "Approved":
        because = f": {reason}" if reason else ""
        return Look("Rejected", f"{what} is {status} in the registry{because}")
    endpoint = described(sagemaker, asked.endpoint)
    if endpoint is None:
        return Look("Waiting", f"the endpoint {asked.endpoint} is not there yet")
    now, serves = endpoint["EndpointStatus"], endpoint.get("EndpointConfigName")
    pending = endpoint.get("PendingDeploymentSummary", {}).get("EndpointConfigName")
    if now == "InService" and serves == asked.configuration:
        return Look("InService", f"{asked.endpoint} serves {what}")
    if pending == asked.configuration and now != "RollingBack":
        return Look("Moving", f"{asked.endpoint} is {now}: the traffic moves to {what}")
    newest = latest_approved(sagemaker, asked.group)
    if newest is not None and newest["ModelPackageVersion"] > asked.version:
        newer = newest["ModelPackageVersion"]
        return Look("Superseded", f"version {newer} is approved too, and takes the place of {what}")
    if now == "Failed":
        return Look("Failed", f"{asked.endpoint} could not be created: {endpoint.get('FailureReason', now)}")
    if now == "InService" and moved:
        why = endpoint.get("FailureReason", "SageMaker gives no reason")
        return Look("RolledBack", f"{asked.endpoint} took {what} back and serves {serves}: {why}")
    return Look("Waiting", f"{asked.endpoint} is {now} with {serves}")


def described(sagemaker: Any, endpoint: str) -> Mapping[str, Any] | None:
    """DescribeEndpoint; None where there is none. Raises ClientError for anything else."""
    try:
        found: Mapping[str, Any] = sagemaker.describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if _ABSENT in error.response["Error"]["Message"]:
            return None
        raise
    return found


def serves_another(sagemaker: Any, asked: Wanted) -> bool:
    """Whether the endpoint has left what was asked for. Raises ClientError."""
    endpoint = described(sagemaker, asked.endpoint) or {}
    settled = endpoint.get("EndpointStatus") == "InService"
    return settled and endpoint.get("EndpointConfigName") != asked.configuration


@dataclass(frozen=True)
class Variant:
    """What of the endpoint serves the package."""

    name: str
    alone: bool  # the only production variant: nobody else can answer
    shadow: bool  # gets copies of requests, and its answers are seen by nobody


def variant(sagemaker: Any, asked: Wanted) -> Variant | None:
    """The variant whose model is of the package; None where there is none. Raises ClientError."""
    found = sagemaker.describe_endpoint_config(EndpointConfigName=asked.configuration)
    production = found["ProductionVariants"]
    for each in [*production, *found.get("ShadowProductionVariants", [])]:
        model = sagemaker.describe_model(ModelName=each["ModelName"])
        containers = [model["PrimaryContainer"]] if "PrimaryContainer" in model else model["Containers"]
        if any(container.get("ModelPackageName") == asked.package for container in containers):
            alone, shadow = len(production) == 1, each not in production
            return Variant(each["VariantName"], alone, shadow)
    return None
