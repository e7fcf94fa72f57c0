"""Reads the channels of XGBoost's algorithm mode: CSV, libsvm and Parquet into a DMatrix.

The label comes first, CSV has no header, an empty cell is a missing value, and every file of a channel that is
not hidden belongs to it. https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse
import xgboost

from local_sagemaker.jobs.runtimes.xgboost_parameters import UserError

_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class Table:
    """Rows of one channel."""

    features: Any  # a NumPy array, or a SciPy CSR matrix whose absent entries are missing values
    label: np.ndarray
    weight: np.ndarray | None = None


_CONTENT_TYPES = {
    "csv": "csv",
    "text/csv": "csv",
    "libsvm": "libsvm",
    "text/libsvm": "libsvm",
    "text/x-libsvm": "libsvm",
    "parquet": "parquet",
    "application/x-parquet": "parquet",
}


def content_type(declared: str | None) -> str:
    """``csv``, ``libsvm`` (also where nothing is declared) or ``parquet``. Raises UserError."""
    if declared is None:
        return "libsvm"
    header = Message()
    header["Content-Type"] = declared.lower()
    kind = declared.lower().partition(";")[0].strip()
    if kind not in _CONTENT_TYPES:
        raise UserError(f"{declared} is not an accepted ContentType: {', '.join(_CONTENT_TYPES)}.")
    if _CONTENT_TYPES[kind] == "csv" and header.get_param("label_size", "1") != "1":
        raise UserError(f"{declared} is not an accepted csv ContentType: label_size must be 1.")
    return _CONTENT_TYPES[kind]


def read(folder: Path, kind: str, *, weights: bool) -> Table | None:
    """All rows of a channel, None where it has none. Raises UserError, naming file and line."""
    files = [
        path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith((".", "_"))
    ]
    files = [path for path in files if path.stat().st_size]
    if not files:
        return None
    table = _READERS[kind](files, weights)
    if not len(table.label):
        return None
    if not np.isfinite(table.label).all():
        row = int(np.flatnonzero(~np.isfinite(table.label))[0]) + 1
        raise UserError(f"{folder.name}: the label (the first column) of row {row} is missing or not finite.")
    return table


def matrices(*tables: Table | None) -> list[xgboost.DMatrix | None]:
    """A DMatrix for each channel, all equally wide. Raises UserError where they are not.

    A libsvm file does not say how wide it is: the widest of the channels does.
    """
    given = [table for table in tables if table is not None]
    widths = {table.features.shape[1] for table in given}
    if len(widths) > 1:
        if not all(scipy.sparse.issparse(table.features) for table in given):
            raise UserError(f"The channels have different numbers of features: {sorted(widths)}.")
        for table in given:
            table.features.resize(len(table.label), max(widths))
    return [
        xgboost.DMatrix(table.features, label=table.label, weight=table.weight) if table else None
        for table in tables
    ]


def _csv(files: Sequence[Path], weights: bool) -> Table:  # noqa: FBT001 - one of three readers in a table
    frames = [_csv_file(path) for path in files]
    widths = {path.name: frame.shape[1] for path, frame in zip(files, frames, strict=True)}
    if len(set(widths.values())) > 1:
        raise UserError(f"The files of a channel must have equally many columns; these have {widths}.")
    rows = np.concatenate(frames)
    first = 2 if weights else 1
    if rows.shape[1] <= first:
        raise UserError(
            f"{files[0].name} has {rows.shape[1]} column(s): a label and at least one feature are wanted."
        )
    return Table(rows[:, first:], rows[:, 0], rows[:, 1] if weights else None)


def _csv_file(path: Path) -> np.ndarray:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        line = file.readline()
    delimiter = max(_DELIMITERS, key=line.count)
    try:
        frame = pd.read_csv(path, header=None, sep=delimiter, dtype=np.float32, skipinitialspace=True)
    except (ValueError, pd.errors.ParserError) as error:
        raise UserError(_what_is_wrong(path, delimiter) or f"{path.name} is not CSV: {error}") from None
    return frame.to_numpy()


def _what_is_wrong(path: Path, delimiter: str) -> str:
    """The first cell that is no number, or the first line of another length, of a file that could not be read."""
    width = None
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.reader(file, delimiter=delimiter):
            number = row and sum(1 for _ in row)
            width = width or number
            if number and number != width:
                return f"{path.name} has {number} columns in one line, {width} in the first."
            for column, cell in enumerate(row, 1):
                if cell.strip() and not _is_number(cell):
                    return (
                        f"{path.name}: column {column} has {cell[:50]!r}, which is not a number. "
                        "XGBoost's CSV has no header, and its label in the first column."
                    )
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text.strip().lower() in ("na", "n/a", "null")
    return True


def _libsvm(files: Sequence[Path], weights: bool) -> Table:  # noqa: ARG001, FBT001 - a weight is part of the label
    labels, values, weight = array("f"), array("f"), array("f")
    columns, starts = array("q"), array("q", [0])
    for path in files:
        with path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                text = line.partition("#")[0].split()
                if not text:
                    continue
                try:
                    label, _, rest = text[0].partition(":")
                    labels.append(float(label))
                    weight.append(float(rest or 1))
                    for column, value in _pairs(text[1:]):
                        columns.append(column)
                        values.append(value)
                except ValueError:
                    raise UserError(
                        f"Line {number} of file '{path.name}', '{line[:50].strip()}', is not 'LIBSVM' format: "
                        "<label>[:<weight>] <index>:<value> … is wanted."
                    ) from None
                starts.append(len(columns))
    shape = (len(labels), max(columns, default=0) + 1)
    matrix = scipy.sparse.csr_matrix((np.asarray(values), np.asarray(columns), np.asarray(starts)), shape)
    heavy = np.asarray(weight)
    return Table(matrix, np.asarray(labels), None if (heavy == 1).all() else heavy)


def _pairs(words: Sequence[str]) -> Iterator[tuple[int, float]]:
    for word in words:
        if word.startswith("qid:"):
            continue
        index, colon, value = word.partition(":")
        if not colon or int(index) < 0:
            raise ValueError(word)
        yield int(index), float(value)


def _parquet(files: Sequence[Path], weights: bool) -> Table:  # noqa: ARG001, FBT001 - weights are for CSV
    tables = []
    for path in files:
        try:
            tables.append(pq.read_table(path).to_pandas())
        except (pa.ArrowInvalid, OSError) as error:
            raise UserError(f"{path.name} is not Parquet: {error}") from None
    frame = pd.concat(tables, ignore_index=True)
    for name, kind in frame.dtypes.items():
        if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind)):
            raise UserError(f"{files[0].name}: column {name!r} is {kind}, not a number.")
    rows = frame.to_numpy(dtype=np.float32, na_value=np.nan)
    if rows.shape[1] < 2:
        raise UserError(
            f"{files[0].name} has {rows.shape[1]} column(s): a label and at least one feature are wanted."
        )
    return Table(rows[:, 1:], rows[:, 0])


_READERS: dict[str, Callable[[Sequence[Path], bool], Table]] = {
    "csv": _csv,
    "libsvm": _libsvm,
    "parquet": _parquet,
}
