"""CSV files to tables of the raw schema, in pieces, with a clear word on everything that is wrong with one.

The pieces are of a bounded size, so the file may be larger than memory. Values are read as text first: only so can
a message name the line and the value that does not fit.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as arrow_csv

from containers.processing.job import DataError
from containers.processing.schema import check_names, mismatch_error, read_texts

BLOCK = 16 << 20  # bytes of text read at a time
DELIMITERS = (",", ";", "\t", "|")
# What a file starts with that is no CSV, and what to do about it.
MAGIC = {
    b"PAR1": "it is Parquet; set source.format = 'parquet'",
    b"PK\x03\x04": "it is a zip archive or a spreadsheet; save it as CSV",
    b"%PDF": "it is a PDF",
    b"\xff\xfe": "it is UTF-16; save it as UTF-8",
    b"\xfe\xff": "it is UTF-16; save it as UTF-8",
    b"BZh": "it is bzip2-compressed; unpack it, or use gzip",
}
GZIP = b"\x1f\x8b"


def tables(
    path: Path, where: str, columns: Mapping[str, str], source: Mapping[str, Any]
) -> Iterator[pa.Table]:
    """The file's rows, table by table.

    ``where`` names the file in messages; ``source`` is the use case's: ``header`` (true where not given),
    ``delimiter`` (a comma where not given), ``missing``, ``encoding`` (UTF-8 where not given).

    Raises:
        DataError: whatever is wrong with it.
    """
    with readable(path, where, source) as encoding:
        yield from _tables(path, where, columns, source, encoding)


@contextlib.contextmanager
def readable(path: Path, where: str, source: Mapping[str, Any]) -> Iterator[str]:
    """The file's encoding; what goes wrong while it is read becomes a DataError that says what is wrong with it."""
    encoding = source.get("encoding", "utf-8")
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise DataError(
            f"source.encoding: unknown encoding {encoding!r}; 'utf-8' or 'latin-1' are usual"
        ) from None
    try:
        yield encoding
    except (pa.ArrowInvalid, UnicodeError, EOFError, OSError, zlib.error) as error:
        _check_encoding(path, where, encoding)
        raise DataError(f"{where}: cannot be read as CSV: {error}") from None


def first_record(path: Path, where: str, source: Mapping[str, Any], encoding: str) -> list[str]:
    """The fields of the first line that has any.

    Raises:
        DataError: the file is empty, or no text.
    """
    _check_start(path, where)
    with _open_text(path, encoding) as file:
        line = next(text for text in file if text.strip())
    return _fields(line, source.get("delimiter", ","))


def _tables(
    path: Path, where: str, columns: Mapping[str, str], source: Mapping[str, Any], encoding: str
) -> Iterator[pa.Table]:
    """``tables`` for a file whose bytes are what they should be; else whatever error comes up."""
    delimiter, header = source.get("delimiter", ","), bool(source.get("header", True))
    _check_start(path, where)
    _check_head(path, where, columns, header=header, delimiter=delimiter, encoding=encoding)
    torn: list[Any] = []
    before = int(header)  # records ahead of the present piece
    for texts in pieces(path, list(columns), torn, header=header, delimiter=delimiter, encoding=encoding):
        if torn:
            raise _torn_error(path, where, torn, delimiter, encoding)
        table, wrong = read_texts(texts, columns, frozenset(source.get("missing", ())))
        if wrong:
            rows = [row for bad in wrong for row, _ in bad.first]
            lines = _lines(path, {before + row for row in rows}, delimiter, encoding)
            raise mismatch_error(where, wrong, {row: f"line {lines[before + row]}" for row in rows})
        yield table
        before += len(table)
    if torn:
        raise _torn_error(path, where, torn, delimiter, encoding)


