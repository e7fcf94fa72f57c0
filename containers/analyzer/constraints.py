"""``constraints.json``: what a data set must be like, suggested from a baseline and read back to be checked.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-constraints.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from containers.analyzer.profile import DatasetProfile, FeatureProfile
from containers.analyzer.types import NUMERIC, STRING, TYPES
from containers.processing.job import DataError

ENABLED = "Enabled"
# What the container writes; the documentation's example has 0.1 for the first two thresholds.
MONITORING_CONFIG: dict[str, Any] = {
    "evaluate_constraints": ENABLED,
    "emit_metrics": ENABLED,
    "datatype_check_threshold": 1.0,
    "domain_content_threshold": 1.0,
    "distribution_constraints": {
        "perform_comparison": ENABLED,
        "comparison_threshold": 0.1,
        "comparison_method": "Robust",
        "categorical_comparison_threshold": 0.1,
        "categorical_drift_method": "LInfinity",
    },
}
CHOICES = {
    "evaluate_constraints": (ENABLED, "Disabled"),
    "emit_metrics": (ENABLED, "Disabled"),
    "perform_comparison": (ENABLED, "Disabled"),
    "comparison_method": ("Simple", "Robust"),
    "categorical_drift_method": ("LInfinity", "ChiSquared"),
}
THRESHOLDS = (
    "datatype_check_threshold",
    "domain_content_threshold",
    "comparison_threshold",
    "categorical_comparison_threshold",
)
OVERRIDES = ("monitoring_config_overrides", "monitoringConfigOverrides")  # AWS's files have both


def suggest(dataset: DatasetProfile, categorical_drift_method: str | None = None) -> dict[str, Any]:
    """Constraints that the data set itself meets: the document. The method is one of ``CHOICES``."""
    distribution = dict(MONITORING_CONFIG["distribution_constraints"])
    if categorical_drift_method:
        distribution["categorical_drift_method"] = categorical_drift_method
    return {
        "version": 0.0,
        "features": [_suggested(feature) for feature in dataset.features.values()],
        "monitoring_config": {**MONITORING_CONFIG, "distribution_constraints": distribution},
    }


def _suggested(feature: FeatureProfile) -> dict[str, Any]:
    inferred_type = feature.kinds.inferred_type
    document: dict[str, Any] = {
        "name": feature.name,
        "inferred_type": inferred_type,
        "completeness": feature.completeness,
    }
    if inferred_type in NUMERIC:
        document["num_constraints"] = {"is_non_negative": feature.moments.min >= 0}
    elif inferred_type == STRING and feature.categories:
        document["string_constraints"] = {"domains": sorted(feature.categories)}
    return document


@dataclass(frozen=True)
class MonitoringConfig:
    """How one feature is checked; field by field the container's ``monitoring_config``."""

    evaluate_constraints: str
    emit_metrics: str
    datatype_check_threshold: float
    domain_content_threshold: float
    perform_comparison: str
    comparison_threshold: float
    comparison_method: str
    categorical_comparison_threshold: float
    categorical_drift_method: str


@dataclass(frozen=True)
class FeatureConstraints:
    """What one feature must be like; None: not asked for."""

    name: str
    inferred_type: str | None
    completeness: float | None
    domains: frozenset[str] | None
    config: MonitoringConfig


def domains(document: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """The domains of a constraints document by feature, for ``profile``."""
    return {wanted.name: wanted.domains for wanted in parse(document) if wanted.domains is not None}


def parse(document: Mapping[str, Any]) -> list[FeatureConstraints]:
    """The constraints of each feature, with the feature's own overrides of ``monitoring_config``.

    Settings that are not there have the values that the container suggests; unknown ones are ignored, as
    AWS's own examples hold some.

    Raises:
        DataError: it is no constraints document; the message says where.
    """
    features = document.get("features")
    if not isinstance(features, list):
        raise DataError("constraints: 'features' must be a list of objects")
    common = document.get("monitoring_config") or {}
    return [_parsed(index, feature, common) for index, feature in enumerate(features)]


def _parsed(index: int, feature: Mapping[str, Any], common: Mapping[str, Any]) -> FeatureConstraints:
    if not isinstance(feature, dict) or not isinstance(feature.get("name"), str):
        raise DataError(f"constraints: features[{index}] has no 'name'")
    where = f"constraints of {feature['name']!r}"
    inferred_type = feature.get("inferred_type")
    if inferred_type is not None:
        _check_choice(f"{where}: inferred_type", inferred_type, TYPES)
    completeness = feature.get("completeness")
    strings = feature.get("string_constraints") or {}
    numbers = feature.get("num_constraints") or {}
    overrides = [
        place[name] for place in (feature, strings, numbers) for name in OVERRIDES if place.get(name)
    ]
    domains = strings.get("domains")
    return FeatureConstraints(
        feature["name"],
        inferred_type,
        None if completeness is None else _number(f"{where}: completeness", completeness),
        None if domains is None else frozenset(map(str, domains)),
        _config(where, common, *overrides),
    )


def _config(where: str, *layers: Mapping[str, Any]) -> MonitoringConfig:
    """The settings of all layers, later ones first."""
    settings: dict[str, Any] = {}
    for layer in (MONITORING_CONFIG, *layers):
        settings |= {**layer, **(layer.get("distribution_constraints") or {})}
    for name, choices in CHOICES.items():
        _check_choice(f"{where}: {name}", settings[name], choices)
    for name in THRESHOLDS:
        settings[name] = _number(f"{where}: {name}", settings[name])
    return MonitoringConfig(**{name: settings[name] for name in (*CHOICES, *THRESHOLDS)})


def _check_choice(where: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        near = get_close_matches(str(value), choices, 1)
        hint = f". Did you mean {near[0]!r}?" if near else ""
        raise DataError(f"{where} is {value!r}; it must be one of {', '.join(choices)}{hint}")


def _number(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{where} is {value!r}; it must be a number")
    return float(value)
