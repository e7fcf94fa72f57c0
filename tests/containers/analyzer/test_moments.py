"""Moments in one pass are those of all values at once."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from containers.analyzer.moments import ROW_BY_ROW, Moments
from containers.analyzer.reading import ROWS


def of(*pieces: np.ndarray) -> Moments:
    moments = Moments()
    for piece in pieces:
        moments.add(piece)
    return moments


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.integers(0, 50))
def test_cuts_make_no_difference_to_few_values(numbers: list[float], cut: int) -> None:
    """Values that are taken one by one give the same moments in whatever pieces they come."""
    values = np.array(numbers)
    whole, cut_up = of(values), of(values[:cut], values[cut:])

    assert (whole.sum, whole.std_dev, whole.min, whole.max) == (
        cut_up.sum,
        cut_up.std_dev,
        cut_up.min,
        cut_up.max,
    )
    assert math.isclose(whole.std_dev, float(np.std(values)), rel_tol=1e-9, abs_tol=1e-7)


def test_many_values_far_from_zero_keep_their_deviation() -> None:
    """The parts' moments make the whole's, also where the mean is a million times the deviation."""
    values = np.random.default_rng(2).normal(1e6, 1, size=3 * ROWS + 17)
    moments = of(*np.split(values, range(ROWS, len(values), ROWS)))

    assert len(values) > ROW_BY_ROW
    assert math.isclose(moments.std_dev, float(np.std(values)), rel_tol=1e-9)
    assert math.isclose(moments.mean, float(np.mean(values)), rel_tol=1e-12)


def test_the_sum_is_taken_in_order() -> None:
    """As in Spark, 1 is lost in 1e16 when it comes after it, however many follow."""
    assert of(np.array([1e16] + [1.0] * 100)).sum == 1e16


def test_no_values_have_no_mean() -> None:
    """Nothing is not zero."""
    assert math.isnan(of().mean)
    assert math.isnan(of().std_dev)
