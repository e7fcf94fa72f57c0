"""What each feature adds to each prediction, however it was found out, and what that says of the model as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from containers.analyzer.analysis_report import json_number

Array = NDArray[np.float64]

KERNEL, TREE = "kernel_shap", "tree_shap"
LOG_ODDS = "log-odds"
# Clarify's: of the values of one feature for one label, over all rows.
AGGREGATIONS: dict[str, Callable[[Array], Array]] = {
    "mean_abs": lambda values: np.abs(values).mean(axis=0),
    "median": lambda values: np.median(values, axis=0),
    "mean_sq": lambda values: np.square(values).mean(axis=0),
}


@dataclass(frozen=True)
class ShapValues:
    """One value a row, feature and label: they and the label's expected value add up to the prediction."""

    method: str  # KERNEL or TREE
    features: tuple[str, ...]
    labels: tuple[str, ...]
    values: Array  # (rows, features, labels)
    expected: Array  # (labels,): the prediction for one of whom nothing is known
    baseline: pd.DataFrame | None = None  # the rows that stand for knowing nothing; trees need none
    unit: str = ""  # of values and predictions, where it is not the model's own

    def overall(self, aggregation: str = "mean_abs") -> Array:
        """What each feature adds, (features, labels): ``mean_abs``, ``median`` or ``mean_sq`` over the rows."""
        return AGGREGATIONS[aggregation](self.values)

    def ranking(self, aggregation: str = "mean_abs") -> list[str]:
        """The features, the most important one first; of several labels, all count."""
        weight = np.abs(self.overall(aggregation)).sum(axis=1)
        return [self.features[index] for index in np.argsort(-weight, kind="stable")]

    def document(self, aggregation: str = "mean_abs", features: Sequence[str] = ()) -> dict[str, Any]:
        """By label, as ``analysis.json`` has it; of all features where none are named."""
        overall = self.overall(aggregation)
        kept = [(index, name) for index, name in enumerate(self.features) if not features or name in features]
        return {
            label: {
                "global_shap_values": {
                    name: json_number(float(overall[index, number])) for index, name in kept
                },
                "expected_value": json_number(float(self.expected[number])),
            }
            for number, label in enumerate(self.labels)
        }

    def table(self, features: Sequence[str] = ()) -> pd.DataFrame:
        """A line for each row, a column ``<feature>_<label>`` for each value, label by label."""
        kept = [index for index, name in enumerate(self.features) if not features or name in features]
        names = [f"{self.features[index]}_{label}" for label in self.labels for index in kept]
        values = self.values[:, kept].swapaxes(1, 2).reshape(len(self.values), len(names))
        return pd.DataFrame(values, columns=names)

    def grouped(self, groups: Mapping[str, Sequence[str]]) -> ShapValues:
        """The features that one thing was made into, added up: ``{"job": ["job=cook", "job=clerk"]}``.

        What is in no group stays as it is. Values of SHAP can be added; that is what makes this exact.
        """
        group_of = {member: group for group, members in groups.items() for member in members}
        names = [group_of.get(name, name) for name in self.features]
        features = tuple(dict.fromkeys(names))
        values = np.zeros((len(self.values), len(features), len(self.labels)))
        for index, name in enumerate(names):
            values[:, features.index(name)] += self.values[:, index]
        return ShapValues(self.method, features, self.labels, values, self.expected, unit=self.unit)


def label_names(count: int, headers: Sequence[str]) -> tuple[str, ...]:
    """The names of a model's outputs: the headers if there is one for each, else Clarify's ``label0``, …"""
    if len(headers) == count:
        return tuple(map(str, headers))
    return tuple(f"label{number}" for number in range(count))
