"""Different values are counted exactly while there are few, and closely when there are many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.analyzer.distinct import KEPT, Distinct


@given(st.lists(st.text(), max_size=60), st.lists(st.floats(allow_nan=False), max_size=60))
def test_few_values_are_counted_exactly(texts: list[str], numbers: list[float]) -> None:
    """Each text and each number counts once."""
    distinct = Distinct()
    distinct.add_texts(np.array(texts, dtype=object))
    distinct.add_numbers(np.array(numbers, dtype=np.float64))

    assert distinct.count == len(set(texts)) + len(set(numbers))


@pytest.mark.parametrize("rows", [KEPT - 1, KEPT, 20_000, 500_000])
def test_many_values_are_counted_within_five_percent(rows: int) -> None:
    """Three deviations of the estimate, which is what the container allows itself as one."""
    distinct = Distinct()
    for piece in np.array_split(np.random.default_rng(4).permutation(rows).astype(np.float64), 7):
        distinct.add_numbers(piece)
        distinct.add_numbers(piece)

    assert distinct.count == pytest.approx(rows, rel=0.05)


def test_both_zeros_are_one_value() -> None:
    """-0.0 is 0.0."""
    distinct = Distinct()
    distinct.add_numbers(np.array([0.0, -0.0]))

    assert distinct.count == 1
