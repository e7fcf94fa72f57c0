"""The JSONPath of filters: what it selects, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sagemaker.errors import ValidationException
from local_sagemaker.transform.jsonpath import NothingThere, Path

ROW = ["a", "b", "c", "d", "e", "f", "g"]
DOCUMENT = {"id": 7, "features": [1, 2, 3], "deep": {"x": {"y": 1}, "z": [{"n": 1}, {"n": 2}]}, "odd key": 0}

SELECTED: list[tuple[str, Any, Any]] = [
    ("$", ROW, ROW),
    ("", ROW, ROW),
    ("$[0]", ROW, "a"),
    ("$[-1]", ROW, "g"),
    ("$[0,-1]", ROW, ["a", "g"]),
    ("$[0, -1]", ROW, ["a", "g"]),
    ("$[1:]", ROW, ROW[1:]),
    ("$[:2]", ROW, ["a", "b"]),
    ("$[:-1]", ROW, ROW[:-1]),
    ("$[2:4]", ROW, ["c", "d"]),
    ("$[0,5:]", ROW, ["a", "f", "g"]),
    ("$[9:]", ROW, []),
    ("$[*]", ROW, ROW),
    ("$.*", {"a": 1, "b": 2}, [1, 2]),
    ("$.id", DOCUMENT, 7),
    ("$['id']", DOCUMENT, 7),
    ("$['odd key']", DOCUMENT, 0),
    ('$["id"]', DOCUMENT, 7),
    ("$['id','features']", DOCUMENT, {"id": 7, "features": [1, 2, 3]}),
    ("$['id','nowhere']", DOCUMENT, {"id": 7}),
    ("$.features[1:]", DOCUMENT, [2, 3]),
    ("$.features[-1]", DOCUMENT, 3),
    ("$.deep.x.y", DOCUMENT, 1),
    ("$.deep.['x','z']", DOCUMENT, DOCUMENT["deep"]),
    ("$.deep.z[*].n", DOCUMENT, [1, 2]),
    (r"$['it\'s']", {"it's": 1}, 1),
]
ABSENT = [
    ("$.nowhere", DOCUMENT, "there is no 'nowhere' in an object of 'id', 'features', 'deep', 'odd key'"),
    ("$[7]", ROW, "there is no position 7 among 7"),
    ("$[-8]", ROW, "there is no position -8 among 7"),
    ("$.id", ROW, "there is no 'id' in an array of 7"),
    ("$[0]", DOCUMENT, "there are no positions in an object"),
    ("$.id.*", DOCUMENT, "there is nothing in the value 7"),
    ("$['a','b']", ROW, "there are no names in an array of 7"),
]
REFUSED = [
    "id",
    "$.",
    "$..id",
    "$[?(@.id>1)]",
    "$[0:4:2]",
    "$[]",
    "$[1,]",
    "$['a",
    "$.a b",
    "$x",
    "@",
    "$.length()",
]


@pytest.mark.parametrize(("path", "value", "selected"), SELECTED)
def test_what_a_path_selects(path, value, selected):
    """As SageMaker's guide documents each operator."""
    assert Path(path).select(value) == selected


@pytest.mark.parametrize(("path", "value", "message"), ABSENT)
def test_what_is_not_there(path, value, message):
    """Names and positions that are not there are an error, which says what is."""
    with pytest.raises(NothingThere) as raised:
        Path(path).select(value)
    assert message in str(raised.value)


@pytest.mark.parametrize("path", REFUSED)
def test_what_is_no_path(path):
    """Operators that SageMaker does not have are refused with the part that is wrong, and with the member's name."""
    with pytest.raises(ValidationException, match="InputFilter is not a JSONPath that SageMaker supports"):
        Path(path, "InputFilter")


@given(st.lists(st.integers()), st.none() | st.integers(-9, 9), st.none() | st.integers(-9, 9))
def test_slices_are_pythons(values, start, end):
    """For any bounds."""
    text = f"$[{'' if start is None else start}:{'' if end is None else end}]"
    assert Path(text).select(values) == values[start:end]


@given(st.text(max_size=20))
def test_any_text_is_a_path_or_refused(text):
    """Whatever somebody writes."""
    try:
        path = Path(text)
    except ValidationException:
        return
    assert path.text.startswith("$")
