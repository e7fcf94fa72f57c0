"""How far a tuning job is: pure, out of DescribeHyperParameterTuningJob's answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TuningProgress:
    """What people ask about a search while it runs, and after."""

    metric: str
    trials: int | None  # at most; None where only time or success ends the search
    completed: int = 0
    stopped: int = 0
    failed: int = 0
    running: int = 0
    best: float | None = None
    best_job: str = ""
    hyperparameters: Mapping[str, str] = field(default_factory=dict)  # of the best trial

    def __str__(self) -> str:
        done = self.completed + self.stopped + self.failed
        parts = [f"{done} of {self.trials} trials" if self.trials else f"{done} trials"]
        counts = ((self.running, "running"), (self.stopped, "stopped early"), (self.failed, "failed"))
        parts += [f"{count} {what}" for count, what in counts if count]
        return ", ".join([*parts, f"best {self.metric} {self.best:.4f}"] if self.best is not None else parts)


def progress(description: Mapping[str, Any]) -> TuningProgress:
    """The progress that DescribeHyperParameterTuningJob speaks of."""
    config = description["HyperParameterTuningJobConfig"]
    counters = description.get("TrainingJobStatusCounters", {})
    best = description.get("BestTrainingJob", {})
    return TuningProgress(
        config["HyperParameterTuningJobObjective"]["MetricName"],
        config["ResourceLimits"].get("MaxNumberOfTrainingJobs"),
        counters.get("Completed", 0),
        counters.get("Stopped", 0),
        counters.get("NonRetryableError", 0),
        counters.get("InProgress", 0) + counters.get("RetryableError", 0),
        best.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value"),
        best.get("TrainingJobName", ""),
        dict(best.get("TunedHyperParameters", {})),
    )
