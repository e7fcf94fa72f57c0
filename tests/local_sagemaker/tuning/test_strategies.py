"""What strategies draw: laws that hold for any space."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from local_sagemaker.tuning.ranges import (
    CATEGORICAL,
    CONTINUOUS,
    INTEGER,
    LINEAR,
    LOGARITHMIC,
    REVERSE,
    Range,
)
from local_sagemaker.tuning.strategies import (
    STRATEGIES,
    Draw,
    Past,
    Space,
    Strategy,
    at_random,
    bayesian,
    grid,
)

few = settings(max_examples=25, deadline=None)

_numbers = st.tuples(st.floats(1e-4, 0.99), st.floats(1e-4, 0.99)).map(sorted)
_integers = st.tuples(st.integers(1, 1000), st.integers(1, 1000)).map(sorted)
_texts = st.lists(st.sampled_from(["a", "b", '"c"', "4", "0.5"]), min_size=1, unique=True)
one_range = st.one_of(
    st.builds(
        lambda ends, scale: Range("r", CONTINUOUS, ends[0], ends[1], scale),
        _numbers,
        st.sampled_from([LINEAR, LOGARITHMIC, REVERSE]),
    ),
    st.builds(
        lambda ends, scale: Range("r", INTEGER, ends[0], ends[1], scale),
        _integers,
        st.sampled_from([LINEAR, LOGARITHMIC]),
    ),
    st.builds(lambda texts: Range("r", CATEGORICAL, values=tuple(texts)), _texts),
)


def named(ranges: list[Range]) -> tuple[Range, ...]:
    return tuple(
        Range(f"r{index}", each.kind, each.low, each.high, each.scaling, each.values)
        for index, each in enumerate(ranges)
    )


one_definition = st.lists(one_range, min_size=1, max_size=4).map(named)
spaces = st.one_of(
    one_definition.map(lambda ranges: Space({"": ranges})),
    st.tuples(one_definition, one_definition).map(lambda both: Space({"one": both[0], "two": both[1]})),
)


def history(space: Space, number: int) -> list[Past]:
    """Draws that have been tried, and one that is being tried."""
    drawn = [at_random(space, (), index, 1, minimize=False) for index in range(number)]
    return [Past(draw, None if index == number - 1 else index / 7) for index, draw in enumerate(drawn)]


# A range so narrow that Optuna answers with NumPy's number.
narrow = Space({"": (Range("r0", CONTINUOUS, 0.9899999999999999, 0.99, LINEAR),)})


@few
@example(narrow, 0, 0, False)
@given(spaces, st.integers(0, 40), st.integers(0, 2**31), st.booleans())
def test_a_draw_lies_in_the_ranges(space: Space, number: int, seed: int, minimize: bool) -> None:
    """Whatever the scaling: each value is a text that its range holds."""
    for strategy in (at_random, bayesian):
        draw = strategy(space, history(space, 8), number, seed, minimize=minimize)
        ranges = {each.name: each for each in space.definitions[draw.definition]}
        assert set(draw.values) == set(ranges)
        assert all(ranges[name].holds(text) for name, text in draw.values.items()), draw


@few
@given(spaces, st.integers(0, 40), st.integers(0, 2**31))
def test_a_draw_is_a_function_of_what_it_is_given(space: Space, number: int, seed: int) -> None:
    """The same history, number and seed give the same values."""
    past = history(space, 8)
    for strategy in (at_random, bayesian):
        one, other = (strategy(space, past, number, seed, minimize=False) for _ in range(2))
        assert one == other


@few
@given(st.lists(_texts, min_size=1, max_size=3), st.integers(0, 2**31))
def test_a_grid_is_visited_once(values: list[list[str]], seed: int) -> None:
    """Every combination comes, and none comes twice."""
    ranges = named([Range("r", CATEGORICAL, values=tuple(texts)) for texts in values])
    space = Space({"": ranges})
    size = 1
    for texts in values:
        size *= len(texts)

    drawn = [grid(space, (), number, seed, minimize=False) for number in range(size)]

    assert len({tuple(draw.values.items()) for draw in drawn}) == size


def test_a_bayesian_search_learns() -> None:
    """Searches of twenty draws find less than half the error that random ones do, in the median of nine."""
    space = Space({"": (Range("x", CONTINUOUS, 1e-3, 1.0, LOGARITHMIC), Range("y", INTEGER, 1, 10))})

    def error(draw: Draw) -> float:
        return abs(math.log10(float(draw.values["x"])) + 1) + abs(int(draw.values["y"]) - 6) / 5

    def found(strategy: Strategy, seed: int) -> float:
        past: list[Past] = []
        for number in range(20):
            draw = strategy(space, past, number, seed, minimize=True)
            past.append(Past(draw, error(draw)))
        return min(error(each.draw) for each in past)

    middle = {one: median(found(one, seed) for seed in range(9)) for one in (bayesian, at_random)}
    assert middle[bayesian] < middle[at_random] / 2


def test_draws_side_by_side_differ() -> None:
    """What still runs counts as bad, so the next draw goes elsewhere."""
    space = Space({"": (Range("x", CONTINUOUS, 0.0, 1.0),)})
    past = [Past(Draw("", {"x": str(x / 20)}), abs(x / 20 - 0.7)) for x in range(20)]

    drawn = []
    for number in range(4):
        drawn.append(bayesian(space, past, 20 + number, 3, minimize=True))
        past.append(Past(drawn[-1], None))

    assert len({draw.values["x"] for draw in drawn}) == 4


def test_reverse_logarithmic_looks_close_to_one() -> None:
    """As many draws lie between 0.99 and 0.999 as between 0.9 and 0.99."""
    space = Space({"": (Range("x", CONTINUOUS, 0.9, 0.999, REVERSE),)})

    drawn = [float(at_random(space, (), number, 1, minimize=False).values["x"]) for number in range(200)]

    assert 70 < sum(x > 0.99 for x in drawn) < 130


def test_there_is_a_strategy_for_each_of_awss() -> None:
    """By AWS's names."""
    assert set(STRATEGIES) == {"Bayesian", "Random", "Grid", "Hyperband"}


@pytest.mark.parametrize("choices", [("a", "b"), ("one",)])
def test_a_single_definition_is_not_a_choice(choices: tuple[str, ...]) -> None:
    """With several, each comes up."""
    space = Space({name: (Range("x", CONTINUOUS, 0.0, 1.0),) for name in choices})

    drawn = {at_random(space, (), number, 1, minimize=False).definition for number in range(20)}

    assert drawn == set(choices)


def test_serving_does_not_wait_for_optuna() -> None:
    """It is imported when the first search begins."""
    program = "import sys, local_sagemaker.application; sys.exit('optuna' in sys.modules)"

    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[3])
