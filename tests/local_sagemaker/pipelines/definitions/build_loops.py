"""Writes sdk_3_27_loops.json beside itself: loops, a step for their failure, a callback, cleaning up, by SDK 3.27.

python tests/local_sagemaker/pipelines/definitions/build_loops.py
"""

from __future__ import annotations

from build import BUCKET, ROLE, write


def build() -> str:
    """The definition: prepare, train once for each item, ask about the best, tell of a failure, clean up."""
    # Importing the SDK makes AWS clients, so the environment must be set before.
    from sagemaker.core.lambda_helper import Lambda
    from sagemaker.core.processing import Processor
    from sagemaker.core.shapes import ProcessingOutput, ProcessingS3Output
    from sagemaker.core.workflow.execution_variables import ExecutionVariables
    from sagemaker.core.workflow.functions import Join
    from sagemaker.core.workflow.parameters import ParameterString
    from sagemaker.core.workflow.pipeline_context import PipelineSession
    from sagemaker.mlops.workflow.callback_step import (
        CallbackOutput,
        CallbackOutputTypeEnum,
        CallbackStep,
    )
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
    from sagemaker.mlops.workflow.steps import CacheConfig, ProcessingStep, TrainingStep
    from sagemaker.train.configs import Compute, InputData
    from sagemaker.train.model_trainer import ModelTrainer

    session = PipelineSession(default_bucket=BUCKET)
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
    function = Lambda(function_arn="arn:aws:lambda:us-east-1:123456789012:function:tell", session=session)
    countries = ParameterString("Countries", default_value='["at", "nl"]')

    def processor(*command: str) -> Processor:
        return Processor(
            role=ROLE,
            image_uri=image,
            entrypoint=list(command),
            instance_count=1,
            instance_type="ml.m5.large",
            sagemaker_session=session,
        )

    uri = Join(on="/", values=["s3:/", BUCKET, ExecutionVariables.PIPELINE_EXECUTION_ID, "train"])
    path = "/opt/ml/processing/output/train"
    output = ProcessingOutput(
        output_name="train",
        s3_output=ProcessingS3Output(s3_uri=uri, local_path=path, s3_upload_mode="EndOfJob"),
    )
    prepare = ProcessingStep(name="Prepare", step_args=processor("true").run(outputs=[output]))
    item = CurrentItem()

    def trainer(**hyperparameters: object) -> ModelTrainer:
        return ModelTrainer(
            base_job_name="trial",
            training_image=image,
            role=ROLE,
            compute=Compute(instance_type="ml.m5.large", instance_count=1),
            hyperparameters=hyperparameters,
            sagemaker_session=session,
        )

    data = prepare.properties.ProcessingOutputConfig.Outputs["train"].S3Output.S3Uri
    channels = [InputData(channel_name="train", data_source=data)]
    trial = TrainingStep(
        name="Trial",
        step_args=trainer(max_depth=item.depth, eta=item["eta"]).train(input_data_config=channels),
        cache_config=CacheConfig(enable_caching=True, expire_after="P30D"),
    )
    score = LambdaStep(
        name="Score",
        lambda_func=function,
        inputs={"model": trial.properties.ModelArtifacts.S3ModelArtifacts, "item": item},
        outputs=[LambdaOutput("auc", LambdaOutputTypeEnum.Float)],
    )
    search = ForEachStep(
        name="Search",
        iterable_items=['{"depth": "3", "eta": "0.1"}', '{"depth": "6", "eta": "0.3"}'],
        max_concurrency=2,
        for_each_body=[trial, score],
        selector=ForEachSelector("MaxBy", IterationOutput(score).OutputParameters["auc"]),
        depends_on=[prepare],
    )
    by_country = ForEachStep(
        name="ByCountry",
        iterable_items=countries,
        max_concurrency=1,
        for_each_body=[
            ProcessingStep(name="Report", step_args=processor("echo").run(arguments=[item])),
        ],
        depends_on=[search],
    )
    tell = LambdaStep(
        name="Tell",
        lambda_func=function,
        inputs={"failed": search.properties.FailedStepCount, "status": search.properties.Status},
        outputs=[],
        depends_on=[StepDependency(search, TriggerCondition.FAILED)],
    )
    best = LambdaStep(
        name="Best",
        lambda_func=function,
        inputs={
            "auc": search.properties.Selected.OutputParameters["auc"],
            "first": search.properties.IterationOutputs[0].Trial.ModelArtifacts.S3ModelArtifacts,
        },
        outputs=[],
    )
    ask = CallbackStep(
        name="Ask",
        sqs_queue_url="https://sqs.us-east-1.amazonaws.com/123456789012/approvals",
        inputs={"auc": search.properties.Selected.OutputParameters["auc"]},
        outputs=[CallbackOutput("share", CallbackOutputTypeEnum.Float)],
        cache_config=CacheConfig(enable_caching=True),
        depends_on=[best],
    )
    plain = TrainingStep(
        name="Plain",
        step_args=trainer(max_depth="3").train(input_data_config=channels),
    )
    clean = CleanupStep(
        name="Clean",
        s3_sources=[S3CleanupSource(plain), S3CleanupSource(prepare, [Join(on="/", values=[data, "a.csv"])])],
        depends_on=[StepDependency(plain, TriggerCondition.ANY), by_country],
    )
    shares = LambdaStep(
        name="Shares",
        lambda_func=function,
        inputs={"share": ask.properties.Outputs["share"]},
        outputs=[],
    )
    return Pipeline(
        name="loops",
        parameters=[countries],
        steps=[prepare, search, by_country, tell, best, ask, plain, clean, shares],
        sagemaker_session=session,
    ).definition()


if __name__ == "__main__":
    write("sdk_3_27_loops.json", build)
