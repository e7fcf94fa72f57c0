"""The metrics that AWS's XGBoost image adds to XGBoost's own, by scikit-learn's formulas."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import xgboost
from sklearn import metrics

Score = Callable[[Any, Any], float]

_ON_CLASSES: dict[str, Score] = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "f1": partial(metrics.f1_score, average="macro", zero_division=0),
    "f1_binary": partial(metrics.f1_score, average="binary", zero_division=0),
    "f1_macro": partial(metrics.f1_score, average="macro", zero_division=0),
    "precision": partial(metrics.precision_score, zero_division=0),
    "precision_macro": partial(metrics.precision_score, average="macro", zero_division=0),
    "precision_micro": partial(metrics.precision_score, average="micro", zero_division=0),
    "recall": partial(metrics.recall_score, zero_division=0),
    "recall_macro": partial(metrics.recall_score, average="macro", zero_division=0),
    "recall_micro": partial(metrics.recall_score, average="micro", zero_division=0),
}
_ON_NUMBERS: dict[str, Score] = {"mse": metrics.mean_squared_error, "r2": metrics.r2_score}


def custom_metric(names: tuple[str, ...]) -> Callable[[np.ndarray, xgboost.DMatrix], list[tuple[str, float]]]:
    """What ``xgboost.train`` takes as ``custom_metric`` to compute ``names``."""

    def evaluate(scores: np.ndarray, data: xgboost.DMatrix) -> list[tuple[str, float]]:
        label = data.get_label()
        values = []
        for name in names:
            if name in _ON_NUMBERS:
                values.append((name, float(_ON_NUMBERS[name](label, scores))))
            else:
                values.append((name, float(_ON_CLASSES[name](label, _classes(scores)))))
        return values

    return evaluate


def _classes(scores: np.ndarray) -> Any:
    """The predicted class of each row, from probabilities (one a row, or one a class) or from class numbers."""
    if scores.ndim > 1:
        return scores.argmax(axis=1)
    return (scores > 0.5).astype(int) if scores.max(initial=0) <= 1 else scores.astype(int)
