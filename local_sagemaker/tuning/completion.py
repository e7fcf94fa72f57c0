"""When a tuning job has found what it looks for, or will find no more.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-progress.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_sagemaker.tuning.trials import better

_WORTH = 0.01  # AWS: a job improves the best if it is better by 1 % or more
# AWS does not tell how it detects convergence. Here: so many trials for each hyperparameter, and at least so many
# in all, changed the best by less than a thousandth.
_STANDSTILL, _PATIENCE, _LEAST = 0.001, 4, 10


@dataclass(frozen=True)
class Criteria:
    """TuningJobCompletionCriteria."""

    target: float | None = None
    not_improving: int | None = None  # MaxNumberOfTrainingJobsNotImproving
    convergence: bool = False


def read(wire: Mapping[str, Any]) -> Criteria:
    """The criteria of a request."""
    return Criteria(
        target=wire.get("TargetObjectiveMetricValue"),
        not_improving=wire.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving"),
        convergence=wire.get("ConvergenceDetected", {}).get("CompleteOnConvergence") == "Enabled",
    )


def reached(criteria: Criteria, values: Sequence[float], dimensions: int, *, minimize: bool) -> str:
    """Which criterion is met, in words; empty while none is.

    ``values`` are the final objectives, in the order in which the trials ended.
    """
    target, is_better = criteria.target, better(minimize=minimize)
    if target is not None and any(value == target or is_better(value, target) for value in values):
        return f"the objective reached the target {target:g}"
    if criteria.not_improving is not None:
        since = not_improving(values, minimize=minimize)
        if since >= criteria.not_improving:
            return f"{since} training jobs in a row did not improve the best objective by 1 %"
    if criteria.convergence and converged(values, dimensions, minimize=minimize):
        return "the search has converged"
    return ""


def not_improving(values: Sequence[float], worth: float = _WORTH, *, minimize: bool) -> int:
    """How many of the last values did not improve the best before them by the share ``worth`` of it."""
    is_better = better(minimize=minimize)
    since, best = 0, None
    for value in values:
        if best is None or (is_better(value, best) and abs(value - best) >= worth * abs(best)):
            since, best = 0, value
        else:
            since += 1
    return since


def converged(values: Sequence[float], dimensions: int, *, minimize: bool) -> bool:
    """Whether the search stands still."""
    return not_improving(values, _STANDSTILL, minimize=minimize) >= max(_LEAST, _PATIENCE * dimensions)
