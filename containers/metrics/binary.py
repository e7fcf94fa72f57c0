"""Metrics of a binary classifier at a threshold, under the names that AWS's model quality report gives them.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
"""

from __future__ import annotations

import numpy as np

from containers.metrics.calibration import bins
from containers.metrics.estimate import Array
from containers.metrics.ranking import Ranking

NO_POSITIVE = "no row of the positive class"
NO_NEGATIVE = "no row of the negative class"
ONE_CLASS = "all rows are of one class"
UNDEFINED = {
    "precision": "no row is predicted positive",
    "recall": NO_POSITIVE,
    "true_positive_rate": NO_POSITIVE,
    "false_negative_rate": NO_POSITIVE,
    "true_negative_rate": NO_NEGATIVE,
    "false_positive_rate": NO_NEGATIVE,
    "f1": "no row is positive or predicted positive",
    "f0_5": "no row is positive or predicted positive",
    "f2": "no row is positive or predicted positive",
    "auc": ONE_CLASS,
    "average_precision": NO_POSITIVE,
}


class BinarySample:
    """Rows with a label, 1 or 0, and the probability that a model gave for 1; see ``estimate.Sample``."""

    def __init__(self, labels: Array, scores: Array, threshold: float = 0.5) -> None:
        self.labels = np.asarray(labels, dtype=np.float64)
        self.scores = np.asarray(scores, dtype=np.float64)
        self.threshold = threshold
        self._ranking = Ranking(self.labels, self.scores)
        predicted = self.scores >= threshold
        actual = self.labels == 1
        self._additive = np.column_stack(
            [
                predicted & actual,
                predicted & ~actual,
                ~predicted & actual,
                ~predicted & ~actual,
                log_losses(np.where(actual, self.scores, 1 - self.scores)),
                (self.labels - self.scores) ** 2,
            ]
        )
        self._bins = bins(self._ranking.scores)
        self._excess = (self.labels - self.scores)[self._ranking.order]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.labels)

    def undefined(self, metric: str) -> str:
        """Why ``metric`` has no value where it has none."""
        return UNDEFINED.get(metric, "not a finite number")

    def confusion(self) -> dict[str, dict[str, int]]:
        """How many rows of each class were predicted as which: ``{actual: {predicted: rows}}``."""
        tp, fp, fn, tn = (int(count) for count in self._additive[:, :4].sum(axis=0))
        return {"0": {"0": tn, "1": fp}, "1": {"0": fn, "1": tp}}

    def metrics(self, weights: Array) -> dict[str, Array]:
        """Every metric for every weighting; see ``estimate.Sample.metrics``."""
        tp, fp, fn, tn, log_loss, squared = (weights @ self._additive).T
        total = weights.sum(axis=1)
        auc, average_precision = self._ranking.areas(weights)
        excess = np.add.reduceat(weights[:, self._ranking.order] * self._excess, self._bins, axis=1)
        return {
            "auc": auc,
            "average_precision": average_precision,
            "accuracy": (tp + tn) / total,
            "precision": ratio(tp, tp + fp),
            "recall": ratio(tp, tp + fn),
            "f0_5": f_score(tp, fp, fn, 0.5),
            "f1": f_score(tp, fp, fn, 1),
            "f2": f_score(tp, fp, fn, 2),
            "true_positive_rate": ratio(tp, tp + fn),
            "true_negative_rate": ratio(tn, tn + fp),
            "false_positive_rate": ratio(fp, tn + fp),
            "false_negative_rate": ratio(fn, tp + fn),
            "log_loss": log_loss / total,
            "brier": squared / total,
            "expected_calibration_error": np.abs(excess).sum(axis=1) / total,
        }


def ratio(part: Array, whole: Array) -> Array:
    """``part / whole``, nan where there is no whole."""
    share: Array = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
    return share


def f_score(tp: Array, fp: Array, fn: Array, beta: float) -> Array:
    """The weighted harmonic mean of precision and recall, in which recall counts ``beta`` times."""
    hits = (1 + beta**2) * tp
    return ratio(hits, hits + fp + beta**2 * fn)


def log_losses(probability_of_actual: Array) -> Array:
    """The loss of each row; a probability of 0 counts as the smallest step, as scikit-learn has it."""
    return -np.log(np.maximum(probability_of_actual, np.finfo(np.float64).eps))
