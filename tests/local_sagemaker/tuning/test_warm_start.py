"""Which parents a tuning job may have, and which of their trials count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local_sagemaker.errors import ValidationException

if TYPE_CHECKING:
    from conftest import Tuning

IDENTICAL = "IdenticalDataAndAlgorithm"


@pytest.fixture(scope="module")
def parent(tuning: Tuning) -> str:
    """A random search over x from 0 to 1 with six trials; ``mood`` is static."""
    done = tuning.run(tuning.request("Random", 6, parallel=2, definition=tuning.definition(mood="good")))
    return str(done["HyperParameterTuningJobName"])


def child(tuning: Tuning, *parents: str, kind: str = "TransferLearning", **fields: Any) -> dict[str, Any]:
    fields = {"definition": tuning.definition(mood="good"), "strategy": "Bayesian", "jobs": 1, **fields}
    return tuning.request(warm=tuning.warm(*parents, kind=kind), **fields)


def inherited(tuning: Tuning, request: dict[str, Any]) -> dict[str, Any]:
    """What a tuning job took over from its parents."""
    name = tuning.run(request)["HyperParameterTuningJobName"]
    document = tuning.records.get("HyperParameterTuningJob", name)
    assert document is not None
    found: dict[str, Any] = document["_WarmStart"]
    return found


def test_all_finished_trials_of_a_parent_count(tuning: Tuning, parent: str) -> None:
    """With the same ranges, every one."""
    taken = inherited(tuning, child(tuning, parent))

    assert taken["Used"] == [trial["TrainingJobName"] for trial in tuning.trials(parent)]
    assert taken["Dropped"] == {}


def test_a_warm_search_looks_where_its_parent_was_best(tuning: Tuning, parent: str) -> None:
    """From its first trials on, which a cold one draws at random."""
    warm = tuning.run(child(tuning, parent, jobs=4))["HyperParameterTuningJobName"]
    cold = tuning.run(tuning.request("Bayesian", 4))["HyperParameterTuningJobName"]

    drawn = {name: [float(values["x"]) for values in tuning.drawn(name)] for name in (warm, cold)}
    assert sum(drawn[warm]) > sum(drawn[cold])


def test_a_parent_is_not_followed_to_its_own_parents(tuning: Tuning, parent: str) -> None:
    """A grandparent's trials do not count."""
    middle = tuning.run(child(tuning, parent))["HyperParameterTuningJobName"]

    taken = inherited(tuning, child(tuning, middle))

    assert taken["Used"] == [trial["TrainingJobName"] for trial in tuning.trials(middle)]


def test_trials_outside_of_the_new_range_are_dropped_with_the_reason(tuning: Tuning, parent: str) -> None:
    """A narrower range keeps what lies in it; the log says which do not count, and why."""
    request = child(tuning, parent, ranges={"x": (0.0, 0.5)})

    taken = inherited(tuning, request)

    values = {
        trial["TrainingJobName"]: float(trial["TunedHyperParameters"]["x"]) for trial in tuning.trials(parent)
    }
    assert set(taken["Used"]) == {name for name, x in values.items() if x <= 0.5}
    assert set(taken["Dropped"]) == {name for name, x in values.items() if x > 0.5}
    assert all(reason.endswith("is outside of the new range") for reason in taken["Dropped"].values())
    log = tuning.log(request["HyperParameterTuningJobName"])
    assert f"Warm start with {len(taken['Used'])} trials of the parents." in log
    assert all(f"Warm start without {name}: its x, " in log for name in taken["Dropped"])


@pytest.mark.parametrize("scaling", ["Logarithmic", "ReverseLogarithmic"])
def test_another_scaling_converts_the_trials(tuning: Tuning, parent: str, scaling: str) -> None:
    """Values are what is kept, so they count in any scaling that can hold them."""
    taken = inherited(tuning, child(tuning, parent, ranges={"x": (0.001, 0.999, scaling)}))

    assert len(taken["Used"]) == 6


def test_what_was_static_can_be_tuned(tuning: Tuning, parent: str) -> None:
    """The parent's trials then have the static value."""
    definition = tuning.definition()
    request = child(tuning, parent, definition=definition, ranges={"x": (0.0, 1.0), "mood": ["good", "bad"]})

    assert len(inherited(tuning, request)["Used"]) == 6


def test_what_was_tuned_can_be_static(tuning: Tuning) -> None:
    """The parent's trials that had another value do not count."""
    ranges = {"mood": ["good", "bad"], "x": ["0.1", "0.2"]}
    parent = tuning.run(tuning.request("Grid", None, ranges=ranges))["HyperParameterTuningJobName"]

    taken = inherited(tuning, child(tuning, parent, ranges={"x": ["0.1", "0.2"]}))

    assert len(taken["Used"]) == 2
    assert set(taken["Dropped"].values()) == {"its mood is bad, and is good now"}


