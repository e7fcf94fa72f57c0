"""Tuning: runs a hyperparameter tuning job. Later steps can read its best training jobs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_sagemaker.pipelines.retry import kind_of_reason
from local_sagemaker.pipelines.steps.base import Attempt, Document
from local_sagemaker.pipelines.steps.job import JobStep

_TOP = 50  # training jobs that a step's TrainingJobSummaries holds, the best first
_NAME_LENGTH, _TAIL = 32, 10
# Of a training job definition, what decides whether a result is used again.
_DEFINITION_KEYS = (
    "AlgorithmSpecification",
    "HyperParameterRanges",
    "InputDataConfig",
    "StaticHyperParameters",
    "TuningObjective",
)


@dataclass(frozen=True, kw_only=True)
class TuningStep(JobStep):
    """A job whose name is shorter than others', and whose properties include a list."""

    def job_name(self, attempt: Attempt) -> str:
        """``<execution>-<step, at most 7>-<10 letters and digits>``: a tuning job's name has 32 characters."""
        own = attempt.arguments.get(f"{self.resource}Name")
        head = own or f"{attempt.execution_arn.rpartition('/')[2]}-{attempt.step.name[:7]}"
        head = re.sub(r"[^a-zA-Z0-9-]", "-", head)[: _NAME_LENGTH - _TAIL - 1].lstrip("-")
        return f"{head}-{attempt.job_name[-_TAIL:]}"

    def described(self, attempt: Attempt, named: Document) -> Document:
        """DescribeHyperParameterTuningJob, with the best training jobs as ``TrainingJobSummaries``."""
        order = "Descending" if _maximizes(attempt.arguments) else "Ascending"
        wanted = {"SortBy": "FinalObjectiveMetricValue", "SortOrder": order, "MaxResults": _TOP}
        top = {
            member: attempt.call(operation, {**named, **wanted})[member]
            for member, operation in self.listed.items()
        }
        return {**super().described(attempt, named), **top}

    def failure_kind(self, reason: str) -> str | None:
        """A tuning job repeats what was lost itself; AWS does not retry the step for it."""
        kind = kind_of_reason(reason)
        return None if kind == "SageMaker.JOB_INTERNAL_ERROR" else kind

    def cache_key(self, arguments: Mapping[str, Any]) -> Document:
        """AWS's list: the configuration, and of each definition what it trains with."""
        key = super().cache_key(arguments)
        if "TrainingJobDefinition" in key:
            key["TrainingJobDefinition"] = _key(key["TrainingJobDefinition"])
        if "TrainingJobDefinitions" in key:
            key["TrainingJobDefinitions"] = [_key(each) for each in key["TrainingJobDefinitions"]]
        return key


def _key(definition: Mapping[str, Any]) -> Document:
    return {name: definition[name] for name in _DEFINITION_KEYS if name in definition}


def _maximizes(arguments: Mapping[str, Any]) -> bool:
    config = arguments["HyperParameterTuningJobConfig"]
    first = arguments.get("TrainingJobDefinition") or arguments["TrainingJobDefinitions"][0]
    objective = first.get("TuningObjective") or config["HyperParameterTuningJobObjective"]
    return bool(objective["Type"] == "Maximize")


TUNING = TuningStep(
    name="Tuning",
    resource="HyperParameterTuningJob",
    shown_as="TuningJob",
    fields=("CacheConfig", "RetryPolicies"),
    create="CreateHyperParameterTuningJob",
    describe="DescribeHyperParameterTuningJob",
    listed={"TrainingJobSummaries": "ListTrainingJobsForHyperParameterTuningJob"},
    filled_in=("HyperParameterTuningJobName",),
    cache_keys=("HyperParameterTuningJobConfig", "TrainingJobDefinition", "TrainingJobDefinitions"),
)
