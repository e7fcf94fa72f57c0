"""Model quality: how good a model's predictions are, in the shape that the Model Monitor analyzer writes.

The metrics are those of ``containers.metrics``; what is added here is the container's own: its names, its
deviations (of five random samples of 80 % of the rows), the constant classifier to compare with, and the curves.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from containers.metrics.binary import BinarySample, ratio
from containers.metrics.estimate import Array
from containers.metrics.multiclass import MulticlassSample
from containers.metrics.ranking import Ranking, curve, thin

SAMPLES, SAMPLE_SHARE, MINIMUM_ROWS = 5, 0.8, 200  # AWS's; with fewer rows the deviation is "NaN"
BEST_CONSTANT = "best_constant_classifier"
RATES = ("true_positive_rate", "true_negative_rate", "false_positive_rate", "false_negative_rate")
CLASSIFIER = ("recall", "precision", "accuracy", "f0_5", "f1", "f2")
WEIGHTED = (
    "accuracy",
    "weighted_recall",
    "weighted_precision",
    "weighted_f0_5",
    "weighted_f1",
    "weighted_f2",
)

Measure = Callable[[Array], dict[str, Array]]  # metrics for each row of a matrix of weights


@dataclass(frozen=True)
class Predictions:
    """What was true of each row, and what the model said; which fields are needed depends on the problem."""

    truth: npt.NDArray[Any]
    predicted: npt.NDArray[Any] | None = None
    probabilities: Array | None = None  # binary: of the positive class


def regression(rows: Predictions, seed: int = 0) -> dict[str, Any]:
    """The statistics of a regressor: ``truth`` and ``predicted`` are numbers."""
    measure = _regressor(np.asarray(rows.truth, np.float64), np.asarray(_predicted(rows), np.float64))
    count = len(rows.truth)
    return {**_dataset(count), "regression_metrics": _estimates(measure, count, seed)}


def binary(rows: Predictions, threshold: float = 0.5, seed: int = 0) -> dict[str, Any]:
    """The statistics of a binary classifier: ``truth`` and ``predicted`` are 1 (positive) or 0.

    Without ``predicted``, a probability of at least ``threshold`` is a 1; without ``probabilities`` there are no
    areas and no curves.
    """
    if rows.predicted is not None:
        sample = BinarySample(rows.truth, rows.predicted)
    elif rows.probabilities is not None:
        sample = BinarySample(rows.truth, rows.probabilities, threshold)
    else:
        raise ValueError("a binary classifier needs predicted labels or probabilities")
    constant = BinarySample(sample.labels, np.ones(sample.rows))
    measures = [
        _chosen(sample.metrics, (*CLASSIFIER, *RATES)),
        _constant(constant.metrics, CLASSIFIER),
    ]
    curves: dict[str, Any] = {}
    if rows.probabilities is not None:
        measures.append(_areas(Ranking(sample.labels, rows.probabilities)))
        curves = _curves(sample.labels, rows.probabilities)
    metrics = _estimates(_together(measures), sample.rows, seed)
    return {
        **_dataset(sample.rows),
        "binary_classification_metrics": {"confusion_matrix": sample.confusion(), **metrics, **curves},
    }


def multiclass(rows: Predictions, seed: int = 0) -> dict[str, Any]:
    """The statistics of a classifier of several classes: ``truth`` and ``predicted`` are class names."""
    predicted = _predicted(rows)
    names, codes = np.unique(np.concatenate([rows.truth, predicted]).astype(str), return_inverse=True)
    truth, said = np.split(codes, [len(rows.truth)])
    certain = np.eye(len(names))  # each class as the probabilities of someone who is sure
    sample = MulticlassSample(truth.astype(np.float64), certain[said])
    most_frequent = np.bincount(truth, minlength=len(names)).argmax()
    constant = MulticlassSample(truth.astype(np.float64), certain[np.full(len(truth), most_frequent)])
    measure = _together([_chosen(sample.metrics, WEIGHTED), _constant(constant.metrics, WEIGHTED)])
    return {
        **_dataset(sample.rows),
        "multiclass_classification_metrics": {
            "confusion_matrix": sample.confusion([str(name) for name in names]),
            **_estimates(measure, sample.rows, seed),
        },
    }


def _predicted(rows: Predictions) -> npt.NDArray[Any]:
    if rows.predicted is None:
        raise ValueError("this problem needs predictions")
    return rows.predicted


def _dataset(rows: int) -> dict[str, Any]:
    return {"version": 0.0, "dataset": {"item_count": rows}}


def _estimates(measure: Measure, rows: int, seed: int) -> dict[str, dict[str, float | str]]:
    """Value and deviation of each metric. AWS writes what is not a number as the string ``NaN``."""
    values = measure(np.ones((1, rows)))
    drawn = measure(_samples(rows, seed)) if rows >= MINIMUM_ROWS else {}
    return {
        name: {
            "value": _number(value[0]),
            "standard_deviation": _number(drawn[name].std(ddof=1)) if drawn else "NaN",
        }
        for name, value in values.items()
    }


def _samples(rows: int, seed: int) -> Array:
    """Weights of ``SAMPLES`` random choices of rows without replacement: 1 where a row is in."""
    generator = np.random.default_rng(seed)
    weights = np.zeros((SAMPLES, rows))
    for one in weights:
        one[generator.choice(rows, int(SAMPLE_SHARE * rows), replace=False)] = 1
    return weights


def _number(value: float) -> float | str:
    return float(value) if np.isfinite(value) else "NaN"


def _chosen(measure: Measure, names: tuple[str, ...]) -> Measure:
    def measured(weights: Array) -> dict[str, Array]:
        metrics = measure(weights)
        return {name: metrics[name] for name in names}

    return measured


def _constant(measure: Measure, names: tuple[str, ...]) -> Measure:
    """The metrics of the model that always says the same."""
    chosen = _chosen(measure, names)
    return lambda weights: {f"{name}_{BEST_CONSTANT}": value for name, value in chosen(weights).items()}


def _together(measures: list[Measure]) -> Measure:
    return lambda weights: {name: value for measure in measures for name, value in measure(weights).items()}


def _regressor(truth: Array, predicted: Array) -> Measure:
    """``mae``, ``mse``, ``rmse`` and ``r2``, with every sum taken one row after the other, as Spark does.

    The same as in ``RegressionSample`` but for the last digits, and on them hangs the verdict of rows that are held
    against the container's own threshold.
    """
    residuals = truth - predicted

    def measured(weights: Array) -> dict[str, Array]:
        total = weights.sum(axis=1)
        squared = _in_order(weights * residuals**2)
        mean = _in_order(weights * truth) / total
        spread = _in_order(weights * (truth - mean[:, np.newaxis]) ** 2)
        # What rounding leaves of the spread of equal numbers is not a spread.
        spread = np.where(spread > 1e-24 * total * mean**2, spread, 0)
        return {
            "mae": _in_order(weights * np.abs(residuals)) / total,
            "mse": squared / total,
            "rmse": np.sqrt(squared / total),
            "r2": 1 - ratio(squared, spread),
        }

    return measured


def _in_order(terms: Array) -> Array:
    """The sum of each row of a matrix; ``sum`` would add pairwise."""
    sums: Array = np.add.accumulate(terms, axis=1)[:, -1]
    return sums


def _areas(ranking: Ranking) -> Measure:
    """The areas below the ROC curve and below the precision-recall curve, by trapezoids as Spark has them."""

    def measured(weights: Array) -> dict[str, Array]:
        positive, negative = (np.cumsum(step, axis=1) for step in ranking.steps(weights))
        called = positive + negative
        with np.errstate(invalid="ignore", divide="ignore"):
            recalls = positive / positive[:, -1:]
            # The curve begins at recall 0 with the first precision there is; a step without rows changes nothing.
            precisions = np.where(called > 0, positive / called, np.nan)
        return {"auc": ranking.areas(weights)[0], "au_prc": _trapezoids(recalls, precisions)}

    return measured


def _trapezoids(across: Array, heights: Array) -> Array:
    """The area of each row of curves that begin at 0 with their first height; nan heights have no width."""
    areas = []
    for x, y in zip(across, heights, strict=True):
        there = np.isfinite(y)
        x, y = np.concatenate([[0.0], x[there]]), np.concatenate([y[there][:1], y[there]])
        areas.append(float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum()))
    return np.array(areas)


def _curves(labels: Array, probabilities: Array) -> dict[str, Any]:
    """Both curves, at most 200 points each; none where all rows are of one class."""
    if len(np.unique(labels)) < 2:
        return {}
    points = thin(curve(labels, probabilities))
    return {
        "receiver_operating_characteristic_curve": {
            "false_positive_rates": points.false_positive_rates.tolist(),
            "true_positive_rates": points.true_positive_rates.tolist(),
        },
        "precision_recall_curve": {
            "precisions": points.precisions.tolist(),
            "recalls": points.true_positive_rates.tolist(),
        },
    }
