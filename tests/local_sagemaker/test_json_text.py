"""JSON from outside."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sagemaker.json_text import DEEPEST, parse

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
documents = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(documents)
def test_what_is_json_is_read(document: object) -> None:
    """Any document comes back as it was written."""
    assert parse(json.dumps(document)) == document


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "Expecting property name"),
        ("", "Expecting value"),
        (b"\xff", "can't decode byte 0xff"),
        ("[NaN]", "there is no NaN in JSON"),
        ('{"a": -Infinity}', "there is no -Infinity in JSON"),
        ("[" * 100_000, f"nested more than {DEEPEST} levels deep"),
        ("[" * (DEEPEST + 2) + "]" * (DEEPEST + 2), f"nested more than {DEEPEST} levels deep"),
        ('{"a":' * 5000 + "1" + "}" * 5000, f"nested more than {DEEPEST} levels deep"),
    ],
)
def test_what_is_no_json_is_a_value_error(text: str | bytes, complaint: str) -> None:
    """Everything else is one kind of error, with the reason."""
    with pytest.raises(ValueError, match=complaint):
        parse(text)


def test_the_deepest_document_is_read() -> None:
    """The limit itself is within the limit."""
    text = "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1)

    assert json.dumps(parse(text)) == text
