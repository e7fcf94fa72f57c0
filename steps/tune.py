"""Tune: a hyperparameter tuning job, many trials of the training script, with early stopping and warm start.

The SDK's tuner describes the job. It leaves out part of what an environment asks for: isolation, encryption between
containers, the volume's key, and a random seed of 0 (SDK 3.27, ``HyperparameterTuner._build_training_job_definition``).
``CompleteTuningStep`` puts them into the request, which is why nothing an environment guards is lost in a search.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter
from sagemaker.core.shapes import (
    BestObjectiveNotImproving,
    ConvergenceDetected,
    HyperbandStrategyConfig,
    HyperParameterTuningJobStrategyConfig,
    HyperParameterTuningJobWarmStartConfig,
    ParentHyperParameterTuningJob,
    RetryStrategy,
    TuningJobCompletionCriteria,
)
from sagemaker.core.workflow.functions import Join
from sagemaker.mlops.workflow.steps import TuningStep
from sagemaker.train.tuner import HyperparameterTuner

from containers import contract
from steps.context import StepContext
from steps.script import Script, channels
from steps.search import Range, Tuning, WarmStart

NAME = "Tune"


class CompleteTuningStep(TuningStep):  # type: ignore[misc]  # the SDK has no types
    """A tuning step whose request also holds what the SDK's tuner leaves out of it."""

    def __init__(self, *, job: Mapping[str, Any], trial: Mapping[str, Any], **given: Any) -> None:
        super().__init__(**given)
        self._job, self._trial = job, trial

    @property
    def arguments(self) -> dict[str, Any]:
        """CreateHyperParameterTuningJob's request."""
        request: dict[str, Any] = super().arguments
        definition = request["TrainingJobDefinition"]
        resources = {**definition["ResourceConfig"], **self._trial.get("ResourceConfig", {})}
        return {
            **request,
            "HyperParameterTuningJobConfig": {**request["HyperParameterTuningJobConfig"], **self._job},
            "TrainingJobDefinition": {**definition, **self._trial, "ResourceConfig": resources},
        }


def tune_step(
    context: StepContext,
    script: Script,
    tuning: Tuning,
    hyperparameters: Mapping[str, object],
    warm_start: WarmStart | None = None,
    *,
    train: StrPipeVar,
    validation: StrPipeVar,
    flow: StrPipeVar,
) -> CompleteTuningStep:
    """Search ``tuning.ranges`` for the model that does best on ``validation``; the other hyperparameters are fixed."""
    trainer = script.trainer(context, NAME, hyperparameters)
    trainer.with_retry_strategy(RetryStrategy(maximum_retry_attempts=context.retry.attempts))
    tuner = HyperparameterTuner(
        trainer,
        objective_metric_name=tuning.objective,
        objective_type=tuning.direction,
        hyperparameter_ranges={name: _parameter(searched) for name, searched in tuning.ranges.items()},
        strategy=tuning.strategy,
        strategy_config=_hyperband(tuning),
        completion_criteria_config=_completion(tuning),
        max_jobs=tuning.jobs,
        max_parallel_jobs=tuning.parallel,
        max_runtime_in_seconds=tuning.max_minutes * 60 if tuning.max_minutes else None,
        early_stopping_type=tuning.early_stopping,
        warm_start_config=_warm_start(warm_start),
    )
    return CompleteTuningStep(
        name=NAME,
        step_args=tuner.tune(inputs=channels(train, validation, flow)),
        job={"RandomSeed": tuning.seed},
        trial=_left_out(context),
        cache_config=context.cache_config(),
        retry_policies=context.job_retries(),
    )


def model_uri(step: TuningStep, rank: int = 1) -> Join:
    """Where the model of the ``rank``-th best trial lies, 1 the best.

    The folder is asked of the job and not of the present execution, as ``get_top_model_s3_uri`` would have it: where
    an earlier search stands for this one, its models lie in that execution's folder.
    """
    best = step.properties.BestTrainingJob if rank == 1 else step.properties.TrainingJobSummaries[rank - 1]
    folder = step.properties.TrainingJobDefinition.OutputDataConfig.S3OutputPath
    return Join(on="/", values=[folder, best.TrainingJobName, "output", contract.MODEL_ARCHIVE])


def chosen(step: TuningStep, tuning: Tuning) -> dict[str, StrPipeVar]:
    """The hyperparameters that the search chose, and where they come from, for the registered package."""
    return {
        "TuningJob": step.properties.HyperParameterTuningJobArn,
        "TrainingJob": step.properties.BestTrainingJob.TrainingJobArn,
        **{f"Hyperparameter.{name}": value for name, value in best_hyperparameters(step, tuning).items()},
    }


def best_hyperparameters(step: TuningStep, tuning: Tuning) -> dict[str, StrPipeVar]:
    """The hyperparameters that the search chose, by their names."""
    best = step.properties.BestTrainingJob
    return {name: best.TunedHyperParameters[name] for name in tuning.ranges}


def _left_out(context: StepContext) -> dict[str, Any]:
    network, volume = context.network, context.keys.volume
    return {
        **({"EnableNetworkIsolation": True} if network.isolated else {}),
        **({"EnableInterContainerTrafficEncryption": True} if network.encrypted else {}),
        **({"ResourceConfig": {"VolumeKmsKeyId": volume}} if volume else {}),
    }


def _parameter(searched: Range) -> CategoricalParameter | ContinuousParameter | IntegerParameter:
    if searched.values:
        return CategoricalParameter(list(searched.values))
    kind = IntegerParameter if searched.kind == "Integer" else ContinuousParameter
    return kind(searched.min, searched.max, scaling_type=searched.scaling)


def _hyperband(tuning: Tuning) -> HyperParameterTuningJobStrategyConfig | None:
    if tuning.strategy != "Hyperband":
        return None
    return HyperParameterTuningJobStrategyConfig(
        hyperband_strategy_config=HyperbandStrategyConfig(
            min_resource=tuning.min_resource, max_resource=tuning.max_resource
        )
    )


def _completion(tuning: Tuning) -> TuningJobCompletionCriteria | None:
    criteria = {
        "target_objective_metric_value": tuning.target,
        "best_objective_not_improving": BestObjectiveNotImproving(
            max_number_of_training_jobs_not_improving=tuning.not_improving
        )
        if tuning.not_improving
        else None,
        "convergence_detected": ConvergenceDetected(complete_on_convergence="Enabled")
        if tuning.convergence
        else None,
    }
    given = {name: value for name, value in criteria.items() if value is not None}
    return TuningJobCompletionCriteria(**given) if given else None


def _warm_start(warm_start: WarmStart | None) -> HyperParameterTuningJobWarmStartConfig | None:
    if warm_start is None:
        return None
    return HyperParameterTuningJobWarmStartConfig(
        warm_start_type=warm_start.type,
        parent_hyper_parameter_tuning_jobs=[
            ParentHyperParameterTuningJob(hyper_parameter_tuning_job_name=name) for name in warm_start.parents
        ],
    )
