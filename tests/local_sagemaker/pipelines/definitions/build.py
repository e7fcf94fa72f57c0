"""Writes sdk_3_27.json beside itself: a pipeline that the SageMaker SDK 3.27 builds, with most step types we run.

    python tests/local_sagemaker/pipelines/definitions/build.py

Needs no AWS: uploads go to moto. Names that the SDK makes up (times in keys) differ from run to run.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from moto.server import ThreadedMotoServer

BUCKET = "sagemaker-us-east-1-123456789012"
ROLE = "arn:aws:iam::123456789012:role/local-sagemaker-execution"


def write(name: str, build: Callable[[], str]) -> None:
    """Build against moto's S3, and write the definition as ``name`` beside this file."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ.update(
        AWS_ENDPOINT_URL=f"http://{host}:{port}",
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_DEFAULT_REGION="us-east-1",
        SAGEMAKER_VALIDATE_ROLE="false",
    )
    try:
        definition = json.loads(build())
    finally:
        server.stop()
    path = Path(__file__).parent / name
    path.write_text(json.dumps(definition, indent=1) + "\n")


def build() -> str:
    """The definition: prepare, train twice, evaluate, gate, create and register the model."""
    # Importing the SDK makes AWS clients, so the environment must be set before.
    from sagemaker.core.processing import ScriptProcessor
    from sagemaker.core.shapes import (
        ProcessingInput,
        ProcessingOutput,
        ProcessingS3Input,
        ProcessingS3Output,
    )
    from sagemaker.core.workflow.conditions import (
        ConditionEquals,
        ConditionGreaterThanOrEqualTo,
        ConditionIn,
        ConditionNot,
        ConditionOr,
    )
    from sagemaker.core.workflow.execution_variables import ExecutionVariables
    from sagemaker.core.workflow.functions import Join, JsonGet
    from sagemaker.core.workflow.parameters import (
        ParameterBoolean,
        ParameterFloat,
        ParameterInteger,
        ParameterString,
    )
    from sagemaker.core.workflow.pipeline_context import PipelineSession
    from sagemaker.core.workflow.properties import PropertyFile
    from sagemaker.mlops.workflow.condition_step import ConditionStep
    from sagemaker.mlops.workflow.fail_step import FailStep
    from sagemaker.mlops.workflow.model_step import ModelStep
    from sagemaker.mlops.workflow.pipeline import Pipeline
    from sagemaker.mlops.workflow.retry import (
        SageMakerJobExceptionTypeEnum,
        SageMakerJobStepRetryPolicy,
        StepExceptionTypeEnum,
        StepRetryPolicy,
    )
    from sagemaker.mlops.workflow.steps import CacheConfig, ProcessingStep, TrainingStep
    from sagemaker.serve.model_builder import ModelBuilder
    from sagemaker.train.configs import Compute, InputData, SourceCode
    from sagemaker.train.model_trainer import ModelTrainer

    session = PipelineSession(default_bucket=BUCKET)
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
    data = ParameterString("Data", default_value=f"s3://{BUCKET}/raw/data.csv")
    instance = ParameterString(
        "Instance", default_value="ml.m5.large", enum_values=["ml.m5.large", "ml.m5.xlarge"]
    )
    count = ParameterInteger("Count", default_value=1)
    bar = ParameterFloat("Bar", default_value=0.9)
    approve = ParameterBoolean("Approve", default_value=False)
    rounds = ParameterInteger("Rounds", default_value=100)

    def script(name: str) -> str:
        path = Path(tempfile.mkdtemp()) / name
        path.write_text("print('hello')\n")
        return str(path)

    def source() -> SourceCode:
        return SourceCode(source_dir=str(Path(script("train.py")).parent), entry_script="train.py")

    processor = ScriptProcessor(
        role=ROLE,
        image_uri=image,
        command=["python3"],
        instance_count=count,
        instance_type=instance,
        sagemaker_session=session,
    )

    def output(name: str) -> ProcessingOutput:
        uri = Join(on="/", values=["s3:/", BUCKET, ExecutionVariables.PIPELINE_EXECUTION_ID, name])
        path = f"/opt/ml/processing/output/{name}"
        s3 = ProcessingS3Output(s3_uri=uri, local_path=path, s3_upload_mode="EndOfJob")
        return ProcessingOutput(output_name=name, s3_output=s3)

    def given(name: str, uri: object) -> ProcessingInput:
        path = f"/opt/ml/processing/input/{name}"
        s3 = ProcessingS3Input(s3_uri=uri, local_path=path, s3_data_type="S3Prefix", s3_input_mode="File")
        return ProcessingInput(input_name=name, s3_input=s3)

    prepare = ProcessingStep(
        name="Prepare",
        step_args=processor.run(
            code=script("prepare.py"),
            inputs=[given("data", data)],
            outputs=[output("train"), output("validation")],
            arguments=["--bar", bar.to_string()],
        ),
        cache_config=CacheConfig(enable_caching=True, expire_after="P30D"),
        retry_policies=[StepRetryPolicy(exception_types=[StepExceptionTypeEnum.THROTTLING], max_attempts=3)],
    )
    outputs = prepare.properties.ProcessingOutputConfig.Outputs

    def trainer(name: str, **arguments: object) -> ModelTrainer:
        return ModelTrainer(
            base_job_name=name,
            training_image=image,
            role=ROLE,
            compute=Compute(instance_type=instance, instance_count=count),
            sagemaker_session=session,
            **arguments,
        )

    channels = [
        InputData(channel_name=name, data_source=outputs[name].S3Output.S3Uri, content_type="text/csv")
        for name in ("train", "validation")
    ]
    train = TrainingStep(
        name="Train",
        step_args=trainer(
            "script", source_code=source(), hyperparameters={"rounds": rounds.to_string(), "max_depth": 6}
        ).train(input_data_config=channels),
        cache_config=CacheConfig(enable_caching=True, expire_after="PT12H"),
        retry_policies=[
            SageMakerJobStepRetryPolicy(
                exception_types=[SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT], expire_after_mins=60
            )
        ],
    )
    plain = TrainingStep(
        name="Train-algorithm",
        step_args=trainer("algorithm", hyperparameters={"num_round": "10"}).train(input_data_config=channels),
        depends_on=[train],
    )
    report = PropertyFile(name="Report", output_name="evaluation", path="evaluation.json")
    artifacts = train.properties.ModelArtifacts.S3ModelArtifacts
    evaluate = ProcessingStep(
        name="Evaluate",
        step_args=processor.run(
            code=script("evaluate.py"),
            inputs=[given("model", artifacts), given("test", outputs["validation"].S3Output.S3Uri)],
            outputs=[output("evaluation")],
        ),
        property_files=[report],
    )
    builder = ModelBuilder(
        image_uri=image, s3_model_data_url=artifacts, role_arn=ROLE, sagemaker_session=session
    )
    create = ModelStep(name="Create", step_args=builder.build())
    register = ModelStep(
        name="Register",
        step_args=builder.register(
            model_package_group_name="group",
            content_types=["text/csv"],
            response_types=["text/csv"],
            inference_instances=["ml.m5.large"],
            transform_instances=["ml.m5.large"],
            approval_status="PendingManualApproval",
        ),
    )
    auc = JsonGet(step_name="Evaluate", property_file=report, json_path="metrics.auc.value")
    gate = ConditionStep(
        name="Gate",
        conditions=[
            ConditionGreaterThanOrEqualTo(left=auc, right=bar),
            ConditionOr(
                [
                    ConditionEquals(left=approve, right=True),
                    ConditionNot(ConditionIn(value=instance, in_values=["ml.m5.24xlarge"])),
                ]
            ),
        ],
        if_steps=[create, register],
        else_steps=[FailStep(name="Missed", error_message=Join(on=" ", values=["auc is", auc, "not", bar]))],
    )
    return Pipeline(
        name="sdk",
        parameters=[data, instance, count, bar, approve, rounds],
        steps=[prepare, train, plain, evaluate, gate],
        sagemaker_session=session,
    ).definition()


if __name__ == "__main__":
    write("sdk_3_27.json", build)
