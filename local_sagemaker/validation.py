"""Whether a request has the shape that AWS documents: every problem at once, in AWS's words.

The rules are botocore's service model: required members, types, enums, patterns, lengths, ranges, list sizes
and unions. botocore itself checks few of these before it sends, and a pipeline definition passes no client at
all. Unlike AWS, members that the shape does not have are refused: a misspelt key would otherwise be ignored.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import regex

from local_sagemaker.errors import ValidationException
from local_sagemaker.service_model import Shape

Path = tuple[str | int, ...]  # ("ProcessingInputs", 0, "S3Input"): the keys and indices that lead to a value
Constraint = Literal["required", "unknown", "type", "enum", "pattern", "length", "range", "union"]


class Key(str):
    """In a path: the key of a map, which is the user's own word, unlike the name of a member."""

    __slots__ = ()


@dataclass(frozen=True)
class Problem:
    """One value that breaks one constraint."""

    path: Path
    constraint: Constraint
    reason: str  # "Member must not be null"
    value: Any = None

    @property
    def where(self) -> str:
        """The path as it is written in code: ``ProcessingInputs[0].S3Input``."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return "".join(steps).removeprefix(".")

    @property
    def message(self) -> str:
        """One line in AWS's words."""
        at = ".".join(f"{step + 1}.member" if isinstance(step, int) else _camel(step) for step in self.path)
        value = "null" if self.value is None else f"'{_shown(self.value)}'"
        return f"Value {value} at '{at}' failed to satisfy constraint: {self.reason}"


Placeholder = Callable[[Shape, Any, Path], list[Problem] | None]


def problems(
    shape: Shape, value: object, *, path: Path = (), placeholder: Placeholder | None = None
) -> list[Problem]:
    """Every way in which ``value`` (wire JSON: timestamps are epoch seconds) does not fit ``shape``.

    ``placeholder(shape, value, path)`` is asked about every value first. What it returns is the answer for
    that value and all below it; None means that the value is an ordinary one. Pipeline definitions need that:
    any value in them may be ``{"Get": "Steps.Train.ModelArtifacts"}``.
    """
    return list(_problems(shape, value, path, placeholder))


def require(shape: Shape, value: object) -> None:
    """Raise ValidationException, listing all problems, unless ``value`` fits ``shape``."""
    found = problems(shape, value)
    if found:
        raise ValidationException(summary(found))


def summary(found: list[Problem]) -> str:
    """AWS's one message for any number of problems."""
    errors = "error" if len(found) == 1 else "errors"
    return f"{len(found)} validation {errors} detected: " + "; ".join(problem.message for problem in found)


def _problems(shape: Shape, value: Any, path: Path, placeholder: Placeholder | None) -> Iterator[Problem]:
    if placeholder is not None:
        answer = placeholder(shape, value, path)
        if answer is not None:
            yield from answer
            return
    accepted, name = _TYPES[shape.type_name]
    if not isinstance(value, accepted) or (isinstance(value, bool) and shape.type_name != "boolean"):
        yield Problem(path, "type", f"Member must be {name}, not {_kind(value)}", value)
        return
    check = _CHECKS.get(shape.type_name)
    if check is not None:
        yield from check(shape, value, path, placeholder)


def _structure(
    shape: Shape, value: dict[str, Any], path: Path, placeholder: Placeholder | None
) -> Iterator[Problem]:
    members = shape.members
    given = {key: member for key, member in value.items() if member is not None}  # null is absent, as for AWS
    for key in shape.required_members:
        if key not in given:
            yield Problem((*path, key), "required", "Member must not be null")
    for key, member in given.items():
        if key in members:
            yield from _problems(members[key], member, (*path, key), placeholder)
        else:
            yield Problem((*path, key), "unknown", _unknown(key, members), member)
    if shape.is_tagged_union and sum(key in members for key in given) != 1:
        yield Problem(path, "union", f"Exactly one of these members must be set: {', '.join(members)}", value)


