"""The tuning step: the SDK's request, and what the SDK leaves out of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from steps.context import StepContext
from steps.script import Script
from steps.search import Range, Tuning, WarmStart
from steps.settings import Keys, Machine, Network, Retry
from steps.tune import chosen, model_uri, tune_step

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
SOURCE = "s3://bucket/code/1/sourcedir.tar.gz"
TUNING = Tuning(
    enabled=True,
    objective="validation:auc",
    direction="Maximize",
    ranges={
        "eta": Range(0.01, 0.3, "Logarithmic"),
        "max_depth": Range(3, 8),
        "grow_policy": Range(values=("depthwise", "lossguide")),
    },
    jobs=12,
    parallel=3,
)
Compiled = Callable[..., dict[str, Any]]


def make(context: StepContext, tuning: Tuning = TUNING, *, spot: bool = False, parents: Any = None) -> Any:
    script = Script(IMAGE, Machine(spot=spot), SOURCE)
    given = {"train": "s3://b/train", "validation": "s3://b/validation", "flow": "s3://b/flow"}
    return tune_step(context, script, tuning, {"rounds": 10, "seed": 3}, parents, **given)


def config(context: StepContext, compiled: Compiled, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = compiled(make(context, replace(TUNING, **changes)))["Arguments"][
        "HyperParameterTuningJobConfig"
    ]
    return found


def test_ranges_keep_their_kind_and_scale(context: StepContext, compiled: Compiled) -> None:
    """Numbers are texts, as the API wants them."""
    assert config(context, compiled)["ParameterRanges"] == {
        "ContinuousParameterRanges": [
            {"Name": "eta", "MinValue": "0.01", "MaxValue": "0.3", "ScalingType": "Logarithmic"}
        ],
        "IntegerParameterRanges": [
            {"Name": "max_depth", "MinValue": "3", "MaxValue": "8", "ScalingType": "Auto"}
        ],
        "CategoricalParameterRanges": [{"Name": "grow_policy", "Values": ["depthwise", "lossguide"]}],
    }


@pytest.mark.parametrize(
    ("changes", "path", "value"),
    [
        ({"strategy": "Random"}, "Strategy", "Random"),
        ({"early_stopping": "Off"}, "TrainingJobEarlyStoppingType", "Off"),
        ({}, "TrainingJobEarlyStoppingType", "Auto"),
        ({}, "HyperParameterTuningJobObjective", {"Type": "Maximize", "MetricName": "validation:auc"}),
        (
            {"max_minutes": 30},
            "ResourceLimits",
            {"MaxNumberOfTrainingJobs": 12, "MaxParallelTrainingJobs": 3, "MaxRuntimeInSeconds": 1800},
        ),
        ({"seed": 7}, "RandomSeed", 7),
        ({"seed": 0}, "RandomSeed", 0),
        (
            {"target": 0.95, "not_improving": 5, "convergence": True},
            "TuningJobCompletionCriteria",
            {
                "TargetObjectiveMetricValue": 0.95,
                "BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 5},
                "ConvergenceDetected": {"CompleteOnConvergence": "Enabled"},
            },
        ),
        (
            {"strategy": "Hyperband", "early_stopping": "Off", "min_resource": 10, "max_resource": 100},
            "StrategyConfig",
            {"HyperbandStrategyConfig": {"MinResource": 10, "MaxResource": 100}},
        ),
    ],
)
def test_every_setting_arrives(
    changes: dict[str, Any], path: str, value: Any, context: StepContext, compiled: Compiled
) -> None:
    """A random seed of 0 too, which the SDK takes for none."""
    assert config(context, compiled, **changes)[path] == value


def test_a_grid_says_nothing_of_its_number_of_jobs(context: StepContext, compiled: Compiled) -> None:
    """SageMaker counts the cells itself."""
    limits = config(context, compiled, strategy="Grid", jobs=None)["ResourceLimits"]

    assert limits == {"MaxParallelTrainingJobs": 3}


def test_what_is_not_searched_is_static(context: StepContext, compiled: Compiled) -> None:
    """With the two that name the script."""
    definition = compiled(make(context))["Arguments"]["TrainingJobDefinition"]

    assert definition["StaticHyperParameters"] == {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": SOURCE,
        "rounds": "10",
        "seed": "3",
    }
    assert "MetricDefinitions" not in definition["AlgorithmSpecification"]


def test_a_guarded_environment_guards_every_trial(
    make_context: Callable[..., StepContext], compiled: Compiled
) -> None:
    """VPC, isolation, encryption, both keys and retries, four of which the SDK's tuner drops."""
    context = make_context(
        network=Network(("subnet-1",), ("sg-1",), isolated=True, encrypted=True),
        keys=Keys("volume-key", "output-key"),
        retry=Retry(attempts=4),
    )
    definition = compiled(make(context))["Arguments"]["TrainingJobDefinition"]

    assert definition["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert definition["EnableNetworkIsolation"]
    assert definition["EnableInterContainerTrafficEncryption"]
    assert definition["ResourceConfig"]["VolumeKmsKeyId"] == "volume-key"
    assert definition["ResourceConfig"]["InstanceType"] == "ml.m5.large"
    assert definition["OutputDataConfig"]["KmsKeyId"] == "output-key"
    assert definition["RetryStrategy"] == {"MaximumRetryAttempts": 4}


def test_spot_trials_have_checkpoints(context: StepContext, compiled: Compiled) -> None:
    """And the time that they may wait."""
    definition = compiled(make(context, spot=True))["Arguments"]["TrainingJobDefinition"]

    assert definition["EnableManagedSpotTraining"]
    assert definition["StoppingCondition"]["MaxWaitTimeInSeconds"] == 7200
    assert definition["CheckpointConfig"]["LocalPath"] == "/opt/ml/checkpoints"


def test_parents_are_named(context: StepContext, compiled: Compiled) -> None:
    """In their order."""
    step = make(context, parents=WarmStart("IdenticalDataAndAlgorithm", ("b", "a")))

    assert compiled(step)["Arguments"]["WarmStartConfig"] == {
        "WarmStartType": "IdenticalDataAndAlgorithm",
        "ParentHyperParameterTuningJobs": [
            {"HyperParameterTuningJobName": "b"},
            {"HyperParameterTuningJobName": "a"},
        ],
    }


def test_a_models_address_follows_the_job_that_made_it(context: StepContext) -> None:
    """Not the present execution: where the search comes from the cache, its models lie in another one's folder."""
    step = make(context)
    best, second = (json.dumps(model_uri(step, rank).expr) for rank in (1, 2))

    for address in (best, second):
        assert "Steps.Tune.TrainingJobDefinition.OutputDataConfig.S3OutputPath" in address
        assert "Execution." not in address
    assert "Steps.Tune.BestTrainingJob.TrainingJobName" in best
    assert "Steps.Tune.TrainingJobSummaries[1].TrainingJobName" in second


def test_what_was_chosen_is_kept(context: StepContext) -> None:
    """Every hyperparameter that was searched, under its own name."""
    kept = chosen(make(context), TUNING)

    assert list(kept) == [
        "TuningJob",
        "TrainingJob",
        "Hyperparameter.eta",
        "Hyperparameter.max_depth",
        "Hyperparameter.grow_policy",
    ]
    assert kept["Hyperparameter.eta"].expr == {
        "Get": "Steps.Tune.BestTrainingJob.TunedHyperParameters['eta']"
    }
