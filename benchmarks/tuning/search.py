"""One tuning job through boto3, from its request to its trials."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping

from benchmarks.tuning.adult import Adult
from containers.processing.tuning_report import fetch
from containers.tuning.trials import Search

TRIALS = 20
# Wider than the use case's own, as those of somebody who has not looked at the data yet.
RANGES = {
    "ContinuousParameterRanges": [
        {"Name": "eta", "MinValue": "0.02", "MaxValue": "0.6", "ScalingType": "Logarithmic"},
        {"Name": "min_child_weight", "MinValue": "1.0", "MaxValue": "100.0", "ScalingType": "Logarithmic"},
        {"Name": "colsample_bytree", "MinValue": "0.2", "MaxValue": "1.0", "ScalingType": "Linear"},
    ],
    "IntegerParameterRanges": [
        {"Name": "max_depth", "MinValue": "2", "MaxValue": "10", "ScalingType": "Linear"}
    ],
}


def search(
    adult: Adult,
    name: str,
    seed: int,
    *,
    early_stopping: bool = True,
    parent: str | None = None,
) -> Search:
    """Run a search of 20 trials. Raises RuntimeError if it does not complete."""
    request = copy.deepcopy(dict(adult.request))
    config = request["HyperParameterTuningJobConfig"]
    config["ResourceLimits"]["MaxNumberOfTrainingJobs"] = TRIALS
    config["TrainingJobEarlyStoppingType"] = "Auto" if early_stopping else "Off"
    config["RandomSeed"] = seed
    config["ParameterRanges"] = RANGES
    if parent:
        request["WarmStartConfig"] = {
            "WarmStartType": "IdenticalDataAndAlgorithm",
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": parent}],
        }
    adult.sagemaker.create_hyper_parameter_tuning_job(HyperParameterTuningJobName=name, **request)
    while True:
        described = adult.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        if described["HyperParameterTuningJobStatus"] == "Completed":
            return fetch(adult.sagemaker, name)
        if described["HyperParameterTuningJobStatus"] in ("Failed", "Stopped"):
            raise RuntimeError(f"the tuning job {name} failed: {described.get('FailureReason')}")
        time.sleep(0.05)


def train(adult: Adult, name: str, hyperparameters: Mapping[str, str]) -> str:
    """Run one training job with these beside the use case's fixed hyperparameters; the address of its model."""
    trial = copy.deepcopy(dict(adult.request["TrainingJobDefinition"]))
    fixed = trial.pop("StaticHyperParameters")
    trial.pop("RetryStrategy", None)
    adult.sagemaker.create_training_job(
        TrainingJobName=name, HyperParameters={**fixed, **hyperparameters}, **trial
    )
    while True:
        described = adult.sagemaker.describe_training_job(TrainingJobName=name)
        if described["TrainingJobStatus"] == "Completed":
            artifact: str = described["ModelArtifacts"]["S3ModelArtifacts"]
            return artifact
        if described["TrainingJobStatus"] in ("Failed", "Stopped"):
            raise RuntimeError(f"the training job {name} failed: {described.get('FailureReason')}")
        time.sleep(0.05)


def best_model(adult: Adult, found: Search) -> str:
    """The address of the best trial's model."""
    assert found.best is not None  # noqa: S101 - a search that completed has one
    job = adult.sagemaker.describe_training_job(TrainingJobName=found.best.name)
    artifact: str = job["ModelArtifacts"]["S3ModelArtifacts"]
    return artifact
