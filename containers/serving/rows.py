"""The rows of a request: CSV, JSON, JSON Lines or Parquet, as the raw columns that the flow reads.

A cell that cannot be read as its column's type is a problem of its row, by number and column; a cell without a value
is not, because the flow knows what to do with it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np

from containers.flow import FittedFlow
from containers.flow.table import NONE, Column, Table, conform, is_missing
from containers.serving.refusal import BAD_REQUEST, JSON, UNSUPPORTED, Problem, Refused

MOST = 1_000_000  # rows in Parquet, a few bytes of which can say any number
SHOWN = 40  # characters of a bad value in a message


@dataclass(frozen=True)
class Rows:
    """What was asked. A row with a problem keeps its place, and counts as one without values."""

    table: Table  # the raw columns that the flow reads, canonical
    problems: Mapping[int, Problem] = field(default_factory=dict)  # by the row's place, from 0
    explain: bool = False


def read(body: bytes, content_type: str, flow: FittedFlow) -> Rows:
    """The rows in a request's body.

    Raises:
        Refused: the content type is not known, the body is not of that type, or it has no rows.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind != JSON and kind not in READERS:
        known = ", ".join(sorted([JSON, *READERS]))
        raise Refused(UNSUPPORTED, f"The content type {content_type!r} is not one of {known}.")
    problems: dict[int, Problem] = {}
    names = list(flow.columns)
    explain = False
    if kind == JSON:
        document = _json(body, "The body")
        explain = isinstance(document, dict) and document.get("explain") is True
        columns = _of_document(document, names, problems)
    else:
        columns = READERS[kind](body, names, problems)
    if not len(next(iter(columns.values()), ())):
        raise Refused(BAD_REQUEST, "The request has no rows.")
    table = _numbers(columns, flow)
    for name in flow.columns:
        if name not in table:
            table[name] = _conform(columns[name], name, flow, problems)
    return Rows(table, problems, explain)


def _numbers(columns: Mapping[str, Any], flow: FittedFlow) -> Table:
    """The columns of numbers that hold nothing else, as most requests have them: all in one go, none has a problem."""
    names = [
        name
        for name, type_ in flow.columns.items()
        if type_ in ("integer", "number")
        and isinstance(columns[name], list)
        and {int, float, NONE}.issuperset(map(type, columns[name]))
    ]
    try:
        numbers = np.array([columns[name] for name in names], dtype=np.float64)
    except OverflowError:  # an integer that no float can hold
        return {}
    return {} if np.isinf(numbers).any() else dict(zip(names, numbers, strict=True))


def _conform(values: Any, name: str, flow: FittedFlow, problems: dict[int, Problem]) -> Column:
    """A column in its canonical form; what could not be read goes to ``problems``, the first of each row."""
    type_ = flow.columns[name]
    missing = frozenset(flow.missing)
    if isinstance(values, list):
        cells = np.empty(len(values), dtype=object)
        cells[:] = values
        values = cells
    column = conform(values, type_, missing)
    if type_ == "string" or values.dtype != object:
        return column
    for place in map(int, np.flatnonzero(is_missing(column))):
        value = values[place]
        blank = value is None or value != value or (isinstance(value, str) and _blank(value, missing))
        if not blank:
            shown = repr(value) if len(repr(value)) <= SHOWN else f"{repr(value)[:SHOWN]}…"
            message = f"'{name}' should be {_A[type_]}, not {shown}."
            problems.setdefault(place, Problem(place + 1, message, name))
    return column


_A = {
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "timestamp": "a time (ISO 8601)",
}


def _blank(text: str, missing: frozenset[str]) -> bool:
    return not text.strip() or text.strip() in missing


def _read_csv(body: bytes, names: Sequence[str], problems: dict[int, Problem]) -> dict[str, Any]:
    """With a header that names at least the flow's columns, or without one and with exactly these, in order."""
    try:
        lines = [line for line in csv.reader(io.StringIO(_text(body), newline="")) if line]
    except csv.Error as error:
        raise Refused(BAD_REQUEST, f"The body is not CSV: {error}.") from None
    header = [cell.strip() for cell in lines[0]] if lines else []
    places: dict[str, int] = {}
    _check_header(header, names)
    if set(names) <= set(header):
        places, lines = {name: header.index(name) for name in names}, lines[1:]
    else:
        header = list(names)
        places = {name: place for place, name in enumerate(names)}
    for place, line in enumerate(lines):
        if len(line) != len(header):
            expected = f"{len(header)} ({', '.join(header)})"
            problems[place] = Problem(place + 1, f"The row has {len(line)} values instead of {expected}.")
            lines[place] = [""] * len(header)
    columns = list(zip(*lines, strict=True))
    return {name: list(columns[place]) if columns else [] for name, place in places.items()}


