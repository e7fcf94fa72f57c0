"""Why steps fail: what a failure most likely means and what to do, looked up in ``causes.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CATALOGUE = Path(__file__).parent / "causes.toml"


@dataclass(frozen=True)
class Explanation:
    """A likely cause, and what to do about it."""

    cause: str
    fix: str


@dataclass(frozen=True)
class Entry:
    """One entry of the catalogue."""

    seen: tuple[re.Pattern[str], ...]
    cause: str
    fix: str
    examples: tuple[str, ...]


def explain(texts: Iterable[str]) -> Explanation | None:
    """What the first of ``texts`` that the catalogue knows means; None where it knows none of them."""
    return next(filter(None, map(_explain, texts)), None)


def _explain(text: str) -> Explanation | None:
    for entry in catalogue():
        for pattern in entry.seen:
            if found := pattern.search(text):
                named = {name: value or "?" for name, value in found.groupdict().items()}
                return Explanation(entry.cause.format(**named), entry.fix.format(**named))
    return None


@cache
def catalogue() -> Sequence[Entry]:
    """The entries, the more particular ones first."""
    return [
        Entry(
            tuple(re.compile(pattern, re.IGNORECASE) for pattern in each["seen"]),
            each["cause"],
            each["fix"],
            tuple(each["examples"]),
        )
        for each in tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))["cause"]
    ]
