"""A user's program: build the abalone pipeline with the SageMaker SDK, run it, and say how it went.

    python pipeline.py abalone.csv result.json

It knows nothing of where it runs: region, credentials and endpoint come from the environment, the role and the bucket
from the SDK.
"""

import json
import sys
from pathlib import Path

from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import get_execution_role
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import (
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)
from sagemaker.core.workflow.conditions import ConditionLessThanOrEqualTo
from sagemaker.core.workflow.functions import JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import CacheConfig, ProcessingStep, TrainingStep
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train.configs import Compute, InputData
from sagemaker.train.model_trainer import ModelTrainer

HERE = Path(__file__).parent
GROUP = "abalone-packages"


def given(name: str, uri: object, path: str) -> ProcessingInput:
    """An S3 prefix as a folder of the job."""
    source = ProcessingS3Input(s3_uri=uri, local_path=path, s3_data_type="S3Prefix", s3_input_mode="File")
    return ProcessingInput(input_name=name, s3_input=source)


def output(name: str, session: PipelineSession) -> ProcessingOutput:
    """A folder of the job to S3."""
    uri = f"s3://{session.default_bucket()}/compat-abalone/{name}"
    target = ProcessingS3Output(
        s3_uri=uri, local_path=f"/opt/ml/processing/{name}", s3_upload_mode="EndOfJob"
    )
    return ProcessingOutput(output_name=name, s3_output=target)


def get_pipeline(role: str, data: str) -> Pipeline:
    """Preprocess, train XGBoost's algorithm, evaluate; where the error is small enough, create and register."""
    session = PipelineSession()
    region = session.boto_region_name
    count = ParameterInteger(name="ProcessingInstanceCount", default_value=1)
    instance = ParameterString(name="TrainingInstanceType", default_value="ml.m5.xlarge")
    approval = ParameterString(name="ModelApprovalStatus", default_value="PendingManualApproval")
    input_data = ParameterString(name="InputDataUrl", default_value=data)
    bar = ParameterFloat(name="MseThreshold", default_value=6.0)
    cache = CacheConfig(enable_caching=True, expire_after="30d")

    def processor(image: str, name: str) -> ScriptProcessor:
        return ScriptProcessor(
            image_uri=image,
            command=["python3"],
            instance_type="ml.m5.xlarge",
            instance_count=count,
            base_job_name=name,
            sagemaker_session=session,
            role=role,
        )

    sklearn = image_uris.retrieve(
        framework="sklearn", region=region, version="1.2-1", py_version="py3", instance_type="ml.m5.xlarge"
    )
    xgboost = image_uris.retrieve(
        framework="xgboost", region=region, version="1.0-1", py_version="py3", instance_type="ml.m5.xlarge"
    )
    preprocess = ProcessingStep(
        name="PreprocessAbaloneData",
        step_args=processor(sklearn, "abalone-preprocess").run(
            outputs=[output(name, session) for name in ("train", "validation", "test")],
            code=str(HERE / "preprocess.py"),
            arguments=["--input-data", input_data],
        ),
        cache_config=cache,
    )
    prepared = preprocess.properties.ProcessingOutputConfig.Outputs
    trainer = ModelTrainer(
        training_image=xgboost,
        compute=Compute(instance_type=instance, instance_count=1),
        base_job_name="abalone-train",
        sagemaker_session=session,
        role=role,
        hyperparameters={
            "objective": "reg:linear",
            "num_round": 50,
            "max_depth": 5,
            "eta": 0.2,
            "gamma": 4,
            "min_child_weight": 6,
            "subsample": 0.7,
            "silent": 0,
        },
        input_data_config=[
            InputData(channel_name=name, data_source=prepared[name].S3Output.S3Uri, content_type="text/csv")
            for name in ("train", "validation")
        ],
    )
    train = TrainingStep(name="TrainAbaloneModel", step_args=trainer.train(), cache_config=cache)
    model = train.properties.ModelArtifacts.S3ModelArtifacts
    report = PropertyFile(name="EvaluationReport", output_name="evaluation", path="evaluation.json")
    evaluate = ProcessingStep(
        name="EvaluateAbaloneModel",
        step_args=processor(xgboost, "abalone-evaluate").run(
            inputs=[
                given("model", model, "/opt/ml/processing/model"),
                given("test", prepared["test"].S3Output.S3Uri, "/opt/ml/processing/test"),
            ],
            outputs=[output("evaluation", session)],
            code=str(HERE / "evaluate.py"),
        ),
        property_files=[report],
    )
    builder = ModelBuilder(
        s3_model_data_url=model, image_uri=xgboost, sagemaker_session=session, role_arn=role
    )
    create = ModelStep(name="CreateAbaloneModel", step_args=builder.build())
    register = ModelStep(
        name="RegisterAbaloneModel",
        step_args=builder.register(
            model_package_group_name=GROUP,
            content_types=["text/csv"],
            response_types=["text/csv"],
            inference_instances=["ml.t2.medium", "ml.m5.xlarge"],
            transform_instances=["ml.m5.xlarge"],
            approval_status=approval,
        ),
    )
    mse = JsonGet(step_name=evaluate.name, property_file=report, json_path="regression_metrics.mse.value")
    gate = ConditionStep(
        name="CheckMSEAbaloneEvaluation",
        conditions=[ConditionLessThanOrEqualTo(left=mse, right=bar)],
        if_steps=[create, register],
        else_steps=[],
    )
    return Pipeline(
        name="CompatAbalone",
        parameters=[count, instance, approval, input_data, bar],
        steps=[preprocess, train, evaluate, gate],
        sagemaker_session=session,
    )


def main() -> None:
    """Upload, upsert, start, wait, and write down what the SDK says of the execution."""
    role = get_execution_role()
    session = PipelineSession()
    data = session.upload_data(sys.argv[1], key_prefix="compat-abalone/input")
    pipeline = get_pipeline(role, data)
    pipeline.upsert(role_arn=role)
    execution = pipeline.start(parameters={"ModelApprovalStatus": "Approved"})
    execution.wait(delay=1, max_attempts=90)
    told = {
        "execution": execution.describe(),
        "steps": execution.list_steps(),
        "parameters": execution.list_parameters(),
    }
    Path(sys.argv[2]).write_text(json.dumps(told, default=str))


if __name__ == "__main__":
    main()
