"""What a request for a tuning job may not ask: one clear line each, before anything runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from local_sagemaker.errors import ValidationException

if TYPE_CHECKING:
    from conftest import Tuning

Request = dict[str, Any]


@pytest.fixture
def refused(tuning: Tuning) -> Callable[[Request], str]:
    """The line with which a request is refused; nothing is left of it."""

    def refuse(request: Request) -> str:
        with pytest.raises(ValidationException) as caught:
            tuning.start(request)
        assert tuning.records.get("HyperParameterTuningJob", request["HyperParameterTuningJobName"]) is None
        assert "\n" not in caught.value.message
        return caught.value.message

    return refuse


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"x": (2, 1)}, "The range of 'x' is empty: MinValue 2 is above MaxValue 1."),
        ({"x": (0.5, 0.1)}, "The range of 'x' is empty: MinValue 0.5 is above MaxValue 0.1."),
        ({"x": (0.0, 1.0, "Logarithmic")}, "logarithmic scaling needs values greater than 0"),
        ({"x": (0, 10, "Logarithmic")}, "logarithmic scaling needs values greater than 0"),
        ({"x": (0.5, 1.0, "ReverseLogarithmic")}, "it must lie within 0 <= x < 1"),
        ({"x": (-0.5, 0.9, "ReverseLogarithmic")}, "it must lie within 0 <= x < 1"),
        ({"x": (1, 9, "ReverseLogarithmic")}, "which is for continuous ranges, not integer ones"),
        ({"x": (0.0, float("nan"))}, "MaxValue 'nan', which is not a number"),
        ({"x": (1, 2.5)}, "MaxValue '2.5', which is not a whole number"),
        ({"x": ["a", "b", "a"]}, "The range of 'x' has the value 'a' more than once."),
        ({f"x{number}": (1, 2) for number in range(31)}, "has a length|length less than or equal to 30"),
        ({"rounds": (1, 2)}, "has a static value and a range for rounds"),
        ({}, "there is nothing to tune"),
    ],
)
def test_ranges(tuning: Tuning, refused: Callable[[Request], str], ranges: Any, message: str) -> None:
    """Bounds, scalings and names that make no sense."""
    request = tuning.request(definition=tuning.definition(rounds="3"))
    request["HyperParameterTuningJobConfig"]["ParameterRanges"] = tuning.ranges(**ranges)

    assert re.search(message, refused(request))


def test_a_name_with_two_ranges(tuning: Tuning, refused: Callable[[Request], str]) -> None:
    """An integer and a continuous one."""
    request = tuning.request()
    ranges = {**tuning.ranges(x=(0.0, 1.0)), **tuning.ranges(x=(0, 1))}
    request["HyperParameterTuningJobConfig"]["ParameterRanges"] = ranges

    assert refused(request) == "The hyperparameter 'x' has more than one range."


def test_more_than_thirty_tuned_hyperparameters(tuning: Tuning, refused: Callable[[Request], str]) -> None:
    """Thirty of all types together."""
    ranges = {f"i{number}": (1, 2) for number in range(16)} | {
        f"c{number}": (0.1, 0.2) for number in range(15)
    }

    assert "tunes 31 hyperparameters; at most 30 can be" in refused(tuning.request(ranges=ranges))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"strategy": "Grid"}, "The Grid strategy takes categorical ranges only; 'x' is continuous."),
        ({"strategy": "Grid", "ranges": {"x": (1, 2)}}, "'x' is integer."),
        (
            {"strategy": "Grid", "jobs": 5, "ranges": {"x": ["1", "2"], "y": ["1", "2"]}},
            "must be 4 or left out, not 5",
        ),
        ({"strategy": "Grid", "jobs": 3, "ranges": {"x": ["1", "2"], "y": ["1", "2"]}}, "there are 4"),
        ({"jobs": 2, "parallel": 3}, "it cannot be greater than the number of training jobs, 2"),
        ({"jobs": 751}, "at most 750"),
        ({"jobs": None}, "Nothing ends the tuning job"),
        (
            {"strategy": "Hyperband", "TrainingJobEarlyStoppingType": "Auto"},
            "TrainingJobEarlyStoppingType must be Off",
        ),
        ({"strategy": "Hyperband"}, "needs StrategyConfig.HyperbandStrategyConfig.MaxResource"),
        (
            {
                "strategy": "Hyperband",
                "StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 9, "MaxResource": 3}},
            },
            "MinResource 9 above MaxResource 3",
        ),
        (
            {"StrategyConfig": {"HyperbandStrategyConfig": {"MaxResource": 3}}},
            "StrategyConfig is for the Hyperband strategy",
        ),
        (
            {"HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "scores"}},
            "'scores', which its algorithm does not define; MetricDefinitions has score. Did you mean 'score'?",
        ),
        (
            {"ParameterRanges": {"AutoParameters": [{"Name": "x", "ValueHint": "1"}]}},
            "AutoParameters are for tuning jobs with Autotune.",
        ),
        ({"limits": {"MaxRuntimeInSeconds": 60}}, "greater than or equal to 120"),
    ],
)
def test_rules_of_the_whole(
    tuning: Tuning, refused: Callable[[Request], str], request_: Any, message: str
) -> None:
    """Strategies, limits and objectives that do not go together."""
    assert message in refused(tuning.request(**request_))


def test_hyperband_takes_its_resource_from_the_epochs(tuning: Tuning) -> None:
    """A static hyperparameter of that name is enough."""
    name = tuning.start(tuning.request("Hyperband", 1, definition=tuning.definition(epochs="9")))

    assert tuning.ended(name)["HyperParameterTuningJobStatus"] == "Completed"


def several(tuning: Tuning) -> Request:
    request = tuning.request()
    config = request["HyperParameterTuningJobConfig"]
    goal, ranges = config.pop("HyperParameterTuningJobObjective"), config.pop("ParameterRanges")
    one = {**request.pop("TrainingJobDefinition"), "TuningObjective": goal, "HyperParameterRanges": ranges}
    request["TrainingJobDefinitions"] = [{**one, "DefinitionName": name} for name in ("a", "b")]
    return request


def change(request: Request, **members: Any) -> None:
    request["TrainingJobDefinitions"][1].update(members)


@pytest.mark.parametrize(
    ("break_", "message"),
    [
        (lambda request: change(request, DefinitionName="a"), "has the DefinitionName 'a'"),
        (
            lambda request: request["TrainingJobDefinitions"][1].pop("DefinitionName"),
            "TrainingJobDefinitions[1] has no DefinitionName.",
        ),
        (
            lambda request: change(request, TuningObjective={"Type": "Minimize", "MetricName": "score"}),
            "the same type of objective",
        ),
        (
            lambda request: request["TrainingJobDefinitions"][1].pop("TuningObjective"),
            "The training job definition 'b' has no objective metric.",
        ),
        (
            lambda request: request["HyperParameterTuningJobConfig"].update(ParameterRanges={}),
            "ParameterRanges belongs into each of them",
        ),
        (
            lambda request: request.update(TrainingJobDefinition=request["TrainingJobDefinitions"][0]),
            "not both",
        ),
        (lambda request: request.pop("TrainingJobDefinitions"), "neither"),
        (lambda request: request["TrainingJobDefinitions"][1].pop("ResourceConfig"), "needs ResourceConfig"),
    ],
)
def test_several_definitions(
    tuning: Tuning, refused: Callable[[Request], str], break_: Callable[[Request], Any], message: str
) -> None:
    """Each has a name, an objective and ranges of its own, and they compare."""
    request = several(tuning)
    break_(request)

    assert message in refused(request)


def test_what_a_training_job_may_not_ask_a_tuning_job_may_not(
    tuning: Tuning, refused: Callable[[Request], str]
) -> None:
    """An unknown image, and metric definitions for an algorithm of AWS's."""
    request = tuning.request()
    request["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"] = "somebody/thing:1"
    assert "does not know what to run for the image somebody/thing:1" in refused(request)

    request = tuning.request(definition=tuning.xgboost())
    specification = request["TrainingJobDefinition"]["AlgorithmSpecification"]
    specification["MetricDefinitions"] = [{"Name": "score", "Regex": "x"}]
    assert "You can't override the metric definitions" in refused(request)


