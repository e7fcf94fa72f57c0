"""What a start may set."""

from __future__ import annotations

import pytest

from local_sagemaker.errors import ValidationException
from local_sagemaker.pipelines.definition import Parameter
from local_sagemaker.pipelines.parameters import bind

DECLARED = {
    "Bar": Parameter("Bar", "Float", 0.9),
    "Rounds": Parameter("Rounds", "Integer", 100),
    "Uri": Parameter("Uri", "String"),
}


def given(**values: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in values.items()]


def test_what_is_given_wins_over_defaults() -> None:
    """Every declared parameter has a value, of its type, in declared order."""
    assert bind(DECLARED, given(Uri="s3://b", Rounds="7")) == {"Bar": 0.9, "Rounds": 7, "Uri": "s3://b"}


def test_all_mistakes_are_reported_at_once() -> None:
    """Unknown with a suggestion, wrong type, and missing: one message."""
    with pytest.raises(ValidationException) as failure:
        bind(DECLARED, given(Ronds="7", Bar="high"))

    message = failure.value.message
    assert "[Ronds]: the pipeline has no such parameter. Did you mean 'Rounds'?" in message
    assert "[Bar]: 'high' is not a Float." in message
    assert "[Uri]: it has no default, so it must be given." in message


def test_a_parameter_cannot_be_given_twice() -> None:
    """Two values for one name are a mistake, not a matter of order."""
    with pytest.raises(ValidationException, match=r"\[Uri\]: it is given twice"):
        bind(DECLARED, [*given(Uri="a"), *given(Uri="b")])


def test_a_value_has_at_most_1024_characters() -> None:
    """AWS's limit holds for values that no request has checked, too."""
    with pytest.raises(ValidationException, match="more than 1024 characters"):
        bind(DECLARED, given(Uri="x" * 1025))
