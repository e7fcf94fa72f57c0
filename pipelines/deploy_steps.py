"""From the registry to traffic: the steps that deploy a registered package, in the form that the environment asks for.

native    model ─► endpoint configuration ─► endpoint ─► smoke test      the SDK's steps, and what these can carry
guarded   the project's function ─────────────────────► smoke test      canary, alarms, capture, autoscaling …
"""

from __future__ import annotations

from dataclasses import dataclass

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.steps import ProcessingStep, Step

from containers import contract
from pipelines.config import Config
from steps.approval import approval_step
from steps.context import StepContext
from steps.deploy import Asked, asked_of, deploy_step
from steps.endpoint import endpoint_steps
from steps.processing import output_uri
from steps.settings import Code
from steps.smoke_test import smoke_test_step


@dataclass(frozen=True)
class Registered:
    """A package in the registry, and the step that writes the last thing about it."""

    register: ModelStep
    card: ProcessingStep

    @property
    def package(self) -> StrPipeVar:
        """The package's ARN."""
        return self.register.properties.ModelPackageArn


def deploy(
    config: Config,
    context: StepContext,
    code: Code,
    approval: StrPipeVar,
    registered: Registered,
    *,
    prep: ProcessingStep,
    evaluate: ProcessingStep,
) -> list[Step]:
    """The condition that the package is approved, with the steps behind it; none where nothing is deployed."""
    environment = config.environment
    if environment.deploy.form == "off":
        return []
    steps, asked = put_into_service(config, context, registered.package)
    test = smoke_test_step(
        context,
        environment.processing_image,
        environment.processing,
        code,
        environment.deploy,
        asked,
        package=registered.package,
        holdout=output_uri(prep, contract.HOLDOUT),
        flow=output_uri(prep, contract.FLOW),
        predictions=output_uri(evaluate, contract.PREDICTIONS),
    )
    return [approval_step(approval, [*steps, test], after=registered.card)]


def put_into_service(config: Config, context: StepContext, package: StrPipeVar) -> tuple[list[Step], Asked]:
    """The steps that begin it, and what they were asked for."""
    deployment = config.environment.deploy
    if deployment.form == "native":
        return endpoint_steps(context, deployment, config.endpoint, package)
    step = deploy_step(context, config.deployer_arn, package)
    return [step], asked_of(step)
