"""EndpointConfig: creates an endpoint configuration.

https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps-types.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from local_sagemaker.pipelines.definition import Step
from local_sagemaker.pipelines.steps.base import Attempt, StepType, Success

_REFUSED = ("DataCaptureConfig", "ExplainerConfig")  # by AWS, of this type of step


@dataclass(frozen=True, kw_only=True)
class EndpointConfigStep(StepType):
    """A step that is done as soon as the request is answered."""

    def mistakes(self, step: Step) -> Iterable[str]:
        """What the operation takes and the step does not."""
        for member in _REFUSED:
            if member in step.arguments:
                yield f"{member} is not supported in an EndpointConfig step; call the API in a Lambda step instead."

    def run(self, attempt: Attempt) -> Success:
        """Create the configuration, under a name of the service's making where the arguments have none."""
        name = attempt.arguments.get("EndpointConfigName", attempt.job_name)
        request = {**attempt.arguments, "EndpointConfigName": name, "Tags": attempt.tags}
        answer = attempt.call("CreateEndpointConfig", request)
        described = attempt.call("DescribeEndpointConfig", {"EndpointConfigName": name})
        return Success(described, {"EndpointConfig": {"Arn": answer["EndpointConfigArn"]}})


ENDPOINT_CONFIG = EndpointConfigStep(
    name="EndpointConfig",
    fields=("CacheConfig", "RetryPolicies"),
    create="CreateEndpointConfig",
    describe="DescribeEndpointConfig",
    filled_in=("EndpointConfigName",),
    cache_keys=(
        "EndpointConfigName",
        "ExecutionRoleArn",
        "KmsKeyId",
        "ProductionVariants",
        "ShadowProductionVariants",
        "VpcConfig",
    ),
)
