"""WriteScores: put the answers beside their rows, write them as partitioned Parquet, and count."""

from __future__ import annotations

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.mlops.workflow.steps import ProcessingStep

from containers import contract
from steps.context import StepContext
from steps.processing import processing_step
from steps.settings import Code, Machine

NAME = "WriteScores"


def write_scores_step(
    context: StepContext,
    image: str,
    machine: Machine,
    code: Code,
    *,
    table: StrPipeVar,
    batch: StrPipeVar,
    scores: StrPipeVar,
    destination: StrPipeVar,
    catalogue: tuple[str, str] | None = None,
) -> ProcessingStep:
    """Write to ``destination``, which is no output of the job; ``catalogue`` is a database and a table of Glue."""
    arguments: list[StrPipeVar] = [
        "--destination", destination,
        "--execution", ExecutionVariables.PIPELINE_EXECUTION_ID,
        "--started", ExecutionVariables.START_DATETIME,
    ]  # fmt: skip
    if context.keys.output:
        arguments += ["--kms-key", context.keys.output]
    if catalogue:
        arguments += ["--database", catalogue[0], "--table", catalogue[1]]
    return processing_step(
        context,
        NAME,
        module="write_scores",
        image=image,
        machine=machine,
        code=code,
        inputs={contract.TABLE: table, contract.BATCH: batch, contract.SCORES: scores},
        outputs=[contract.SUMMARY, contract.REJECTED],
        arguments=arguments,
        reaches_out=True,
        cached=False,
        upload="Continuous",
    )
