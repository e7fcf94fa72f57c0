"""Ingest: read the source, hold it against the use case's schema, leave Parquet and a manifest."""

from __future__ import annotations

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.mlops.workflow.steps import ProcessingStep

from containers import contract
from steps.context import StepContext
from steps.processing import processing_step
from steps.settings import Code, Machine

NAME = "Ingest"


def ingest_step(
    context: StepContext, image: str, machine: Machine, code: Code, source: StrPipeVar
) -> ProcessingStep:
    """Read ``source`` from inside the job: a source need not be S3, so the job keeps its network."""
    return processing_step(
        context,
        NAME,
        module="ingest",
        image=image,
        machine=machine,
        code=code,
        inputs={},
        outputs=[contract.DATA, contract.MANIFEST],
        arguments=["--source", source],
        reaches_out=True,
    )
