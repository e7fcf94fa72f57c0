"""Prep: split the rows, fit the flow on the training rows, apply it to all."""

from __future__ import annotations

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.mlops.workflow.steps import ProcessingStep

from containers import contract
from steps.context import StepContext
from steps.processing import processing_step
from steps.settings import Code, Machine

NAME = "Prep"


def prep_step(
    context: StepContext,
    image: str,
    machine: Machine,
    code: Code,
    data: StrPipeVar,
    *,
    reweigh: bool = False,
) -> ProcessingStep:
    """Turn ingested ``data`` into train, validation and test tables, the raw test rows and the fitted flow.

    ``reweigh``: a weight for each training row, too.
    """
    outputs = [contract.TRAIN, contract.VALIDATION, contract.TEST, contract.HOLDOUT, contract.FLOW]
    return processing_step(
        context,
        NAME,
        module="prep",
        image=image,
        machine=machine,
        code=code,
        inputs={contract.DATA: data},
        outputs=[*outputs, contract.WEIGHTS] if reweigh else outputs,
    )