def test_trials_without_a_value_are_dropped(tuning: Tuning) -> None:
    """One that failed says nothing."""
    ranges = {"mood": ["good", "fails"]}
    parent = tuning.run(tuning.request("Grid", None, ranges=ranges))["HyperParameterTuningJobName"]

    taken = inherited(tuning, child(tuning, parent, definition=tuning.definition(), ranges=ranges))

    assert len(taken["Used"]) == 1
    assert set(taken["Dropped"].values()) == {"it has no objective value"}


def test_identical_jobs_have_an_overall_best(tuning: Tuning, parent: str) -> None:
    """The best of the parents' trials and of its own, and which tuning job it belongs to."""
    done = tuning.run(child(tuning, parent, kind=IDENTICAL, strategy="Random", ranges={"x": (0.0, 0.01)}))

    overall = done["OverallBestTrainingJob"]
    best = tuning.call("DescribeHyperParameterTuningJob", {"HyperParameterTuningJobName": parent})[
        "BestTrainingJob"
    ]
    assert overall["TrainingJobName"] == best["TrainingJobName"]
    assert overall["TuningJobName"] == parent
    assert done["BestTrainingJob"]["TrainingJobName"] != best["TrainingJobName"]


def test_transfer_learning_has_no_overall_best(tuning: Tuning, parent: str) -> None:
    """Other data or another algorithm do not compare."""
    assert "OverallBestTrainingJob" not in tuning.run(child(tuning, parent))


def test_a_parent_that_runs(tuning: Tuning) -> None:
    """It has to end first."""
    definition = tuning.definition(mood="good", rounds="5000", pause="0.02")
    running = tuning.start(tuning.request(definition=definition))

    with pytest.raises(
        ValidationException, match=f"{running!r} is InProgress; it must be Completed, Failed or Stopped"
    ):
        tuning.start(child(tuning, running, definition=definition))

    tuning.call("StopHyperParameterTuningJob", {"HyperParameterTuningJobName": running})
    tuning.ended(running)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"ranges": {"x": (0, 1)}},
            "a range of type Continuous for 'x', and this one Integer; the type cannot change",
        ),
        (
            {"ranges": {"x": (0.0, 1.0), "y": (0.0, 1.0)}},
            "the total of static and tuned ones must be the same",
        ),
        (
            {"HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "score"}},
            "another objective: to maximize score, and not to minimize score",
        ),
    ],
)
def test_parents_that_do_not_fit(tuning: Tuning, parent: str, fields: Any, message: str) -> None:
    """AWS's rules, one line each."""
    with pytest.raises(ValidationException) as caught:
        tuning.start(child(tuning, parent, **fields))

    assert message in caught.value.message


def test_parents_that_are_not_there(tuning: Tuning, parent: str) -> None:
    """One that does not exist, one twice, and too many."""
    with pytest.raises(ValidationException, match="The parent tuning job 'nobody' does not exist"):
        tuning.start(child(tuning, "nobody"))
    with pytest.raises(ValidationException, match="is named more than once"):
        tuning.start(child(tuning, parent, parent))
    with pytest.raises(ValidationException, match="length less than or equal to 5"):
        tuning.start(child(tuning, *(f"p{number}" for number in range(6))))


def test_identical_means_the_same_image_and_data(tuning: Tuning) -> None:
    """TransferLearning allows what IdenticalDataAndAlgorithm does not."""
    goal = {"Type": "Maximize", "MetricName": "validation:auc"}
    fields: Any = {"ranges": {"eta": (0.1, 0.5)}, "HyperParameterTuningJobObjective": goal}
    definition = tuning.xgboost()
    name = tuning.run(tuning.request("Random", 1, definition=definition, **fields))[
        "HyperParameterTuningJobName"
    ]
    other_data = {**definition, "InputDataConfig": definition["InputDataConfig"][::-1]}
    image = definition["AlgorithmSpecification"]["TrainingImage"].replace("3.2-0", "3.0-5")
    other_image = {
        **definition,
        "AlgorithmSpecification": {**definition["AlgorithmSpecification"], "TrainingImage": image},
    }

    for changed, what in ((other_data, "data"), (other_image, "image")):
        with pytest.raises(
            ValidationException, match=f"has another {what}; with {IDENTICAL} it must be the same"
        ):
            tuning.start(child(tuning, name, kind=IDENTICAL, definition=changed, **fields))
    tuning.run(child(tuning, name, definition=other_image, **fields))
