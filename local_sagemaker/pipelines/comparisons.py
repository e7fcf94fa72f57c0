"""Comparisons that cannot be decided, found before anything runs: a text against a number, an order of booleans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local_sagemaker.pipelines.conditions import COMPARISONS
from local_sagemaker.pipelines.definition import Definition, Step
from local_sagemaker.pipelines.expressions import expression
from local_sagemaker.pipelines.references import Unknown, kind_of

_NUMBERS = ("integer", "long", "float", "double", "timestamp")
_EQUALITY = ("Equals", "NotEquals")


def incomparable(step: Step, definition: Definition) -> Iterator[str]:
    """Every comparison in a condition step whose sides are known to be of types that do not compare."""
    for condition in _comparisons(step.arguments.get("Conditions")):
        kind = condition["Type"]
        sides = [_type(condition.get(side), step, definition) for side in ("LeftValue", "RightValue")]
        if None in sides or (sides == ["boolean", "boolean"] and kind in _EQUALITY):
            continue
        if sides[0] != sides[1] or sides[0] == "boolean":
            yield f"{kind} cannot compare a {sides[0]} with a {sides[1]}: both must be numbers, or both texts."


def _comparisons(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _comparisons(item)
    elif isinstance(value, Mapping):
        if str(value.get("Type")) in COMPARISONS:
            yield value
        else:
            yield from _comparisons(value.get("Conditions"))
            yield from _comparisons(value.get("Condition"))


def _type(value: Any, step: Step, definition: Definition) -> str | None:
    """``"text"``, ``"number"`` or ``"boolean"``; None where it is not known yet, or no value to compare."""
    if expression(value):
        try:
            name = kind_of(value, step, definition).type
        except Unknown:
            return None
        known = {"string": "text", "boolean": "boolean", **dict.fromkeys(_NUMBERS, "number")}
        return known.get(name)
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else None
