"""Evaluate: score validation and test rows, write the report that the gate reads, and its pictures."""

from __future__ import annotations

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.core.workflow.parameters import ParameterFloat
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.steps import ProcessingStep

from containers import contract
from steps.context import StepContext
from steps.processing import processing_step
from steps.settings import Code, Machine

NAME = "Evaluate"
REPORT = PropertyFile(name="EvaluationReport", output_name=contract.EVALUATION, path=contract.EVALUATION_FILE)


def evaluate_step(
    context: StepContext,
    image: str,
    machine: Machine,
    code: Code,
    *,
    model: StrPipeVar,
    validation: StrPipeVar,
    test: StrPipeVar,
    bar: ParameterFloat,
    threshold: str,
) -> ProcessingStep:
    """Judge ``model`` on rows it has not seen; ``bar`` goes in so that the report can say by how much it was missed."""
    return processing_step(
        context,
        NAME,
        module="evaluate",
        image=image,
        machine=machine,
        code=code,
        inputs={contract.MODEL: model, contract.VALIDATION: validation, contract.TEST: test},
        outputs=[contract.EVALUATION],
        arguments=["--bar", bar.to_string(), "--threshold", threshold],
        property_files=[REPORT],
    )
