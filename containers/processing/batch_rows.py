"""Raw rows for scoring, file by file and piece by piece: the good ones as a table, the others with what is wrong.

Training refuses a file with a bad value, because its owner should mend it. A batch that somebody waits for goes on
without the row. What a row needs is what the model's flow reads; columns besides are taken along, and those that the
use case does not know are text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from containers.processing import csv_files, parquet_files
from containers.processing.job import DataError
from containers.processing.schema import ARROW, arrow_schema, read_columns

SHOWN = 60  # characters of a bad value in a message
_A = {"integer": "an integer", "number": "a number", "boolean": "true or false", "timestamp": "a time"}


@dataclass(frozen=True)
class Expected:
    """What rows of a use case look like."""

    types: Mapping[str, str]  # of every column that is known, in the order of a file without a header
    needed: Sequence[str]  # what the model's flow reads
    label: str  # which a file without a header may leave out
    source: Mapping[str, Any]  # the use case's [source]


@dataclass(frozen=True)
class Rejected:
    """A row that is left out."""

    row: int  # in its file, from 1; a header does not count
    message: str
    values: Mapping[str, Any]  # by column; of a line that is no row, its text alone

    def document(self, where: str) -> dict[str, Any]:
        """As a line of the file of rejected rows."""
        return {"object": where, "row": self.row, "message": self.message, "values": dict(self.values)}


@dataclass(frozen=True)
class Piece:
    """Some rows of a file."""

    good: pa.Table
    rejected: Sequence[Rejected]

    @property
    def rows(self) -> int:
        """How many rows there were."""
        return len(self.good) + len(self.rejected)


def csv_pieces(path: Path, where: str, expected: Expected) -> Iterator[Piece]:
    """The rows of a CSV file, plain or gzipped.

    Raises:
        DataError: it is no CSV, or has not the columns.
    """
    source = expected.source
    with csv_files.readable(path, where, source) as encoding:
        fields = csv_files.first_record(path, where, source, encoding)
        header = bool(source.get("header", True)) or set(expected.needed) <= set(fields)
        names = _named(fields, where, expected) if header else _unnamed(fields, where, expected)
        types = {name: expected.types.get(name, "string") for name in names}
        missing = frozenset(source.get("missing", ()))
        torn: list[Any] = []
        told, before = 0, 0  # torn records that are in a piece already, whole records in earlier ones
        delimiter = source.get("delimiter", ",")
        for texts in csv_files.pieces(
            path, names, torn, header=header, delimiter=delimiter, encoding=encoding
        ):
            gaps = np.array([record.number - 1 - header for record in torn], dtype=np.int64)
            places = _places(before, len(texts), gaps)
            piece = _piece(texts, types, missing, places)
            before += len(texts)
            yield Piece(piece.good, [*piece.rejected, *map(_torn(header), torn[told:])])
            told = len(torn)
        if told < len(torn):
            empty = arrow_schema(types).empty_table()
            yield Piece(empty, list(map(_torn(header), torn[told:])))


def parquet_pieces(path: Path, where: str, expected: Expected) -> Iterator[Piece]:
    """The rows of a Parquet file.

    Raises:
        DataError: it is no Parquet, or has not the columns, or they are of other types.
    """
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise DataError(f"{where}: not Parquet: {error}; is it CSV ([source] format)?") from None
    with file:
        schema = file.schema_arrow
        names = _named(schema.names, where, expected)
        known = {name: expected.types[name] for name in names if name in expected.types}
        parquet_files.check_types(schema, known, where)
        missing = frozenset(expected.source.get("missing", ()))
        before = 0
        try:
            for batch in file.iter_batches(parquet_files.ROWS):
                table = pa.Table.from_batches([batch])
                yield _typed(table, known, missing, np.arange(before, before + len(table)))
                before += len(table)
        except OSError as error:
            raise DataError(f"{where}: damaged Parquet: {error}") from None


def pieces(path: Path, where: str, expected: Expected) -> Iterator[Piece]:
    """The rows of a file, which is Parquet if it begins as such; the use case says how the others are read."""
    with path.open("rb") as file:
        parquet = file.read(4) == b"PAR1" or expected.source["format"] == "parquet"
    return (parquet_pieces if parquet else csv_pieces)(path, where, expected)


def _named(fields: Sequence[str], where: str, expected: Expected) -> list[str]:
    """The names of the columns, where the file has them."""
    twice = sorted({name for name in fields if list(fields).count(name) > 1})
    if twice:
        raise DataError(f"{where}: columns named more than once: {', '.join(twice)}")
    absent = [name for name in expected.needed if name not in fields]
    if absent:
        likes = [(name, get_close_matches(name, fields, n=1)) for name in absent]
        said = ", ".join(f"{name} (is it '{like[0]}'?)" if like else name for name, like in likes)
        raise DataError(
            f"{where}: the model needs columns that are not there: {said}. There are: {', '.join(fields)}"
        )
    return list(fields)


def _unnamed(fields: Sequence[str], where: str, expected: Expected) -> list[str]:
    """The names of the columns of a file without a header: those of the use case, with the label or without."""
    every = list(expected.types)
    others = [name for name in every if name != expected.label]
    for names in (every, others):
        if len(fields) == len(names):
            return names
    raise DataError(
        f"{where}, line 1: {len(fields)} fields, but the use case names {len(every)} columns, {len(others)} without "
        f"the label: {', '.join(every)}"
    )


def _piece(texts: pa.Table, types: Mapping[str, str], missing: frozenset[str], places: Any) -> Piece:
    """Text parted into rows of the types, and those that have a value of another type."""
    table, unread = read_columns(texts, types, missing)
    return _parted(table, texts, types, unread, places)


def _typed(table: pa.Table, known: Mapping[str, str], missing: frozenset[str], places: Any) -> Piece:
    """A table whose columns have types already, but for those that are text."""
    texts = {
        name: type_ for name, type_ in known.items() if parquet_files.is_text(table.schema.field(name).type)
    }
    plain = table.select(list(texts)).cast(pa.schema([(name, pa.string()) for name in texts]))
    read, unread = read_columns(plain, texts, missing)
    columns = [
        read.column(name)
        if name in texts
        else parquet_files.cast(table.column(name), ARROW[known[name]])
        if name in known
        else table.column(name)
        for name in table.column_names
    ]
    whole = pa.table(columns, names=table.column_names)
    return _parted(whole, table, known, unread, places)


def _parted(
    table: pa.Table, raw: pa.Table, types: Mapping[str, str], unread: Mapping[str, Any], places: Any
) -> Piece:
    if not unread:
        return Piece(table, ())
    bad = np.logical_or.reduce(list(unread.values()))
    wrong = np.flatnonzero(bad)
    rejected = []
    for place, values in zip(wrong.tolist(), raw.take(wrong).to_pylist(), strict=True):
        said = [
            f"'{name}' should be {_A.get(types[name], types[name])}, not {_short(values[name])}"
            for name, mask in unread.items()
            if mask[place]
        ]
        rejected.append(Rejected(int(places[place]) + 1, "; ".join(said), values))
    return Piece(table.filter(pc.invert(pa.array(bad))), rejected)


def _places(before: int, count: int, gaps: Any) -> Any:
    """Which rows of the file the whole records are; ``gaps`` are the places of those that are torn."""
    whole = np.arange(before, before + count)
    return whole + np.searchsorted(gaps - np.arange(len(gaps)), whole, side="right")


def _torn(header: bool) -> Callable[[Any], Rejected]:  # noqa: FBT001
    def rejected(record: Any) -> Rejected:
        said = f"the line has {record.actual_columns} fields instead of {record.expected_columns}"
        return Rejected(record.number - header, said, {"text": record.text})

    return rejected


def _short(value: Any) -> str:
    shown = repr(value.strip() if isinstance(value, str) else value)
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
