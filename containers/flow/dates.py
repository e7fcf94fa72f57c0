"""The operator ``date_parts``: a time, in UTC, to numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from containers.flow.shape import epoch
from containers.flow.table import Column, Numbers, Table
from containers.flow_schema.operators import CYCLES

# Parts that count from 1.
FROM_ONE = ("quarter", "month", "day", "day_of_year")


def date_parts(step: Mapping[str, Any], table: Table) -> Table:
    """Each time becomes its parts, where it stood."""
    parts: Table = {}
    for name, column in table.items():
        if name not in step["columns"]:
            parts[name] = column
            continue
        for part in step["parts"]:
            numbers = PARTS[part](pd.DatetimeIndex(column))
            cyclical = {f"{name}_{part}_sin": math.sin, f"{name}_{part}_cos": math.cos}
            if step["cyclical"]:
                parts |= {new: _around(numbers, part, wave) for new, wave in cyclical.items()}
            else:
                parts[f"{name}_{part}"] = numbers
    return parts


def _around(numbers: Numbers, part: str, wave: Callable[[float], float]) -> Numbers:
    """The part's place on its circle, looked up: a table gives the same digits on every machine."""
    period, first = CYCLES[part], 1 if part in FROM_ONE else 0
    circle = np.array([*(wave(2 * math.pi * place / period) for place in range(period)), np.nan])
    return circle[np.where(np.isnan(numbers), period, numbers - first).astype(np.int64)]


def _attribute(name: str) -> Callable[[pd.DatetimeIndex], Numbers]:
    return lambda times: np.asarray(getattr(times, name), dtype=np.float64)


def _weekend(times: pd.DatetimeIndex) -> Numbers:
    weekday = np.asarray(times.dayofweek, dtype=np.float64)
    return np.where(np.isnan(weekday), np.nan, weekday >= 5)


def _epoch(times: pd.DatetimeIndex) -> Column:
    return epoch(times.to_numpy())


PARTS: dict[str, Callable[[pd.DatetimeIndex], Numbers]] = {
    "year": _attribute("year"),
    "quarter": _attribute("quarter"),
    "month": _attribute("month"),
    "day": _attribute("day"),
    "day_of_year": _attribute("dayofyear"),
    "weekday": _attribute("dayofweek"),
    "weekend": _weekend,
    "hour": _attribute("hour"),
    "minute": _attribute("minute"),
    "second": _attribute("second"),
    "epoch": _epoch,
}