def _check_header(header: Sequence[str], names: Sequence[str]) -> None:
    """A first line with most of the names is a header, and then it must have all of them, once each."""
    if 2 * len(set(names) & set(header)) < len(names):
        return
    absent = [name for name in names if name not in header]
    if absent:
        raise Refused(BAD_REQUEST, f"The header has no {', '.join(absent)}; it has {', '.join(header)}.")
    twice = [name for name in names if header.count(name) > 1]
    if twice:
        raise Refused(BAD_REQUEST, f"The header has {', '.join(twice)} more than once.")


def _of_document(document: Any, names: Sequence[str], problems: dict[int, Problem]) -> dict[str, Any]:
    """A row, a list of rows, or either under ``instances``; a row is an object, or the values in the flow's order."""
    if isinstance(document, dict) and "instances" in document:
        document = document["instances"]
    rows = document if isinstance(document, list) else [document]
    if rows and not any(isinstance(row, dict | list) for row in rows):
        rows = [rows]  # the values of one row
    return _rows(rows, names, problems)


def _read_json_lines(body: bytes, names: Sequence[str], problems: dict[int, Problem]) -> dict[str, Any]:
    rows: list[Any] = []
    for line in filter(str.strip, _text(body).split("\n")):
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            problems[len(rows)] = Problem(len(rows) + 1, f"The line is not JSON: {error}.")
            rows.append(None)
    return _rows(rows, names, problems)


def _rows(rows: Sequence[Any], names: Sequence[str], problems: dict[int, Problem]) -> dict[str, Any]:
    """The columns of rows that are objects or lists; a row that has a problem gives no values."""
    nothing = (None,) * len(names)
    take = itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)
    taken: list[Sequence[Any]] = []
    for place, row in enumerate(rows):
        cells = row
        if isinstance(row, dict) and isinstance(row.get("features"), dict | list):
            cells = row["features"]
        if isinstance(cells, dict):
            try:
                cells = take(cells)
            except KeyError as absent:
                (name,) = absent.args
                problems.setdefault(place, Problem(place + 1, f"The row has no '{name}'.", name))
                cells = nothing
        elif not isinstance(cells, list) or len(cells) != len(names):
            expected = f"an object with {', '.join(names)}, or these {len(names)} values in a list"
            problems.setdefault(place, Problem(place + 1, f"The row is not {expected}."))
            cells = nothing
        taken.append(cells)
    columns = {name: list(column) for name, column in zip(names, zip(*taken, strict=True), strict=False)}
    for name, column in columns.items():
        if not {dict, list}.isdisjoint(map(type, column)):
            for place, value in enumerate(column):
                if isinstance(value, dict | list):
                    problems.setdefault(place, Problem(place + 1, f"'{name}' holds no single value.", name))
                    column[place] = None
    return columns


def _read_parquet(body: bytes, names: Sequence[str], problems: dict[int, Problem]) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    del problems
    try:
        file = pq.ParquetFile(pa.BufferReader(body))
        _check_schema(file.schema_arrow, names)
        if file.metadata.num_rows > MOST:
            raise Refused(
                BAD_REQUEST, f"The body has {file.metadata.num_rows} rows; at most {MOST} are read."
            )
        table = file.read(columns=list(names))
        return {name: _cells(table.column(name).to_pandas().to_numpy()) for name in names}
    except (pa.ArrowException, OSError) as error:
        raise Refused(BAD_REQUEST, f"The body is not Parquet: {str(error).splitlines()[0]}") from None


def _check_schema(schema: Any, names: Sequence[str]) -> None:
    """Every column is there once, with single values in it."""
    import pyarrow as pa

    absent = [name for name in names if name not in schema.names]
    if absent:
        raise Refused(
            BAD_REQUEST, f"The rows have no {', '.join(absent)}; they have {', '.join(schema.names)}."
        )
    twice = [name for name in names if schema.names.count(name) > 1]
    if twice:
        raise Refused(BAD_REQUEST, f"The rows have {', '.join(twice)} more than once.")
    for name in names:
        type_ = schema.field(name).type
        if pa.types.is_nested(type_) or pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
            raise Refused(
                BAD_REQUEST, f"'{name}' holds {type_}; texts, numbers, booleans and times are read."
            )


def _cells(values: Any) -> Any:
    """A column as it is, or its values one by one where some of them may be a problem of their row."""
    strange = values.dtype.kind == "m" or (values.dtype.kind == "f" and np.isinf(values).any())
    return values.astype(object) if strange else values


def _json(body: bytes, what: str) -> Any:
    try:
        return json.loads(_text(body))
    except ValueError as error:
        raise Refused(BAD_REQUEST, f"{what} is not JSON: {error}.") from None
    except RecursionError:
        raise Refused(BAD_REQUEST, f"{what} is nested too deeply.") from None


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(BAD_REQUEST, f"The body is not UTF-8: {error.reason} at byte {error.start}.") from None


Reader = Callable[[bytes, Sequence[str], dict[int, Problem]], dict[str, Any]]
READERS: Mapping[str, Reader] = {
    "text/csv": _read_csv,
    "application/jsonlines": _read_json_lines,
    "application/x-parquet": _read_parquet,
}
