"""Data sets as Arrow tables of equal size: CSV as text, Parquet with its types, never a whole file in memory.

Tables have ``ROWS`` rows, the last one fewer, however the files are cut: so a result depends on the rows alone.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from containers.processing.job import DataError

ROWS = 1 << 16
BLOCK = 1 << 20  # bytes of text; Arrow reads some thirty blocks ahead, which is where the memory goes


def tables(source: Path, dataset_format: Mapping[str, Any]) -> Iterator[pa.Table]:
    """The rows of a file, or of every file below a folder in the order of their names.

    ``dataset_format`` is the container's: ``{"csv": {"header": true}}`` or ``{"parquet": {}}``. Columns of a CSV
    file without header are ``_c0``, ``_c1`` …; every column of CSV is text.

    Raises:
        DataError: there is no file, one cannot be read, or two have different columns.
    """
    reader = _reader(dataset_format)
    return in_blocks(_same_columns(reader(path) for path in files(source)))


def files(source: Path) -> list[Path]:
    """The data files: not the ones that Spark leaves for itself, whose names begin with ``_`` or ``.``.

    Raises:
        DataError: there is none.
    """
    if source.is_file():
        return [source]
    found = [path for path in sorted(source.rglob("*")) if path.is_file() and path.name[0] not in "_."]
    if not found:
        raise DataError(f"{source}: no data file here")
    return found


def in_blocks(pieces: Iterable[pa.Table], rows: int = ROWS) -> Iterator[pa.Table]:
    """The same rows in tables of ``rows`` rows, the last one fewer."""
    waiting: list[pa.Table] = []
    held = 0
    for piece in pieces:
        start = 0
        while held + len(piece) - start >= rows:
            cut = rows - held
            yield pa.concat_tables([*waiting, piece.slice(start, cut)]).combine_chunks()
            start += cut
            waiting, held = [], 0
        if start < len(piece):
            waiting.append(piece.slice(start))
            held += len(piece) - start
    if held:
        yield pa.concat_tables(waiting).combine_chunks()


def _reader(dataset_format: Mapping[str, Any]) -> Callable[[Path], Iterator[pa.Table]]:
    name = next(iter(dataset_format), "")
    if name == "csv":
        header = bool((dataset_format["csv"] or {}).get("header", True))
        return lambda path: _csv(path, header=header)
    if name == "parquet":
        return _parquet
    near = get_close_matches(name.lower(), ["csv", "parquet"], 1)
    raise DataError(
        f"dataset_format {name!r} cannot be analysed; 'csv' and 'parquet' can"
        + (f". Did you mean {near[0]!r}?" if near else "")
    )


def _csv(path: Path, *, header: bool) -> Iterator[pa.Table]:
    names = _names(path, header=header)
    try:
        yield from (
            pa.Table.from_batches([batch])
            for batch in arrow_csv.open_csv(
                path,
                arrow_csv.ReadOptions(column_names=None if header else names, block_size=BLOCK),
                arrow_csv.ParseOptions(newlines_in_values=True),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
                ),
            )
        )
    except (pa.ArrowInvalid, OSError) as error:
        if "straddling" in str(error):
            raise DataError(f"{path}: a row is longer than {BLOCK:,} bytes; is a quote not closed?") from None
        raise DataError(f"{path}: cannot be read as CSV: {error}") from None


def _names(path: Path, *, header: bool) -> list[str]:
    """The columns of a CSV file."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = next((fields for fields in csv.reader(file) if fields), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV: {error}") from None
    if not first:
        raise DataError(f"{path}: the file is empty")
    if not header:
        return [f"_c{index}" for index in range(len(first))]
    twice = sorted({name for name in first if first.count(name) > 1})
    if twice:
        raise DataError(f"{path}: columns named more than once: {', '.join(twice)}")
    return first


def _parquet(path: Path) -> Iterator[pa.Table]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS):
                yield pa.Table.from_batches([batch])
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: cannot be read as Parquet: {error}") from None


def _same_columns(parts: Iterable[Iterator[pa.Table]]) -> Iterator[pa.Table]:
    """The tables of all files, which must have the same columns of the same types."""
    schema: pa.Schema | None = None
    for part in parts:
        for table in part:
            schema = schema or table.schema
            if not table.schema.equals(schema):
                raise DataError(
                    f"the files have different columns: {_listed(schema)} in the first, "
                    f"{_listed(table.schema)} in another"
                )
            yield table


def _listed(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema)
