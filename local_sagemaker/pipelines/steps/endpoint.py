"""Endpoint: creates an endpoint, or updates the one of that name, and waits until it is in service.

https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps-types.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from local_sagemaker.errors import AwsError
from local_sagemaker.pipelines.definition import Step
from local_sagemaker.pipelines.steps.base import Attempt, Document, StepFailure, StepType, Success
from local_sagemaker.records import Missing

_SETTLED = ("InService", "Failed")


@dataclass(frozen=True, kw_only=True)
class EndpointStep(StepType):
    """What is being created or updated goes on where the execution is stopped: there is no operation to stop it."""

    def mistakes(self, step: Step) -> Iterable[str]:
        """What the operation takes and the step does not."""
        if "DeploymentConfig" in step.arguments:
            yield "DeploymentConfig is not supported in an Endpoint step; call the API in a Lambda step instead."

    def run(self, attempt: Attempt) -> Success:
        """Create or update, whichever it takes, and wait."""
        name, configuration = attempt.arguments["EndpointName"], attempt.arguments["EndpointConfigName"]
        wanted = {"EndpointName": name, "EndpointConfigName": configuration}
        if _exists(attempt, name):
            answer = attempt.call("UpdateEndpoint", wanted)
        else:
            answer = attempt.call("CreateEndpoint", {**wanted, "Tags": attempt.tags})
        metadata = {"Endpoint": {"Arn": answer["EndpointArn"]}}
        attempt.report(metadata, lambda: None)
        try:
            attempt.wait("Endpoint", name, _settled)
        except Missing:
            raise StepFailure(
                f"ClientError: The endpoint {name} was deleted while the step waited for it.",
                metadata=metadata,
            ) from None
        described = attempt.call("DescribeEndpoint", {"EndpointName": name})
        if described["EndpointStatus"] == "InService" and described["EndpointConfigName"] == configuration:
            return Success(described, metadata)
        reason = described.get("FailureReason", f"The endpoint is {described['EndpointStatus']}.")
        raise StepFailure(f"ClientError: {reason}", metadata=metadata, properties=described)


def _exists(attempt: Attempt, name: str) -> bool:
    try:
        attempt.send("DescribeEndpoint", {"EndpointName": name})
    except AwsError:
        return False
    return True


def _settled(document: Document) -> bool:
    return document["EndpointStatus"] in _SETTLED


ENDPOINT = EndpointStep(
    name="Endpoint",
    fields=("CacheConfig",),
    create="CreateEndpoint",
    describe="DescribeEndpoint",
    cache_keys=("EndpointConfigName", "EndpointName"),
)
