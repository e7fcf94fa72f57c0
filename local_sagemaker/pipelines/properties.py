"""Paths into what a step left behind: ``ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri``.

The same small grammar serves ``Get`` (a Describe answer), and nearly every path of ``Std:JsonGet`` (a JSON
file): names joined by dots, ``[0]`` for a position, ``['name']`` for a key. In a list ``['name']`` selects by
the member that names its items: OutputName, ChannelName, MetricName, …
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Part = str | int

_NAME = re.compile(r"""[^.\[\]'"\s]+""")
_PART = re.compile(
    rf"""  (?:^|\.) (?P<name> {_NAME.pattern} )      # a name, after a dot or at the beginning
        | \[ (?P<index> \d+ ) \]
        | \[ (?P<quote> ['"] ) (?P<key> (?: (?!(?P=quote)) . )* ) (?P=quote) \]
    """,
    re.VERBOSE | re.DOTALL,
)


class PathError(ValueError):
    """The path cannot be read, or leads nowhere."""


def parse(path: str) -> tuple[Part, ...]:
    """The parts of a path: names and keys as text, positions as integers. Raises PathError."""
    parts: list[Part] = []
    at = 0
    while at < len(path):
        match = _PART.match(path, at)
        if not match:
            raise PathError(f"cannot read the path {path!r} from {path[at:]!r} on")
        at = match.end()
        index, name = match["index"], match["name"]
        parts.append(int(index) if index is not None else name if name is not None else match["key"])
    if not parts:
        raise PathError("the path is empty")
    return tuple(parts)


def written(parts: Sequence[Part]) -> str:
    """The parts as a path: what ``parse`` reads, unless a key holds both kinds of quote."""
    return "".join(map(_written, parts)).removeprefix(".")


def walk(document: Any, parts: Sequence[Part]) -> Any:
    """What lies at the end of the path. Raises PathError, which says how far it got and what is there."""
    value = document
    for depth, part in enumerate(parts):
        try:
            value = _enter(value, part)
        except LookupError:
            place = f"{written(parts[:depth])!r}" if depth else "the top"
            raise PathError(
                f"{written(parts)!r} leads nowhere: at {place} there is {_content(value)}"
            ) from None
    return value


def item_names(item: Any) -> list[str]:
    """What an item of a list is called: the texts of the members whose names end in ``Name``."""
    if not isinstance(item, Mapping):
        return []
    return [value for key, value in item.items() if key.endswith("Name") and isinstance(value, str)]


def _written(part: Part) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    if _NAME.fullmatch(part):
        return f".{part}"
    quote = '"' if "'" in part else "'"
    return f"[{quote}{part}{quote}]"


def _enter(value: Any, part: Part) -> Any:
    if isinstance(value, Mapping):
        return value[str(part)]
    if isinstance(value, list):
        if isinstance(part, int):
            return value[part]
        for item in value:
            if part in item_names(item):
                return item
    raise LookupError(part)


def _content(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(map(str, value)) or "nothing"
    if isinstance(value, list):
        names = [name for item in value for name in item_names(item)]
        return ", ".join(names) or f"a list of {len(value)}"
    return f"the value {value!r}"
