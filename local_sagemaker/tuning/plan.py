"""A request for a tuning job, understood: what is searched, by which rules, and what each trial is made from.

Everything that AWS refuses is refused here, in one line each, before anything runs.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local_sagemaker import validation
from local_sagemaker.errors import ValidationException
from local_sagemaker.jobs import metrics
from local_sagemaker.service_model import input_shape
from local_sagemaker.tuning import autotune, completion, ranges
from local_sagemaker.tuning.ranges import CATEGORICAL, Range
from local_sagemaker.tuning.strategies import Space

Document = dict[str, Any]

OBJECTIVE = (
    "_tuning_objective_metric"  # the hyperparameter in which SageMaker tells a trial what is looked at
)
MOST_TUNED, MOST_HYPERPARAMETERS, MOST_TRIALS = 30, 100, 750

# Names of the hyperparameter from which Hyperband takes MaxResource where the request does not say it.
_EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
# What a training job definition and a training job call by the same name.
_SHARED = (
    "AlgorithmSpecification",
    "CheckpointConfig",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "EnableNetworkIsolation",
    "Environment",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "RetryStrategy",
    "RoleArn",
    "StoppingCondition",
    "VpcConfig",
)


@dataclass(frozen=True)
class Objective:
    """What is looked at, and how it is found in a trial's log."""

    metric: str
    minimize: bool
    found_by: metrics.Definition


@dataclass(frozen=True)
class Definition:
    """One training job definition."""

    name: str  # empty where it is the only one
    ranges: tuple[Range, ...]
    static: Mapping[str, str]
    objective: Objective
    request: Document  # for a training job, but for its name and its hyperparameters


@dataclass(frozen=True)
class Plan:
    """What one tuning job does."""

    strategy: str
    definitions: Mapping[str, Definition]
    trials: int  # at most
    parallel: int
    seconds: int | None  # at most, for all of it
    early_stopping: bool
    resources: tuple[int, int] | None  # Hyperband: MinResource and MaxResource
    criteria: completion.Criteria

    @property
    def space(self) -> Space:
        """What is searched."""
        return Space({name: each.ranges for name, each in self.definitions.items()})

    @property
    def minimize(self) -> bool:
        """The direction, which all definitions share."""
        return next(iter(self.definitions.values())).objective.minimize


# The Describe document that a request for a training job would begin with. Raises AwsError where it is refused.
Accept = Callable[[Document], Document]


def read(request: Document, accept: Accept) -> Plan:
    """The plan of a valid request. Raises ValidationException."""
    config = request["HyperParameterTuningJobConfig"]
    definitions = _definitions(request, config, accept)
    strategy = config["Strategy"]
    _check_strategy(strategy, definitions, config)
    limits = config["ResourceLimits"]
    trials = _number_of_trials(strategy, definitions, config, autotuned="Autotune" in request)
    parallel = limits["MaxParallelTrainingJobs"]
    if parallel > trials:
        raise ValidationException(
            f"MaxParallelTrainingJobs is {parallel}; it cannot be greater than the number of training jobs, {trials}."
        )
    return Plan(
        strategy=strategy,
        definitions=definitions,
        trials=trials,
        parallel=parallel,
        seconds=limits.get("MaxRuntimeInSeconds"),
        early_stopping=config.get("TrainingJobEarlyStoppingType", "Off") == "Auto",
        resources=_resources(strategy, definitions, config),
        criteria=completion.read(config.get("TuningJobCompletionCriteria", {})),
    )


