"""Rows that come one by one (JSON, captured data, what a script makes of either) as tables of texts.

A value becomes the text that CSV would have of it, and its type is found in that text: 3 is Integral, 3.0 is
Fractional, true is a String; null, and numbers that are none, are missing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from containers.processing.job import DataError

Row = Mapping[str, str | None]
ROWS = 1 << 12  # of a table: as objects, rows take much more room than as a table
NUMBERED = re.compile(r"(?:_c)?([0-9]+)")  # a column without a name of its own


def records(path: Path, *, lines: bool = True) -> Iterator[tuple[str, Any]]:
    """Each JSON value of a file, and where it stands, for messages.

    One a line; or, without ``lines``, those of the one list (or the one value) that the file is.

    Raises:
        DataError: something there is not JSON.
    """
    try:
        if not lines:
            whole = json.loads(path.read_text(encoding="utf-8-sig"))
            yield from ((f"{path}: {n}.", one) for n, one in enumerate(_listed(whole), 1))
            return
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if not line.isspace():
                    where = f"{path}, line {number}"
                    yield where, _json(line, where)
    except (UnicodeDecodeError, json.JSONDecodeError, OSError) as error:
        raise DataError(f"{path}: cannot be read as JSON: {error}") from None


def flat(value: Any, where: str, name: str = "") -> dict[str, str | None]:
    """The values within a JSON value by name; names of nested ones, and places in lists, are joined by ``_``.

    Raises:
        DataError: two values would have the same name.
    """
    found: dict[str, str | None] = {}
    if isinstance(value, dict | list):
        _flatten(value, f"{name}_" if name else "", found, where)
    else:
        found[name] = text(value)
    return found


def _flatten(
    value: dict[str, Any] | list[Any], before: str, found: dict[str, str | None], where: str
) -> None:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        name = f"{before}{key}"
        if isinstance(inner, dict | list):
            _flatten(inner, f"{name}_", found, where)
        elif name in found:
            raise DataError(f"{where}: more than one value is named {name}")
        else:
            found[name] = inner if type(inner) is str else text(inner)


def join(row: dict[str, str | None], added: Row, where: str) -> None:
    """Put ``added`` into ``row``.

    Raises:
        DataError: ``row`` has a value of one of the names already.
    """
    twice = row.keys() & added.keys()
    if twice:
        raise DataError(f"{where}: more than one value is named {', '.join(sorted(twice))}")
    row.update(added)


def text(value: object) -> str | None:
    """A single value as CSV would have it; None: missing."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def blocks(rows: Iterable[Row], size: int = ROWS) -> Iterator[pa.Table]:
    """The rows as tables of ``size`` rows; a table has the columns that any of its rows has, in ``place``'s order."""
    waiting: list[Row] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) == size:
            yield _table(waiting)
            waiting = []
    if waiting:
        yield _table(waiting)


def place(name: str) -> tuple[int, str]:
    """By what columns are sorted: numbered ones by their number, then those with names, as Spark sorts JSON's."""
    number = numbered(name)
    return (-1, name) if number is None else (number, "")


def numbered(name: str) -> int | None:
    """The number of a column that has no name of its own (``_c3``, ``00003``); None where it has one."""
    found = NUMBERED.fullmatch(name)
    return int(found[1]) if found else None


def _table(rows: list[Row]) -> pa.Table:
    names = sorted({name for row in rows for name in row}, key=place)
    return pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _json(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise DataError(f"{where}: not JSON: {error}") from None
