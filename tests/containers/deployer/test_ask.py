"""What each kind of event asks for."""

from __future__ import annotations

from typing import Any

import pytest

from containers.deployer.ask import Ask, ask
from tests.containers.deployer.conftest import deployment

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fraud/3"


def event(kind: str, **detail: Any) -> dict[str, Any]:
    return {"source": "aws.sagemaker", "detail-type": f"SageMaker {kind} State Change", "detail": detail}


def package(status: str, group: str = "fraud") -> dict[str, Any]:
    return event(
        "Model Package", ModelPackageGroupName=group, ModelPackageArn=ARN, ModelApprovalStatus=status
    )


CASES = [
    ({"ModelPackageArn": ARN}, Ask(f"asked for {ARN}", ARN, insist=True)),
    ({}, Ask("asked for the newest approved package", insist=True)),
    (package("Approved"), Ask(f"{ARN} is Approved", ARN, insist=True)),
    (package("Rejected"), Ask(f"{ARN} is Rejected")),
    (package("Approved", group="other"), None),
    (event("Endpoint", EndpointName="fraud", EndpointStatus="IN_SERVICE"), Ask("the endpoint is IN_SERVICE")),
    (event("Endpoint", EndpointName="other", EndpointStatus="IN_SERVICE"), None),
]


@pytest.mark.parametrize(("told", "meant"), CASES)
def test_an_event_asks_for_something(told: dict[str, Any], meant: Ask | None) -> None:
    """Payloads and approvals insist on their package; other events only make the function look."""
    assert ask(told, deployment()) == meant


@pytest.mark.parametrize(
    "told",
    [{"package": ARN}, {"ModelPackageArn": 3}, {"ModelPackageArn": ARN, "x": 1}, event("Training Job")],
)
def test_anything_else_is_an_error_that_says_what_would_be_right(told: dict[str, Any]) -> None:
    """A misspelt payload must not deploy the newest package instead."""
    with pytest.raises(ValueError, match=r"The payload is|has no use for the event"):
        ask(told, deployment())
