"""``constraint_violations.json``: where a data set is not what its constraints say.

The texts of ``data_type_check`` and ``extra_column_check`` are those of the container; for the others, whose
texts AWS has not published, they are made alike.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-interpreting-violations.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from containers.analyzer import distance
from containers.analyzer.constraints import ENABLED, FeatureConstraints, MonitoringConfig, parse
from containers.analyzer.kll import Sketch
from containers.analyzer.profile import DatasetProfile, FeatureProfile
from containers.analyzer.types import NUMERIC, STRING, UNKNOWN


def violations(
    dataset: DatasetProfile,
    constraints: Mapping[str, Any],
    baseline_statistics: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The document; its list is empty where all is well. Drift is judged where there are baseline statistics.

    ``dataset`` was profiled with ``domains(constraints)``.

    Raises:
        DataError: ``constraints`` is no constraints document.
    """
    expected = parse(constraints)
    baseline = {feature["name"]: feature for feature in (baseline_statistics or {}).get("features", [])}
    found = [
        {"feature_name": wanted.name, "constraint_check_type": check, "description": description}
        for wanted in expected
        if wanted.name in dataset.features and wanted.config.evaluate_constraints == ENABLED
        for check, description in _feature(
            dataset.features[wanted.name], wanted, baseline.get(wanted.name, {})
        )
    ]
    return {"violations": [*found, *_columns(dataset, expected)]}


def _feature(
    feature: FeatureProfile, wanted: FeatureConstraints, baseline: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Each violation of one feature: check and description."""
    yield from _data_type(feature, wanted)
    yield from _completeness(feature, wanted)
    yield from _categorical_values(feature, wanted)
    if wanted.config.perform_comparison == ENABLED:
        yield from _baseline_drift(feature, wanted.config, baseline)


def _data_type(feature: FeatureProfile, wanted: FeatureConstraints) -> Iterator[tuple[str, str]]:
    expected, threshold = wanted.inferred_type, wanted.config.datatype_check_threshold
    if expected in (None, UNKNOWN):
        return
    share = feature.kinds.share(expected)
    if share < threshold:
        yield (
            "data_type_check",
            f"Data type match requirement is not met. Expected data type: {expected}, "
            f"Expected match: {threshold * 100}%. Observed: Only {share * 100}% of data is {expected}.",
        )


def _completeness(feature: FeatureProfile, wanted: FeatureConstraints) -> Iterator[tuple[str, str]]:
    if wanted.completeness is not None and feature.completeness < wanted.completeness:
        yield (
            "completeness_check",
            f"Data completeness requirement is not met. Expected completeness: {wanted.completeness * 100}%. "
            f"Observed: Only {feature.completeness * 100}% of data is present.",
        )


def _categorical_values(feature: FeatureProfile, wanted: FeatureConstraints) -> Iterator[tuple[str, str]]:
    if wanted.domains is None or not feature.kinds.present:
        return
    threshold = wanted.config.domain_content_threshold
    share = feature.share_of(wanted.domains)
    if share < threshold:
        yield (
            "categorical_values_check",
            f"Categorical values requirement is not met. Expected match: {threshold * 100}%. "
            f"Observed: Only {share * 100}% of data is in the domains of the baseline.",
        )


def _baseline_drift(
    feature: FeatureProfile, config: MonitoringConfig, baseline: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    numbers = baseline.get("numerical_statistics", {}).get("distribution", {}).get("kll")
    texts = baseline.get("string_statistics", {}).get("distribution", {}).get("categorical")
    if numbers and feature.kinds.inferred_type in NUMERIC:
        yield from _numerical_drift(feature, config, Sketch.of(numbers["sketch"]["data"]))
    elif texts and feature.kinds.inferred_type == STRING and feature.categories:
        counts = {bucket["value"]: int(bucket["count"]) for bucket in texts["buckets"]}
        yield from _categorical_drift(feature.categories, config, counts)


def _numerical_drift(
    feature: FeatureProfile, config: MonitoringConfig, baseline: Sketch
) -> Iterator[tuple[str, str]]:
    drift = distance.numerical(feature.sketch, baseline, robust=config.comparison_method == "Robust")
    if drift > config.comparison_threshold:
        yield _drift(drift, config.comparison_threshold)


def _categorical_drift(
    current: Mapping[str, int], config: MonitoringConfig, baseline: Mapping[str, int]
) -> Iterator[tuple[str, str]]:
    threshold = config.categorical_comparison_threshold
    if config.categorical_drift_method == "ChiSquared":
        chance = distance.chi_square(current, baseline)
        if chance is not None and chance < threshold:
            yield (
                "baseline_drift_check",
                f"Baseline drift p-value: {chance} is below threshold: {threshold}",
            )
        return
    drift = distance.categorical(current, baseline, robust=config.comparison_method == "Robust")
    if drift > threshold:
        yield _drift(drift, threshold)


def _drift(drift: float, threshold: float) -> tuple[str, str]:
    return "baseline_drift_check", f"Baseline drift distance: {drift} exceeds threshold: {threshold}"


def _columns(dataset: DatasetProfile, expected: list[FeatureConstraints]) -> Iterator[dict[str, str]]:
    """Whether columns are missing or extra; one violation each, however many there are."""
    names = {wanted.name for wanted in expected}
    for check, kind, there in (
        ("missing_column_check", "missing", names - dataset.features.keys()),
        ("extra_column_check", "extra", dataset.features.keys() - names),
    ):
        if there:
            yield {
                "feature_name": f"{kind.capitalize()} columns",
                "constraint_check_type": check,
                "description": f"There are {kind} columns in current dataset. "
                f"Number of columns in current dataset: {len(dataset.features)}, "
                f"Number of columns in baseline constraints: {len(names)}",
            }
