"""Prepared rows: from the Parquet files of a channel or an input to XGBoost's matrix. Training and evaluation.

The matrix is built from Arrow's columns as they lie: no data frame and no row-wise copy in between. It
keeps one byte or two a cell, so what limits the number of rows is the Arrow table, which is gone once the
matrix is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xgboost as xgb

from containers.contract import LABEL, WEIGHT, WEIGHTS
from containers.processing.job import DataError


@dataclass(frozen=True)
class Rows:
    """The rows of one channel or input: labels, and features by name."""

    name: str
    labels: npt.NDArray[np.float64]
    features: Any  # pyarrow.Table, numeric columns only

    @property
    def feature_names(self) -> list[str]:
        """The features, in order."""
        return list(self.features.column_names)


def read(folder: Path, name: str, features: Sequence[str] | None = None) -> Rows:
    """Every Parquet file below ``folder``; with ``features``, in that order and exactly these.

    Raises:
        DataError: no file, no row, no label, a label or feature that is no number, a name that XGBoost does
        not take,
            or other features.
    """
    table = _read_files(_files(folder, name), name)
    if not table.num_rows:
        raise DataError(f"'{name}' has no rows")
    if LABEL not in table.column_names:
        raise DataError(f"'{name}' has no column '{LABEL}' (found: {_some(table.column_names)})")
    _check_types(table, name)
    _check_names(table.column_names, name)
    columns = table.drop_columns([LABEL])
    if not columns.num_columns:
        raise DataError(f"'{name}' has no features, only '{LABEL}'")
    if features is not None:
        _check_features(columns.column_names, features, name)
        columns = columns.select(list(features))
    return Rows(name, _labels(table.column(LABEL), name), columns)


def check_labels(rows: Rows, problem: str, num_class: int) -> None:
    """Hold the labels against the problem.

    Raises:
        DataError: there are labels that the problem does not have.
    """
    if problem == "regression":
        return
    classes = 2 if problem == "binary" else num_class
    found = np.unique(rows.labels)
    wrong = [value for value in found if value != int(value) or not 0 <= value < classes]
    if wrong:
        raise DataError(
            f"'{rows.name}': {problem} labels are the whole numbers 0 to {classes - 1}, "
            f"found {_some([f'{value:g}' for value in wrong])}"
        )


def check_classes(rows: Rows, problem: str) -> None:
    """Hold that a classifier has something to tell apart.

    Raises:
        DataError: every label is the same.
    """
    if problem != "regression" and rows.labels.min() == rows.labels.max():
        raise DataError(
            f"'{rows.name}': every label is {rows.labels[0]:g}; a classifier needs rows of at least two classes"
        )


def read_weights(folder: Path, rows: Rows) -> npt.NDArray[np.float64]:
    """How much each of ``rows`` counts: the column ``weight`` of the Parquet files below ``folder``.

    Raises:
        DataError: there is no such column, or not one positive number for each row.
    """
    table = _read_files(_files(folder, WEIGHTS), WEIGHTS)
    if WEIGHT not in table.column_names:
        raise DataError(f"'{WEIGHTS}' has no column '{WEIGHT}' (found: {_some(table.column_names)})")
    _check_types(table, WEIGHTS)
    weights: npt.NDArray[np.float64] = pc.cast(table.column(WEIGHT), pa.float64(), safe=False).to_numpy()
    if len(weights) != len(rows.labels):
        raise DataError(
            f"'{WEIGHTS}' has {len(weights)} rows, '{rows.name}' {len(rows.labels)}; one each is needed"
        )
    wrong = int(np.count_nonzero(~(np.isfinite(weights) & (weights > 0))))
    if wrong:
        raise DataError(f"'{WEIGHTS}': {wrong} of {len(weights)} weights are not positive numbers")
    return weights


def training_matrix(
    rows: Rows,
    reference: xgb.QuantileDMatrix | None = None,
    weights: npt.NDArray[np.float64] | None = None,
    **settings: int,
) -> xgb.QuantileDMatrix:
    """The rows as XGBoost trains on them, binned as those of ``reference`` are; each counts 1 without ``weights``.

    Raises:
        DataError: a feature is infinite.
    """
    with _infinity_named(rows):
        return xgb.QuantileDMatrix(rows.features, rows.labels, weight=weights, ref=reference, **settings)


def scoring_matrix(rows: Rows) -> xgb.DMatrix:
    """The rows with their exact values: bins of their own would shift them across a tree's thresholds.

    Raises:
        DataError: a feature is infinite.
    """
    with _infinity_named(rows):
        return xgb.DMatrix(rows.features)


@contextmanager
def _infinity_named(rows: Rows) -> Iterator[None]:
    """XGBoost refuses infinite values without saying where they are."""
    try:
        yield
    except xgb.core.XGBoostError as error:
        infinite = [each for each in rows.feature_names if _has_infinity(rows.features.column(each))]
        if not infinite:
            raise
        raise DataError(
            f"'{rows.name}': infinite values in {_some(infinite)}; leave them empty or clip them in the flow"
        ) from error


def _files(folder: Path, name: str) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name[0] not in "._")
    if not files:
        raise DataError(f"'{name}' is missing: expected Parquet files in {folder}")
    return files


def _read_files(files: Sequence[Path], name: str) -> Any:
    tables = [_read_file(path, name) for path in files]
    for path, table in zip(files, tables, strict=True):
        if table.schema != tables[0].schema:
            raise DataError(f"'{name}': the columns of {path.name} are not those of {files[0].name}")
    return pa.concat_tables(tables)


def _read_file(path: Path, name: str) -> Any:
    try:
        return pq.read_table(path, memory_map=True)
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"'{name}': {path.name} is not a Parquet file ({reason})") from error


def _check_types(table: Any, name: str) -> None:
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
            f"'{name}': only numbers can be trained on, but there is {_some(texts)}; "
            "encode or drop it in the flow"
        )


def _check_names(names: Sequence[str], name: str) -> None:
    unfit = [each for each in names if set(each) & set("[]<")]
    if unfit:
        raise DataError(
            f"'{name}': XGBoost takes no feature name with [, ] or <, but there is {_some(unfit)}; "
            "rename it in the flow"
        )


def _check_features(found: Sequence[str], wanted: Sequence[str], name: str) -> None:
    missing = [each for each in wanted if each not in found]
    extra = [each for each in found if each not in wanted]
    if missing or extra:
        parts = [f"lacks {_some(missing)}"] * bool(missing) + [f"has besides {_some(extra)}"] * bool(extra)
        raise DataError(f"'{name}' {' and '.join(parts)}; it must have the {len(wanted)} features of 'train'")


def _labels(column: Any, name: str) -> npt.NDArray[np.float64]:
    labels: npt.NDArray[np.float64] = pc.cast(column, pa.float64(), safe=False).to_numpy()
    unusable = int(np.count_nonzero(~np.isfinite(labels)))
    if unusable:
        raise DataError(f"'{name}': {unusable} of {len(labels)} labels are missing or infinite")
    return labels


def _has_infinity(column: Any) -> bool:
    return pa.types.is_floating(column.type) and bool(pc.any(pc.is_inf(column)).as_py())


def _some(names: Sequence[str], most: int = 5) -> str:
    """The first few of many names."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
