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
from containers.processing.job import DataError

CHI_SQUARED = "ChiSquared"


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


def drift(feature: FeatureProfile, config: MonitoringConfig, baseline: Mapping[str, Any]) -> float | None:
    """How far a feature is from its baseline statistics: a distance, or the p-value where ``config`` asks for that.

    None where the two cannot be compared.

    Raises:
        DataError: the statistics are damaged.
    """
    numbers = _within(baseline, "numerical_statistics", "distribution", "kll")
    texts = _within(baseline, "string_statistics", "distribution", "categorical")
    robust = config.comparison_method == "Robust"
    try:
        if numbers and feature.kinds.inferred_type in NUMERIC:
            return distance.numerical(feature.sketch, Sketch.of(numbers["sketch"]["data"]), robust=robust)
        if texts and feature.kinds.inferred_type == STRING and feature.categories:
            counts = {bucket["value"]: int(bucket["count"]) for bucket in texts["buckets"]}
            if config.categorical_drift_method == CHI_SQUARED:
                return distance.chi_square(feature.categories, counts)
            return distance.categorical(feature.categories, counts, robust=robust)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise DataError(
            f"baseline statistics of {feature.name!r}: the distribution cannot be read: {error!r}"
        ) from None
    return None


def _within(document: Any, *names: str) -> Any:
    """What lies below a path of names; None where the path ends before."""
    for name in names:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _baseline_drift(
    feature: FeatureProfile, config: MonitoringConfig, baseline: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    found = drift(feature, config, baseline)
    if found is None:
        return
    text = feature.kinds.inferred_type == STRING
    threshold = config.categorical_comparison_threshold if text else config.comparison_threshold
    if text and config.categorical_drift_method == CHI_SQUARED:
        if found < threshold:
            yield "baseline_drift_check", f"Baseline drift p-value: {found} is below threshold: {threshold}"
    elif found > threshold:
        yield "baseline_drift_check", f"Baseline drift distance: {found} exceeds threshold: {threshold}"


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
