"""A tuning job and its trials, out of SageMaker's answers. Pure: answers in, records out; standard library only.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeHyperParameterTuningJob.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperParameterTrainingJobSummary.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Axis:
    """A hyperparameter that is searched, and how far."""

    name: str
    low: float = 0.0
    high: float = 1.0
    scaling: str = "Linear"  # Auto counts as Linear: which scale AWS chose is not told
    values: tuple[str, ...] = ()  # categorical: the choices in the order in which they were given

    def position(self, text: str) -> float:
        """Where a value lies between the axis's ends, 0 to 1, on the axis's own scale; a choice at its place."""
        if self.values:
            return self.values.index(text) / max(len(self.values) - 1, 1) if text in self.values else math.nan
        low, high = self._scale(self.low), self._scale(self.high)
        return min(1.0, max(0.0, (self._scale(float(text)) - low) / (high - low)))

    @property
    def ends(self) -> tuple[str, str]:
        """What the axis begins and ends with, as text."""
        return (self.values[0], self.values[-1]) if self.values else (f"{self.low:.4g}", f"{self.high:.4g}")

    def _scale(self, value: float) -> float:
        if self.scaling == "Logarithmic":
            return math.log(value)
        return -math.log1p(-value) if self.scaling == "ReverseLogarithmic" else value


@dataclass(frozen=True)
class Trial:
    """One training job of a search."""

    number: int  # from 1 on, in the order in which they were begun
    name: str
    status: str  # Completed, Stopped (early, or with the search), Failed …
    objective: float | None
    seconds: float | None  # that it trained
    started: datetime | None
    hyperparameters: Mapping[str, str]
    failure: str = ""


@dataclass(frozen=True)
class Search:
    """A tuning job."""

    name: str
    status: str
    strategy: str
    metric: str
    maximize: bool
    early_stopping: bool
    axes: tuple[Axis, ...]
    trials: tuple[Trial, ...]
    warm_start: str = ""  # the type, where it had parents
    parents: tuple[str, ...] = ()

    @property
    def measured(self) -> tuple[Trial, ...]:
        """The trials that have an objective value."""
        return tuple(trial for trial in self.trials if trial.objective is not None)

    @property
    def finished(self) -> tuple[Trial, ...]:
        """Those of them that ran to their end; the value of a stopped one says where it was, not how good it is."""
        return tuple(trial for trial in self.measured if trial.status == "Completed")

    @property
    def best(self) -> Trial | None:
        """The trial with the best value, of equal ones the first."""
        return min(self.measured, key=lambda trial: self.cost(trial.objective), default=None)

    def cost(self, value: float | None) -> float:
        """The value so that less is better; no value is worst."""
        if value is None or math.isnan(value):
            return math.inf
        return -value if self.maximize else value

    def best_so_far(self) -> list[float | None]:
        """After each trial, the best value until then."""
        best: float | None = None
        found = []
        for trial in self.trials:
            if self.cost(trial.objective) < self.cost(best):
                best = trial.objective
            found.append(best)
        return found


def search(description: Mapping[str, Any], summaries: Sequence[Mapping[str, Any]]) -> Search:
    """The search that DescribeHyperParameterTuningJob and ListTrainingJobsForHyperParameterTuningJob speak of."""
    config = description["HyperParameterTuningJobConfig"]
    objective = config["HyperParameterTuningJobObjective"]
    warm_start = description.get("WarmStartConfig", {})
    ordered = sorted(summaries, key=lambda summary: (summary["CreationTime"], summary["TrainingJobName"]))
    return Search(
        description["HyperParameterTuningJobName"],
        description["HyperParameterTuningJobStatus"],
        config["Strategy"],
        objective["MetricName"],
        objective["Type"] == "Maximize",
        config.get("TrainingJobEarlyStoppingType", "Off") == "Auto",
        _axes(config.get("ParameterRanges", {})),
        tuple(_trial(number, summary) for number, summary in enumerate(ordered, start=1)),
        warm_start.get("WarmStartType", ""),
        tuple(
            parent["HyperParameterTuningJobName"]
            for parent in warm_start.get("ParentHyperParameterTuningJobs", ())
        ),
    )


def _trial(number: int, summary: Mapping[str, Any]) -> Trial:
    started, ended = summary.get("TrainingStartTime"), summary.get("TrainingEndTime")
    metric = summary.get("FinalHyperParameterTuningJobObjectiveMetric")
    return Trial(
        number,
        summary["TrainingJobName"],
        summary["TrainingJobStatus"],
        float(metric["Value"]) if metric else None,
        (ended - started).total_seconds() if started and ended else None,
        started or summary["CreationTime"],
        dict(summary["TunedHyperParameters"]),
        summary.get("FailureReason", ""),
    )


def _axes(ranges: Mapping[str, Any]) -> tuple[Axis, ...]:
    numbers = [*ranges.get("ContinuousParameterRanges", ()), *ranges.get("IntegerParameterRanges", ())]
    return (
        *(
            Axis(
                each["Name"],
                float(each["MinValue"]),
                float(each["MaxValue"]),
                each.get("ScalingType", "Auto"),
            )
            for each in numbers
        ),
        *(
            Axis(each["Name"], values=tuple(each["Values"]))
            for each in ranges.get("CategoricalParameterRanges", ())
        ),
    )
