"""The data of a bias analysis, read part by part: first the columns as a whole, then which rows are positive."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from containers.analyzer.bias_columns import Profile, is_numeric
from containers.analyzer.bias_config import BiasConfig, column
from containers.analyzer.bias_errors import BiasError
from containers.analyzer.bias_selection import Above, Mask, Selection, selection

Parts = Callable[[], Iterable[pd.DataFrame]]  # opens the data anew; all parts have the same columns


@dataclass(frozen=True)
class DataProfile:
    """What the first pass over the data found."""

    columns: dict[str, Profile]  # of the columns that the analysis names
    texts: frozenset[str]  # the columns that are not numbers, of all


@dataclass(frozen=True)
class Rows:
    """One part of the data in the second pass."""

    frame: pd.DataFrame
    label: Mask
    prediction: Mask | None
    group: NDArray[Any] | None


def profile(parts: Parts, config: BiasConfig) -> DataProfile:
    """Read the data once.

    Raises:
        BiasError: there are no rows, or a column that the analysis names is missing.
    """
    columns = {config.label: Profile(), **{facet.column: Profile() for facet in config.facets}}
    if config.predicted_label is not None:
        columns[config.predicted_label] = Profile()
    texts: set[str] = set()
    for part in parts():
        check_columns(part, config)
        texts.update(name for name in part.columns if not is_numeric(part[name]))
        for name, found in columns.items():
            found.add(predicted_labels(part, config) if name == config.predicted_label else part[name])
    if not columns[config.label].rows:
        raise BiasError(f"Data must contain features. No row has a value of '{config.label}'.")
    return DataProfile(columns, frozenset(texts))


def check_columns(part: pd.DataFrame, config: BiasConfig) -> None:
    """Refuse data in which a column of the analysis is missing.

    Raises:
        BiasError: naming it, and what there is.
    """
    present = list(part.columns)
    column(config.label, present, "Headers must contain label.")
    for facet in config.facets:
        column(facet.column, present, "Unable to locate the facet.")
    for other in (config.group, config.predicted_label):
        if other is not None:
            column(other, present, "Feature names not found.")


def predicted_labels(part: pd.DataFrame, config: BiasConfig) -> pd.Series[Any]:
    """What is predicted: the column as it is, or 1 where its probability is above the threshold, else 0.

    Raises:
        BiasError: there is a threshold, but the column has no probabilities.
    """
    predicted = part[config.predicted_label]
    if config.probability_threshold is None:
        return predicted
    if not is_numeric(predicted):
        raise BiasError(
            f"probability_threshold is {config.probability_threshold:g}, "
            f"but the column '{config.predicted_label}' does not hold probabilities."
        )
    return (predicted > config.probability_threshold).astype("int64")


class Outcomes:
    """Says of each row whether its label, and what is predicted for it, is positive."""

    def __init__(self, config: BiasConfig, data: DataProfile) -> None:
        self._config = config
        self._positive_predictions = 0
        label = data.columns[config.label]
        self.label = selection(label, config.positive, config.label)
        self._prediction: Selection | None = None
        if config.post:
            self._prediction = self._predicted(label, data.columns[str(config.predicted_label)])

    def _predicted(self, label: Profile, predicted: Profile) -> Selection:
        """The positive predictions: as positive labels, up to the greater of both columns' greatest values."""
        positive = self._config.positive
        if label.continuous(positive) != predicted.continuous(positive):
            raise BiasError(
                "Predicted Label Column series data type is not the same as Label Column series. "
                f"'{self._config.label}' holds {held(label, positive)}, "
                f"'{self._config.predicted_label}' {held(predicted, positive)}."
            )
        name = str(self._config.predicted_label)
        if isinstance(self.label, Above):
            return selection(predicted, positive, name, max(self.label.high, predicted.greatest()))
        return selection(predicted, positive, name)

    def read(self, part: pd.DataFrame) -> Rows:
        """The rows of one part."""
        prediction = None
        if self._prediction is not None:
            prediction = self._prediction.mask(predicted_labels(part, self._config))
            self._positive_predictions += int(prediction.sum())
        group = None if self._config.group is None else plain(part[self._config.group])
        return Rows(part, self.label.mask(part[self._config.label]), prediction, group)

    def check(self) -> None:
        """After all parts: refuse predictions of which none is positive.

        Raises:
            BiasError: with Clarify's words.
        """
        if self._prediction is not None and not self._positive_predictions:
            raise BiasError(
                "No Label values are present in the predicted Label Column,"
                "Positive Predicted Index Series contains all False values"
            )


def held(profile: Profile, values: tuple[Any, ...]) -> str:
    """What a column holds, in words."""
    return f"{'amounts' if profile.continuous(values) else 'categories'} ({profile.type})"


def plain(part: pd.Series[Any]) -> NDArray[Any]:
    """The values as NumPy has them; what is missing is nan or None, never ``pandas.NA``."""
    if isinstance(part.dtype, np.dtype):
        return part.to_numpy()
    values = part.astype(object)
    return values.where(values.notna(), None).to_numpy()
