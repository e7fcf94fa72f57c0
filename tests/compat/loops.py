"""A user's program: trials in a loop, a question to a queue, cleaning up, and a step for a failure.

    python loops.py XGBOOST_IMAGE PYTHON_IMAGE

Prints, as JSON, how the execution and its steps ended and what the last of them read.
"""

import io
import json
import sys
import time
import zipfile

import boto3
from sagemaker.core.helper.session_helper import get_execution_role
from sagemaker.core.lambda_helper import Lambda
from sagemaker.core.processing import Processor
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.callback_step import CallbackOutput, CallbackOutputTypeEnum, CallbackStep
from sagemaker.mlops.workflow.cleanup_step import CleanupStep, S3CleanupSource
from sagemaker.mlops.workflow.for_each_step import (
    CurrentItem,
    ForEachSelector,
    ForEachStep,
    IterationOutput,
)
from sagemaker.mlops.workflow.lambda_step import LambdaOutput, LambdaOutputTypeEnum, LambdaStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.step_dependency import StepDependency, TriggerCondition
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep
from sagemaker.train.configs import Compute, InputData, OutputDataConfig
from sagemaker.train.model_trainer import ModelTrainer

XGBOOST, PYTHON = sys.argv[1:]
ROLE = get_execution_role()
SESSION = PipelineSession()
ANSWERS = """
import json
import boto3

def handler(event, context):
    for record in event["Records"]:
        body = json.loads(record["body"])
        boto3.client("sagemaker").send_pipeline_execution_step_success(
            CallbackToken=body["token"],
            OutputParameters=[{"Name": "verdict", "Value": "take " + body["arguments"]["model"].split("/")[-1]}],
        )
"""
TELLS = """
def handler(event, context):
    return {"told": " ".join(f"{name}={value}" for name, value in sorted(event.items()))}
"""


def function(name: str, code: str) -> str:
    """A Lambda function; its ARN."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", code)
    made = boto3.client("lambda").create_function(
        FunctionName=name,
        Role=ROLE,
        Runtime="python3.11",
        Handler="index.handler",
        Timeout=60,
        MemorySize=512,
        Code={"ZipFile": buffer.getvalue()},
    )
    return made["FunctionArn"]


def queue(name: str, consumer: str) -> str:
    """A queue whose messages a function gets; its URL."""
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    boto3.client("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName=consumer)
    return url


def training(name: str, data: str, depth: object) -> TrainingStep:
    """XGBoost on a few rows."""
    trainer = ModelTrainer(
        base_job_name=name.lower(),
        training_image=XGBOOST,
        role=ROLE,
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        hyperparameters={"num_round": "5", "max_depth": depth, "objective": "reg:squarederror"},
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{SESSION.default_bucket()}/loops/models"),
        sagemaker_session=SESSION,
    )
    channel = InputData(channel_name="train", data_source=data, content_type="text/csv")
    return TrainingStep(name=name, step_args=trainer.train(input_data_config=[channel]))


def pipeline(data: str) -> Pipeline:
    """Trials, a question about the best; a model that is cleaned up; a failure that is told."""
    items = ParameterString("Depths", default_value='["1", "6", "2"]')
    trial = training("Trial", data, CurrentItem())
    error = IterationOutput(trial).FinalMetricDataList["train:rmse"].Value
    search = ForEachStep(
        name="Search",
        iterable_items=items,
        max_concurrency=2,
        for_each_body=[trial],
        selector=ForEachSelector("MinBy", error),
    )
    ask = CallbackStep(
        name="Ask",
        sqs_queue_url=queue("loops", function("loops-answers", ANSWERS)),
        inputs={"model": search.properties.Selected.ModelArtifacts.S3ModelArtifacts},
        outputs=[CallbackOutput("verdict", CallbackOutputTypeEnum.String)],
    )
    throwaway = training("Throwaway", data, "1")
    clean = CleanupStep(
        name="Clean",
        s3_sources=[S3CleanupSource(throwaway)],
        depends_on=[StepDependency(throwaway, TriggerCondition.ANY)],
    )
    processor = Processor(
        role=ROLE,
        image_uri=PYTHON,
        entrypoint=["python3", "-c", "raise SystemExit('no good')"],
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=SESSION,
    )
    check = ProcessingStep(name="Check", step_args=processor.run())
    tell = LambdaStep(
        name="Tell",
        lambda_func=Lambda(function_arn=function("loops-tells", TELLS)),
        inputs={
            "reason": check.properties.FailureReason,
            "verdict": ask.properties.Outputs["verdict"],
            "trials": search.properties.SucceededStepCount,
        },
        outputs=[LambdaOutput("told", LambdaOutputTypeEnum.String)],
        depends_on=[StepDependency(check, TriggerCondition.FAILED), ask],
    )
    return Pipeline(
        name="CompatLoops",
        parameters=[items],
        steps=[search, ask, throwaway, clean, check, tell],
        sagemaker_session=SESSION,
    )


def main() -> None:
    """Upsert, start, wait, and tell what came of it."""
    bucket, s3 = SESSION.default_bucket(), boto3.client("s3")
    rows = "\n".join(f"{x * x},{x},{x % 3}" for x in range(40))
    s3.put_object(Bucket=bucket, Key="loops/data/train.csv", Body=rows.encode())
    made = pipeline(f"s3://{bucket}/loops/data")
    made.upsert(role_arn=ROLE)
    execution = made.start()
    while (
        execution.describe()["PipelineExecutionStatus"] == "Executing"
    ):  # wait() knows no CompletedWithFailures
        time.sleep(0.2)
    steps = {step["StepName"]: step for step in execution.list_steps()}
    models = s3.list_objects_v2(Bucket=bucket, Prefix="loops/models/").get("Contents", [])
    result = {
        "status": execution.describe()["PipelineExecutionStatus"],
        "steps": {name: step["StepStatus"] for name, step in steps.items()},
        "search": steps["Search"]["Metadata"]["ForEach"],
        "items": {name: step["IterationContext"] for name, step in steps.items() if "-" in name},
        "clean": steps["Clean"]["Metadata"]["Cleanup"],
        "told": steps["Tell"]["Metadata"]["Lambda"]["OutputParameters"],
        "models": sorted(
            model["Key"].split("-")[2] for model in models if model["Key"].endswith("model.tar.gz")
        ),
    }
    print(json.dumps(result))  # noqa: T201


if __name__ == "__main__":
    main()