def _definitions(request: Document, config: Document, accept: Accept) -> dict[str, Definition]:
    several = request.get("TrainingJobDefinitions")
    if several and "TrainingJobDefinition" in request:
        raise ValidationException("Give TrainingJobDefinition or TrainingJobDefinitions, not both.")
    if not several and "TrainingJobDefinition" not in request:
        raise ValidationException("The request has neither TrainingJobDefinition nor TrainingJobDefinitions.")
    if not several:
        wire = request["TrainingJobDefinition"]
        return {wire.get("DefinitionName", ""): _definition(request, wire, config, accept)}
    for key in ("HyperParameterTuningJobObjective", "ParameterRanges"):
        if key in config:
            raise ValidationException(
                f"With TrainingJobDefinitions, {key} belongs into each of them and not into the tuning job's config."
            )
    for index, wire in enumerate(several):
        if "DefinitionName" not in wire:
            raise ValidationException(f"TrainingJobDefinitions[{index}] has no DefinitionName.")
    for name in ranges.repeated(wire["DefinitionName"] for wire in several):
        raise ValidationException(f"More than one of TrainingJobDefinitions has the DefinitionName {name!r}.")
    found = {wire["DefinitionName"]: _definition(request, wire, {}, accept) for wire in several}
    if len({each.objective.minimize for each in found.values()}) > 1:
        raise ValidationException(
            "All TrainingJobDefinitions must have the same type of objective, Maximize or Minimize."
        )
    return found


