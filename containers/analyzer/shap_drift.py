"""Have the reasons changed: the rule of the explainability check and of the feature attribution monitors.

The features are put in the order of what they add now; the order is judged by what they added before (normalised
discounted cumulative gain, 1 where it is the same order). Below ``LEAST`` it is a violation.
https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-model-monitor-feature-attribution-drift.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import ndcg_score

from containers.analyzer.analysis_report import number
from containers.analyzer.shap_values import KERNEL

LEAST = 0.9


@dataclass(frozen=True)
class AttributionViolation:
    """One label whose features have changed places, with the fields of the violation report."""

    label: str
    metric_name: str
    constraint_check_type: str
    description: str


def violations(current: Mapping[str, Any], baseline: Mapping[str, Any]) -> list[AttributionViolation]:
    """Compare two ``analysis.json`` documents, label by label; a label that only one of them has is passed over."""
    before = _values(baseline)
    found = []
    for label, now in _values(current).items():
        if label in before and (score := similarity(now, before[label])) < LEAST:
            text = f"Feature attribution drift {score} exceeds threshold {LEAST}"
            found.append(AttributionViolation(label, "shap", "feature_attribution_drift_check", text))
    return found


def similarity(current: Mapping[str, float], baseline: Mapping[str, float]) -> float:
    """How well today's order of the features suits what they added before, 0 to 1.

    Magnitudes count; of features with equal values the order is averaged over. A feature that one of the two lacks
    adds nothing there. Where nothing adds anything on either side, nothing has changed.
    """
    names = list(dict.fromkeys([*baseline, *current]))
    gains, ranks = (np.abs([values.get(name, 0.0) for name in names]) for values in (baseline, current))
    if len(names) < 2 or not (gains.any() or ranks.any()):
        return 1.0
    return float(ndcg_score([gains], [ranks]))


def _values(document: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """By label and feature; what has no value counts as adding nothing."""
    return {
        label: {name: number(value) or 0.0 for name, value in found["global_shap_values"].items()}
        for label, found in document.get("explanations", {}).get(KERNEL, {}).items()
    }