def test_a_regular_expression_that_is_none(tuning: Tuning, refused: Callable[[Request], str]) -> None:
    """Named, with what is wrong with it."""
    request = tuning.request()
    specification = request["TrainingJobDefinition"]["AlgorithmSpecification"]
    specification["MetricDefinitions"] = [{"Name": "score", "Regex": "score=(["}]

    assert "'score' is not a regular expression" in refused(request)


def test_instances_of_the_tuning_kind(tuning: Tuning) -> None:
    """HyperParameterTuningResourceConfig with a list of instances: the first is taken."""
    request = tuning.request(jobs=1)
    definition = request["TrainingJobDefinition"]
    del definition["ResourceConfig"]
    instance = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5}
    definition["HyperParameterTuningResourceConfig"] = {"InstanceConfigs": [instance]}

    best = tuning.run(request)["BestTrainingJob"]["TrainingJobName"]

    assert tuning.call("DescribeTrainingJob", {"TrainingJobName": best})["ResourceConfig"] == instance


def test_trials_do_not_share_checkpoints(tuning: Tuning) -> None:
    """Each has a folder of its own: it would carry on from another's otherwise."""
    request = tuning.request(jobs=2)
    request["TrainingJobDefinition"]["CheckpointConfig"] = {"S3Uri": "s3://bucket/checkpoints/"}

    name = tuning.run(request)["HyperParameterTuningJobName"]

    jobs = [each["TrainingJobName"] for each in tuning.trials(name)]
    places = [
        tuning.call("DescribeTrainingJob", {"TrainingJobName": job})["CheckpointConfig"]["S3Uri"]
        for job in jobs
    ]
    assert places == [f"s3://bucket/checkpoints/{job}" for job in jobs]
