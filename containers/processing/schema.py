"""The raw schema of a use case, as Arrow types, and text held against it.

Text is read with Arrow where it is plain, and with the flow's own reader where it is not, so that a value means in
the batch what it means while serving.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from containers.flow.table import conform, is_missing
from containers.processing.job import DataError

ARROW = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
SHOWN = 3  # bad values that a message shows


@dataclass(frozen=True)
class Mismatch:
    """Values of one column that are not of its type: the first few with their row (from 0), and how many."""

    column: str
    type: str
    count: int
    first: tuple[tuple[int, str], ...]


def arrow_schema(columns: Mapping[str, str]) -> pa.Schema:
    """The schema of ingested rows; every column may be missing."""
    return pa.schema([(name, ARROW[type_]) for name, type_ in columns.items()])


def check_names(found: Sequence[str], expected: Sequence[str], where: str, *, ordered: bool) -> None:
    """Whether a file's columns are the use case's.

    Raises:
        DataError: columns are named twice, missing, extra, or (where ``ordered``) in another order; all at once.
    """
    wrong = []
    twice = sorted({name for name in found if list(found).count(name) > 1})
    if twice:
        wrong.append(f"named more than once: {', '.join(twice)}")
    absent = [name for name in expected if name not in found]
    if absent:
        wrong.append("missing: " + ", ".join(_like(name, found) for name in absent))
    extra = [name for name in found if name not in expected]
    if extra:
        wrong.append(f"not in the use case: {', '.join(extra)}")
    if not wrong and ordered and list(found) != list(expected):
        at = next(place for place, pair in enumerate(zip(found, expected, strict=True)) if pair[0] != pair[1])
        wrong.append(f"in another order: column {at + 1} is '{found[at]}', expected '{expected[at]}'")
    if wrong:
        raise DataError(f"{where}: columns {'; '.join(wrong)}. Expected: {', '.join(expected)}")


def read_texts(
    texts: pa.Table, columns: Mapping[str, str], missing: frozenset[str]
) -> tuple[pa.Table, list[Mismatch]]:
    """Columns of text as columns of the schema's types, and what could not be read."""
    table, unread = read_columns(texts, columns, missing)
    wrong = []
    for name, bad in unread.items():
        rows = np.flatnonzero(bad)
        first = tuple((int(row), texts.column(name)[int(row)].as_py().strip()) for row in rows[:SHOWN])
        wrong.append(Mismatch(name, columns[name], len(rows), first))
    return table, wrong


def read_columns(
    texts: pa.Table, columns: Mapping[str, str], missing: frozenset[str]
) -> tuple[pa.Table, dict[str, np.ndarray[Any, Any]]]:
    """Columns of text as columns of the schema's types; for those that need it, a mask of what is no such value."""
    read = {
        name: _read(texts.column(name).combine_chunks(), type_, missing) for name, type_ in columns.items()
    }
    arrays = [array for array, _ in read.values()]
    unread = {name: bad for name, (_, bad) in read.items() if bad.any()}
    return pa.table(arrays, schema=arrow_schema(columns)), unread


def mismatch_error(where: str, wrong: Sequence[Mismatch], places: Mapping[int, str]) -> DataError:
    """The error that names every mismatched column, its first bad values and their places."""
    sentences = [
        f"column '{bad.column}' should be {bad.type}, but {bad.count} value(s) are not: "
        + ", ".join(f"{text!r} ({places[row]})" for row, text in bad.first)
        for bad in wrong
    ]
    return DataError(
        f"{where}: {'; '.join(sentences)}. Mend the values, change the column's type, "
        "or list texts that mean 'no value' in source.missing"
    )


def _like(name: str, found: Sequence[str]) -> str:
    close = get_close_matches(name, found, n=1)
    return f"{name} (is it '{close[0]}'?)" if close else name


def _read(texts: pa.Array, type_: str, missing: frozenset[str]) -> tuple[pa.Array, np.ndarray[Any, Any]]:
    """One column of text as its type, and a mask of what could not be read."""
    trimmed = pc.utf8_trim_whitespace(texts)
    absent = pc.or_kleene(
        pc.is_null(trimmed), pc.is_in(trimmed, value_set=pa.array(["", *missing], pa.string()))
    )
    none_bad = np.zeros(len(texts), dtype=bool)
    if type_ == "string":
        # White space after a delimiter is layout; what stands at the end is left to the flow.
        return pc.if_else(absent, None, pc.utf8_ltrim_whitespace(texts)), none_bad
    present = pc.if_else(absent, None, trimmed)
    if type_ in ("integer", "number"):
        try:
            plain = pc.cast(present, ARROW[type_])
        except pa.ArrowInvalid:
            plain = None
        if plain is not None and (type_ == "integer" or pc.all(pc.is_finite(plain)).as_py() is not False):
            return plain, none_bad
    if type_ == "timestamp" and (times := _plain_times(present)) is not None:
        return times, none_bad
    values = conform(present.to_pandas(), type_)
    bad = is_missing(values) & ~absent.to_numpy(zero_copy_only=False)
    if type_ == "integer":
        bad |= ~is_missing(values) & (values != np.trunc(values))
    return _to_arrow(values, bad, type_), bad


def _plain_times(texts: pa.Array) -> pa.Array | None:
    """Times of which all have an offset, or none has (then it is UTC); else None."""
    for type_ in (ARROW["timestamp"], pa.timestamp("us")):
        try:
            return pc.cast(texts, type_).cast(ARROW["timestamp"])
        except pa.ArrowInvalid:
            continue
    return None


def _to_arrow(values: np.ndarray[Any, Any], bad: np.ndarray[Any, Any], type_: str) -> pa.Array:
    """A canonical column as Arrow; bad values as null."""
    none = is_missing(values) | bad
    if type_ == "timestamp":
        return pa.array(values.astype("datetime64[us]"), pa.timestamp("us"), mask=none).cast(ARROW[type_])
    if type_ == "integer":
        values = np.where(none, 0, values).astype(np.int64)
    if type_ == "boolean":
        values = np.where(none, 0, values).astype(bool)
    return pa.array(values, ARROW[type_], mask=none)
