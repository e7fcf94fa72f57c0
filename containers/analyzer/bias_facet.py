"""One facet of the data: its rows are counted part by part, and its metrics computed from the counts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from containers.analyzer.analysis_report import FacetMetrics, Metric
from containers.analyzer.bias_arithmetic import Undefined
from containers.analyzer.bias_config import BiasConfig, FacetConfig
from containers.analyzer.bias_counts import Counts, add, select, tally
from containers.analyzer.bias_metrics_post import FLIP_TEST, POST_TRAINING
from containers.analyzer.bias_metrics_pre import PRE_TRAINING
from containers.analyzer.bias_rows import DataProfile, Rows, plain
from containers.analyzer.bias_selection import Selection, selection
from containers.analyzer.flip_test import flip_test

METRICS = PRE_TRAINING | POST_TRAINING


class Facet:
    """The rows of a facet and all others, by label, prediction and group."""

    def __init__(self, facet: FacetConfig, config: BiasConfig, data: DataProfile) -> None:
        self.column = facet.column
        self._config = config
        self._counts: pd.Series[int] | None = None
        column = data.columns[facet.column]
        self._selection: Selection | None = None
        self._values: list[tuple[str, Hashable]]  # how the report calls it, and the key it is counted under
        if facet.values or column.continuous(()):
            self._selection = selection(column, facet.values, facet.column)
            self._values = [(self._selection.text, True)]
        else:
            self._values = [(str(value), value) for value in column.values]
        self._flips = FlipRows(facet.column, config, data) if FLIP_TEST[0] in config.post else None

    def add(self, rows: Rows) -> None:
        """Count the rows of one part."""
        column = rows.frame[self.column]
        keys = plain(column) if self._selection is None else self._selection.mask(column)
        part = tally(keys, rows.label, rows.prediction, rows.group)
        self._counts = part if self._counts is None else add([self._counts, part])
        if self._flips is not None:
            self._flips.add(keys, rows)

    def metrics(self, names: Sequence[str]) -> Iterator[FacetMetrics]:
        """The metrics of these names for each value of the facet."""
        for text, key in self._values:
            counts = self._select(key)
            yield FacetMetrics(text, tuple(self._metric(name, key, counts) for name in names))

    def _metric(self, name: str, key: Hashable, counts: Counts) -> Metric:
        if name == FLIP_TEST[0]:
            return metric(*FLIP_TEST, lambda: self._flip_test(key))
        description, function = METRICS[name]
        return metric(name, description, lambda: function(counts))

    def _select(self, key: Hashable) -> Counts:
        assert self._counts is not None  # noqa: S101 - the first pass over the data refuses data without rows
        config = self._config
        return select(self._counts, key, predicted=bool(config.post), grouped=config.group is not None)

    def _flip_test(self, key: Hashable) -> float:
        assert self._flips is not None  # noqa: S101 - the metric's name is what made it
        return self._flips.value(key)


class FlipRows:
    """The rows that the flip test compares: the one metric that no counts suffice for."""

    def __init__(self, facet: str, config: BiasConfig, data: DataProfile) -> None:
        self._left_out = [facet, config.label, config.predicted_label]
        self._texts = data.texts.difference(self._left_out)
        self._features: list[NDArray[np.float64]] = []
        self._keys: list[NDArray[Any]] = []
        self._predictions: list[NDArray[np.bool_]] = []

    def add(self, keys: NDArray[Any], rows: Rows) -> None:
        """Keep the rows of one part; without features where there are texts among them, which have no distance."""
        left_out = list(rows.frame.columns) if self._texts else self._left_out
        features = rows.frame.drop(columns=[name for name in left_out if name in rows.frame])
        self._features.append(features.to_numpy(dtype=np.float64, na_value=np.nan))
        self._keys.append(keys)
        if rows.prediction is not None:
            self._predictions.append(rows.prediction)

    def value(self, key: Hashable) -> float:
        """The flip test of one value of the facet.

        Raises:
            Undefined: one side is empty, or a feature is not a number.
        """
        inside = np.asarray(np.concatenate(self._keys) == key, dtype=bool)
        if self._texts and inside.any() and not inside.all():
            raise Undefined("FlipTest does not support non-numeric columns")
        return flip_test(np.concatenate(self._features), inside, np.concatenate(self._predictions))


def metric(name: str, description: str, compute: Callable[[], float]) -> Metric:
    """The metric with its value, or with the reason why it has none."""
    try:
        return Metric(name, description, compute())
    except Undefined as error:
        return Metric(name, description, None, str(error))
