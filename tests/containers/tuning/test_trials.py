"""A search, read from SageMaker's answers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.tuning.trials import Axis, search


def test_trials_come_in_the_order_in_which_they_were_begun(description, summary):
    """However the service sorted them."""
    read = search(description(), [summary(3, 0.7), summary(1, 0.9), summary(2, None, status="Failed")])

    assert [(trial.number, trial.name) for trial in read.trials] == [
        (1, "job-001"),
        (2, "job-002"),
        (3, "job-003"),
    ]


@pytest.mark.parametrize(("direction", "best"), [("Maximize", "job-003"), ("Minimize", "job-001")])
def test_the_best_trial_is_best_by_the_direction(description, summary, direction, best):
    """And one without a value is never best."""
    trials = [summary(1, 0.1), summary(2, None), summary(3, 0.3), summary(4, 0.3)]
    read = search(description(direction=direction), trials)

    assert read.best.name == best


def test_a_search_without_values_has_no_best(found):
    """All trials failed before they printed a metric."""
    assert found(None, None).best is None


def test_the_best_so_far_never_gets_worse(found):
    """After each trial, also after one without a value."""
    assert found(None, 0.7, 0.6, None, 0.8).best_so_far() == [None, 0.7, 0.7, 0.7, 0.8]


def test_only_what_ran_to_its_end_is_finished(description, summary):
    """A stopped trial has a value, but not one that can be compared."""
    read = search(description(), [summary(1, 0.5, status="Stopped"), summary(2, 0.9)])

    assert [trial.number for trial in read.finished] == [2]
    assert [trial.number for trial in read.measured] == [1, 2]


def test_a_trial_that_has_not_ended_has_no_length(description, summary):
    """It has a time at which it was asked for."""
    (trial,) = search(description(), [summary(1, None, seconds=None, status="InProgress")]).trials

    assert trial.seconds is None
    assert trial.started is not None


def test_parents_are_read(description):
    """By name, with the type of warm start."""
    read = search(description(parents=("one", "two")), [])

    assert (read.warm_start, read.parents) == ("TransferLearning", ("one", "two"))


@pytest.mark.parametrize(
    ("axis", "text", "place"),
    [
        (Axis("x", 0, 10), "2.5", 0.25),
        (Axis("x", 0.01, 1, "Logarithmic"), "0.1", 0.5),
        (Axis("x", 0, 0.99, "ReverseLogarithmic"), "0.9", 0.5),
        (Axis("x", 0, 10), "11", 1.0),
        (Axis("x", values=("a", "b", "c")), "b", 0.5),
        (Axis("x", values=("a",)), "a", 0.0),
    ],
)
def test_a_value_has_a_place_on_its_axis(axis, text, place):
    """On the axis's own scale."""
    assert axis.position(text) == pytest.approx(place)


def test_a_value_that_is_no_choice_has_no_place():
    """Of a parent with other choices."""
    assert math.isnan(Axis("x", values=("a", "b")).position("c"))


@given(
    st.sampled_from(["Linear", "Logarithmic", "ReverseLogarithmic"]),
    st.floats(0.01, 0.98),
    st.floats(0.01, 0.98),
)
def test_places_keep_the_order_of_values(scaling, one, other):
    """On every scale."""
    axis = Axis("x", 0.01, 0.98, scaling)
    places = [axis.position(repr(value)) for value in sorted((one, other))]

    assert 0 <= places[0] <= places[1] <= 1
