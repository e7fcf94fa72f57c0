"""JSON from outside, read strictly: what is no JSON raises ValueError, however it is made to look."""

from __future__ import annotations

import json
from typing import Any, NoReturn

DEEPEST = 100  # levels; what reads a document calls itself for each, and Python allows 1,000 calls


def parse(text: str | bytes) -> Any:
    """The document. Raises ValueError for NaN and Infinity, which RFC 8259 does not have, and for deep nesting too."""
    try:
        document = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    level, depth = [document], 0
    while level := [inner for value in level for inner in _inside(value)]:
        depth += 1
        if depth > DEEPEST:
            raise ValueError(_TOO_DEEP)
    return document


_TOO_DEEP = f"it is nested more than {DEEPEST} levels deep"


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"there is no {constant} in JSON")
