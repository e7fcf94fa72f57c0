"""The JSONPath of InputFilter and OutputFilter: as much of it as SageMaker documents.

``$``, ``.name``, ``*``, ``['name','other']``, ``[0,-1]``, ``[1:3]``, and indexes beside slices, ``[0,5:]``.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html#data-processing-operators
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from local_sagemaker.errors import ValidationException

_STEP = re.compile(
    r"""
    \.(?P<name>[^\s.\[\]'"*,:?()@$]+)
  | (?P<every>\.\*|\.?\[\s*\*\s*\])
  | \.?\[\s*(?P<names>(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?:\s*,\s*(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))*)\s*\]
  | \.?\[\s*(?P<items>-?\d*\s*(?::\s*-?\d*)?(?:\s*,\s*-?\d*\s*(?::\s*-?\d*)?)*)\s*\]
    """,
    re.VERBOSE,
)
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
_ESCAPE = re.compile(r"\\(.)")


class NothingThere(Exception):
    """A value has not what a path asks for."""


@dataclass(frozen=True)
class _Name:
    name: str


@dataclass(frozen=True)
class _Names:
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Every:
    pass


@dataclass(frozen=True)
class _Items:
    items: tuple[int | slice, ...]


_Step = _Name | _Names | _Every | _Items


class Path:
    """One expression."""

    def __init__(self, text: str, member: str = "the filter") -> None:
        """Read it. Raises ValidationException, which names ``member`` of the request."""
        self.text = text.strip() or "$"
        self._steps = tuple(_parse(self.text, member))

    @property
    def everything(self) -> bool:
        """Whether it selects the whole value."""
        return not self._steps

    def select(self, value: Any) -> Any:
        """What it selects: several names give an object of those that are there, ``*`` and several positions a list,
        all others one value. The end of a slice is not in it: AWS's guide says otherwise, but links to a JSONPath
        where it is not, and public pipelines cut the last column off with ``$[:-1]``.

        Raises:
            NothingThere: a name or a position is not in the value. A slice may be empty.
        """
        return _select(value, self._steps)


def _parse(text: str, member: str) -> list[_Step]:
    if not text.startswith("$"):
        raise _invalid(text, member, "it begins with '$'")
    steps: list[_Step] = []
    position = 1
    while position < len(text):
        match = _STEP.match(text, position)
        step = _step(match) if match else None
        if match is None or step is None:
            raise _invalid(text, member, f"{text[position:]!r} is none of .name, *, ['name'], [0] and [1:3]")
        steps.append(step)
        position = match.end()
    return steps


def _step(match: re.Match[str]) -> _Step | None:
    if match["name"]:
        return _Name(match["name"])
    if match["every"]:
        return _Every()
    if match["names"]:
        names = tuple(_ESCAPE.sub(r"\1", one or other) for one, other in _QUOTED.findall(match["names"]))
        return _Name(names[0]) if len(names) == 1 else _Names(names)
    parts = match["items"].split(",")
    if any(not part.strip() for part in parts):
        return None
    return _Items(tuple(_item(part) for part in parts))


def _item(part: str) -> int | slice:
    if ":" not in part:
        return int(part)
    first, _, last = part.partition(":")
    return slice(int(first) if first.strip() else None, int(last) if last.strip() else None)


def _select(value: Any, steps: tuple[_Step, ...]) -> Any:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    match step:
        case _Name(name):
            if not isinstance(value, dict) or name not in value:
                raise NothingThere(f"there is no {name!r} in {_kind(value)}")
            return _select(value[name], rest)
        case _Names(names):
            if not isinstance(value, dict):
                raise NothingThere(f"there are no names in {_kind(value)}")
            return {name: _select(value[name], rest) for name in names if name in value}
        case _Every():
            if not isinstance(value, dict | list):
                raise NothingThere(f"there is nothing in {_kind(value)}")
            return [_select(each, rest) for each in (value.values() if isinstance(value, dict) else value)]
        case _Items(items):
            return _items(value, items, rest)


def _items(value: Any, items: tuple[int | slice, ...], rest: tuple[_Step, ...]) -> Any:
    if not isinstance(value, list):
        raise NothingThere(f"there are no positions in {_kind(value)}")
    chosen: list[Any] = []
    for item in items:
        if isinstance(item, slice):
            chosen += value[item]
        elif -len(value) <= item < len(value):
            chosen.append(value[item])
        else:
            raise NothingThere(f"there is no position {item} among {len(value)}")
    if len(items) == 1 and isinstance(items[0], int):
        return _select(chosen[0], rest)
    return [_select(each, rest) for each in chosen]


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return f"an object of {', '.join(map(repr, value)) or 'nothing'}"
    return f"an array of {len(value)}" if isinstance(value, list) else f"the value {value!r}"


def _invalid(text: str, member: str, reason: str) -> ValidationException:
    return ValidationException(f"{member} is not a JSONPath that SageMaker supports: {text!r}: {reason}.")
