"""``analysis.json``, as Clarify's container writes it; what explains a model is added by who computes it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

VERSION = "1.0"
POST_TRAINING_BIAS = "post_training_bias_metrics"
PRE_TRAINING_BIAS = "pre_training_bias_metrics"


@dataclass(frozen=True)
class Metric:
    """One value, infinite ones included; or none, and why."""

    name: str
    description: str
    value: float | None
    error: str | None = None

    def document(self) -> dict[str, Any]:
        """As it stands in the report."""
        about = {"name": self.name, "description": self.description}
        if self.error is not None:
            return {**about, "error": self.error, "value": None}
        return {**about, "value": json_number(self.value)}


@dataclass(frozen=True)
class FacetMetrics:
    """The metrics that compare the rows with this value, or above this threshold, with all others."""

    value_or_threshold: str
    metrics: tuple[Metric, ...]

    def document(self) -> dict[str, Any]:
        """As it stands in the report."""
        return {
            "value_or_threshold": self.value_or_threshold,
            "metrics": [metric.document() for metric in self.metrics],
        }


@dataclass(frozen=True)
class Section:
    """The bias before training, or after: ``facets`` by column."""

    label: str
    facets: Mapping[str, Sequence[FacetMetrics]]
    label_value_or_threshold: str

    def document(self) -> dict[str, Any]:
        """As it stands in the report."""
        return {
            "label": self.label,
            "facets": {
                column: [found.document() for found in values] for column, values in self.facets.items()
            },
            "label_value_or_threshold": self.label_value_or_threshold,
        }


@dataclass(frozen=True)
class BiasAnalysis:
    """Both halves of the report; a half that was not asked for is None."""

    pre_training: Section | None = None
    post_training: Section | None = None

    def document(self) -> dict[str, Any]:
        """The whole report."""
        sections = {POST_TRAINING_BIAS: self.post_training, PRE_TRAINING_BIAS: self.pre_training}
        found = {name: section.document() for name, section in sections.items() if section is not None}
        return {"version": VERSION, **found}


def text(document: Mapping[str, Any]) -> str:
    """The file's content, to the byte."""
    return json.dumps(document, indent=4, allow_nan=False)


def json_number(value: float | None) -> float | str | None:
    """A number as the container writes it: infinite ones as texts, what is no number as null."""
    if value is None or math.isnan(value):
        return None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def number(written: float | str | None) -> float | None:
    """What ``json_number`` wrote."""
    return None if written is None else float(written)


def bias_metrics(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str, float | str | None]]:
    """Every bias metric in the order of the report: column, value or threshold, metric, value as written."""
    for name in (POST_TRAINING_BIAS, PRE_TRAINING_BIAS):
        for column, values in document.get(name, {}).get("facets", {}).items():
            for found in values:
                for metric in found["metrics"]:
                    yield column, found["value_or_threshold"], metric["name"], metric["value"]
