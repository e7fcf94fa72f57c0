"""Metrics of a classifier with any number of classes, under AWS's names where AWS has them.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from containers.metrics.binary import f_score, log_losses, ratio
from containers.metrics.estimate import Array
from containers.metrics.ranking import Ranking


class MulticlassSample:
    """Rows with a class index and a probability for each class; see ``estimate.Sample``."""

    def __init__(self, labels: Array, probabilities: Array) -> None:
        """``labels`` is (rows,), whole numbers from 0; ``probabilities`` is (rows, classes)."""
        self.labels = np.asarray(labels).astype(np.intp)
        self.probabilities = np.asarray(probabilities, dtype=np.float64)
        self.classes = self.probabilities.shape[1]
        self.predicted = self.probabilities.argmax(axis=1)
        self._cells = self.labels * self.classes + self.predicted
        self._losses = log_losses(self.probabilities[np.arange(self.rows), self.labels])
        self._rankings = [
            Ranking((self.labels == index).astype(np.float64), self.probabilities[:, index])
            for index in range(self.classes)
        ]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.labels)

    def undefined(self, metric: str) -> str:
        """Why ``metric`` has no value where it has none."""
        return "all rows are of one class" if metric == "auc" else "not a finite number"

    def confusion_matrix(self) -> npt.NDArray[np.int64]:
        """Rows by actual class (first axis) and predicted class (second axis)."""
        matrix: npt.NDArray[np.int64] = self._confusion(np.ones((1, self.rows)))[0].astype(np.int64)
        return matrix

    def confusion(self, names: list[str]) -> dict[str, dict[str, int]]:
        """How many rows of each class were predicted as which: ``{actual: {predicted: rows}}``."""
        matrix = self.confusion_matrix().tolist()
        return {
            actual: dict(zip(names, counts, strict=True))
            for actual, counts in zip(names, matrix, strict=True)
        }

    def metrics(self, weights: Array) -> dict[str, Array]:
        """Every metric for every weighting; see ``estimate.Sample.metrics``.

        A class that is never predicted has precision 0, as in scikit-learn with ``zero_division=0``. Macro
        averages are over the classes that occur, as labels or as predictions.
        """
        confusion = self._confusion(weights)
        total = weights.sum(axis=1)
        hit = np.diagonal(confusion, axis1=1, axis2=2)
        support, called = confusion.sum(axis=2), confusion.sum(axis=1)
        occurs = (support + called) > 0
        by_class = {
            "precision": np.nan_to_num(ratio(hit, called)),
            "recall": np.nan_to_num(ratio(hit, support)),
            **{
                name: np.nan_to_num(f_score(hit, called - hit, support - hit, beta))
                for name, beta in (("f0_5", 0.5), ("f1", 1), ("f2", 2))
            },
        }
        return {
            "accuracy": hit.sum(axis=1) / total,
            "log_loss": weights @ self._losses / total,
            "auc": self._macro_auc(weights),
            **{
                f"macro_{name}": ratio((each * occurs).sum(axis=1), occurs.sum(axis=1))
                for name, each in by_class.items()
            },
            **{f"weighted_{name}": (each * support).sum(axis=1) / total for name, each in by_class.items()},
        }

    def _confusion(self, weights: Array) -> Array:
        """(weightings, classes, classes)."""
        size = self.classes**2
        counts = [np.bincount(self._cells, weights=one, minlength=size).astype(np.float64) for one in weights]
        return np.stack(counts).reshape(-1, self.classes, self.classes)

    def _macro_auc(self, weights: Array) -> Array:
        """Each class against the rest, averaged over the classes for which that is defined."""
        areas = np.stack([ranking.areas(weights)[0] for ranking in self._rankings])
        defined = np.isfinite(areas)
        return ratio(np.where(defined, areas, 0).sum(axis=0), defined.sum(axis=0))
