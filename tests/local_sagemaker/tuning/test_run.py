"""What a tuning job does with its trials: which it starts, which it stops and why, and how it ends."""

from __future__ import annotations

import tarfile
import time
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Tuning

SLOW = {"rounds": "60", "pause": "0.01"}


def objective(trial: dict[str, Any]) -> float:
    value: float = trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    return value


@pytest.fixture(scope="module")
def searched(tuning: Tuning) -> dict[str, Any]:
    """A random search with six trials, two at a time."""
    return tuning.run(tuning.request("Random", 6, parallel=2))


def test_a_search_runs_as_many_trials_as_were_asked_for(searched: dict[str, Any]) -> None:
    """All complete, all have a value, and the counters say so."""
    assert searched["HyperParameterTuningJobStatus"] == "Completed"
    assert searched["TrainingJobStatusCounters"]["Completed"] == 6
    assert searched["ObjectiveStatusCounters"] == {"Succeeded": 6, "Pending": 0, "Failed": 0}
    assert searched["HyperParameterTuningEndTime"] >= searched["CreationTime"]
    assert searched["ConsumedResources"]["RuntimeInSeconds"] >= 1


def test_the_best_training_job_has_the_best_value(tuning: Tuning, searched: dict[str, Any]) -> None:
    """The greatest, when the objective is to be maximized."""
    trials = tuning.trials(searched["HyperParameterTuningJobName"])

    assert searched["BestTrainingJob"] in trials
    assert objective(searched["BestTrainingJob"]) == max(map(objective, trials))


def test_a_trial_is_an_ordinary_training_job(tuning: Tuning, searched: dict[str, Any]) -> None:
    """It has its own name, model, log and metric, and knows its tuning job and what is looked at."""
    name = searched["HyperParameterTuningJobName"]
    best = searched["BestTrainingJob"]

    job = tuning.call("DescribeTrainingJob", {"TrainingJobName": best["TrainingJobName"]})

    assert job["TrainingJobName"].startswith(f"{name}-00")
    assert job["TuningJobArn"] == searched["HyperParameterTuningJobArn"]
    assert job["HyperParameters"]["_tuning_objective_metric"] == "score"
    assert job["HyperParameters"]["x"] == best["TunedHyperParameters"]["x"]
    assert job["FinalMetricDataList"][0]["Value"] == objective(best)
    with tarfile.open(fileobj=BytesIO(tuning.store.read(job["ModelArtifacts"]["S3ModelArtifacts"]))) as tar:
        assert tar.getnames() == ["model"]


def test_trials_side_by_side_share_the_cores(tuning: Tuning) -> None:
    """Two at a time on two cores: one each, from the first on, and all of them where one runs alone."""
    definition = tuning.definition(rounds="10", pause="0.01")

    def cores(parallel: int) -> list[int]:
        request = tuning.request("Random", 4, parallel=parallel, definition=definition)
        trials = tuning.trials(tuning.run(request)["HyperParameterTuningJobName"])
        jobs = [tuning.records.get("TrainingJob", trial["TrainingJobName"]) for trial in trials]
        return [job["_Outcome"]["Cores"] for job in jobs if job]

    assert cores(2)[:3] == [1, 1, 1]
    assert cores(1) == [2, 2, 2, 2]


def test_no_more_trials_run_than_there_are_cores(tuning: Tuning) -> None:
    """The others would wait, chosen without knowing how those before them ended."""
    definition = tuning.definition(rounds="5000", pause="0.02")
    name = tuning.start(tuning.request("Random", 10, parallel=10, definition=definition))
    while len(tuning.trials(name)) < 2:
        time.sleep(0.01)
    time.sleep(0.1)

    running = len(tuning.trials(name))
    tuning.call("StopHyperParameterTuningJob", {"HyperParameterTuningJobName": name})

    assert running == 2
    assert tuning.ended(name)["HyperParameterTuningJobStatus"] == "Stopped"