def pieces(
    path: Path, names: list[str], torn: list[Any], *, header: bool, delimiter: str, encoding: str
) -> Iterator[pa.Table]:
    """The file as tables of text; records with too few or too many fields are left out and put in ``torn``."""

    def note(record: Any) -> str:
        torn.append(record)
        return "skip"

    with pa.input_stream(str(path), compression="gzip" if _is_gzip(path) else None) as stream:
        reader = arrow_csv.open_csv(
            stream,
            # Without threads, a torn record knows its number.
            arrow_csv.ReadOptions(
                column_names=names,
                skip_rows=int(header),
                block_size=BLOCK,
                use_threads=False,
                encoding=encoding,
            ),
            arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, null_values=[]
            ),
        )
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _check_start(path: Path, where: str) -> None:
    """Refuse what is empty or is no text."""
    with _open(path) as file:
        start = file.read(8192)
    if not start.strip(b" \t\r\n\xef\xbb\xbf"):
        raise DataError(f"{where}: the file is empty")
    for magic, reason in MAGIC.items():
        if start.startswith(magic):
            raise DataError(f"{where}: not CSV: {reason}")
    if b"\0" in start:
        raise DataError(f"{where}: not CSV: it holds binary data (a zero byte at {start.index(0)})")


def _check_encoding(path: Path, where: str, encoding: str) -> None:
    """Refuse bytes that are no text in the encoding, with their line."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with contextlib.suppress(EOFError, OSError, zlib.error), _open(path) as file:
        while block := file.read(BLOCK):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                line += error.object[: error.start].count(b"\n")
                raise DataError(
                    f"{where}, line {line}: byte 0x{error.object[error.start]:02x} is not {encoding}; "
                    "save the file as UTF-8, or set source.encoding (for instance 'latin-1')"
                ) from None
            line += block.count(b"\n")


def _check_head(
    path: Path, where: str, columns: Mapping[str, str], *, header: bool, delimiter: str, encoding: str
) -> None:
    """Hold the first line against the schema: names where there is a header, else the number of fields."""
    with _open_text(path, encoding) as file:
        line = next(text for text in file if text.strip())
    fields = _fields(line, delimiter)
    alike = sum(name in columns for name in fields)
    if header:
        if alike == 0 and len(fields) == len(columns):
            raise DataError(
                f"{where}, line 1: no column names, but values ({line.strip()[:80]!r}); set header = false"
            )
        if alike < len(columns):
            _check_delimiter(line, where, len(columns), delimiter)
        check_names(fields, list(columns), f"{where}, line 1", ordered=True)
        return
    if len(columns) > 1 and alike > len(columns) / 2:
        raise DataError(f"{where}, line 1: column names where values were expected; set header = true")
    if len(fields) != len(columns):
        _check_delimiter(line, where, len(columns), delimiter)
        raise DataError(
            f"{where}, line 1: {len(fields)} fields, but the use case names {len(columns)} columns: "
            f"{', '.join(columns)}"
        )


def _check_delimiter(line: str, where: str, expected: int, delimiter: str) -> None:
    """Where another delimiter would give the right number of fields, say so."""
    for other in DELIMITERS:
        if other != delimiter and expected > 1 and len(_fields(line, other)) == expected:
            raise DataError(
                f"{where}, line 1: the fields are separated by {other!r}; set delimiter = {other!r}"
            )


def _torn_error(path: Path, where: str, torn: Iterable[Any], delimiter: str, encoding: str) -> DataError:
    """The error for records with too few or too many fields."""
    records = list(torn)
    lines = _lines(path, {record.number - 1 for record in records[:3]}, delimiter, encoding)
    shown = ", ".join(
        f"line {lines[record.number - 1]} has {record.actual_columns}" for record in records[:3]
    )
    return DataError(
        f"{where}: {len(records)} line(s) do not have {records[0].expected_columns} fields: {shown}. "
        f"A field that holds {delimiter!r} must be in double quotes, with no space before them"
    )


def _lines(path: Path, records: set[int], delimiter: str, encoding: str) -> dict[int, int]:
    """The lines (from 1) on which these records (from 0, a header included) end; blank lines are no records."""
    lines: dict[int, int] = {}
    with _open_text(path, encoding) as file:
        reader = csv.reader(file, delimiter=delimiter)
        filled = (reader.line_num for fields in reader if fields)
        for number, line in enumerate(filled):
            if number in records:
                lines[number] = line
                if len(lines) == len(records):
                    break
    return lines


def _fields(line: str, delimiter: str) -> list[str]:
    return [field.strip() for field in next(csv.reader([line.strip("\r\n")], delimiter=delimiter), [])]


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == GZIP


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if _is_gzip(path) else path.open("rb")  # type: ignore[return-value]


def _open_text(path: Path, encoding: str) -> IO[str]:
    return io.TextIOWrapper(
        _open(path), encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline=""
    )
