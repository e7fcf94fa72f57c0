"""Which rows of a column are meant: those of a facet, or those with a positive label.

Clarify's rules: of amounts, the rows above a threshold; of categories, the rows that have one of the values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from containers.analyzer.bias_columns import Profile
from containers.analyzer.bias_errors import BiasError

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class OneOf:
    """The rows that have one of the values."""

    values: tuple[Any, ...]
    text: str  # as the report names them

    def mask(self, part: pd.Series[Any]) -> Mask:
        """Which rows of a part are meant; a row without a value never is."""
        return np.asarray(part.isin(self.values), bool)


@dataclass(frozen=True)
class Above:
    """The rows whose amount is greater than ``low`` and at most ``high``."""

    low: float
    high: float

    @property
    def text(self) -> str:
        """As pandas writes the interval, and the report with it; empty where it holds nothing."""
        return "" if self.low == self.high else str(pd.Interval(*same_type(self.low, self.high)))

    def mask(self, part: pd.Series[Any]) -> Mask:
        """Which rows of a part are meant; a row without a value never is."""
        numbers = pd.to_numeric(part, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        result: Mask = (numbers > self.low) & (numbers <= self.high)
        return result


Selection = OneOf | Above


def selection(profile: Profile, values: Sequence[Any], what: str, greatest: float | None = None) -> Selection:
    """The rows of a column that ``values`` mean.

    Args:
        profile: of the whole column.
        values: categories or one threshold.
        what: the column, for messages.
        greatest: the upper end of the interval, where it is not the column's own.

    Raises:
        BiasError: the column holds amounts, and no threshold is given.
    """
    if not profile.continuous(values):
        return OneOf(as_in(profile.values, values), ",".join(map(str, values)))
    threshold = number(values, what)
    end = profile.greatest() if greatest is None else greatest
    return Above(
        min(threshold, end), max(threshold, end)
    )  # above the greatest value: an interval without rows


def as_in(present: Sequence[Any], wanted: Sequence[Any]) -> tuple[Any, ...]:
    """``wanted`` as the column has it: a configuration may say "1" for 1, "true" for True, or 1 for "1"."""
    same = {text: value for value in present for text in (value, *spellings(value))}
    return tuple(same.get(value, same.get(str(value), value)) for value in wanted)


def spellings(value: Any) -> tuple[str, ...]:
    """The texts that a configuration may have for a value."""
    return (str(value), str(value).lower()) if isinstance(value, bool) else (str(value),)


def number(values: Sequence[Any], what: str) -> float:
    """The threshold that ``values`` consists of.

    Raises:
        BiasError: there is none, or it is not a number.
    """
    if not values:
        raise BiasError(
            f"Threshold values must be provided for continuous features: '{what}' holds amounts, so say above which."
        )
    if isinstance(values[0], int | float):
        return values[0]
    try:
        return float(values[0])
    except ValueError:
        raise BiasError(
            "Facet/label value provided must be a single numeric threshold for continuous data: "
            f"'{what}' holds amounts, '{values[0]}' is not one."
        ) from None


def same_type(low: float, high: float) -> tuple[float, float]:
    """Both whole numbers, or both floats."""
    return (low, high) if isinstance(low, int) and isinstance(high, int) else (float(low), float(high))
