"""The operator ``impute``: fill what is missing, or mark it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from containers.flow.errors import FlowError
from containers.flow.table import Column, Table, conform, counted, is_missing, texts_of


def learn_impute(step: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """What each column is filled with, measured on what it has."""
    if step["strategy"] not in MEASURES:
        return {}
    return {name: _measure(name, table[name], step["strategy"]) for name in step["columns"]}


def impute(step: Mapping[str, Any], learned: Mapping[str, Any], table: Table) -> Table:
    """Fill the columns, or add their indicators."""
    if step["strategy"] == "indicator":
        return table | {f"{name}_missing": is_missing(table[name]).astype(float) for name in step["columns"]}
    return table | {
        name: _fill(table[name], learned.get(name, step.get("value"))) for name in step["columns"]
    }


def _measure(name: str, column: Column, strategy: str) -> float | str:
    there = column[~is_missing(column)]
    if not len(there):
        raise FlowError(f"impute: '{name}' has no value in the training rows, so no {strategy}; drop it")
    return MEASURES[strategy](there)


def _mode(values: Column) -> float | str:
    """The most frequent value; the smallest of those where several are."""
    distinct, counts = counted(values)
    mode = distinct[[np.argmax(counts)]]
    return float(mode[0]) if mode.dtype.kind == "f" else str(texts_of(mode)[0])


def _fill(column: Column, value: Any) -> Column:
    """The column with ``value`` where it is missing."""
    filling = conform(np.array([value], dtype=object), KINDS[column.dtype.kind])
    return np.where(is_missing(column), filling, column)


KINDS = {"f": "number", "M": "timestamp", "O": "string"}  # of a canonical column: what its filling is read as
MEASURES: dict[str, Callable[[Column], float | str]] = {
    "mean": lambda values: float(np.mean(values)),
    "median": lambda values: float(np.median(values)),
    "mode": _mode,
}