def test_the_last_value_is_the_objective(tuning: Tuning, searched: dict[str, Any]) -> None:
    """Of three rounds, the third."""
    for trial in tuning.trials(searched["HyperParameterTuningJobName"]):
        assert objective(trial) == pytest.approx(float(trial["TunedHyperParameters"]["x"]) + 0.002, abs=1e-6)


def test_progress_is_told(tuning: Tuning, searched: dict[str, Any]) -> None:
    """A line for each trial: done, running, best so far."""
    lines = tuning.log(searched["HyperParameterTuningJobName"]).splitlines()

    assert len(lines) == 6
    best = searched["BestTrainingJob"]["TrainingJobName"]
    assert lines[-1].endswith(f"best: {objective(searched['BestTrainingJob']):g} by {best}")
    assert "6 of at most 6 done, 0 running, 0 stopped early" in lines[-1]


@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_the_same_seed_draws_the_same_values(tuning: Tuning, strategy: str) -> None:
    """Bayesian too, where jobs run one at a time."""
    ranges = {"x": (0.0, 1.0), "mood": ["good", "bad"]}
    names = [tuning.start(tuning.request(strategy, 7, ranges=ranges)) for _ in range(2)]
    for name in names:
        tuning.ended(name)

    assert tuning.drawn(names[0]) == tuning.drawn(names[1])


def test_random_draws_do_not_depend_on_how_many_run_at_a_time(
    tuning: Tuning, searched: dict[str, Any]
) -> None:
    """Two at a time or one, the values are the same."""
    one_by_one = tuning.run(tuning.request("Random", 6))

    names = [each["HyperParameterTuningJobName"] for each in (searched, one_by_one)]
    assert tuning.drawn(names[0]) == tuning.drawn(names[1])


def test_a_grid_visits_every_cell_once(tuning: Tuning) -> None:
    """And needs no number of jobs to be told."""
    ranges = {"x": ["0.1", "0.2", "0.3"], "mood": ["good", "bad"]}

    done = tuning.run(tuning.request("Grid", None, parallel=2, ranges=ranges))

    drawn = tuning.drawn(done["HyperParameterTuningJobName"])
    assert {(each["x"], each["mood"]) for each in drawn} == {
        (x, mood) for x in ranges["x"] for mood in ranges["mood"]
    }
    assert len(drawn) == 6
    assert done["BestTrainingJob"]["TunedHyperParameters"] == {"x": "0.3", "mood": "good"}


