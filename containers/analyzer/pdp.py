"""Partial dependence: what the model predicts on average if everybody had this value of a feature.

As Clarify computes it: amounts at the midpoints of bins of equal width, categories at each of their values. Which a
column holds follows the rule of facets: integers of which fewer than 5 % differ are categories.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from containers.analyzer.analysis_report import json_number
from containers.analyzer.kernel_shap import Model
from containers.analyzer.shap_baseline import is_amount
from containers.analyzer.shap_values import Array, label_names


@dataclass(frozen=True)
class PartialDependence:
    """One feature's curve."""

    feature: str
    numerical: bool
    values: tuple[Any, ...]  # midpoints of bins, or categories, the most frequent one first
    distribution: tuple[float, ...]  # share of the rows at each; of those that have a value at all
    predictions: Array  # (values, labels)
    labels: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As ``analysis.json`` has it."""
        return {
            "feature_name": self.feature,
            "data_type": "numerical" if self.numerical else "categorical",
            "feature_values": list(self.values),
            "data_distribution": list(self.distribution),
            "model_predictions": [[json_number(each) for each in row] for row in self.predictions.T.tolist()],
            "label_headers": list(self.labels),
        }


def partial_dependence(
    rows: pd.DataFrame, feature: str, ask: Model, resolution: int, headers: Sequence[str] = ()
) -> PartialDependence:
    """One feature's curve over all rows; ``resolution`` is the number of bins of an amount."""
    column = rows[feature]
    numerical = is_amount(column)
    values, distribution = bins(column, resolution) if numerical else categories(column)
    predictions = averages(rows, feature, values, ask)
    labels = label_names(predictions.shape[1], headers)
    return PartialDependence(feature, numerical, values, distribution, predictions, labels)


def bins(column: pd.Series[Any], count: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The midpoints of bins of equal width, and the share of rows in each; one bin where all values are equal.

    The last bin has both its ends, every other one only the lower. Infinite values are in none.
    """
    numbers = column.dropna().to_numpy(dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return (), ()
    low, high = float(numbers.min()), float(numbers.max())
    if low == high:
        return (low,), (1.0,)
    found, edges = np.histogram(numbers, count, (low, high))
    middles = (edges[:-1] + edges[1:]) / 2
    return tuple(middles.tolist()), tuple((found / len(numbers)).tolist())


def categories(column: pd.Series[Any]) -> tuple[tuple[Any, ...], tuple[float, ...]]:
    """Every value, the most frequent one first, and its share of the rows."""
    found = column.value_counts(normalize=True)
    found = found[found > 0]  # a category that no row has
    return tuple(found.index.tolist()), tuple(found.tolist())


def averages(rows: pd.DataFrame, feature: str, values: Sequence[Any], ask: Model) -> Array:
    """The mean prediction if all rows had each value, (values, labels): all values at once, in batches."""
    if not values:
        return np.zeros((0, ask.once(rows.iloc[:1]).shape[1]))
    column = pd.Series(list(values))
    kind = rows[feature].dtype
    column = column.astype(kind) if isinstance(kind, pd.CategoricalDtype) else column
    total: Any = 0.0
    for start in range(0, len(values) * len(rows), ask.batch):
        every = np.arange(start, min(start + ask.batch, len(values) * len(rows)))
        which = every // len(rows)
        part = rows.iloc[every % len(rows)].copy()
        part[feature] = column.array[which]
        answers = ask.once(part)
        total = total + np.stack(
            [np.bincount(which, label, minlength=len(values)) for label in answers.T], axis=1
        )
    return np.asarray(total / len(rows))
