"""What the evaluation report says about each kind of problem. Pure: arrays in, a record out.

The metrics come in AWS's report shape, so that Model Registry shows them; the rest is our own, beside them.
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from containers.contract import METRIC_GROUPS
from containers.metrics.binary import BinarySample
from containers.metrics.calibration import reliability
from containers.metrics.estimate import Array, Estimate, Sample, estimates, values
from containers.metrics.multiclass import MulticlassSample
from containers.metrics.ranking import curve, thin
from containers.metrics.regression import RegressionSample
from containers.metrics.threshold import Threshold, choose


@dataclass(frozen=True)
class Scored:
    """Rows and what the model says about them."""

    labels: Array  # (rows,)
    scores: Array  # (rows,), or (rows, classes) for multiclass


@dataclass(frozen=True)
class Assessment:
    """How good a model is: what the report holds, and what the plots draw."""

    problem: str
    test: Scored
    metrics: Mapping[str, Estimate]  # on the test rows
    validation: Mapping[str, float | None]  # the same, without doubt, on the validation rows
    classes: tuple[str, ...] = ()
    threshold: Threshold | None = None
    pictures: Mapping[str, Any] = field(default_factory=dict)  # matrices and curves, in AWS's shape
    extras: Mapping[str, Any] = field(default_factory=dict)  # ours, at the top of the report

    def document(self) -> dict[str, Any]:
        """As it stands in the report."""
        group = {name: estimate.document() for name, estimate in self.metrics.items()}
        return {
            METRIC_GROUPS[self.problem]: {**self.pictures, **group},
            **self.extras,
            "validation": dict(self.validation),
        }


def assess(
    problem: str,
    classes: Sequence[str],
    validation: Scored,
    test: Scored,
    *,
    rule: str,
    resamples: int | None = None,
    seed: int = 0,
) -> Assessment:
    """Everything about a model of any kind; ``rule`` picks the threshold of a binary one.

    Raises:
        ValueError: ``rule`` is not a rule.
    """
    if problem == "binary":
        return _binary(classes, validation, test, rule, resamples, seed)
    return (_multiclass if problem == "multiclass" else _regression)(
        classes, validation, test, resamples, seed
    )


def measure(problem: str, validation: Scored, test: Scored, rule: str) -> dict[str, dict[str, float | None]]:
    """The plain metrics on the validation and the test rows, without intervals or curves.

    Raises:
        ValueError: ``rule`` is not a rule.
    """
    if problem == "binary":
        threshold = choose(validation.labels, validation.scores, rule).value
        return {
            "validation": _plain(BinarySample(validation.labels, validation.scores, threshold)),
            "test": _plain(BinarySample(test.labels, test.scores, threshold)),
        }
    sample = MulticlassSample if problem == "multiclass" else RegressionSample
    return {
        "validation": _plain(sample(validation.labels, validation.scores)),
        "test": _plain(sample(test.labels, test.scores)),
    }


def _binary(
    classes: Sequence[str], validation: Scored, test: Scored, rule: str, resamples: int | None, seed: int
) -> Assessment:
    threshold = choose(validation.labels, validation.scores, rule)
    sample = BinarySample(test.labels, test.scores, threshold.value)
    known = BinarySample(validation.labels, validation.scores, threshold.value)
    at_half = values(BinarySample(validation.labels, validation.scores))["f1"]
    chosen = {
        "value": threshold.value,
        "rule": threshold.rule,
        "chosen_on": "validation",
        "validation_f1": _finite(values(known)["f1"]),
        "validation_f1_at_half": _finite(at_half),
    }
    return Assessment(
        "binary",
        test,
        estimates(sample, resamples, seed),
        _plain(known),
        tuple(classes),
        threshold,
        {"confusion_matrix": sample.confusion(), **_curves(test)},
        {
            "threshold": chosen | ({"reason": threshold.reason} if threshold.reason else {}),
            "calibration": reliability(test.labels, test.scores),
        },
    )


def _multiclass(
    classes: Sequence[str], validation: Scored, test: Scored, resamples: int | None, seed: int
) -> Assessment:
    sample = MulticlassSample(test.labels, test.scores)
    matrix = sample.confusion_matrix()
    by_class = {
        name: {
            "rows": int(matrix[index].sum()),
            "precision": _share(matrix[index, index], matrix[:, index].sum()),
            "recall": _share(matrix[index, index], matrix[index].sum()),
        }
        for index, name in enumerate(classes)
    }
    return Assessment(
        "multiclass",
        test,
        estimates(sample, resamples, seed),
        _plain(MulticlassSample(validation.labels, validation.scores)),
        tuple(classes),
        pictures={"confusion_matrix": sample.confusion(list(classes))},
        extras={"classes": by_class},
    )


def _regression(
    classes: Sequence[str], validation: Scored, test: Scored, resamples: int | None, seed: int
) -> Assessment:
    sample = RegressionSample(test.labels, test.scores)
    return Assessment(
        "regression",
        test,
        estimates(sample, resamples, seed),
        _plain(RegressionSample(validation.labels, validation.scores)),
        tuple(classes),
        extras={
            "residuals": {"mean": values(sample)["mean_error"], "quantiles": sample.residual_quantiles()}
        },
    )


def _curves(test: Scored) -> dict[str, dict[str, list[float]]]:
    """The ROC and precision-recall curves; none where all rows are of one class."""
    if test.labels.min() == test.labels.max():
        return {}
    drawn = thin(curve(test.labels, test.scores))
    return {
        "receiver_operating_characteristic_curve": {
            "false_positive_rates": drawn.false_positive_rates.tolist(),
            "true_positive_rates": drawn.true_positive_rates.tolist(),
        },
        "precision_recall_curve": {
            "precisions": drawn.precisions.tolist(),
            "recalls": drawn.true_positive_rates.tolist(),
        },
    }


def dataset(problem: str, classes: Sequence[str], validation: Scored, test: Scored) -> dict[str, Any]:
    """How many rows were scored, and how many of each class."""
    found: dict[str, Any] = {"item_count": len(test.labels), "validation_item_count": len(validation.labels)}
    if problem != "regression":
        counts = np.bincount(test.labels.astype(np.intp), minlength=len(classes)).tolist()
        found["class_counts"] = dict(zip(classes, counts, strict=True))
    return found


def _plain(sample: Sample) -> dict[str, float | None]:
    return {name: _finite(value) for name, value in values(sample).items()}


def _finite(value: float) -> float | None:
    """JSON has no nan."""
    return value if math.isfinite(value) else None


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None
