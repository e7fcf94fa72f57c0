"""The shape that every processing step of ours shares: published code, named inputs, execution-scoped outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.steps import ProcessingStep

from containers import contract
from steps.context import StepContext
from steps.settings import Code, Machine

PATHS = contract.ProcessingPaths()


def processing_step(
    context: StepContext,
    name: str,
    *,
    module: str,
    image: str,
    machine: Machine,
    code: Code,
    inputs: Mapping[str, StrPipeVar],
    outputs: Sequence[str],
    arguments: Sequence[StrPipeVar] = (),
    property_files: Sequence[PropertyFile] = (),
    reaches_out: bool = False,
    package: str = "containers.processing",
    cached: bool = True,
    upload: Literal["EndOfJob", "Continuous"] = "EndOfJob",
) -> ProcessingStep:
    """A step that runs ``python3 -m <package>.<module>`` with ``inputs`` (name -> S3 address).

    Outputs that are uploaded continuously are there even when the job fails.
    """
    processor = Processor(
        role=context.roles.processing,
        image_uri=image,
        entrypoint=["python3", "-m", f"{package}.{module}"],
        instance_type=machine.instance_type,
        instance_count=machine.instance_count,
        volume_size_in_gb=machine.volume_gb,
        volume_kms_key=context.keys.volume,
        output_kms_key=context.keys.output,
        max_runtime_in_seconds=machine.max_minutes * 60,
        base_job_name=name.lower(),
        env={"PYTHONPATH": str(PATHS.input(contract.CODE))},
        network_config=context.network_config(reaches_out=reaches_out),
        tags=context.tags.request() or None,
        sagemaker_session=context.session,
    )
    sources = {contract.CODE: code.package, contract.SETTINGS: code.settings, **inputs}
    step_args = processor.run(
        inputs=[_input(input_name, uri) for input_name, uri in sources.items()],
        outputs=[_output(context, name, output_name, upload) for output_name in outputs],
        arguments=list(arguments) or None,
    )
    return ProcessingStep(
        name=name,
        step_args=step_args,
        property_files=list(property_files) or None,
        cache_config=context.cache_config() if cached else None,
        retry_policies=context.job_retries(),
    )


def output_uri(step: ProcessingStep, name: str) -> StrPipeVar:
    """Where ``step`` left its output ``name``."""
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


def _input(name: str, uri: StrPipeVar) -> ProcessingInput:
    return ProcessingInput(
        input_name=name,
        s3_input=ProcessingS3Input(
            s3_uri=uri, local_path=str(PATHS.input(name)), s3_data_type="S3Prefix", s3_input_mode="File"
        ),
    )


def _output(context: StepContext, step: str, name: str, upload: str) -> ProcessingOutput:
    return ProcessingOutput(
        output_name=name,
        s3_output=ProcessingS3Output(
            s3_uri=context.output(step, name), local_path=str(PATHS.output(name)), s3_upload_mode=upload
        ),
    )
