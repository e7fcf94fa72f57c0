"""Laws of the small languages, for any input."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from local_sagemaker.pipelines import properties
from local_sagemaker.pipelines.cache import differences
from local_sagemaker.pipelines.check import check
from local_sagemaker.pipelines.definition import Definition
from local_sagemaker.pipelines.expressions import Scope, resolve

DEFINITIONS = {
    name: json.loads((Path(__file__).parent / "definitions" / f"{name}.json").read_text())
    for name in ("sdk_3_27", "sdk_3_27_checks", "sdk_3_27_loops", "sdk_3_27_transform")
}

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10)
words = st.sampled_from(
    [
        "Get",
        "Std:Join",
        "Std:JsonGet",
        "Values",
        "Path",
        "Steps.Train.X",
        "Steps.Search.IterationOutputs[0].Trial",
        "ForEach.CurrentItem.x",
        "IterationOutput.Trial.x",
        "Parameters.Data",
        "Name",
    ]
)
values = st.recursive(
    scalars | words,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
plain = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
keys = st.text(st.characters(exclude_characters="\"'", exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(st.lists(keys | st.integers(0, 99), min_size=1, max_size=5))
def test_a_path_that_is_written_reads_back(parts: list[str | int]) -> None:
    """Names, keys with dots and blanks in them, and positions."""
    assert properties.parse(properties.written(parts)) == tuple(parts)


@given(st.text(max_size=20))
def test_any_text_is_a_path_or_a_path_error(text: str) -> None:
    """Nothing else comes out."""
    try:
        parts = properties.parse(text)
    except properties.PathError:
        return
    assert parts


@given(plain)
def test_a_value_without_expressions_stands_for_itself(value: Any) -> None:
    """Resolving copies it, and changes nothing."""
    scope = Scope(Definition(), {}, {}, {}, lambda uri: b"")

    assert resolve(value, scope) == value


@given(plain, plain)
def test_there_are_differences_exactly_where_values_differ(before: Any, after: Any) -> None:
    """A cached step that missed always has a reason, and one that hit has none."""
    same = json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)

    assert not (same and list(differences(before, after)))
    assert same or before == after or list(differences(before, after))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a document, itself left out."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in below for found in ((*path, key), *places(item, (*path, key)))]


PLACES = [(name, place) for name, definition in DEFINITIONS.items() for place in places(definition)]


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(PLACES), values)
def test_no_definition_breaks_the_checker(place: tuple[str, tuple[Any, ...]], value: Any) -> None:
    """Put anything anywhere into a right definition: problems come out, never an exception."""
    name, path = place
    definition = copy.deepcopy(DEFINITIONS[name])
    target = definition
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value

    assert all(str(problem) for problem in check(definition))
