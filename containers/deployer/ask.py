"""Who asks, and for what: a step of the pipeline, an event of the registry or of the endpoint, or a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from containers.deployer.registry import APPROVED
from containers.deployer.settings import Deployment

PACKAGE_EVENT = "SageMaker Model Package State Change"
ENDPOINT_EVENT = "SageMaker Endpoint State Change"
PACKAGE = "ModelPackageArn"  # in the pipeline's payload, and in the detail of an event


@dataclass(frozen=True)
class Ask:
    """One reason to look."""

    why: str
    package: str = ""  # ARN; empty where it is about whatever should be in service
    insist: bool = False  # try again what has failed, and create the endpoint where there is none


def ask(event: Mapping[str, Any], deployment: Deployment) -> Ask | None:
    """What an invocation means; None where it is about another group or endpoint.

    Raises ValueError for an event that is neither EventBridge's nor the pipeline's.
    """
    detail = event.get("detail", {})
    match event.get("detail-type"):
        case None:
            return _of_payload(event)
        case x if x == PACKAGE_EVENT:
            if detail.get("ModelPackageGroupName") != deployment.group:
                return None
            arn, approval = detail[PACKAGE], detail.get("ModelApprovalStatus", "")
            why = f"{arn} is {approval}"
            return Ask(why, arn, insist=True) if approval == APPROVED else Ask(why)
        case x if x == ENDPOINT_EVENT:
            if detail.get("EndpointName") != deployment.endpoint:
                return None
            return Ask(f"the endpoint is {detail.get('EndpointStatus', '')}")
        case other:
            raise ValueError(f"This function deploys; it has no use for the event {other!r}.")


def _of_payload(event: Mapping[str, Any]) -> Ask:
    unknown = event.keys() - {PACKAGE}
    arn = event.get(PACKAGE, "")
    if unknown or not isinstance(arn, str):
        raise ValueError(
            f'The payload is {{"{PACKAGE}": "<ARN>"}}, or {{}} for the newest approved package; got {dict(event)!r}.'
        )
    return Ask(f"asked for {arn or 'the newest approved package'}", arn, insist=True)
