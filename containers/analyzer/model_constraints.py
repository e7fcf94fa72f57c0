"""Constraints of model quality: thresholds suggested from a baseline, and which of them a model misses.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from containers.processing.job import DataError

BELOW, ABOVE = (
    "LessThanThreshold",
    "GreaterThanThreshold",
)  # what is bad: a comparison that holds is a violation
# Group of metrics -> group of constraints and, for each metric that is held to a threshold, what is bad.
CONSTRAINTS: dict[str, tuple[str, dict[str, str]]] = {
    "regression_metrics": (
        "regression_constraints",
        {"mae": ABOVE, "mse": ABOVE, "rmse": ABOVE, "r2": BELOW},
    ),
    "binary_classification_metrics": (
        "binary_classification_constraints",
        {
            "recall": BELOW,
            "precision": BELOW,
            "accuracy": BELOW,
            "true_positive_rate": BELOW,
            "true_negative_rate": BELOW,
            "false_positive_rate": ABOVE,
            "false_negative_rate": ABOVE,
            "auc": BELOW,
            "f0_5": BELOW,
            "f1": BELOW,
            "f2": BELOW,
        },
    ),
    "multiclass_classification_metrics": (
        "multiclass_classification_constraints",
        {
            "accuracy": BELOW,
            "weighted_recall": BELOW,
            "weighted_precision": BELOW,
            "weighted_f0_5": BELOW,
            "weighted_f1": BELOW,
            "weighted_f2": BELOW,
        },
    ),
}


def suggest(statistics: Mapping[str, Any]) -> dict[str, Any]:
    """The thresholds that the model's own statistics just meet; metrics without a value get none."""
    metrics, (group, bad) = _group(statistics)
    thresholds = {
        name: {"threshold": metrics[name]["value"], "comparison_operator": operator}
        for name, operator in bad.items()
        if name in metrics and _is_number(metrics[name]["value"])
    }
    return {"version": 0.0, group: thresholds}


def violations(statistics: Mapping[str, Any], constraints: Mapping[str, Any]) -> dict[str, Any]:
    """Which thresholds are missed: the document; its list is empty where all is well.

    Raises:
        DataError: the constraints are for another problem, or one of them cannot be read.
    """
    metrics, (group, _) = _group(statistics)
    if not isinstance(constraints.get(group), dict):
        raise DataError(
            f"constraints: no {group!r}, which these statistics are for; found: {', '.join(constraints)}"
        )
    return {"violations": list(_missed(metrics, constraints[group], group))}


def _missed(
    metrics: Mapping[str, Any], thresholds: Mapping[str, Any], group: str
) -> Iterator[dict[str, str]]:
    for name, constraint in thresholds.items():
        threshold, operator = constraint.get("threshold"), constraint.get("comparison_operator")
        if not _is_number(threshold) or operator not in (BELOW, ABOVE):
            raise DataError(
                f"{group}.{name}: needs a number as 'threshold' and {BELOW} or {ABOVE} as 'comparison_operator', "
                f"got {threshold!r} and {operator!r}"
            )
        value = metrics.get(name, {}).get("value")
        if not _is_number(value) or not (value < threshold if operator == BELOW else value > threshold):
            continue
        shown, deviation = _camel_case(name), metrics[name]["standard_deviation"]
        yield {
            "constraint_check_type": operator,
            "description": f"Metric {shown} with {value} +/- {deviation} was {operator} '{threshold}'",
            "metric_name": shown,
        }


def _group(statistics: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[str, dict[str, str]]]:
    for name, constrained in CONSTRAINTS.items():
        if name in statistics:
            return statistics[name], constrained
    raise DataError(f"statistics: none of {', '.join(CONSTRAINTS)}")


def _camel_case(name: str) -> str:
    """``true_positive_rate`` as AWS's violations name it: ``truePositiveRate``."""
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
