"""The endpoint as it is: what it serves, what it is on its way to, and what was tried last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

FAILED = "Failed"
IN_SERVICE = "InService"
CHANGING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
_ATTEMPT_TAG = "last-deployment"  # the configuration that the endpoint was last asked to take
_ABSENT = (
    "Could not find"  # what AWS says in a ValidationException, for DescribeEndpoint declares no other error
)


@dataclass(frozen=True)
class Endpoint:
    """What DescribeEndpoint and the endpoint's tags say."""

    arn: str
    status: str  # SageMaker's
    configuration: str  # the name of the one that serves; of a new or failed endpoint, of the one that is to
    pending: str  # of the one that an update is going to; empty where none is under way
    attempted: str  # of the one that we asked for last
    failure: str  # SageMaker's FailureReason, which stays after an update that was taken back
    weights: Mapping[str, float]  # by variant

    @property
    def changing(self) -> bool:
        """Whether it takes no update now."""
        return self.status in CHANGING

    @property
    def heading_for(self) -> str:
        """The configuration that it will serve once nothing is under way."""
        return self.pending or self.configuration


def look(sagemaker: Any, name: str) -> Endpoint | None:
    """The endpoint; None where there is none."""
    try:
        found = sagemaker.describe_endpoint(EndpointName=name)
        tags = _tags(sagemaker, found["EndpointArn"])
    except ClientError as error:
        if _ABSENT in error.response["Error"]["Message"] or _gone(error):
            return None
        raise
    shadows = found.get("ShadowProductionVariants", [])
    return Endpoint(
        arn=found["EndpointArn"],
        status=found["EndpointStatus"],
        configuration=found.get("EndpointConfigName", ""),
        pending=found.get("PendingDeploymentSummary", {}).get("EndpointConfigName", ""),
        attempted=tags.get(_ATTEMPT_TAG, ""),
        failure=found.get("FailureReason", ""),
        weights={
            each["VariantName"]: each.get("CurrentWeight", 0.0)
            for each in [*found.get("ProductionVariants", []), *shadows]
        },
    )


def attempt(configuration: str) -> dict[str, str]:
    """The tag that says what was asked for last."""
    return {"Key": _ATTEMPT_TAG, "Value": configuration}


def _tags(sagemaker: Any, arn: str) -> dict[str, str]:
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


def _gone(error: ClientError) -> bool:
    """Whether it was deleted between two of our questions."""
    return str(error.response["Error"]["Code"]) in ("ResourceNotFound", "ResourceNotFoundException")