def _list(shape: Shape, value: list[Any], path: Path, placeholder: Placeholder | None) -> Iterator[Problem]:
    yield from _within(shape, len(value), "length", value, path)
    for index, item in enumerate(value):
        yield from _problems(shape.member, item, (*path, index), placeholder)


def _map(
    shape: Shape, value: dict[str, Any], path: Path, placeholder: Placeholder | None
) -> Iterator[Problem]:
    yield from _within(shape, len(value), "length", value, path)
    for key, item in value.items():
        below = (*path, Key(key))
        for problem in _problems(shape.key, key, below, None):
            yield Problem(below, problem.constraint, f"Map key: {problem.reason}", key)
        yield from _problems(shape.value, item, below, placeholder)


def _string(shape: Shape, value: str, path: Path, _: Placeholder | None) -> Iterator[Problem]:
    outside = list(_within(shape, len(value), "length", value, path))
    yield from outside
    if shape.enum and value not in shape.enum:
        near = difflib.get_close_matches(value, shape.enum, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        reason = f"Member must satisfy enum value set: [{', '.join(shape.enum)}]{hint}"
        yield Problem(path, "enum", reason, value)
    pattern = shape.metadata.get("pattern")
    # A text of the wrong length is not matched: some patterns take exponential time on very long ones.
    if pattern and not outside and not _matches(pattern, value):
        reason = f"Member must satisfy regular expression pattern: {pattern}"
        yield Problem(path, "pattern", reason, value)


def _number(shape: Shape, value: float, path: Path, _: Placeholder | None) -> Iterator[Problem]:
    yield from _within(shape, value, "range", value, path)


def _within(
    shape: Shape, size: float, constraint: Literal["length", "range"], value: object, path: Path
) -> Iterator[Problem]:
    noun = "value" if constraint == "range" else "length"
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield Problem(path, constraint, f"Member must have {noun} greater than or equal to {low}", value)
    if high is not None and size > high:
        yield Problem(path, constraint, f"Member must have {noun} less than or equal to {high}", value)


_PATIENCE = 1.0  # seconds for one pattern: two of AWS's take exponential time, and have no greatest length
_Check = Callable[[Shape, Any, Path, Placeholder | None], Iterator[Problem]]
_CHECKS: dict[str, _Check] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _number,
    "long": _number,
    "float": _number,
    "double": _number,
}
_TYPES: dict[str, tuple[type | tuple[type, ...], str]] = {
    "structure": (dict, "an object"),
    "list": (list, "a list"),
    "map": (dict, "an object"),
    "string": (str, "a string"),
    "integer": (int, "an integer"),
    "long": (int, "an integer"),
    "float": ((int, float), "a number"),
    "double": ((int, float), "a number"),
    "boolean": (bool, "true or false"),
    "timestamp": ((int, float), "a time in seconds since the epoch"),
}


def _matches(pattern: str, value: str) -> bool:
    try:
        return _compiled(pattern).fullmatch(value, timeout=_PATIENCE) is not None
    except TimeoutError:  # what fits, fits at once
        return False


@cache
def _compiled(pattern: str) -> regex.Pattern[str]:
    # Java writes characters beyond U+FFFF as two halves; a character class of halves means nothing in Python.
    return regex.compile(pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF"))


def _unknown(key: str, members: dict[str, Shape]) -> str:
    by_lower = {member.lower(): member for member in members}
    near = difflib.get_close_matches(key.lower(), by_lower, 1)
    hint = f"did you mean {by_lower[near[0]]}?" if near else f"known: {', '.join(members)}"
    return f"There is no such member ({hint})"


def _camel(member: str) -> str:
    return member if isinstance(member, Key) else member[:1].lower() + member[1:]


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _kind(value: object) -> str:
    return {
        dict: "an object",
        list: "a list",
        str: "a string",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        type(None): "null",
    }.get(type(value), type(value).__name__)
