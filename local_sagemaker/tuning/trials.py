"""The trials of a tuning job: what was tried, and what came of it, as it is kept and as SageMaker shows it.

A trial is kept as a HyperParameterTrainingJobSummary, in records of a kind of its own for each tuning job.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_sagemaker.records import Records

Document = dict[str, Any]

RUNNING = ("InProgress", "Stopping")
_OUTCOME = ("TrainingJobStatus", "FailureReason", "TrainingStartTime", "TrainingEndTime")
_LOST = "InternalServerError"  # how a reason begins when neither the program nor the data is to blame


@dataclass(frozen=True)
class Trial:
    """One training job of a tuning job."""

    name: str
    number: int  # which draw of the search it is; a trial that was lost is repeated under the same number
    definition: str  # the name of its training job definition; empty where there is only one
    values: Mapping[str, str]  # the tuned hyperparameters
    status: str = "InProgress"  # as TrainingJobStatus
    objective: float | None = None  # the last value of the objective metric
    reason: str = ""  # FailureReason
    retries: str = ""  # the lost trial that this one repeats

    @property
    def ended(self) -> bool:
        """Whether its training job is over."""
        return self.status not in RUNNING

    @property
    def lost(self) -> bool:
        """Whether it ended through no fault of its own, so that it says nothing about its values."""
        return self.status == "Failed" and self.reason.startswith(_LOST)


def kind(tuning_job: str) -> str:
    """The kind of the records that are the trials of one tuning job."""
    return f"HyperParameterTrainingJob/{tuning_job}"


def summaries(records: Records, tuning_job: str) -> list[Document]:
    """HyperParameterTrainingJobSummary of each trial, oldest first."""
    return records.list(kind(tuning_job))


def read(kept: Document) -> Trial:
    """The trial that a summary is about."""
    return Trial(
        name=kept["TrainingJobName"],
        number=kept["_Number"],
        definition=kept.get("TrainingJobDefinitionName", ""),
        values=kept["TunedHyperParameters"],
        status=kept["TrainingJobStatus"],
        objective=objective(kept),
        reason=kept.get("FailureReason", ""),
        retries=kept["_Retries"],
    )


def summary(trial: Trial, tuning_job_arn: str) -> Document:
    """What is kept of a trial that begins now."""
    named = {"TrainingJobDefinitionName": trial.definition} if trial.definition else {}
    return {
        **named,
        "TrainingJobName": trial.name,
        "TrainingJobArn": f"{tuning_job_arn.rpartition(':')[0]}:training-job/{trial.name}",
        "CreationTime": time.time(),
        "TrainingJobStatus": trial.status,
        "TunedHyperParameters": dict(trial.values),
        "ObjectiveStatus": "Pending",
        "_Number": trial.number,
        "_Retries": trial.retries,
    }


def outcome(job: Document, value: float | None, metric: str, *, minimize: bool) -> Document:
    """What a trial's training job, which has ended, adds. The last value of a job that was stopped counts."""
    change = {key: job[key] for key in _OUTCOME if key in job}
    if value is None or job["TrainingJobStatus"] == "Failed":
        return {**change, "ObjectiveStatus": "Failed"}
    final = {"Type": "Minimize" if minimize else "Maximize", "MetricName": metric, "Value": value}
    return {
        **change,
        "ObjectiveStatus": "Succeeded",
        "FinalHyperParameterTuningJobObjectiveMetric": final,
    }


def objective(kept: Document) -> float | None:
    """The final value of the objective metric, if there is one."""
    value: float | None = kept.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value")
    return value


def ranked(found: Iterable[Document], *, minimize: bool) -> list[Document]:
    """The summaries that have an objective value, the best first."""
    scored = [(value, each) for each in found if (value := objective(each)) is not None]
    scored.sort(key=lambda pair: pair[0], reverse=not minimize)
    return [each for _, each in scored]


def best(found: Sequence[Document], *, minimize: bool) -> Document | None:
    """The training job that completed with the best value; one that was stopped, where none completed.

    A job that was stopped may have left no model, which is what the best one is wanted for.
    """
    order = ranked(found, minimize=minimize)
    completed = [each for each in order if each["TrainingJobStatus"] == "Completed"]
    return next(iter(completed or order), None)


def counters(found: Sequence[Document]) -> Document:
    """TrainingJobStatusCounters and ObjectiveStatusCounters."""
    statuses = Counter(map(_counter, found))
    objectives = Counter(each["ObjectiveStatus"] for each in found)
    names = ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
    return {
        "TrainingJobStatusCounters": {name: statuses[name] for name in names},
        "ObjectiveStatusCounters": {name: objectives[name] for name in ("Succeeded", "Pending", "Failed")},
    }


def _counter(kept: Document) -> str:
    trial = read(kept)
    if trial.status == "Failed":
        return "RetryableError" if trial.lost else "NonRetryableError"
    return trial.status if trial.ended else "InProgress"


def better(*, minimize: bool) -> Callable[[float, float], bool]:
    """Whether the first value is better than the second."""
    return (lambda one, other: one < other) if minimize else (lambda one, other: one > other)
