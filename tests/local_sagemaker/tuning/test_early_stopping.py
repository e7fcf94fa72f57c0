"""The rules by which trials are stopped early, as laws and as a few worked examples."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sagemaker.tuning.early_stopping import Rule, Verdict, against_median, judge, successive_halving

values = st.floats(-100, 100, allow_subnormal=False).map(lambda value: round(value, 3))
curves = st.lists(values, min_size=1, max_size=12)
FLAT = [[0.5] * 10, [0.6] * 10, [0.7] * 10]


def rules(*, minimize: bool) -> list[Rule]:
    return [against_median(minimize=minimize), successive_halving(1, 9, minimize=minimize)]


@pytest.mark.parametrize(
    ("curve", "verdict"),
    [
        ([0.65] * 10, None),
        ([0.6] * 10, None),  # as good as the median is not worse
        ([0.9, 0.9, 0.59, 0.9], Verdict(3, 0.59, 0.6)),
        ([0.1], Verdict(1, 0.1, 0.6)),
    ],
)
def test_the_median_of_earlier_averages_is_the_bar(curve: list[float], verdict: Verdict | None) -> None:
    """Three earlier trials stand at 0.5, 0.6 and 0.7."""
    assert judge(against_median(minimize=False), curve, 0, FLAT) == verdict


def test_averages_lag_behind_values() -> None:
    """A trial is held against the running averages of the others: one that equals them is never stopped."""
    rising = [0.1, 0.3, 0.5, 0.7]
    averages = [total / number for number, total in enumerate(accumulate(rising), 1)]

    assert judge(against_median(minimize=False), rising, 0, [averages] * 5) is None


def test_a_median_needs_three() -> None:
    """With fewer earlier trials at a round, nothing is stopped there."""
    assert judge(
        against_median(minimize=False), [0.0] * 10, 0, [[1.0] * 10, [1.0] * 10, [1.0] * 5]
    ) == Verdict(1, 0.0, 1.0)
    assert judge(against_median(minimize=False), [0.0] * 10, 5, [[1.0] * 10, [1.0] * 10, [1.0] * 5]) is None


def test_the_first_twentieth_of_the_rounds_is_left_alone() -> None:
    """Of a hundred rounds, five."""
    assert judge(against_median(minimize=False), [0.0] * 100, 0, [[1.0] * 100] * 3) == Verdict(6, 0.0, 1.0)


@pytest.mark.parametrize(("place", "stopped"), [(0, True), (4, True), (5, False), (8, False)])
def test_at_a_rung_the_best_third_go_on(place: int, *, stopped: bool) -> None:
    """Eight others came to the rung of three rounds; with this one there are nine, and three may pass."""
    others = [[0.0, 0.0, float(number)] for number in range(8)]

    verdict = judge(successive_halving(3, 27, minimize=False), [0.0, 0.0, place + 0.5], 0, others)

    assert (verdict is not None) is stopped


def test_the_last_rung_is_the_end() -> None:
    """Who has come to the greatest number of rounds is not stopped there."""
    others = [[1.0] * 9] * 5

    verdicts = [
        judge(successive_halving(1, 9, minimize=False), [0.0] * 9, start, others) for start in (0, 1, 3)
    ]

    assert [verdict and verdict.round for verdict in verdicts] == [1, 3, None]


@given(curves)
def test_the_first_trial_is_never_stopped(curve: list[float]) -> None:
    """There is nothing to hold against it."""
    assert [judge(rule, curve, 0, []) for rule in rules(minimize=True)] == [None, None]


@given(curves, st.lists(curves, max_size=6))
def test_minimizing_is_maximizing_the_negative(curve: list[float], others: list[list[float]]) -> None:
    """The direction makes no other difference."""
    mirrored = [[-value for value in other] for other in others]
    for up, down in zip(rules(minimize=False), rules(minimize=True), strict=True):
        one = judge(up, curve, 0, others)
        other = judge(down, [-value for value in curve], 0, mirrored)
        assert (one and one.round) == (other and other.round)


@given(curves, st.lists(curves, max_size=6), st.randoms())
def test_the_order_of_the_others_does_not_matter(
    curve: list[float], others: list[list[float]], random: object
) -> None:
    """The verdict is about what they reached, not when."""
    shuffled = list(others)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for rule in rules(minimize=False):
        assert judge(rule, curve, 0, others) == judge(rule, curve, 0, shuffled)


@given(curves, st.lists(curves, max_size=6))
def test_a_trial_ahead_of_all_others_goes_on(curve: list[float], others: list[list[float]]) -> None:
    """Nothing that is at least as good as the best at each round is stopped."""
    best = [
        max([value, *(other[index] for other in others if len(other) > index)])
        for index, value in enumerate(curve)
    ]

    assert [judge(rule, best, 0, others) for rule in rules(minimize=False)] == [None, None]


@given(curves, st.lists(curves, max_size=6), st.integers(0, 12))
def test_judging_in_pieces_is_judging_at_once(
    curve: list[float], others: list[list[float]], cut: int
) -> None:
    """How much of the log had been written at each look does not change the verdict."""
    for rule in rules(minimize=False):
        first = judge(rule, curve[:cut], 0, others)
        assert (first or judge(rule, curve, min(cut, len(curve)), others)) == judge(rule, curve, 0, others)
