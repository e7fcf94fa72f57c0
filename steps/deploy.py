"""Deploy: ask the project's function to put the registered package into service; it starts the change and returns.

The step names the function by its ARN and nothing more: given code, the SDK's step would create the function while the
pipeline is built.
"""

from __future__ import annotations

from dataclasses import dataclass

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.core.lambda_helper import Lambda
from sagemaker.mlops.workflow.lambda_step import LambdaOutput, LambdaStep

from steps.context import StepContext

NAME = "Deploy"
PACKAGE = "ModelPackageArn"
STATUS, ENDPOINT, CONFIGURATION = "Status", "EndpointName", "EndpointConfigName"
# What the function answers; every value is a text.
OUTPUTS = (STATUS, ENDPOINT, CONFIGURATION, PACKAGE, "ModelPackageVersion", "Message")


@dataclass(frozen=True)
class Asked:
    """What a deployment was asked for, whichever form it has: what the smoke test waits for."""

    status: StrPipeVar
    endpoint: StrPipeVar
    configuration: StrPipeVar


def deploy_step(context: StepContext, function: str, package: StrPipeVar) -> LambdaStep:
    """Ask ``function``, an ARN, to deploy ``package``. Never cached: the endpoint may have changed since."""
    return LambdaStep(
        name=NAME,
        lambda_func=Lambda(function_arn=function, session=context.session),
        inputs={PACKAGE: package},
        outputs=[LambdaOutput(output_name=name) for name in OUTPUTS],
    )


def asked_of(step: LambdaStep) -> Asked:
    """What the function has answered."""
    answer = step.properties.Outputs
    return Asked(answer[STATUS], answer[ENDPOINT], answer[CONFIGURATION])
