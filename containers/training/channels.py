"""Prepared rows, from the Parquet files of a channel to XGBoost's quantised matrix.

The matrix is built from Arrow's columns as they lie: no data frame and no row-wise copy in between. It
keeps one byte or two a cell, so what limits the number of rows is the Arrow table, which is gone once the
matrix is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xgboost as xgb

from containers.contract import LABEL
from containers.processing.job import DataError


@dataclass(frozen=True)
class Rows:
    """The rows of a channel: labels, and features by name."""

    channel: str
    labels: npt.NDArray[np.float32]
    features: Any  # pyarrow.Table, numeric columns only

    @property
    def names(self) -> list[str]:
        """The features, in order."""
        return list(self.features.column_names)


def read(folder: Path, channel: str, features: Sequence[str] | None = None) -> Rows:
    """Every Parquet file below ``folder``; with ``features``, in that order and exactly these.

    Raises:
        DataError: no file, no row, no label, a label or feature that is no number, or other features.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name[0] not in "._")
    if not files:
        raise DataError(f"channel '{channel}' is missing: expected Parquet files in {folder}")
    table = pa.concat_tables([_read_file(path, channel) for path in files])
    if not table.num_rows:
        raise DataError(f"channel '{channel}' has no rows")
    if LABEL not in table.column_names:
        raise DataError(f"channel '{channel}' has no column '{LABEL}' (found: {_some(table.column_names)})")
    _check_types(table, channel)
    columns = table.drop_columns([LABEL])
    if not columns.num_columns:
        raise DataError(f"channel '{channel}' has no features, only '{LABEL}'")
    if features is not None:
        _check_features(columns.column_names, features, channel)
        columns = columns.select(list(features))
    return Rows(channel, _labels(table.column(LABEL), channel), columns)


def check_labels(rows: Rows, problem: str, num_class: int) -> None:
    """Hold the labels against the problem.

    Raises:
        DataError: labels that the problem does not have, or, for a classifier, only one class.
    """
    if problem == "regression":
        return
    classes = 2 if problem == "binary" else num_class
    found = np.unique(rows.labels)
    wrong = [value for value in found if value != int(value) or not 0 <= value < classes]
    if wrong:
        raise DataError(
            f"channel '{rows.channel}': {problem} labels are the whole numbers 0 to {classes - 1}, "
            f"found {_some([f'{value:g}' for value in wrong])}"
        )
    if len(found) == 1:
        raise DataError(
            f"channel '{rows.channel}': every label is {found[0]:g}; "
            "a classifier needs rows of at least two classes"
        )


def matrix(rows: Rows, reference: xgb.QuantileDMatrix | None = None, **settings: int) -> xgb.QuantileDMatrix:
    """The rows as XGBoost trains on them, binned as ``reference`` is.

    Raises:
        DataError: a feature is infinite.
    """
    try:
        return xgb.QuantileDMatrix(rows.features, rows.labels, ref=reference, **settings)
    except xgb.core.XGBoostError as error:
        infinite = [name for name in rows.names if _has_infinity(rows.features.column(name))]
        if not infinite:
            raise
        raise DataError(
            f"channel '{rows.channel}': infinite values in {_some(infinite)}; "
            "leave them empty or clip them in the flow"
        ) from error


def _read_file(path: Path, channel: str) -> Any:
    try:
        return pq.read_table(path, memory_map=True)
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"channel '{channel}': {path.name} is not a Parquet file ({reason})") from error


def _check_types(table: Any, channel: str) -> None:
    texts = [
        f"{column.name} ({column.type})"
        for column in table.schema
        if not (
            pa.types.is_integer(column.type)
            or pa.types.is_floating(column.type)
            or pa.types.is_boolean(column.type)
        )
    ]
    if texts:
        raise DataError(
            f"channel '{channel}': only numbers can be trained on, but there is {_some(texts)}; "
            "encode or drop it in the flow"
        )


def _check_features(found: Sequence[str], wanted: Sequence[str], channel: str) -> None:
    missing = [name for name in wanted if name not in found]
    extra = [name for name in found if name not in wanted]
    if missing or extra:
        parts = [f"lacks {_some(missing)}"] * bool(missing) + [f"has besides {_some(extra)}"] * bool(extra)
        raise DataError(
            f"channel '{channel}' {' and '.join(parts)}; it must have the {len(wanted)} features of 'train'"
        )


def _labels(column: Any, channel: str) -> npt.NDArray[np.float32]:
    labels: npt.NDArray[np.float32] = pc.cast(column, pa.float32(), safe=False).to_numpy()
    unusable = int(np.count_nonzero(~np.isfinite(labels)))
    if unusable:
        raise DataError(f"channel '{channel}': {unusable} of {len(labels)} labels are missing or infinite")
    return labels


def _has_infinity(column: Any) -> bool:
    return pa.types.is_floating(column.type) and bool(pc.any(pc.is_inf(column)).as_py())


def _some(names: Sequence[str], most: int = 5) -> str:
    """The first few of many names."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
