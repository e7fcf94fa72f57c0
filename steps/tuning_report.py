"""Tuning report: every trial of a search, and what can be learned from them, beside the evaluation report."""

from __future__ import annotations

from sagemaker.mlops.workflow.steps import ProcessingStep, TuningStep

from containers import contract
from steps.context import StepContext
from steps.processing import processing_step
from steps.settings import Code, Machine

NAME = "TuningReport"


def tuning_report_step(
    context: StepContext, image: str, machine: Machine, code: Code, tune: TuningStep
) -> ProcessingStep:
    """Ask SageMaker for the trials of ``tune`` from inside the job, which therefore keeps its network."""
    return processing_step(
        context,
        NAME,
        module="tuning_report",
        image=image,
        machine=machine,
        code=code,
        inputs={},
        outputs=[contract.TUNING],
        arguments=["--tuning-job", tune.properties.HyperParameterTuningJobName],
        reaches_out=True,
    )
