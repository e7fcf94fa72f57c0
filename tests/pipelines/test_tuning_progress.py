"""A search's progress in a line."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.tuning_progress import progress

CONFIG = {
    "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
    "ResourceLimits": {"MaxNumberOfTrainingJobs": 10, "MaxParallelTrainingJobs": 2},
}
BEST = {
    "TrainingJobName": "job-003",
    "TunedHyperParameters": {"eta": "0.1"},
    "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "validation:auc", "Value": 0.92345},
}


@pytest.mark.parametrize(
    ("counters", "best", "line"),
    [
        ({}, None, "0 of 10 trials"),
        ({"InProgress": 2}, None, "0 of 10 trials, 2 running"),
        (
            {"Completed": 4, "Stopped": 2, "InProgress": 1, "RetryableError": 1, "NonRetryableError": 1},
            BEST,
            "7 of 10 trials, 2 running, 2 stopped early, 1 failed, best validation:auc 0.9234",
        ),
    ],
)
def test_the_line_says_what_there_is(counters: dict[str, int], best: Any, line: str) -> None:
    """Done, running, stopped early, failed, and the best so far; nothing that is zero."""
    description = {
        "HyperParameterTuningJobConfig": CONFIG,
        "TrainingJobStatusCounters": counters,
        **({"BestTrainingJob": best} if best else {}),
    }

    assert str(progress(description)) == line


def test_a_search_without_a_number_of_jobs_has_no_total() -> None:
    """A grid counts its own cells."""
    limits = {"ResourceLimits": {"MaxParallelTrainingJobs": 2}}
    found = progress({"HyperParameterTuningJobConfig": {**CONFIG, **limits}, "BestTrainingJob": BEST})

    assert str(found) == "0 trials, best validation:auc 0.9234"
    assert (found.best_job, found.hyperparameters) == ("job-003", {"eta": "0.1"})