def _definition(request: Document, wire: Document, config: Document, accept: Accept) -> Definition:
    name = wire.get("DefinitionName", "")
    where = f"The training job definition {name!r}" if name else "The tuning job"
    found = _ranges(wire.get("HyperParameterRanges") or config.get("ParameterRanges") or {}, request, wire)
    static = dict(wire.get("StaticHyperParameters", {}))
    _check_hyperparameters(found, static, where)
    objective = wire.get("TuningObjective") or config.get("HyperParameterTuningJobObjective")
    if objective is None:
        raise ValidationException(f"{where} has no objective metric.")
    template = _template(request, wire)
    definitions = _accepted(template, found, static, objective["MetricName"], accept)
    by_name = {each["Name"]: each for each in definitions}
    metric = objective["MetricName"]
    if metric not in by_name:
        near = difflib.get_close_matches(metric, by_name, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        known = (
            ", ".join(by_name) if 0 < len(by_name) <= 12 else f"{len(by_name)} others" if by_name else "none"
        )
        raise ValidationException(
            f"{where} has the objective metric {metric!r}, which its algorithm does not define; MetricDefinitions "
            f"has {known}.{hint}"
        )
    (found_by,) = metrics.definitions([by_name[metric]])
    return Definition(
        name, found, static, Objective(metric, objective["Type"] == "Minimize", found_by), template
    )


def _ranges(wire: Document, request: Document, definition: Document) -> tuple[Range, ...]:
    found = ranges.read(wire)
    if "Autotune" not in request:
        if wire.get("AutoParameters"):
            raise ValidationException("AutoParameters are for tuning jobs with Autotune.")
        if not found:
            raise ValidationException("The tuning job has no ranges: there is nothing to tune.")
        return found
    return autotune.ranges(found, wire.get("AutoParameters", []), definition)


def _check_hyperparameters(found: tuple[Range, ...], static: Mapping[str, str], where: str) -> None:
    both = [each.name for each in found if each.name in static]
    if both:
        raise ValidationException(
            f"{where} has a static value and a range for {', '.join(both)}; a hyperparameter is one or the other."
        )
    if len(found) > MOST_TUNED:
        raise ValidationException(f"{where} tunes {len(found)} hyperparameters; at most {MOST_TUNED} can be.")
    if len(found) + len(static) > MOST_HYPERPARAMETERS:
        raise ValidationException(
            f"{where} has {len(found) + len(static)} hyperparameters; at most {MOST_HYPERPARAMETERS} are allowed."
        )


def _template(request: Document, wire: Document) -> Document:
    found = {key: wire[key] for key in _SHARED if key in wire}
    chosen = wire.get("HyperParameterTuningResourceConfig")
    if chosen:
        instance = (chosen.get("InstanceConfigs") or [chosen])[0]  # AWS takes the first that it has free
        keys = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")
        found["ResourceConfig"] = {
            key: each[key] for each in (chosen, instance) for key in keys if key in each
        }
    if "ResourceConfig" not in found:
        raise ValidationException(
            "A training job definition needs ResourceConfig or HyperParameterTuningResourceConfig."
        )
    return {**found, **({"Tags": request["Tags"]} if request.get("Tags") else {})}


def training_request(definition: Definition, name: str, values: Mapping[str, str]) -> Document:
    """CreateTrainingJob for a trial."""
    return _request(definition.request, name, {**definition.static, **values}, definition.objective.metric)


def _request(template: Document, name: str, hyperparameters: Mapping[str, str], metric: str) -> Document:
    request = {
        **template,
        "TrainingJobName": name,
        "HyperParameters": {**hyperparameters, OBJECTIVE: metric},
    }
    if "CheckpointConfig" in template:  # trials that shared checkpoints would carry on from each other's
        checkpoints = template["CheckpointConfig"]
        request["CheckpointConfig"] = {**checkpoints, "S3Uri": f"{checkpoints['S3Uri'].rstrip('/')}/{name}"}
    return request


def _accepted(
    template: Document, found: tuple[Range, ...], static: Mapping[str, str], metric: str, accept: Accept
) -> list[dict[str, str]]:
    """MetricDefinitions of a trial, once a trial has been seen to be acceptable. Raises AwsError."""
    request = _request(template, "trial", {**static, **{each.name: each.first for each in found}}, metric)
    shape = input_shape("CreateTrainingJob")
    validation.require(shape, request)
    definitions: list[dict[str, str]] = accept(request)["AlgorithmSpecification"].get("MetricDefinitions", [])
    return definitions


def _check_strategy(strategy: str, definitions: Mapping[str, Definition], config: Document) -> None:
    early = config.get("TrainingJobEarlyStoppingType", "Off") == "Auto"
    if strategy == "Hyperband" and early:
        raise ValidationException(
            "The Hyperband strategy stops training jobs by its own rule: TrainingJobEarlyStoppingType must be Off."
        )
    if strategy != "Hyperband" and "StrategyConfig" in config:
        raise ValidationException("StrategyConfig is for the Hyperband strategy.")
    if strategy != "Grid":
        return
    if len(definitions) > 1:
        raise ValidationException("The Grid strategy tunes one training job definition.")
    (only,) = definitions.values()
    for each in only.ranges:
        if each.kind != CATEGORICAL:
            raise ValidationException(
                f"The Grid strategy takes categorical ranges only; {each.name!r} is {each.kind.lower()}."
            )


def _number_of_trials(
    strategy: str, definitions: Mapping[str, Definition], config: Document, *, autotuned: bool
) -> int:
    limits = config["ResourceLimits"]
    wanted: int | None = limits.get("MaxNumberOfTrainingJobs")
    if strategy == "Grid":
        (only,) = definitions.values()
        cells = ranges.cells(only.ranges)
        if wanted not in (None, cells):
            raise ValidationException(
                f"The Grid strategy tries every combination once, and there are {cells}: MaxNumberOfTrainingJobs "
                f"must be {cells} or left out, not {wanted}."
            )
        wanted = cells
    if wanted is None and autotuned:
        wanted = autotune.TRIALS
    if wanted is None and not ("MaxRuntimeInSeconds" in limits or "TuningJobCompletionCriteria" in config):
        raise ValidationException(
            "Nothing ends the tuning job: give MaxNumberOfTrainingJobs, MaxRuntimeInSeconds or "
            "TuningJobCompletionCriteria."
        )
    wanted = MOST_TRIALS if wanted is None else wanted
    if wanted > MOST_TRIALS:
        raise ValidationException(f"A tuning job has at most {MOST_TRIALS} training jobs, not {wanted}.")
    return wanted


def _resources(
    strategy: str, definitions: Mapping[str, Definition], config: Document
) -> tuple[int, int] | None:
    if strategy != "Hyperband":
        return None
    given = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
    most = given.get("MaxResource") or max(map(_epochs, definitions.values()))
    least = given.get("MinResource", 1)
    if not most:
        raise ValidationException(
            "The Hyperband strategy needs StrategyConfig.HyperbandStrategyConfig.MaxResource, the greatest number of "
            f"rounds, or one of the hyperparameters {', '.join(_EPOCHS)} to take it from."
        )
    if least > most:
        raise ValidationException(
            f"HyperbandStrategyConfig has MinResource {least} above MaxResource {most}."
        )
    return least, most


def _epochs(definition: Definition) -> int:
    found = [int(each.high) for each in definition.ranges if each.name in _EPOCHS and each.high]
    texts = [definition.static[name].strip('"') for name in _EPOCHS if name in definition.static]
    return max([0, *found, *(int(text) for text in texts if text.isdigit())])
