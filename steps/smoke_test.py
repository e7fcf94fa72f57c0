"""Smoke test: ask the endpoint what evaluation has already answered, before the traffic counts as moved."""

from __future__ import annotations

from dataclasses import replace

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.mlops.workflow.steps import ProcessingStep

from containers import contract
from steps.context import StepContext
from steps.deploy import Asked
from steps.deployment import Deployment
from steps.processing import processing_step
from steps.settings import Code, Machine

NAME = "SmokeTest"
START_MINUTES = 20  # that a new fleet may take until it answers
TEST_MINUTES = 10  # … and the test itself, with the way back


def smoke_test_step(
    context: StepContext,
    image: str,
    machine: Machine,
    code: Code,
    deployment: Deployment,
    asked: Asked,
    *,
    package: StrPipeVar,
    holdout: StrPipeVar,
    flow: StrPipeVar,
    predictions: StrPipeVar,
) -> ProcessingStep:
    """Wait until the endpoint serves what was ``asked`` for, and hold its answers on ``holdout`` to ``predictions``.

    The job asks the endpoint and the registry, so it keeps its network; it is never cached; and its report is there
    even when it fails.
    """
    wait = deployment.minutes + START_MINUTES
    return processing_step(
        context,
        NAME,
        module="smoke_test",
        image=image,
        machine=replace(machine, max_minutes=wait + TEST_MINUTES),
        code=code,
        inputs={contract.HOLDOUT: holdout, contract.FLOW: flow, contract.PREDICTIONS: predictions},
        outputs=[contract.SMOKE_TEST],
        arguments=[
            *("--package", package, "--endpoint", asked.endpoint, "--configuration", asked.configuration),
            *("--status", asked.status, "--form", deployment.form, "--minutes", str(wait)),
        ],
        reaches_out=True,
        cached=False,
        upload="Continuous",
    )
