"""Metrics of a regressor, under AWS's names where AWS has them.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
"""

from __future__ import annotations

import numpy as np

from containers.metrics.binary import ratio
from containers.metrics.estimate import Array

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
UNDEFINED = {"r2": "all rows have the same label", "mape": "every label is 0"}


class RegressionSample:
    """Rows with a number and what a model predicted for it; see ``estimate.Sample``."""

    def __init__(self, labels: Array, predictions: Array) -> None:
        self.labels = np.asarray(labels, dtype=np.float64)
        self.predictions = np.asarray(predictions, dtype=np.float64)
        residuals = self.predictions - self.labels
        centred = (
            self.labels - self.labels.mean()
        )  # else the variance below would be a difference of large numbers
        counted = self.labels != 0
        relative = np.divide(np.abs(residuals), np.abs(self.labels), out=np.zeros(self.rows), where=counted)
        self._additive = np.column_stack(
            [residuals**2, np.abs(residuals), residuals, centred**2, centred, relative, counted]
        )

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.labels)

    def undefined(self, metric: str) -> str:
        """Why ``metric`` has no value where it has none."""
        return UNDEFINED.get(metric, "not a finite number")

    def metrics(self, weights: Array) -> dict[str, Array]:
        """Every metric for every weighting; see ``estimate.Sample.metrics``.

        ``mape`` leaves out rows whose label is 0, for which a relative error has no meaning.
        """
        squared, absolute, signed, centred_squared, centred, relative, counted = (weights @ self._additive).T
        total = weights.sum(axis=1)
        mse = squared / total
        spread = centred_squared - centred**2 / total
        # What rounding leaves of the spread of equal labels is not a spread.
        spread = np.where(spread > 1e-12 * centred_squared, spread, 0)
        return {
            "mse": mse,
            "rmse": np.sqrt(mse),
            "mae": absolute / total,
            "r2": 1 - ratio(squared, spread),
            "mape": ratio(relative, counted),
            "mean_error": signed / total,
        }

    def residual_quantiles(self) -> dict[str, float]:
        """Quantiles of prediction minus label, by their share: ``{"0.05": -3.1, …}``."""
        found = np.quantile(self.predictions - self.labels, QUANTILES)
        return {str(share): float(value) for share, value in zip(QUANTILES, found, strict=True)}
