"""docs/guide/flow.md is the reference of the operators, and its examples are right."""

import re
import tomllib
from pathlib import Path

import pytest

from containers.flow_schema import OPERATORS, problems

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "guide" / "flow.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", GUIDE, re.M | re.S))
COLUMNS = {
    "id": "string",
    "age": "integer",
    "pay": "number",
    "city": "string",
    "code": "string",
    "when": "timestamp",
    "y": "integer",
}


def test_every_operator_has_its_section():
    """In the guide as in the table."""
    assert list(SECTIONS) == list(OPERATORS)


@pytest.mark.parametrize("name", OPERATORS)
def test_every_field_and_choice_is_in_the_guide(name):
    """Fields and the values they can take, in code font."""
    words = [
        word
        for field in OPERATORS[name].fields
        for word in (field.name, *field.choices)
        if word != "expression"
    ]

    assert [word for word in words if f"`{word}`" not in SECTIONS[name]] == []


@pytest.mark.parametrize("name", OPERATORS)
def test_every_example_is_sound(name):
    """The checker finds nothing in it but the columns that an example leaves over."""
    [text] = re.findall(r"```toml\n(.*?)```", SECTIONS[name], re.S)
    step = tomllib.loads(text)

    assert step["operator"] == name
    assert [problem for problem in problems([step], COLUMNS, "y") if problem.startswith("flow 1")] == []
