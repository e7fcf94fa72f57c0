"""``statistics.json``: what a data set looks like, as the Model Monitor analyzer writes it.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-statistics.html
"""

from __future__ import annotations

import math
from typing import Any

from containers.analyzer.profile import DatasetProfile, FeatureProfile
from containers.analyzer.types import NUMERIC


def statistics(dataset: DatasetProfile) -> dict[str, Any]:
    """The document; ``version`` is the float that AWS writes."""
    return {
        "version": 0.0,
        "dataset": {"item_count": dataset.rows},
        "features": [_feature(feature) for feature in dataset.features.values()],
    }


def _feature(feature: FeatureProfile) -> dict[str, Any]:
    inferred_type = feature.kinds.inferred_type
    group, describe = (
        ("numerical_statistics", _numerical) if inferred_type in NUMERIC else ("string_statistics", _string)
    )
    common = {"num_present": feature.kinds.present, "num_missing": feature.missing}
    return {
        "name": feature.name,
        "inferred_type": inferred_type,
        group: {"common": common, **describe(feature)},
    }


def _numerical(feature: FeatureProfile) -> dict[str, Any]:
    moments, sketch = feature.moments, feature.sketch
    return {
        "mean": _number(moments.mean),
        "sum": _number(moments.sum),
        "std_dev": _number(moments.std_dev),
        "min": moments.min,
        "max": moments.max,
        "approximate_num_distinct_values": feature.distinct.count,
        "completeness": feature.completeness,
        "distribution": {
            "kll": {
                "buckets": [
                    {"lower_bound": _number(lower), "upper_bound": _number(upper), "count": count}
                    for lower, upper, count in sketch.buckets(moments.min, moments.max)
                ],
                "sketch": {
                    "parameters": {"c": sketch.c, "k": float(sketch.k)},
                    "data": [level.tolist() for level in sketch.levels],
                },
            }
        },
    }


def _number(value: float) -> float | str:
    """JSON has no word for the sum of numbers that is beyond them all; AWS's files have such words as texts."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _string(feature: FeatureProfile) -> dict[str, Any]:
    document: dict[str, Any] = {
        "distinct_count": float(feature.distinct.count),
        "completeness": feature.completeness,
    }
    if feature.categories:
        frequent_first = sorted(feature.categories.items(), key=lambda item: (-item[1], item[0]))
        buckets = [{"value": value, "count": count} for value, count in frequent_first]
        document["distribution"] = {"categorical": {"buckets": buckets}}
    return document
