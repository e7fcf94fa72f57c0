"""What a monitoring run tells CloudWatch: lines of JSON below ``/opt/ml/output/metrics/cloudwatch``.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-cloudwatch.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from containers.analyzer.constraints import ENABLED, FeatureConstraints, parse
from containers.analyzer.model_constraints import CONSTRAINTS
from containers.analyzer.monitor_config import MonitorConfig
from containers.analyzer.profile import DatasetProfile, FeatureProfile
from containers.analyzer.types import NUMERIC
from containers.analyzer.violations import drift

FILE = "cloudwatch_metrics.jsonl"
Metric = Mapping[str, Any]


def data_quality(
    dataset: DatasetProfile, constraints: Mapping[str, Any], statistics: Mapping[str, Any] | None
) -> Iterator[Metric]:
    """The metrics of each feature whose ``emit_metrics`` is on: values, how many there are, and the drift."""
    baseline = {feature["name"]: feature for feature in (statistics or {}).get("features", [])}
    for wanted in parse(constraints):
        feature = dataset.features.get(wanted.name)
        if feature is not None and wanted.config.emit_metrics == ENABLED:
            yield from _feature(feature, wanted, baseline.get(wanted.name, {}))


def model_quality(statistics: Mapping[str, Any]) -> Iterator[Metric]:
    """Each metric that has a value, by the name that it has in ``statistics.json``."""
    for group in CONSTRAINTS.keys() & statistics.keys():
        for name, metric in statistics[group].items():
            if isinstance(metric.get("value"), float):
                yield {"MetricName": name, "Value": metric["value"]}


def write(metrics: Iterable[Metric], config: MonitorConfig, folder: Path) -> None:
    """One line for each metric, with the time and the dimensions that the schedule's metrics have."""
    dimensions = [
        {"Name": name, "Value": value}
        for name, value in (
            ("Endpoint", config.sagemaker_endpoint_name),
            ("MonitoringSchedule", config.sagemaker_monitoring_schedule_name),
        )
        if value
    ]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    common = {"Timestamp": config.metric_time or now, "Dimensions": dimensions}
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({**metric, **common}, ensure_ascii=False, allow_nan=False) for metric in metrics]
    (folder / FILE).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _feature(
    feature: FeatureProfile, wanted: FeatureConstraints, baseline: Mapping[str, Any]
) -> Iterator[Metric]:
    moments = feature.moments
    if feature.kinds.inferred_type in NUMERIC and math.isfinite(moments.sum):
        yield {
            "MetricName": f"feature_data_{feature.name}",
            "StatisticValues": {
                "SampleCount": float(moments.count),
                "Sum": moments.sum,
                "Minimum": moments.min,
                "Maximum": moments.max,
            },
        }
    yield {"MetricName": f"feature_non_null_{feature.name}", "Value": float(feature.kinds.present)}
    distance = drift(feature, wanted.config, baseline)
    if distance is not None:
        yield {"MetricName": f"feature_baseline_drift_{feature.name}", "Value": distance}
