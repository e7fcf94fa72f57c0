"""Parquet files to tables of the raw schema, in pieces. Columns go by name; their order in the file does not matter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from containers.processing.job import DataError
from containers.processing.schema import ARROW, check_names, mismatch_error, read_texts

ROWS = 200_000  # read at a time
# Which of Arrow's types may become which of ours without a loss; text is read as CSV's is.
ADMITTED = {
    "integer": (pa.types.is_integer, pa.types.is_null),
    "number": (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null),
    "string": (pa.types.is_dictionary, pa.types.is_null),
    "boolean": (pa.types.is_boolean, pa.types.is_null),
    "timestamp": (pa.types.is_timestamp, pa.types.is_date, pa.types.is_null),
}


def tables(
    path: Path, where: str, columns: Mapping[str, str], source: Mapping[str, Any]
) -> Iterator[pa.Table]:
    """The file's rows, table by table.

    Raises:
        DataError: it is no Parquet, or its columns are not the use case's.
    """
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        hint = (
            "the file is empty"
            if path.stat().st_size == 0
            else f"not Parquet: {error}; is it CSV (source.format)?"
        )
        raise DataError(f"{where}: {hint}") from None
    with file:
        schema = file.schema_arrow
        check_names(schema.names, list(columns), where, ordered=False)
        check_types(schema, columns, where)
        before = 0
        try:
            for batch in file.iter_batches(ROWS, columns=list(columns)):
                yield _convert(pa.Table.from_batches([batch]), columns, source, where, before)
                before += len(batch)
        except OSError as error:
            raise DataError(f"{where}: damaged Parquet: {error}") from None


def check_types(schema: pa.Schema, columns: Mapping[str, str], where: str) -> None:
    """Refuse columns whose type in the file cannot become the use case's; all at once."""
    wrong = [
        f"'{name}' is {schema.field(name).type}, should be {type_}"
        for name, type_ in columns.items()
        if not is_text(schema.field(name).type)
        and not any(admits(schema.field(name).type) for admits in ADMITTED[type_])
    ]
    if wrong:
        raise DataError(f"{where}: columns of another type: {'; '.join(wrong)}")


def _convert(
    table: pa.Table, columns: Mapping[str, str], source: Mapping[str, Any], where: str, before: int
) -> pa.Table:
    """The piece with the schema's types; text that cannot be read as its type is an error."""
    texts = {name: type_ for name, type_ in columns.items() if is_text(table.schema.field(name).type)}
    plain = table.select(list(texts)).cast(pa.schema([(name, pa.string()) for name in texts]))
    read, wrong = read_texts(plain, texts, frozenset(source.get("missing", ())))
    if wrong:
        raise mismatch_error(
            where, wrong, {row: f"row {before + row + 1}" for bad in wrong for row, _ in bad.first}
        )
    arrays = [
        read.column(name) if name in texts else cast(table.column(name), ARROW[type_])
        for name, type_ in columns.items()
    ]
    return pa.table(arrays, names=list(columns))


def cast(array: pa.ChunkedArray, type_: pa.DataType) -> pa.ChunkedArray:
    """A column as one of our types, which ``check_types`` has admitted."""
    # Nanoseconds beyond microseconds are the one loss that is accepted.
    return array.cast(type_, safe=not pa.types.is_timestamp(type_))


def is_text(type_: pa.DataType) -> bool:
    """Whether values of the type are texts, coded or not."""
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))
