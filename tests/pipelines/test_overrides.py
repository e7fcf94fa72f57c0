"""Parameter overrides: checked against what a definition declares."""

from __future__ import annotations

import pytest

from pipelines.errors import UsageError
from pipelines.overrides import parse

DEFINITION = {
    "Parameters": [
        {"Name": "QualityBar", "Type": "Float", "DefaultValue": 0.9},
        {"Name": "Rows", "Type": "Integer"},
        {"Name": "Fast", "Type": "Boolean"},
        {"Name": "Approval", "Type": "String", "EnumValues": ["Approved", "Rejected"]},
    ]
}


def test_values_travel_as_text() -> None:
    """StartPipelineExecution takes strings, whatever the type; a value may hold an equals sign."""
    given = ["QualityBar=0.95", "Rows=10", "Fast=true", "Approval=Approved"]

    assert parse(given, DEFINITION) == {
        "QualityBar": "0.95",
        "Rows": "10",
        "Fast": "true",
        "Approval": "Approved",
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("QualtyBar=1", "--param QualtyBar=1: there is no parameter 'QualtyBar'. Did you mean 'QualityBar'?"),
        ("QualityBar", "--param QualityBar: write it as Name=value"),
        ("QualityBar=high", "--param QualityBar=high: 'QualityBar' wants a number, got 'high'"),
        ("QualityBar=nan", "--param QualityBar=nan: 'QualityBar' wants a number, got 'nan'"),
        ("QualityBar=1e999", "--param QualityBar=1e999: 'QualityBar' wants a number, got '1e999'"),
        ("Rows=1.5", "--param Rows=1.5: 'Rows' wants a whole number, got '1.5'"),
        ("Fast=maybe", "--param Fast=maybe: 'Fast' wants true or false, got 'maybe'"),
        ("Approval=Yes", "--param Approval=Yes: 'Approval' must be one of Approved, Rejected"),
    ],
)
def test_what_does_not_fit_is_said(given: str, message: str) -> None:
    """Name, type and enum are checked before anything is started."""
    with pytest.raises(UsageError) as caught:
        parse([given], DEFINITION)

    assert message == str(caught.value)


def test_all_that_does_not_fit_is_said_at_once() -> None:
    """Two mistakes, two lines; the same name twice is one of them."""
    with pytest.raises(UsageError) as caught:
        parse(["Rows=x", "Fast=true", "Fast=false"], DEFINITION)

    assert len(str(caught.value).splitlines()) == 2
