"""Transform: send prepared rows through a model, and join each answer with the number of its row."""

from __future__ import annotations

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.core.transformer import Transformer
from sagemaker.mlops.workflow.steps import TransformStep

from containers import contract
from steps.context import StepContext
from steps.settings import BatchTransform

NAME = "Transform"
JSON_LINES = (
    "application/jsonlines"  # a row is a line whatever its texts hold, and a bad one has its own answer
)


def transform_step(
    context: StepContext, batch: BatchTransform, *, model: StrPipeVar, rows: StrPipeVar
) -> TransformStep:
    """Send what ``rows`` has as features, and keep of the joined lines the row's number and the answer."""
    transformer = Transformer(
        model_name=model,
        instance_type=batch.instance_type,
        instance_count=batch.instance_count,
        strategy="MultiRecord",
        assemble_with="Line",
        accept=JSON_LINES,
        output_path=context.output(NAME, contract.SCORES),
        output_kms_key=context.keys.output,
        volume_kms_key=context.keys.volume,
        max_payload=batch.max_payload_mb,
        max_concurrent_transforms=batch.max_concurrent,
        tags=context.tags.request() or None,
        base_transform_job_name=NAME.lower(),
        sagemaker_session=context.session,
    )
    step_args = transformer.transform(
        data=rows,
        content_type=JSON_LINES,
        split_type="Line",
        input_filter=f"$.{contract.FEATURES}",
        join_source="Input",
        output_filter=f"$['{contract.ROW}','{contract.ANSWER}']",
        model_client_config={
            "InvocationsTimeoutInSeconds": batch.timeout_seconds,
            "InvocationsMaxRetries": 1,
        },
    )
    return TransformStep(name=NAME, step_args=step_args, retry_policies=context.job_retries())


def scores_uri(step: TransformStep) -> StrPipeVar:
    """Where the answers lie."""
    return step.properties.TransformOutput.S3OutputPath
