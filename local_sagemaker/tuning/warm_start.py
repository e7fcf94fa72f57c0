"""Trials of earlier tuning jobs, as history of a new one.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-warm-start.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local_sagemaker.errors import ValidationException
from local_sagemaker.records import Records
from local_sagemaker.tuning import ranges, trials
from local_sagemaker.tuning.plan import Definition, Plan
from local_sagemaker.tuning.strategies import Draw, Past

Document = dict[str, Any]

IDENTICAL = "IdenticalDataAndAlgorithm"
_TERMINAL = ("Completed", "Failed", "Stopped")
_MOST_CHANGES = 10  # of hyperparameters between static and tuned


@dataclass(frozen=True)
class Inheritance:
    """What a tuning job has from its parents."""

    history: tuple[Past, ...] = ()
    used: tuple[str, ...] = ()  # training jobs
    dropped: Mapping[str, str] = field(default_factory=dict)  # training job -> why its trial is of no use


def check(request: Document, plan: Plan, records: Records) -> None:
    """Refuse parents that break AWS's rules. Raises ValidationException."""
    config = request.get("WarmStartConfig")
    if config is None:
        return
    if len(plan.definitions) > 1:
        raise ValidationException("Warm start is for tuning jobs with one training job definition.")
    names = _parents(config)
    for name in ranges.repeated(names):
        raise ValidationException(f"The parent tuning job {name!r} is named more than once.")
    (definition,) = plan.definitions.values()
    for name in names:
        parent = records.get("HyperParameterTuningJob", name)
        if parent is None:
            raise ValidationException(f"The parent tuning job {name!r} does not exist.")
        _check_parent(name, parent, definition)
        if config["WarmStartType"] == IDENTICAL:
            _check_identical(name, parent, request)


def inherit(request: Document, plan: Plan, records: Records) -> Inheritance:
    """The finished trials of the parents (and not of theirs), as far as they say something about this search."""
    config = request.get("WarmStartConfig")
    if config is None:
        return Inheritance()
    (definition,) = plan.definitions.values()
    history, used, dropped = [], [], {}
    for parent in _parents(config):
        static = _one(records.get("HyperParameterTuningJob", parent) or {}).get("StaticHyperParameters", {})
        for summary in trials.summaries(records, parent):
            trial = trials.read(summary)
            reason = _useless(trial, static, definition)
            if reason:
                dropped[trial.name] = reason
            else:
                everything = {**static, **trial.values}
                values = {each.name: everything[each.name] for each in definition.ranges}
                history.append(Past(Draw(definition.name, values), trial.objective))
                used.append(trial.name)
    return Inheritance(tuple(history), tuple(used), dropped)


def parents_summaries(request: Document, records: Records) -> list[Document]:
    """The trials of the parents that may be the best of all; only data and algorithm that are the same compare."""
    config = request.get("WarmStartConfig")
    if config is None or config["WarmStartType"] != IDENTICAL:
        return []
    return [
        {**summary, "TuningJobName": parent}
        for parent in _parents(config)
        for summary in trials.summaries(records, parent)
    ]


def _useless(trial: trials.Trial, static: Mapping[str, str], definition: Definition) -> str:
    """Why a parent's trial cannot be history here; empty if it can."""
    if trial.objective is None:
        return "it has no objective value"
    everything = {**static, **trial.values}
    for each in definition.ranges:
        text = everything.get(each.name)
        if text is None:
            return f"it has no {each.name}"
        if not each.holds(text):
            return f"its {each.name}, {text}, is outside of the new range"
    for name, text in definition.static.items():
        if name in trial.values and trial.values[name] != text:
            return f"its {name} is {trial.values[name]}, and is {text} now"
    return ""


def _check_parent(name: str, parent: Document, definition: Definition) -> None:
    status = parent["HyperParameterTuningJobStatus"]
    if status not in _TERMINAL:
        raise ValidationException(
            f"The parent tuning job {name!r} is {status}; it must be {', '.join(_TERMINAL[:-1])} or {_TERMINAL[-1]}."
        )
    if "TrainingJobDefinitions" in parent:
        raise ValidationException(f"The parent tuning job {name!r} has several training job definitions.")
    objective = _objective(parent)
    own = {
        "Type": "Minimize" if definition.objective.minimize else "Maximize",
        "MetricName": definition.objective.metric,
    }
    if objective != own:
        raise ValidationException(
            f"The parent tuning job {name!r} has another objective: to {_said(objective)}, and not to {_said(own)}."
        )
    _check_names(name, parent["_Tuned"], _one(parent).get("StaticHyperParameters", {}), definition)


def _check_names(
    parent: str, tuned: Mapping[str, str], static: Mapping[str, str], definition: Definition
) -> None:
    theirs, ours = {*tuned, *static}, {*(each.name for each in definition.ranges), *definition.static}
    if len(theirs) != len(ours):
        raise ValidationException(
            f"The parent tuning job {parent!r} has {len(theirs)} hyperparameters, and this one {len(ours)}; the total "
            "of static and tuned ones must be the same."
        )
    for each in definition.ranges:
        if tuned.get(each.name, each.kind) != each.kind:
            raise ValidationException(
                f"The parent tuning job {parent!r} has a range of type {tuned[each.name]} for {each.name!r}, and this "
                f"one {each.kind}; the type cannot change."
            )
    changes = [each.name for each in definition.ranges if each.name in static]
    changes += [name for name in definition.static if name in tuned]
    if len(changes) > _MOST_CHANGES:
        raise ValidationException(
            f"{len(changes)} hyperparameters change between static and tuned from the parent tuning job {parent!r}; at "
            f"most {_MOST_CHANGES} may."
        )


def _check_identical(name: str, parent: Document, request: Document) -> None:
    theirs, ours = _one(parent), _one(request)
    for key, what in (("AlgorithmSpecification", "image"), ("InputDataConfig", "data")):
        one, other = theirs.get(key), ours.get(key)
        if key == "AlgorithmSpecification":
            one, other = theirs[key].get("TrainingImage"), ours[key].get("TrainingImage")
        if one != other:
            raise ValidationException(
                f"The parent tuning job {name!r} has another {what}; with {IDENTICAL} it must be the same. "
                "TransferLearning allows both to change."
            )


def _parents(config: Document) -> list[str]:
    found: Sequence[Document] = config["ParentHyperParameterTuningJobs"]
    return [each.get("HyperParameterTuningJobName", "") for each in found]


def _one(document: Document) -> Document:
    found: Document = document.get("TrainingJobDefinition", {})
    return found


def _objective(document: Document) -> Document:
    config = document["HyperParameterTuningJobConfig"]
    found: Document = _one(document).get("TuningObjective") or config["HyperParameterTuningJobObjective"]
    return found


def _said(objective: Document) -> str:
    return f"{objective['Type'].lower()} {objective['MetricName']}"
