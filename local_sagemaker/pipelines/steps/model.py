"""Model: creates a model."""

from __future__ import annotations

from dataclasses import dataclass

from local_sagemaker.pipelines.steps.base import Attempt, StepType, Success


@dataclass(frozen=True, kw_only=True)
class ModelStep(StepType):
    """A step that is done as soon as the request is answered."""

    def run(self, attempt: Attempt) -> Success:
        """Create the model under a name of the service's making."""
        name = attempt.job_name
        answer = attempt.call("CreateModel", {**attempt.arguments, "ModelName": name, "Tags": attempt.tags})
        described = attempt.call("DescribeModel", {"ModelName": name})
        return Success(described, {"Model": {"Arn": answer["ModelArn"]}})


MODEL = ModelStep(
    name="Model",
    fields=("RetryPolicies",),
    create="CreateModel",
    describe="DescribeModel",
    filled_in=("ModelName",),
)
