"""Statistics of values that are not kept."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sagemaker.endpoints.distribution import Distribution

VALUES = st.lists(st.floats(0, 1e9), min_size=1, max_size=50)


def distribution(values: list[float]) -> Distribution:
    made = Distribution()
    for value in values:
        made.add(value)
    return made


@given(VALUES, VALUES, st.integers(0, 100))
def test_a_distribution_has_cloudwatchs_statistics(some, others, share):
    """Of any values, in one piece or merged: sums and extremes exactly, percentiles to a fiftieth."""
    values = some + others
    kept = distribution(some)
    kept.merge(distribution(others))

    assert kept.statistic("SampleCount") == len(values)
    assert kept.statistic("Sum") == pytest.approx(sum(values))
    assert kept.statistic("Average") == pytest.approx(statistics.mean(values))
    assert (kept.statistic("Minimum"), kept.statistic("Maximum")) == (min(values), max(values))
    assert kept.statistic("Median") is None
    rank = max(1, -(-len(values) * share // 100))
    assert kept.statistic(f"p{share}") == pytest.approx(sorted(values)[rank - 1], rel=0.02)
