"""The operator ``date_parts``: a time, in UTC, to numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

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
            numbers = PARTS[part](column)
            cyclical = {f"{name}_{part}_sin": math.sin, f"{name}_{part}_cos": math.cos}
            if step["cyclical"]:
                parts |= {new: _around(numbers, part, wave) for new, wave in cyclical.items()}
            else:
                parts[f"{name}_{part}"] = numbers
    return parts


def _around(numbers: Numbers, part: str, wave: Callable[[float], float]) -> Numbers:
    """The part's place on its circle, looked up: a table gives the same digits on every machine."""
    period, first = CYCLES[part], 1 if part in FROM_ONE else 0
    return _circle(period, wave)[np.where(np.isnan(numbers), period, numbers - first).astype(np.int64)]


@cache
def _circle(period: int, wave: Callable[[float], float]) -> Numbers:
    """What the wave gives at each place, and NaN after the last."""
    return np.array([*(wave(2 * math.pi * place / period) for place in range(period)), np.nan])


def _since(unit: str, of: str) -> Callable[[Column], Column]:
    """How many whole ``unit`` have gone by since the ``of`` began; whole numbers, whatever they are where missing."""

    def count(times: Column) -> Column:
        units: Column = (times.astype(f"datetime64[{unit}]") - times.astype(f"datetime64[{of}]")).astype(
            np.int64
        )
        return units

    return count


def _weekday(times: Column) -> Column:
    days: Column = times.astype("datetime64[D]").astype(np.int64)
    return (days + 3) % 7  # 1970 began with a Thursday


def _month(times: Column) -> Column:
    months: Column = times.astype("datetime64[M]").astype(np.int64)
    return months % 12


def _part(count: Callable[[Column], Column]) -> Callable[[Column], Numbers]:
    return lambda times: np.where(np.isnat(times), np.nan, count(times))


PARTS: dict[str, Callable[[Column], Numbers]] = {
    "year": _part(lambda times: times.astype("datetime64[Y]").astype(np.int64) + 1970),
    "quarter": _part(lambda times: _month(times) // 3 + 1),
    "month": _part(lambda times: _month(times) + 1),
    "day": _part(lambda times: _since("D", "M")(times) + 1),
    "day_of_year": _part(lambda times: _since("D", "Y")(times) + 1),
    "weekday": _part(_weekday),
    "weekend": _part(lambda times: _weekday(times) >= 5),
    "hour": _part(_since("h", "D")),
    "minute": _part(_since("m", "h")),
    "second": _part(_since("s", "m")),
    "epoch": epoch,
}
