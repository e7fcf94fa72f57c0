"""When a search has found enough, or will find no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sagemaker.tuning.completion import Criteria, converged, not_improving, reached, read

ALL = {
    "TargetObjectiveMetricValue": 0.9,
    "BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3},
    "ConvergenceDetected": {"CompleteOnConvergence": "Enabled"},
}


def test_the_criteria_of_a_request() -> None:
    """Each is on its own, and none is there unless asked for."""
    assert read(ALL) == Criteria(0.9, 3, convergence=True)
    assert read({}) == Criteria()
    assert read({"ConvergenceDetected": {"CompleteOnConvergence": "Disabled"}}) == Criteria()


@pytest.mark.parametrize(
    ("criteria", "values", "minimize", "why"),
    [
        (Criteria(), [0.5] * 50, False, ""),
        (Criteria(target=0.9), [0.5, 0.89], False, ""),
        (Criteria(target=0.9), [0.9, 0.5], False, "the objective reached the target 0.9"),
        (Criteria(target=0.9), [1.1], True, ""),
        (Criteria(target=0.9), [0.8], True, "the objective reached the target 0.9"),
        (Criteria(target=0.0), [0.0], True, "the objective reached the target 0"),
        (Criteria(not_improving=3), [0.5, 0.5, 0.504], False, ""),
        (
            Criteria(not_improving=3),
            [0.5, 0.5, 0.504, 0.4],
            False,
            "3 training jobs in a row did not improve the best objective by 1 %",
        ),
        (Criteria(not_improving=3), [0.5, 0.5, 0.505, 0.4], False, ""),
        (Criteria(convergence=True), [0.5] * 10, False, ""),
        (Criteria(convergence=True), [0.5] * 11, False, "the search has converged"),
        (Criteria(convergence=True), [0.5] * 5 + [0.6] * 10, False, ""),
    ],
)
def test_which_criterion_is_met(criteria: Criteria, values: list[float], *, minimize: bool, why: str) -> None:
    """In words, for people; nothing while the search is to go on."""
    assert reached(criteria, values, dimensions=2, minimize=minimize) == why


objectives = st.lists(st.floats(-10, 10), max_size=30)


@given(objectives)
def test_the_count_is_of_the_last_values(values: list[float]) -> None:
    """Never more than there are but one, for the first value is always an improvement."""
    assert 0 <= not_improving(values, minimize=True) <= max(0, len(values) - 1)


@given(objectives, st.booleans())
def test_what_is_no_improvement_adds_one(values: list[float], minimize: bool) -> None:
    """The best value again changes nothing but the count."""
    if values:
        best = min(values) if minimize else max(values)
        worse = best + 1 if minimize else best - 1
        before = not_improving([best, *values], minimize=minimize)
        assert not_improving([best, *values, worse], minimize=minimize) == before + 1


@given(objectives)
def test_more_dimensions_need_more_patience(values: list[float]) -> None:
    """What has converged in many has converged in few."""
    if converged(values, 10, minimize=False):
        assert converged(values, 2, minimize=False)
