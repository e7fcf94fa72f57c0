"""The operations, beside what a tuning job does: listing, filters, and what they refuse."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from local_sagemaker.errors import ResourceInUse, ResourceNotFound, ValidationException

if TYPE_CHECKING:
    from conftest import Tuning

KIND = "HyperParameterTuningJob"


@pytest.fixture(scope="module")
def mixed(tuning: Tuning) -> str:
    """A search of which one trial fails, one has no objective, and two are good."""
    ranges = {"mood": ["good", "fails", "silent", "bad"]}
    return str(tuning.run(tuning.request("Grid", None, ranges=ranges))[f"{KIND}Name"])


def values(trials: list[dict[str, Any]]) -> list[float]:
    return [trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for trial in trials]


def test_trials_are_listed_by_name(tuning: Tuning, mixed: str) -> None:
    """From the first to the last, as AWS documents the default."""
    names = [trial["TrainingJobName"] for trial in tuning.trials(mixed)]

    assert names == sorted(names)
    assert len(names) == 4


def test_by_the_objective_those_without_one_are_left_out(tuning: Tuning, mixed: str) -> None:
    """In either direction."""
    order = {"SortBy": "FinalObjectiveMetricValue"}
    best_first = tuning.trials(mixed, **order, SortOrder="Descending")
    best_last = tuning.trials(mixed, **order, SortOrder="Ascending")

    assert values(best_first) == sorted(values(best_first), reverse=True)
    assert values(best_last) == values(best_first)[::-1]
    assert len(best_first) == 2


def test_trials_are_filtered_by_status(tuning: Tuning, mixed: str) -> None:
    """The one that failed says why."""
    (failed,) = tuning.trials(mixed, StatusEquals="Failed")

    assert failed["TunedHyperParameters"] == {"mood": "fails"}
    assert failed["ObjectiveStatus"] == "Failed"
    assert "it does not want to" in failed["FailureReason"]
    assert len(tuning.trials(mixed, StatusEquals="Completed")) == 3


def test_trials_come_in_pages(tuning: Tuning, mixed: str) -> None:
    """Each once, whatever the size of a page."""
    request: dict[str, Any] = {f"{KIND}Name": mixed, "MaxResults": 3}
    first = tuning.call(f"ListTrainingJobsFor{KIND}", request)
    second = tuning.call(f"ListTrainingJobsFor{KIND}", {**request, "NextToken": first["NextToken"]})

    assert first["TrainingJobSummaries"] + second["TrainingJobSummaries"] == tuning.trials(mixed)
    assert "NextToken" not in second


def test_tuning_jobs_are_listed(tuning: Tuning, mixed: str) -> None:
    """With their strategy, limits and counters."""
    (found,) = tuning.call(f"List{KIND}s", {"NameContains": mixed, "MaxResults": 1})[f"{KIND}Summaries"]

    assert found["Strategy"] == "Grid"
    assert found["ResourceLimits"] == {"MaxParallelTrainingJobs": 1}
    assert found["TrainingJobStatusCounters"]["Completed"] == 3
    assert found["ObjectiveStatusCounters"] == {"Succeeded": 2, "Pending": 0, "Failed": 2}


def test_a_search_that_runs_can_be_described(tuning: Tuning) -> None:
    """What runs is counted as such; there is no best job yet, and no end."""
    definition = tuning.definition(rounds="5000", pause="0.02")
    name = tuning.start(tuning.request(definition=definition, parallel=2))
    kind = f"HyperParameterTrainingJob/{name}"
    while len(tuning.records.list(kind)) < 2:
        time.sleep(0.01)

    described = tuning.call(f"Describe{KIND}", {f"{KIND}Name": name})
    tuning.call(f"Stop{KIND}", {f"{KIND}Name": name})

    assert described[f"{KIND}Status"] == "InProgress"
    assert described["TrainingJobStatusCounters"]["InProgress"] == 2
    assert described["ObjectiveStatusCounters"]["Pending"] == 2
    assert "BestTrainingJob" not in described
    assert tuning.ended(name)[f"{KIND}Status"] == "Stopped"


def test_a_name_is_used_once(tuning: Tuning, mixed: str) -> None:
    """Also when the first has ended long ago."""
    with pytest.raises(ResourceInUse, match="already exists"):
        tuning.start({**tuning.request(), f"{KIND}Name": mixed})


def test_a_job_that_ended_cannot_be_stopped(tuning: Tuning, mixed: str) -> None:
    """The refusal says in which status it is."""
    with pytest.raises(ValidationException, match="in status Completed"):
        tuning.call(f"Stop{KIND}", {f"{KIND}Name": mixed})


@pytest.mark.parametrize("operation", [f"Describe{KIND}", f"Stop{KIND}", f"ListTrainingJobsFor{KIND}"])
def test_a_job_that_is_not_there(tuning: Tuning, operation: str) -> None:
    """Is named."""
    with pytest.raises(ResourceNotFound, match="'nobody'"):
        tuning.call(operation, {f"{KIND}Name": "nobody"})


def test_deleting_forgets_a_tuning_job_and_keeps_its_training_jobs(tuning: Tuning) -> None:
    """One that runs must be stopped first; one that is not there is gone already."""
    definition = tuning.definition(rounds="5000", pause="0.02")
    name = tuning.start(tuning.request(definition=definition))
    with pytest.raises(ValidationException, match="stop it before it is deleted"):
        tuning.call(f"Delete{KIND}", {f"{KIND}Name": name})
    tuning.call(f"Stop{KIND}", {f"{KIND}Name": name})
    tuning.ended(name)
    trials = tuning.trials(name)

    for _ in range(2):
        tuning.call(f"Delete{KIND}", {f"{KIND}Name": name})

    with pytest.raises(ResourceNotFound):
        tuning.call(f"Describe{KIND}", {f"{KIND}Name": name})
    for trial in trials:
        tuning.call("DescribeTrainingJob", {"TrainingJobName": trial["TrainingJobName"]})
