"""Where two JSON values differ: every place, nothing else, items by their names."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.plan.differences import ABSENT, changes, shown

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["Name", "InputName", "Key", "a", "b", "Get"]), inner, max_size=4)
    ),
    max_leaves=15,
)

X, Y = ({"Get": f"Parameters.{name}"} for name in "XY")


def found(old: Any, new: Any) -> list[tuple[str, Any, Any]]:
    return [(each.path, each.old, each.new) for each in changes(old, new)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),
        ({"a": None}, {}, [("a", None, ABSENT)]),
        ({}, {"a": None}, [("a", ABSENT, None)]),
        ({"a": [1, 2]}, {"a": [1]}, [("a[1]", 2, ABSENT)]),
        ({"a": {"b": 1}}, {"a": 1}, [("a", {"b": 1}, 1)]),
        (
            {"In": [{"InputName": "x", "Uri": "1"}, {"InputName": "y", "Uri": "2"}]},
            {"In": [{"InputName": "y", "Uri": "3"}, {"InputName": "x", "Uri": "1"}]},
            [("In['y'].Uri", "2", "3")],
        ),
        (
            {"Tags": [{"Key": "a", "Value": "1"}]},
            {"Tags": [{"Key": "a", "Value": "2"}]},
            [("Tags['a'].Value", "1", "2")],
        ),
        ({"a": X}, {"a": Y}, [("a", X, Y)]),
        ({"a": X}, {"a": "x"}, [("a", X, "x")]),
    ],
)  # fmt: skip
def test_a_difference_has_a_place(old: Any, new: Any, expected: list[Any]) -> None:
    """The outermost one without a counterpart."""
    assert found(old, new) == expected


@given(JSON)
def test_what_is_equal_does_not_differ(value: Any) -> None:
    """Whatever it is."""
    assert found(value, copy.deepcopy(value)) == []


@given(JSON, JSON)
def test_both_ways_differ_at_the_same_places(one: Any, other: Any) -> None:
    """Old and new change sides, and nothing else."""
    there = sorted((path, repr(old), repr(new)) for path, old, new in found(one, other))
    back = sorted((path, repr(old), repr(new)) for path, new, old in found(other, one))

    assert there == back


def test_a_value_is_shown_in_one_line() -> None:
    """An expression by what it reads."""
    joined = {"Std:Join": {"On": "/", "Values": ["s3://b", {"Get": "Execution.PipelineExecutionId"}, 3]}}

    assert shown(joined) == "s3://b/${Execution.PipelineExecutionId}/3"
    assert (shown("x"), shown(None), shown(ABSENT), shown([1])) == ("x", "null", "nothing", "[1]")
