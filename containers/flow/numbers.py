"""Operators for numbers: ``scale``, ``outliers`` and ``bin``. Missing numbers stay missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from containers.flow.errors import FlowError
from containers.flow.table import Numbers, Table


def learn_scale(step: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """Each column's offset and divisor; the divisor of a constant column is 1."""
    measured = {name: SCALES[step["method"]](_there("scale", name, table)) for name in step["columns"]}
    return {
        name: {"offset": float(offset), "divisor": float(spread) if spread > 0 else 1.0}
        for name, (offset, spread) in measured.items()
    }


def scale(step: Mapping[str, Any], learned: Mapping[str, Any], table: Table) -> Table:
    """(number - offset) / divisor."""
    return table | {
        name: (table[name] - learned[name]["offset"]) / learned[name]["divisor"] for name in step["columns"]
    }


def learn_outliers(step: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """Each column's bounds: those given, or the training rows' quantiles."""
    if step["method"] == "clip":
        return {name: [step.get("lower"), step.get("upper")] for name in step["columns"]}
    quantiles = [step["lower_quantile"], step["upper_quantile"]]
    return {
        name: np.quantile(_there("outliers", name, table), quantiles).tolist() for name in step["columns"]
    }


def outliers(step: Mapping[str, Any], learned: Mapping[str, Any], table: Table) -> Table:
    """Numbers beyond a bound become the bound."""
    return table | {name: np.clip(table[name], *learned[name]) for name in step["columns"]}


def learn_bin(step: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """Each column's inner borders, rising; a border that falls on another is one border."""
    if step["method"] == "edges":
        return {name: list(map(float, step["edges"])) for name in step["columns"]}
    shares = np.linspace(0, 1, step["bins"] + 1)[1:-1]
    borders = BORDERS[step["method"]]
    return {name: np.unique(borders(_there("bin", name, table), shares)).tolist() for name in step["columns"]}


def bin_(step: Mapping[str, Any], learned: Mapping[str, Any], table: Table) -> Table:
    """The index of the interval; a number on a border belongs above it."""
    return table | {name: _index(table[name], learned[name]) for name in step["columns"]}


def _index(numbers: Numbers, borders: list[float]) -> Numbers:
    index = np.searchsorted(borders, numbers, side="right").astype(float)
    return np.where(np.isnan(numbers), np.nan, index)


def _there(operator: str, name: str, table: Table) -> Numbers:
    """The column's training values that are not missing; there must be one."""
    numbers: Numbers = table[name][np.isfinite(table[name])]
    if not len(numbers):
        raise FlowError(f"{operator}: '{name}' has no value in the training rows; drop it")
    return numbers


def _robust(numbers: Numbers) -> tuple[float, float]:
    low, median, high = np.quantile(numbers, [0.25, 0.5, 0.75])
    return median, high - low


SCALES: dict[str, Callable[[Numbers], tuple[float, float]]] = {
    "standard": lambda numbers: (numbers.mean(), numbers.std()),
    "min_max": lambda numbers: (numbers.min(), np.ptp(numbers)),
    "robust": _robust,
}
BORDERS: dict[str, Callable[[Numbers, Numbers], Numbers]] = {
    "quantile": lambda numbers, shares: np.quantile(numbers, shares),
    "uniform": lambda numbers, shares: numbers.min() + shares * np.ptp(numbers),
}
