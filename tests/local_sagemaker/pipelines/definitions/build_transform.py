"""Writes sdk_3_27_transform.json beside itself: batch transform, as the SageMaker SDK 3.27 builds it.

    python tests/local_sagemaker/pipelines/definitions/build_transform.py

Needs no AWS: uploads go to moto. Names that the SDK makes up (times in keys) differ from run to run.
"""

from __future__ import annotations

from build import BUCKET, ROLE, write


def build() -> str:
    """The definition: a model, a transform with everything that can be said of one, and one that is monitored."""
    # Importing the SDK makes AWS clients, so the environment must be set before.
    from sagemaker.core.inputs import BatchDataCaptureConfig
    from sagemaker.core.model_monitor.dataset_format import DatasetFormat
    from sagemaker.core.transformer import Transformer
    from sagemaker.core.workflow.parameters import ParameterString
    from sagemaker.core.workflow.pipeline_context import PipelineSession
    from sagemaker.mlops.workflow.check_job_config import CheckJobConfig
    from sagemaker.mlops.workflow.fail_step import FailStep
    from sagemaker.mlops.workflow.model_step import ModelStep
    from sagemaker.mlops.workflow.monitor_batch_transform_step import MonitorBatchTransformStep
    from sagemaker.mlops.workflow.pipeline import Pipeline
    from sagemaker.mlops.workflow.quality_check_step import DataQualityCheckConfig
    from sagemaker.mlops.workflow.retry import SageMakerJobExceptionTypeEnum, SageMakerJobStepRetryPolicy
    from sagemaker.mlops.workflow.steps import CacheConfig, TransformStep
    from sagemaker.serve.model_builder import ModelBuilder

    session = PipelineSession(default_bucket=BUCKET)
    session.default_bucket()
    data = ParameterString("Data", default_value=f"s3://{BUCKET}/data/")
    instance = ParameterString("Instance", default_value="ml.m5.large")
    builder = ModelBuilder(
        image_uri="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
        s3_model_data_url=f"s3://{BUCKET}/model.tar.gz",
        role_arn=ROLE,
        sagemaker_session=session,
    )
    create = ModelStep(name="Create", step_args=builder.build())

    def transformer(**more: object) -> Transformer:
        return Transformer(
            model_name=create.properties.ModelName,
            instance_count=1,  # SDK 3.27 takes no parameters for numbers
            instance_type=instance,
            accept="text/csv",
            assemble_with="Line",
            sagemaker_session=session,
            **more,
        )

    score = TransformStep(
        name="Score",
        step_args=transformer(
            strategy="MultiRecord",
            max_concurrent_transforms=2,
            max_payload=6,
            env={"LEVEL": "info"},
            output_path=f"s3://{BUCKET}/scores",
            tags=[{"Key": "team", "Value": "x"}],
        ).transform(
            data=data,
            content_type="text/csv",
            compression_type="Gzip",
            split_type="Line",
            input_filter="$[1:]",
            join_source="Input",
            output_filter="$[0,-1]",
            model_client_config={"InvocationsTimeoutInSeconds": 60, "InvocationsMaxRetries": 1},
            batch_data_capture_config=BatchDataCaptureConfig(
                destination_s3_uri=f"s3://{BUCKET}/capture", generate_inference_id=True
            ),
        ),
        cache_config=CacheConfig(enable_caching=True, expire_after="P30D"),
        retry_policies=[
            SageMakerJobStepRetryPolicy(
                exception_types=[SageMakerJobExceptionTypeEnum.INTERNAL_ERROR], max_attempts=2
            )
        ],
    )
    monitored = MonitorBatchTransformStep(
        name="Watched",
        transform_step_args=transformer().transform(data=data, content_type="text/csv", split_type="Line"),
        monitor_configuration=DataQualityCheckConfig(
            baseline_dataset=data, dataset_format=DatasetFormat.csv(), output_s3_uri=f"s3://{BUCKET}/watched"
        ),
        check_job_configuration=CheckJobConfig(
            role=ROLE, instance_type="ml.m5.large", sagemaker_session=session
        ),
        monitor_before_transform=True,
        supplied_baseline_statistics=f"s3://{BUCKET}/statistics.json",
        supplied_baseline_constraints=f"s3://{BUCKET}/constraints.json",
    )
    output = score.properties.TransformOutput.S3OutputPath
    return Pipeline(
        name="transform",
        parameters=[data, instance],
        # Its steps one by one: SDK 3.27 does not take the collection itself.
        steps=[create, score, *monitored.steps, FailStep(name="Tell", error_message=output)],
        sagemaker_session=session,
    ).definition()


if __name__ == "__main__":
    write("sdk_3_27_transform.json", build)
