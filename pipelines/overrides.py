"""``--param Name=value``, held against the parameters that a definition declares, before anything is started."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pipelines.errors import UsageError, suggestion

BOOLEANS = {"true": "true", "false": "false"}

# What a value of each parameter type looks like, and how to tell.
TYPES: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "String": ("text", str),
    "Integer": ("a whole number", int),
    "Float": ("a number", lambda text: _finite(float(text))),
    "Boolean": ("true or false", lambda text: BOOLEANS[text.lower()]),
}


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(number)
    return number


def parse(overrides: Iterable[str], definition: Mapping[str, Any]) -> dict[str, str]:
    """The overrides as StartPipelineExecution takes them; every mistake is reported at once."""
    declared = {parameter["Name"]: parameter for parameter in definition["Parameters"]}
    values: dict[str, str] = {}
    mistakes: list[str] = []
    for override in overrides:
        name, equals, value = override.partition("=")
        if not equals:
            mistakes.append(f"--param {override}: write it as Name=value")
        elif name not in declared:
            mistakes.append(
                f"--param {override}: there is no parameter '{name}'. {suggestion(name, declared)}"
            )
        elif name in values:
            mistakes.append(f"--param {override}: '{name}' is given twice")
        else:
            mistakes += _mistakes(override, declared[name], value)
            values[name] = value
    if mistakes:
        raise UsageError("\n".join(mistakes))
    return values


def _mistakes(override: str, parameter: Mapping[str, Any], value: str) -> list[str]:
    wanted, convert = TYPES[parameter["Type"]]
    try:
        convert(value)
    except (ValueError, KeyError):
        return [f"--param {override}: '{parameter['Name']}' wants {wanted}, got {value!r}"]
    allowed = parameter.get("EnumValues")
    if allowed and value not in allowed:
        return [f"--param {override}: '{parameter['Name']}' must be one of {', '.join(allowed)}"]
    return []
