"""Distances of distributions: bounds, symmetry, and the statistics books as oracle."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare, ks_2samp

from containers.analyzer import distance
from containers.analyzer.kll import Sketch

numbers = st.lists(st.integers(-9, 9), min_size=5, max_size=80)
counts = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 50), min_size=1)


def sketch(values: list[int]) -> Sketch:
    made = Sketch()
    made.add(np.array(values, dtype=np.float64))
    return made


@given(numbers, numbers)
def test_the_numerical_distance_is_kolmogorov_and_smirnov_s(ours: list[int], theirs: list[int]) -> None:
    """Of values that the sketch holds as they are, it is the statistic of the two-sample test."""
    found = distance.numerical(sketch(ours), sketch(theirs), robust=False)

    assert found == pytest.approx(ks_2samp(ours, theirs, method="asymp").statistic)


@given(counts, counts)
def test_the_categorical_distance_is_a_distance(ours: Mapping[str, int], theirs: Mapping[str, int]) -> None:
    """0 for the same shares, at most 1, the same both ways, and never more with an allowance."""
    found = distance.categorical(ours, theirs, robust=False)

    assert 0 <= found <= 1
    assert found == distance.categorical(theirs, ours, robust=False)
    assert found >= distance.categorical(theirs, ours, robust=True)
    assert distance.categorical({name: 3 * rows for name, rows in ours.items()}, ours, robust=False) < 1e-12


def test_robust_takes_off_what_chance_does() -> None:
    """1.8 times the square root of (n + m) / (n m)."""
    found = distance.categorical({"a": 100}, {"b": 400}, robust=True)

    assert found == pytest.approx(1 - 1.8 * (500 / 40_000) ** 0.5)


def test_chi_square_is_the_textbook_s() -> None:
    """With enough rows in every category nothing is put together."""
    ours, theirs = {"a": 30, "b": 50, "c": 20}, {"a": 400, "b": 400, "c": 200}

    assert distance.chi_square(ours, theirs) == pytest.approx(chisquare([30, 50, 20], [40, 40, 20]).pvalue)


SMALL = [
    # d and c (3 and 4 rows expected) are put together, then a quarter may be small.
    ({"a": 48, "b": 45, "c": 3, "d": 4}, {"a": 48, "b": 45, "c": 3, "d": 4}, 1.0),
    ({"a": 9, "b": 9}, {"a": 9, "b": 9}, None),  # two categories need ten rows each
    ({"a": 9}, {"a": 9}, None),
    ({"x": 5}, {"a": 50, "b": 50}, None),  # nothing known in it
]


@pytest.mark.parametrize(("ours", "theirs", "chance"), SMALL)
def test_small_categories_are_put_together(
    ours: dict[str, int], theirs: dict[str, int], chance: float | None
) -> None:
    """Until the test can be trusted, or nothing is left of it."""
    assert distance.chi_square(ours, theirs) == chance
