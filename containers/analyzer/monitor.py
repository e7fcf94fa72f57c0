"""Analyse a data set as SageMaker Model Monitor's analyzer image does: data quality or model quality.

    dataset_source=rows dataset_format='{"csv": {"header": true}}' output_path=out python -m containers.analyzer.monitor

The environment says what to do; see ``monitor_config``. Writes ``statistics.json`` and ``constraints.json`` (what the
data set itself suggests), and ``constraint_violations.json`` where it violates the baseline that it was given.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-contract-outputs.html
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from containers import contract
from containers.analyzer import (
    model_constraints,
    monitor_attributes,
    monitor_baseline,
    monitor_config,
    monitor_dataset,
    monitor_exit,
    monitor_metrics,
    predictions,
)
from containers.analyzer.constraints import domains, suggest
from containers.analyzer.monitor_config import CSV, PARQUET, MonitorConfig
from containers.analyzer.monitor_metrics import Metric
from containers.analyzer.monitor_rows import place
from containers.analyzer.monitor_scripts import postprocessor
from containers.analyzer.predictions import ModelQualityConfig
from containers.analyzer.profile import DatasetProfile, profile
from containers.analyzer.statistics import statistics
from containers.analyzer.violations import violations

STATISTICS, CONSTRAINTS, VIOLATIONS = "statistics.json", "constraints.json", "constraint_violations.json"


@dataclass(frozen=True)
class Analysis:
    """What was found; ``violations`` is None where there was nothing to compare with."""

    statistics: Mapping[str, Any]
    constraints: Mapping[str, Any]
    violations: Mapping[str, Any] | None
    metrics: Iterator[Metric]

    @property
    def message(self) -> str:
        """The container's own sentence."""
        count = len(self.violations["violations"]) if self.violations else 0
        if count:
            return f"CompletedWithViolations: Job completed successfully with {count} violations."
        return "Completed: Job completed successfully with no violations."


def main(environment: Mapping[str, str], base: Path = Path(contract.BASE)) -> str:
    """Do what ``environment`` says; the message that the job ends with.

    Raises:
        DataError: the environment, the data, the baseline or a script is wrong; the message says where.
    """
    config = monitor_config.read(environment)
    after = (
        postprocessor(config.post_analytics_processor_script)
        if config.post_analytics_processor_script
        else None
    )
    found = _model_quality(config, config.model_quality) if config.model_quality else _data_quality(config)
    write(found, config.output_path)
    if config.publish_cloudwatch_metrics:
        monitor_metrics.write(found.metrics, config, base / "output" / "metrics" / "cloudwatch")
    if after:
        after()
    return found.message


def write(found: Analysis, folder: Path) -> None:
    """The two documents, and the third where there are violations."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / VIOLATIONS).unlink(missing_ok=True)  # an older run's, which would count as this one's
    documents = {STATISTICS: found.statistics, CONSTRAINTS: found.constraints}
    if found.violations and found.violations["violations"]:
        documents[VIOLATIONS] = found.violations
    for name, document in documents.items():
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        (folder / name).write_text(text + "\n", encoding="utf-8")


def _data_quality(config: MonitorConfig) -> Analysis:
    before = monitor_baseline.of_features(config.baseline_statistics, "baseline_statistics")
    wanted = monitor_baseline.of_features(config.baseline_constraints, "baseline_constraints")
    if wanted is None and before is not None:  # then the thresholds are those that the container suggests
        wanted = {"features": [{"name": feature["name"]} for feature in before["features"]]}
    names = [feature["name"] for feature in (wanted or {"features": []})["features"]]
    rows = monitor_dataset.read(config, names)
    dataset = profile(rows.tables, domains(wanted) if wanted else {})
    if config.dataset_format.name not in (CSV, PARQUET):
        dataset = _sorted(dataset, names)
    wanted = _kept(wanted, rows.excluded) if wanted else None
    suggested = suggest(dataset, config.categorical_drift_method)
    return Analysis(
        statistics(dataset),
        suggested,
        violations(dataset, wanted, before) if wanted else None,
        monitor_metrics.data_quality(dataset, wanted or suggested, before),
    )


def _sorted(dataset: DatasetProfile, baseline: Sequence[str]) -> DatasetProfile:
    """Rows that came one by one have no order of columns but the baseline's, and that of their names."""
    places = {name: number for number, name in enumerate(baseline)}
    names = sorted(dataset.features, key=lambda name: (places.get(name, len(places)), place(name)))
    return replace(dataset, features={name: dataset.features[name] for name in names})


def _kept(document: Mapping[str, Any], excluded: Collection[str]) -> dict[str, Any]:
    """The constraints without those of excluded features."""
    return {**document, "features": [one for one in document["features"] if one["name"] not in excluded]}


def _model_quality(config: MonitorConfig, attributes: ModelQualityConfig) -> Analysis:
    wanted = monitor_baseline.read(config.baseline_constraints, "baseline_constraints")
    tables = monitor_dataset.read(config).tables
    first = next(tables)
    resolved = monitor_attributes.resolve(attributes, first.column_names)
    found = predictions.statistics(chain([first], tables), resolved)
    return Analysis(
        found,
        model_constraints.suggest(found),
        model_constraints.violations(found, wanted) if wanted else None,
        monitor_metrics.model_quality(found),
    )


if __name__ == "__main__":
    sys.exit(monitor_exit.run(main, os.environ, Path(contract.BASE)))
