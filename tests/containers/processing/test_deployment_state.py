"""What there is to see of a deployment, told apart: its table, over what the two services can say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from containers.processing.deployment_state import Wanted, look, serves_another

ASKED = Wanted("arn:package/2", "group", 2, "e", "e-v2")


@dataclass
class Registry:
    """DescribeModelPackage, ListModelPackages and DescribeEndpoint over what a case says."""

    endpoint: dict[str, Any] | None
    status: str = "Approved"
    newest: int = 2
    reason: str = ""
    calls: list[str] = field(default_factory=list)

    def describe_model_package(self, **request: Any) -> dict[str, Any]:
        version = int(request["ModelPackageName"].rpartition("/")[2])
        said = {"ApprovalDescription": self.reason} if self.reason else {}
        return {"ModelPackageVersion": version, "ModelApprovalStatus": self.status, **said}

    def list_model_packages(self, **_: Any) -> dict[str, Any]:
        return {"ModelPackageSummaryList": [{"ModelPackageArn": f"arn:package/{self.newest}"}]}

    def describe_endpoint(self, **_: Any) -> dict[str, Any]:
        if self.endpoint is None:
            error = {"Error": {"Code": "ValidationException", "Message": 'Could not find endpoint "e".'}}
            raise ClientError(error, "DescribeEndpoint")
        return self.endpoint


def endpoint(status: str, configuration: str = "e-v1", pending: str = "", **more: Any) -> dict[str, Any]:
    going = {"PendingDeploymentSummary": {"EndpointConfigName": pending}} if pending else {}
    return {"EndpointStatus": status, "EndpointConfigName": configuration, **going, **more}


# name -> the services, whether the traffic was seen moving, the state, what is said
CASES: dict[str, tuple[Registry, bool, str, str]] = {
    "serves it": (Registry(endpoint("InService", "e-v2")), False, "InService", "e serves version 2"),
    "serves it, and a newer one is approved": (
        Registry(endpoint("InService", "e-v2"), newest=3),
        False,
        "InService",
        "e serves version 2",
    ),
    "no endpoint yet": (Registry(None), False, "Waiting", "the endpoint e is not there yet"),
    "being created": (Registry(endpoint("Creating", "e-v2")), False, "Waiting", "e is Creating with e-v2"),
    "not begun": (Registry(endpoint("InService")), False, "Waiting", "e is InService with e-v1"),
    "in another change": (
        Registry(endpoint("Updating", "e-v0", "e-v1")),
        False,
        "Waiting",
        "e is Updating with e-v0",
    ),
    "moving": (
        Registry(endpoint("Updating", "e-v1", "e-v2")),
        False,
        "Moving",
        "the traffic moves to version 2",
    ),
    "being taken back": (
        Registry(endpoint("RollingBack", "e-v1", "e-v2")),
        True,
        "Waiting",
        "e is RollingBack with e-v1",
    ),
    "taken back": (
        Registry(endpoint("InService", FailureReason="alarm x went off")),
        True,
        "RolledBack",
        "e took version 2 back and serves e-v1: alarm x went off",
    ),
    "rejected after that": (
        Registry(endpoint("InService"), status="Rejected", reason="alarm x went off"),
        True,
        "Rejected",
        "version 2 is Rejected in the registry: alarm x went off",
    ),
    "overtaken": (
        Registry(endpoint("Updating", "e-v1", "e-v3"), newest=3),
        False,
        "Superseded",
        "version 3 is approved too, and takes the place of version 2",
    ),
    "overtaken while it moved": (
        Registry(endpoint("InService", "e-v3"), newest=3),
        True,
        "Superseded",
        "version 3 is approved too",
    ),
    "could not be created": (
        Registry(endpoint("Failed", "e-v2", FailureReason="no capacity")),
        False,
        "Failed",
        "e could not be created: no capacity",
    ),
}


@pytest.mark.parametrize(("services", "moved", "state", "said"), CASES.values(), ids=CASES)
def test_a_look_says_where_the_deployment_is(services: Registry, moved: bool, state: str, said: str) -> None:
    """One state, and a sentence a person understands."""
    found = look(services, ASKED, moved=moved)

    assert found.state == state
    assert said in found.message


@pytest.mark.parametrize(
    ("now", "another"),
    [
        (endpoint("InService", "e-v1"), True),
        (endpoint("Updating", "e-v1"), False),
        (endpoint("InService", "e-v2"), False),
        (None, False),
    ],
)
def test_it_is_back_once_another_serves(now: dict[str, Any] | None, another: bool) -> None:
    """Not while the traffic still moves."""
    assert serves_another(Registry(now), ASKED) is another


def test_what_the_service_refuses_is_not_taken_for_an_absent_endpoint() -> None:
    """Missing rights must not look like waiting."""

    class Refusing(Registry):
        def describe_endpoint(self, **_: Any) -> dict[str, Any]:
            error = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
            raise ClientError(error, "DescribeEndpoint")

    with pytest.raises(ClientError):
        look(Refusing(None), ASKED)
