"""PrepareRows: read raw rows for the model that is approved when the pipeline runs; keep bad rows apart."""

from __future__ import annotations

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.core.workflow.functions import JsonGet
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.steps import ProcessingStep

from containers import contract
from steps.context import StepContext
from steps.processing import processing_step
from steps.settings import Code, Machine

NAME = "PrepareRows"
BATCH = PropertyFile(name="Batch", output_name=contract.BATCH, path=contract.BATCH_FILE)


def prepare_rows_step(
    context: StepContext, image: str, machine: Machine, code: Code, *, group: str, source: StrPipeVar
) -> ProcessingStep:
    """Read ``source`` as the latest approved model of ``group`` reads rows.

    The job asks the registry and the source, so it keeps its network; what is approved may have changed, so it is not
    cached; and its rejected rows are wanted most when it fails, so its outputs are uploaded all the time.
    """
    return processing_step(
        context,
        NAME,
        module="prepare_rows",
        image=image,
        machine=machine,
        code=code,
        inputs={},
        outputs=[contract.ROWS, contract.TABLE, contract.REJECTED, contract.BATCH],
        arguments=["--group", group, "--source", source],
        property_files=[BATCH],
        reaches_out=True,
        cached=False,
        upload="Continuous",
    )


def approved_package() -> JsonGet:
    """The ARN of the package that the job has found."""
    return JsonGet(step_name=NAME, property_file=BATCH, json_path=contract.PACKAGE_PATH)
