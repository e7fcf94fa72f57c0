"""The tuning report, from a client that answers as SageMaker does."""

from __future__ import annotations

import csv
import json
import runpy
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from containers import contract
from containers.contract import ProcessingPaths
from containers.processing import tuning_report

START = datetime(2026, 1, 2, tzinfo=UTC)


class SageMaker:
    """Knows tuning jobs by name: the values of their trials, and their parents."""

    def __init__(self, **jobs):
        self.jobs = jobs

    def describe_hyper_parameter_tuning_job(self, **asked):
        name = asked["HyperParameterTuningJobName"]
        if name not in self.jobs:
            error = {"Code": "ResourceNotFound", "Message": "there is no such tuning job"}
            raise ClientError({"Error": error}, "DescribeHyperParameterTuningJob")
        _, parents = self.jobs[name]
        named = [{"HyperParameterTuningJobName": parent} for parent in parents]
        warm = {"WarmStartType": "IdenticalDataAndAlgorithm", "ParentHyperParameterTuningJobs": named}
        ranges = [{"Name": "eta", "MinValue": "0.1", "MaxValue": "0.9", "ScalingType": "Linear"}]
        return {
            "HyperParameterTuningJobName": name,
            "HyperParameterTuningJobStatus": "Completed",
            "HyperParameterTuningJobConfig": {
                "Strategy": "Random",
                "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
                "ParameterRanges": {"ContinuousParameterRanges": ranges},
            },
            **({"WarmStartConfig": warm} if parents else {}),
        }

    def get_paginator(self, operation):
        assert operation == "list_training_jobs_for_hyper_parameter_tuning_job"
        return self

    def paginate(self, **asked):
        values, _ = self.jobs[asked["HyperParameterTuningJobName"]]
        for number, value in enumerate(values):  # a page each
            yield {"TrainingJobSummaries": [summary(number, value)]}


def summary(number, value):
    began = START + timedelta(minutes=number)
    metric = {"MetricName": "validation:auc", "Value": value}
    return {
        "TrainingJobName": f"trial-{number}",
        "TrainingJobStatus": "Failed" if value is None else "Completed",
        "CreationTime": began,
        "TrainingStartTime": began,
        "TrainingEndTime": began + timedelta(seconds=5),
        "TunedHyperParameters": {"eta": f"{0.1 + 0.1 * number:.1f}"},
        **(
            {"FailureReason": "AlgorithmError: x"}
            if value is None
            else {"FinalHyperParameterTuningJobObjectiveMetric": metric}
        ),
    }


@pytest.fixture
def paths(tmp_path):
    paths = ProcessingPaths(tmp_path)
    paths.settings.parent.mkdir(parents=True)
    paths.settings.write_text('{"name": "test", "title": "A $test$"}')
    return paths


def written(paths):
    return json.loads((paths.output(contract.TUNING) / contract.TUNING_FILE).read_text())


def test_all_trials_of_all_pages_are_in_the_table(paths):
    """In their order, with hyperparameters; a failed one has its reason in the report."""
    tuning_report.main(paths, "job", SageMaker(job=([0.7, None, 0.9], ())))

    with (paths.output(contract.TUNING) / contract.TRIALS_FILE).open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["trial"], row["validation:auc"], row["eta"]) for row in rows] == [
        ("1", "0.7", "0.1"),
        ("2", "", "0.2"),
        ("3", "0.9", "0.3"),
    ]
    assert [row["best_so_far"] for row in rows] == ["0.7", "0.7", "0.9"]
    assert written(paths)["trials"][1]["failure"] == "AlgorithmError: x"
    assert written(paths)["counts"] == {"Completed": 2, "Failed": 1}


def test_the_report_says_what_was_best_and_what_the_warm_start_saved(paths, capsys):
    """Against the parent that is named in the description."""
    client = SageMaker(job=([0.9, 0.8], ("parent",)), parent=([0.5, 0.6, 0.85], ()))
    tuning_report.main(paths, "job", client)

    report = written(paths)
    assert report["best"]["training_job"] == "trial-0"
    assert report["warm_start"]["trials_saved"] == 2
    assert "reached after 1 trials; they took 3" in capsys.readouterr().out


def test_a_parent_that_has_been_deleted_is_left_out(paths, capsys):
    """The report is about the search itself."""
    tuning_report.main(paths, "job", SageMaker(job=([0.9, 0.8], ("gone", "parent")), parent=([0.85], ())))

    assert written(paths)["warm_start"]["parent_best"] == 0.85
    assert "the parent gone is left out" in capsys.readouterr().out


def test_pictures_are_drawn_for_what_there_is(paths):
    """Importance needs a few trials more."""
    tuning_report.main(paths, "job", SageMaker(job=([0.1, 0.3, 0.2, 0.6, 0.5, 0.4, 0.7, 0.65], ())))

    report = written(paths)
    assert report["pictures"] == ["objective.png", "parallel_coordinates.png", "importance.png"]
    for name in report["pictures"]:
        assert (paths.output(contract.TUNING) / name).read_bytes().startswith(b"\x89PNG")


def test_the_same_trials_give_the_same_bytes(paths, tmp_path):
    """Pictures too."""
    other = ProcessingPaths(tmp_path / "other")
    other.settings.parent.mkdir(parents=True)
    other.settings.write_bytes(paths.settings.read_bytes())
    for each in (paths, other):
        tuning_report.main(each, "job", SageMaker(job=([0.1, 0.3, 0.2, 0.6, 0.5, 0.4, 0.7], ())))

    for file in paths.output(contract.TUNING).iterdir():
        assert file.read_bytes() == (other.output(contract.TUNING) / file.name).read_bytes(), file.name


def test_a_search_in_which_all_trials_failed_has_a_report_too(paths):
    """With no best, no picture, and the reasons."""
    tuning_report.main(paths, "job", SageMaker(job=([None, None], ())))

    report = written(paths)
    assert (report["best"], report["pictures"], report["importance"]) == (None, [], {})


@pytest.mark.parametrize(
    ("best", "hints"),
    [
        (0, ["eta: the best trial lies at the lower end, 0.1"]),
        (4, []),
        (8, ["eta: the best trial lies at the upper end, 0.9"]),
    ],
)
def test_a_best_trial_at_the_end_of_a_range_asks_for_a_wider_one(paths, best, hints):
    """Only there."""
    values = [0.5 + 0.1 * (number == best) for number in range(9)]
    tuning_report.main(paths, "job", SageMaker(job=(values, ())))

    assert [hint.split(";")[0] for hint in written(paths)["hints"]] == hints


class Unreachable(SageMaker):
    """As in a VPC without an endpoint for the API."""

    def describe_hyper_parameter_tuning_job(self, **asked):
        raise ConnectTimeoutError(endpoint_url="https://api.sagemaker.eu-west-1.amazonaws.com/")


@pytest.mark.parametrize(
    ("client", "reason"),
    [(Unreachable(), "Connect timeout"), (SageMaker(), "there is no such tuning job")],
    ids=["unreachable", "gone"],
)
def test_where_sagemaker_cannot_be_asked_the_report_says_so(paths, client, reason, capsys):
    """And the job succeeds: the models are no worse for it."""
    tuning_report.main(paths, "job", client)

    assert reason in written(paths)["skipped"]
    assert "no report" in capsys.readouterr().out


def test_the_command_wants_a_tuning_job(monkeypatch, capsys):
    """Usage, exit status 2."""
    monkeypatch.setattr(sys, "argv", ["tuning_report"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(Path(tuning_report.__file__)), run_name="__main__")

    assert stopped.value.code == 2
    assert "--tuning-job" in capsys.readouterr().err
