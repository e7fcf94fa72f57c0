"""Model card: what a reviewer must know of a registered model, made through the API and attached to its package."""

from __future__ import annotations

from collections.abc import Mapping

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.mlops.workflow.steps import ProcessingStep

from containers import contract
from steps.context import StepContext
from steps.processing import processing_step
from steps.settings import Code, Machine

NAME = "ModelCard"


def model_card_step(
    context: StepContext,
    image: str,
    machine: Machine,
    code: Code,
    *,
    package: StrPipeVar,
    evaluation: StrPipeVar,
    manifest: StrPipeVar,
    analyses: Mapping[str, StrPipeVar],
) -> ProcessingStep:
    """Describe ``package`` from inside the job, which therefore keeps its network.

    ``analyses`` are the results of the bias and explainability checks that were run, by the check's setting.
    """
    return processing_step(
        context,
        NAME,
        module="model_card",
        image=image,
        machine=machine,
        code=code,
        inputs={contract.EVALUATION: evaluation, contract.MANIFEST: manifest, **analyses},
        outputs=[contract.CARD],
        arguments=["--package", package],
        reaches_out=True,
        cached=False,  # the package is a new one in every run
    )
