"""The columns of a data set that model quality is about: what was true, and what the model said.

Only these columns are kept in memory. The attributes are the container's: a column's name, or ``_c3``
where a CSV file has no header; see ``model_quality``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from containers.analyzer import model_quality
from containers.analyzer.kll import Numbers
from containers.analyzer.model_quality import Predictions
from containers.processing.job import DataError

REGRESSION, BINARY, MULTICLASS = "Regression", "BinaryClassification", "MulticlassClassification"
PROBLEM_TYPES = (REGRESSION, BINARY, MULTICLASS)


@dataclass(frozen=True)
class ModelQualityConfig:
    """What the container is told by its environment, under the same names."""

    problem_type: str
    ground_truth_attribute: str
    inference_attribute: str | None = None
    probability_attribute: str | None = None
    probability_threshold: float = 0.5  # AWS: probability_threshold_attribute
    positive_label: str = "1"


def statistics(tables: Iterable[pa.Table], config: ModelQualityConfig) -> dict[str, Any]:
    """``statistics.json`` of model quality; for the tables see ``reading.tables``.

    Raises:
        DataError: a column is not there or does not hold what it should, or nothing says what was predicted.
    """
    if config.problem_type not in PROBLEM_TYPES:
        raise DataError(_unknown("problem_type", config.problem_type, PROBLEM_TYPES))
    if config.inference_attribute is None and (
        config.problem_type != BINARY or config.probability_attribute is None
    ):
        raise DataError(f"{config.problem_type} needs 'inference_attribute'")
    truth, predicted, probability = _columns(tables, config)
    if config.problem_type == BINARY:
        rows = Predictions(
            _is(truth, config.positive_label),
            _is(predicted, config.positive_label) if predicted else None,
            _numbers(probability) if probability else None,
        )
        return model_quality.binary(rows, config.probability_threshold)
    read, measure = {
        REGRESSION: (_numbers, model_quality.regression),
        MULTICLASS: (_texts, model_quality.multiclass),
    }[config.problem_type]
    return measure(Predictions(read(truth), read(predicted) if predicted else None))


@dataclass(frozen=True)
class _Column:
    name: str
    values: pa.ChunkedArray


def _columns(
    tables: Iterable[pa.Table], config: ModelQualityConfig
) -> tuple[_Column, _Column | None, _Column | None]:
    """Truth, inference and probability, of the rows that have a value in each of them."""
    attributes = {
        "ground_truth_attribute": config.ground_truth_attribute,
        "inference_attribute": config.inference_attribute,
        "probability_attribute": config.probability_attribute if config.problem_type == BINARY else None,
    }
    names = list(dict.fromkeys(name for name in attributes.values() if name))
    kept = []
    for table in tables:
        for attribute, name in attributes.items():
            if name and name not in table.column_names:
                raise DataError(_unknown(attribute, name, table.column_names))
        kept.append(table.select(names).drop_null())
    rows = pa.concat_tables(kept) if kept else None
    if not rows:
        raise DataError(f"no row has a value in each of {', '.join(names)}")
    truth, predicted, probability = (
        _Column(name, rows.column(name)) if name else None for name in attributes.values()
    )
    assert truth is not None  # noqa: S101 - its name is no None
    return truth, predicted, probability


def _numbers(column: _Column) -> Numbers:
    try:
        numbers: Numbers = column.values.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid as error:
        raise DataError(f"column {column.name!r} must hold numbers: {error}") from None
    if not np.isfinite(numbers).all():
        raise DataError(f"column {column.name!r} holds a number that is not finite")
    return numbers


def _texts(column: _Column) -> npt.NDArray[np.object_]:
    """Class names; 1 and 1.0 are one class, as a label often has a decimal point after a round trip."""
    try:
        numbers = column.values.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        texts: npt.NDArray[np.object_] = column.values.cast(pa.string()).to_numpy()
        return texts
    return np.array([f"{number:.15g}" for number in numbers], dtype=object)


def _is(column: _Column, positive: str) -> Numbers:
    """1 where the value is the positive label, be it as text or as number, else 0."""
    label = _texts(_Column("positive_label", pa.chunked_array([[positive]])))[0]
    same = np.array([text == label for text in _texts(column)])
    return same.astype(np.float64)


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(name, names, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"{what}: there is no {name!r}; there is {', '.join(names)}.{hint}"
