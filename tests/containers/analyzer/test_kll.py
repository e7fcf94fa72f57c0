"""The quantile sketch: deterministic, indifferent to how its input is cut, and close to the truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from containers.analyzer.kll import Sketch


def sketched(values: np.ndarray, *cuts: int) -> Sketch:
    sketch = Sketch()
    for piece in np.split(values, sorted(cuts)):
        sketch.add(piece)
    return sketch


def test_few_values_are_kept_as_they_came() -> None:
    """Below its capacity a sketch is the list of values, in their order."""
    assert [level.tolist() for level in sketched(np.array([3.0, 1.0, 2.0])).levels] == [[3.0, 1.0, 2.0]]


def test_the_value_after_the_last_that_fits_halves_the_level() -> None:
    """The 2,051st value makes the first 2,050 into 1,025 of double weight: the smaller of each pair, at first."""
    values = np.arange(2051.0)[::-1]

    sketch = sketched(values)

    assert sketch.levels[0].tolist() == [0.0]
    assert sketch.levels[1].tolist() == np.arange(1.0, 2051.0)[::2].tolist()


def test_halves_are_taken_in_turn() -> None:
    """Which half stays goes 0 1 1 0 0 1 1 0 …, as in Deequ, so that errors cancel."""
    sketch = Sketch(k=2)  # levels of 4, 4, 4, … values
    sketch._capacity = lambda height: 2 if height == 0 else 1 << 20  # type: ignore[method-assign]
    taken = []
    for _ in range(8):
        before = len(sketch.levels[1]) if len(sketch.levels) > 1 else 0
        sketch.levels[0] = np.array([0.0, 1.0])
        sketch._condense()
        taken.append(sketch.levels[1][before])

    assert taken == [0, 1, 1, 0, 0, 1, 1, 0]


@settings(max_examples=25)
@given(st.integers(0, 20_000), st.lists(st.integers(0, 20_000), max_size=5), st.integers(0, 9))
def test_how_the_input_is_cut_makes_no_difference(rows: int, cuts: list[int], seed: int) -> None:
    """Any cuts of the same values give the same sketch."""
    values = np.random.default_rng(seed).normal(size=rows)

    assert all(
        np.array_equal(whole, cut)
        for whole, cut in zip(sketched(values).levels, sketched(values, *cuts).levels, strict=True)
    )


@pytest.mark.parametrize("order", ["random", "rising", "falling"])
@pytest.mark.parametrize("rows", [2_050, 30_000, 400_000])
def test_ranks_are_within_half_a_percent(rows: int, order: str) -> None:
    """The rank of any value is off by less than 0.5 % of the rows, in whatever order they come."""
    values = np.arange(rows, dtype=np.float64)
    given_in = {
        "random": np.random.default_rng(3).permutation(values),
        "rising": values,
        "falling": values[::-1],
    }[order]

    error = np.abs(sketched(given_in).ranks(values, inclusive=True) - (values + 1))

    assert error.max() < 0.005 * rows


@given(st.integers(1, 20_000), st.integers(0, 5))
def test_weights_add_up_to_the_rows(rows: int, seed: int) -> None:
    """No row is lost or counted twice, and memory is bounded."""
    sketch = sketched(np.random.default_rng(seed).normal(size=rows))

    values, weights = sketch.weighted()

    assert weights.sum() == rows
    assert len(values) <= 6_000


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=300))
def test_buckets_cover_every_value_once(numbers: list[int]) -> None:
    """Ten buckets between the least and the greatest value; each value is in one, the greatest in the last."""
    values = np.array(numbers, dtype=np.float64)

    buckets = sketched(values).buckets(values.min(), values.max())

    assert len(buckets) == 10
    assert sum(count for _, _, count in buckets) == len(values)
    assert buckets[0][0] == values.min()
    assert buckets[-1][1] == pytest.approx(values.max(), abs=1e-12)


def test_a_sketch_read_back_has_the_same_ranks() -> None:
    """What statistics.json holds of a sketch is all that ranks need."""
    sketch = sketched(np.random.default_rng(1).normal(size=10_000))

    read_back = Sketch.of([level.tolist() for level in sketch.levels])

    bounds = np.linspace(-3, 3, 20)
    assert np.array_equal(read_back.ranks(bounds, inclusive=True), sketch.ranks(bounds, inclusive=True))