def test_xgboost_is_tuned_by_its_own_metric(tuning: Tuning) -> None:
    """Algorithm mode: the metric needs no definition, and is computed because it is the objective."""
    goal = {"Type": "Minimize", "MetricName": "validation:logloss"}
    request = tuning.request(
        "Bayesian",
        6,
        parallel=2,
        definition=tuning.xgboost(),
        ranges={
            "eta": (0.001, 0.5, "Logarithmic"),
            "max_depth": (1, 5),
            "subsample": (0.5, 0.99, "ReverseLogarithmic"),
        },
        HyperParameterTuningJobObjective=goal,
    )

    done = tuning.run(request)

    trials = tuning.trials(done["HyperParameterTuningJobName"])
    assert done["HyperParameterTuningJobStatus"] == "Completed"
    assert len(trials) == 6
    assert objective(done["BestTrainingJob"]) == min(map(objective, trials))
    final = done["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]
    assert final["Type"] == "Minimize"


def test_a_trial_worse_than_the_median_is_stopped(tuning: Tuning) -> None:
    """AWS's rule: those that lag behind the earlier ones are stopped, the good ones run to their last round."""
    ranges = {"mood": ["good", "bad", "worse"], "x": ["0.5", "0.6"]}
    request = tuning.request(
        "Grid", None, ranges=ranges, definition=tuning.definition(**SLOW), TrainingJobEarlyStoppingType="Auto"
    )
    request["HyperParameterTuningJobConfig"]["RandomSeed"] = 2

    done = tuning.run(request)

    trials = tuning.trials(done["HyperParameterTuningJobName"])
    stopped = {
        trial["TunedHyperParameters"]["mood"] for trial in trials if trial["TrainingJobStatus"] == "Stopped"
    }
    assert stopped
    assert "good" not in stopped
    assert done["TrainingJobStatusCounters"]["Stopped"] >= 1
    assert done["ObjectiveStatusCounters"]["Succeeded"] == 6  # the last value of a stopped trial counts
    assert "Stopped early after round" in tuning.log(done["HyperParameterTuningJobName"])


def test_hyperband_stops_all_but_the_best_third(tuning: Tuning) -> None:
    """The trials that are not among the best at a rung do not go on."""
    request = tuning.request(
        "Hyperband",
        6,
        definition=tuning.definition(**SLOW),
        StrategyConfig={"HyperbandStrategyConfig": {"MinResource": 2, "MaxResource": 60}},
    )

    done = tuning.run(request)

    assert done["HyperParameterTuningJobStatus"] == "Completed"
    assert 1 <= done["TrainingJobStatusCounters"]["Stopped"] < 6
    assert done["BestTrainingJob"]["TrainingJobStatus"] == "Completed"


def test_a_trial_that_fails_does_not_fail_the_search(tuning: Tuning) -> None:
    """It is counted, and the others go on."""
    done = tuning.run(tuning.request("Grid", None, ranges={"mood": ["fails", "good", "silent"]}))

    assert done["HyperParameterTuningJobStatus"] == "Completed"
    assert done["TrainingJobStatusCounters"]["NonRetryableError"] == 1
    assert done["ObjectiveStatusCounters"] == {"Succeeded": 1, "Pending": 0, "Failed": 2}
    assert done["BestTrainingJob"]["TunedHyperParameters"] == {"mood": "good"}


def test_a_search_of_which_every_trial_fails_fails_early(tuning: Tuning) -> None:
    """After five, with the reason of the first."""
    done = tuning.run(tuning.request("Random", 9, definition=tuning.definition(mood="fails")))

    assert done["HyperParameterTuningJobStatus"] == "Failed"
    assert done["TrainingJobStatusCounters"]["NonRetryableError"] == 5
    assert done["FailureReason"].startswith(
        "No training job succeeded after 5 attempts. The first that failed, "
    )
    assert "it does not want to" in done["FailureReason"]
    assert "BestTrainingJob" not in done


def test_a_metric_that_is_never_printed_is_named_with_what_was_printed(tuning: Tuning) -> None:
    """The reason shows the regular expression, and the last lines of a trial."""
    done = tuning.run(tuning.request("Random", 2, definition=tuning.definition(mood="silent")))

    assert done["HyperParameterTuningJobStatus"] == "Failed"
    assert "'score=([0-9.]+)'" in done["FailureReason"]
    assert "no numbers from me" in done["FailureReason"]


def test_a_training_job_that_cannot_be_made_is_a_failed_trial(tuning: Tuning) -> None:
    """Somebody took its data away in the meantime: the reason says so."""
    definition = tuning.xgboost()
    definition["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://bucket/nothing/here/"
    goal = {"Type": "Minimize", "MetricName": "validation:logloss"}
    request = tuning.request(
        "Random", 1, definition=definition, ranges={"eta": (0.1, 0.5)}, HyperParameterTuningJobObjective=goal
    )

    done = tuning.run(request)

    assert done["HyperParameterTuningJobStatus"] == "Failed"
    assert "No S3 objects found" in done["FailureReason"]


def test_a_target_that_is_reached_ends_the_search(tuning: Tuning) -> None:
    """No further trial is started."""
    request = tuning.request("Random", 50, TuningJobCompletionCriteria={"TargetObjectiveMetricValue": 0.2})

    done = tuning.run(request)

    trials = tuning.trials(done["HyperParameterTuningJobName"])
    assert done["HyperParameterTuningJobStatus"] == "Completed"
    assert len(trials) < 50
    assert objective(trials[-1]) >= 0.2
    assert all(objective(trial) < 0.2 for trial in trials[:-1])


def test_a_search_that_does_not_improve_ends(tuning: Tuning) -> None:
    """Three in a row that are not one per cent better than the best: Describe says how many."""
    criteria = {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}
    request = tuning.request("Random", 50, TuningJobCompletionCriteria=criteria)

    done = tuning.run(request)

    assert done["TuningJobCompletionDetails"]["NumberOfTrainingJobsObjectiveNotImproving"] == 3
    best = [objective(each) for each in tuning.trials(done["HyperParameterTuningJobName"])]
    assert max(best[-3:]) < 1.01 * max(best[:-3])


def test_a_search_that_is_stopped_stops_its_trials(tuning: Tuning) -> None:
    """What was found until then can be read."""
    definition = tuning.definition(rounds="5000", pause="0.02")
    name = tuning.start(tuning.request("Random", 4, parallel=2, definition=definition))
    while len(tuning.trials(name)) < 2:
        time.sleep(0.01)

    tuning.call("StopHyperParameterTuningJob", {"HyperParameterTuningJobName": name})
    done = tuning.ended(name)

    assert done["HyperParameterTuningJobStatus"] == "Stopped"
    assert [trial["TrainingJobStatus"] for trial in tuning.trials(name)] == ["Stopped", "Stopped"]
    assert "FailureReason" not in done


def test_time_that_is_over_ends_the_search(alone: Tuning) -> None:
    """A job that goes on after its MaxRuntimeInSeconds starts nothing more, and keeps what it found."""
    definition = alone.definition(rounds="40", pause="0.01")
    name = alone.start(
        alone.request("Random", 50, limits={"MaxRuntimeInSeconds": 120}, definition=definition)
    )
    alone.until_trials(name, 1)
    alone.tuning_jobs.close()
    alone.records.update(
        "HyperParameterTuningJob", name, lambda job: {**job, "CreationTime": job["CreationTime"] - 120}
    )

    alone.tuning_jobs.recover()

    done = alone.ended(name)
    assert done["HyperParameterTuningJobStatus"] == "Completed"
    assert len(alone.trials(name)) < 50


def test_two_definitions_are_tuned_together(tuning: Tuning) -> None:
    """Each trial belongs to one of them, and the best is the best of both."""
    goal = {"Type": "Maximize", "MetricName": "score"}
    definitions = [
        {
            **tuning.definition(mood=mood),
            "DefinitionName": mood,
            "TuningObjective": goal,
            "HyperParameterRanges": tuning.ranges(**ranges),
        }
        for mood, ranges in (("good", {"x": (0.5, 1.0)}), ("bad", {"x": (0.0, 1.0), "rounds": (1, 4)}))
    ]
    request = tuning.request("Bayesian", 10)
    del request["TrainingJobDefinition"]
    for key in ("HyperParameterTuningJobObjective", "ParameterRanges"):
        del request["HyperParameterTuningJobConfig"][key]

    done = tuning.run({**request, "TrainingJobDefinitions": definitions})

    trials = tuning.trials(done["HyperParameterTuningJobName"])
    assert {trial["TrainingJobDefinitionName"] for trial in trials} == {"good", "bad"}
    assert done["BestTrainingJob"]["TrainingJobDefinitionName"] == "good"


def test_autotune_needs_no_ranges(tuning: Tuning) -> None:
    """For XGBoost it knows what is worth tuning; what is static stays."""
    request = tuning.request(
        "Bayesian",
        2,
        definition=tuning.xgboost(),
        HyperParameterTuningJobObjective={"Type": "Maximize", "MetricName": "validation:auc"},
    )
    del request["HyperParameterTuningJobConfig"]["ParameterRanges"]

    done = tuning.run({**request, "Autotune": {"Mode": "Enabled"}})

    assert done["HyperParameterTuningJobStatus"] == "Completed", done.get("FailureReason")
    assert {"eta", "max_depth"} <= set(done["BestTrainingJob"]["TunedHyperParameters"])
