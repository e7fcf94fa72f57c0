"""What a user's program does with the SageMaker SDK: it tunes, and runs a pipeline with a tuning step.

Run by test_sdk in a process of its own: importing the SDK makes clients and sets up logging.
"""

import json
import os
import random
import sys
from pathlib import Path

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.image_uris import retrieve
from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter
from sagemaker.core.shapes import (
    HyperParameterTuningJobWarmStartConfig,
    ParentHyperParameterTuningJob,
)
from sagemaker.core.training.configs import OutputDataConfig
from sagemaker.core.workflow.functions import Join
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import CacheConfig, TuningStep
from sagemaker.train.configs import Compute, InputData, SourceCode, StoppingCondition
from sagemaker.train.model_trainer import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

TRAIN = """
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
parser.add_argument("--kind")
parser.add_argument("--fixed", type=int)
asked = parser.parse_args()
print(f"score: {asked.rate + asked.fixed} of {asked.kind!r};", flush=True)
open(os.path.join(os.environ["SM_MODEL_DIR"], "m"), "w").write(str(asked.rate))
"""
ROLE = os.environ["ROLE"]


def rows(session: Session) -> str:
    """A small table for XGBoost, in S3."""
    numbers = random.Random(1)  # noqa: S311 - test data
    for channel in ("train", "validation"):
        lines = []
        for _ in range(300):
            x = [numbers.random() for _ in range(3)]
            lines.append(f"{int(x[0] > x[1])},{x[0]},{x[1]},{x[2]}")
        body = "\n".join(lines).encode()
        key = f"sdk-tuning/{channel}/rows.csv"
        session.boto_session.client("s3").put_object(Bucket=session.default_bucket(), Key=key, Body=body)
    return f"s3://{session.default_bucket()}/sdk-tuning"


def trainer(session: Session, **fields: object) -> ModelTrainer:
    """A trainer on the smallest instance."""
    return ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{session.default_bucket()}/sdk-tuned"),
        **fields,
    )


def xgboost(session: Session, **fields: object) -> HyperparameterTuner:
    """Tunes XGBoost's algorithm mode."""
    image = retrieve("xgboost", "us-east-1", version="3.0-5")
    return HyperparameterTuner(
        model_trainer=trainer(
            session,
            training_image=image,
            base_job_name="sdk-xgboost",
            hyperparameters={"num_round": 5, "objective": "binary:logistic"},
        ),
        objective_metric_name="validation:auc",
        hyperparameter_ranges={
            "eta": ContinuousParameter(0.01, 0.5, scaling_type="Logarithmic"),
            "max_depth": IntegerParameter(1, 4),
        },
        objective_type="Maximize",
        max_jobs=4,
        max_parallel_jobs=2,
        random_seed=3,
        **fields,
    )


def channels(table: str) -> list[InputData]:
    return [
        InputData(channel_name=name, data_source=f"{table}/{name}/", content_type="text/csv")
        for name in ("train", "validation")
    ]


def script(session: Session, folder: Path) -> HyperparameterTuner:
    """Tunes a script, by a metric of its own."""
    image = retrieve("sklearn", "us-east-1", version="1.4-2", py_version="py3", instance_type="ml.m5.large")
    (folder / "train.py").write_text(TRAIN)
    return HyperparameterTuner(
        model_trainer=trainer(
            session,
            training_image=image,
            base_job_name="sdk-script",
            source_code=SourceCode(source_dir=str(folder), entry_script="train.py"),
            hyperparameters={"fixed": 1},
        ),
        objective_metric_name="score",
        metric_definitions=[{"Name": "score", "Regex": "score: ([0-9.]+) of"}],
        hyperparameter_ranges={
            "rate": CategoricalParameter([0.1, 0.2]),
            "kind": CategoricalParameter(["a b", "c"]),
        },
        strategy="Grid",
        objective_type="Maximize",
        max_jobs=4,
        max_parallel_jobs=2,
    )


def tuned(tuner: HyperparameterTuner, inputs: object = None) -> dict[str, object]:
    """Run a tuner to its end, and read what it found in every way there is."""
    tuner.tune(inputs=inputs, wait=False)
    tuner.latest_tuning_job.wait(poll=1)
    tuner.wait()
    frame = tuner.analytics().dataframe()
    job = tuner.describe() or tuner.latest_tuning_job
    return {
        "name": job.hyper_parameter_tuning_job_name,
        "status": job.hyper_parameter_tuning_job_status,
        "best": tuner.best_training_job(),
        "columns": sorted(frame.columns),
        "values": sorted(frame["FinalObjectiveValue"].tolist()),
    }


def main() -> None:
    """Tune three times and build a pipeline; leave what was found in the file ``found.json``."""
    folder = Path(sys.argv[1])
    session = Session()
    table = rows(session)
    found = {"xgboost": tuned(xgboost(session), channels(table)), "script": tuned(script(session, folder))}
    parent = ParentHyperParameterTuningJob(hyper_parameter_tuning_job_name=str(found["xgboost"]["name"]))
    warm = HyperParameterTuningJobWarmStartConfig(
        parent_hyper_parameter_tuning_jobs=[parent], warm_start_type="IdenticalDataAndAlgorithm"
    )
    found["warm"] = tuned(
        xgboost(session, warm_start_config=warm, base_tuning_job_name="warm"), channels(table)
    )

    in_pipeline = PipelineSession()
    parent_name = ParameterString("Parent", default_value=str(found["xgboost"]["name"]))
    warm = HyperParameterTuningJobWarmStartConfig(
        parent_hyper_parameter_tuning_jobs=[
            ParentHyperParameterTuningJob(hyper_parameter_tuning_job_name=parent_name)
        ],
        warm_start_type="TransferLearning",
    )
    step = TuningStep(
        "Tune",
        step_args=xgboost(in_pipeline, warm_start_config=warm).tune(inputs=channels(table)),
        cache_config=CacheConfig(enable_caching=True, expire_after="P1D"),
    )
    summaries = step.properties.TrainingJobSummaries
    told = FailStep(
        "Tell",
        error_message=Join(
            on="|",
            values=[
                step.properties.BestTrainingJob.TrainingJobName,
                summaries[0].TrainingJobName,
                summaries[1].FinalHyperParameterTuningJobObjectiveMetric.Value,
                step.get_top_model_s3_uri(top_k=0, s3_bucket=session.default_bucket(), prefix="sdk-tuned"),
                step.properties.TrainingJobStatusCounters.Completed,
            ],
        ),
    )
    pipeline = Pipeline(
        "sdk-tuning", parameters=[parent_name], steps=[step, told], sagemaker_session=in_pipeline
    )
    pipeline.upsert(role_arn=ROLE)
    found["pipeline"] = pipeline.start().arn
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
