"""How many rows there are of each kind: all that a bias metric needs to know about the data, except the flip test.

Counts of two parts of a data set add up to the counts of the whole, so data of any size is counted part by part.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]
KEYS = ["group", "facet", "label", "prediction"]


@dataclass(frozen=True)
class Counts:
    """Rows by facet (0 the advantaged, 1 the disadvantaged), label and prediction (1 the positive outcome).

    ``rows`` has the shape (2, 2, 2), or (2, 2, 1) where nothing was predicted. ``groups`` has one such table for
    each value of the group variable, in sorted order; rows without a group are in none of them.
    """

    rows: Integers
    groups: Integers | None = None

    @property
    def sizes(self) -> tuple[int, int]:
        """How many rows are advantaged, and how many disadvantaged."""
        advantaged, disadvantaged = self.rows.sum(axis=(1, 2)).tolist()
        return advantaged, disadvantaged

    @property
    def labels(self) -> Integers:
        """Rows by facet and label."""
        table: Integers = self.rows.sum(axis=2)
        return table

    @property
    def predictions(self) -> Integers:
        """Rows by facet and prediction."""
        table: Integers = self.rows.sum(axis=1)
        return table


def count(
    facet: ArrayLike, label: ArrayLike, prediction: ArrayLike | None = None, group: ArrayLike | None = None
) -> Counts:
    """Count rows given as arrays of one length: is it in the facet, is its label, its prediction positive.

    ``group`` may hold any values; missing ones are allowed.
    """
    table = tally(np.asarray(facet, bool), label, prediction, group)
    return select(table, True, predicted=prediction is not None, grouped=group is not None)


def tally(
    facet: ArrayLike, label: ArrayLike, prediction: ArrayLike | None = None, group: ArrayLike | None = None
) -> pd.Series[int]:
    """Rows for each combination of ``KEYS`` that occurs; ``facet`` may hold any values, as ``group`` may."""
    frame = pd.DataFrame({"facet": np.asarray(facet), "label": np.asarray(label, bool)})
    frame["prediction"] = False if prediction is None else np.asarray(prediction, bool)
    frame["group"] = False if group is None else np.asarray(group)
    return frame.groupby(KEYS, dropna=False, sort=False).size()


def add(tallies: Iterable[pd.Series[int]]) -> pd.Series[int]:
    """The tally of all parts together."""
    return pd.concat(list(tallies)).groupby(level=KEYS, dropna=False, sort=False).sum()


def select(table: pd.Series[int], facet: Hashable, *, predicted: bool, grouped: bool) -> Counts:
    """The counts in which ``facet`` is disadvantaged and every other value is advantaged."""
    keys: dict[str, Any] = {name: table.index.get_level_values(name) for name in KEYS}
    groups, names = pd.factorize(keys["group"], sort=True)
    cells = np.zeros(
        (len(names) + 1, 2, 2, 2 if predicted else 1), dtype=np.int64
    )  # the last: without a group
    inside = np.asarray(keys["facet"] == facet, dtype=np.intp)
    outcome = [np.asarray(keys[name], dtype=np.intp) for name in ("label", "prediction")]
    np.add.at(cells, (groups, inside, *outcome), table.to_numpy())
    return Counts(cells.sum(axis=0), cells[:-1] if grouped else None)
