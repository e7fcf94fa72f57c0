"""Has bias grown beyond its baseline: the rule of the ClarifyCheck step and of the bias monitors.

A metric is violated if its magnitude is greater than the baseline's, disparate impact included. There is no tolerance
and no confidence interval: that is what the containers do, whatever the documentation says of intervals.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from containers.analyzer.analysis_report import VERSION, bias_metrics, number

REPORT = "constraint_violations.json"


@dataclass(frozen=True)
class BiasViolation:
    """One metric beyond its baseline, with the fields of the violation report."""

    facet: str
    facet_value: str
    metric_name: str
    constraint_check_type: str
    description: str


def violations(current: Mapping[str, Any], baseline: Mapping[str, Any]) -> list[BiasViolation]:
    """Compare two ``analysis.json`` documents, in the order of the current one.

    What only one of them has, or has no value in one of them, is passed over.
    """
    expected = {
        (column, limit_of(value), metric): written
        for column, value, metric, written in bias_metrics(baseline)
    }
    return list(found(current, expected))


def found(
    current: Mapping[str, Any], expected: Mapping[tuple[str, str, str], float | str | None]
) -> Iterator[BiasViolation]:
    """The violations of a document, metric by metric."""
    for column, value, metric, written in bias_metrics(current):
        required = expected.get((column, limit_of(value), metric))
        now, before = number(written), number(required)
        if now is not None and before is not None and abs(now) > abs(before):
            description = (
                f"Metric value {written} doesn't meet the baseline constraint requirement {required}"
            )
            yield BiasViolation(column, value, metric, "bias_drift_check", description)


def limit_of(value_or_threshold: str) -> str:
    """What stays the same of a facet's text from data to data: an interval ends at the greatest value of its data."""
    threshold, comma, _ = value_or_threshold.partition(", ")
    return (
        threshold
        if comma and value_or_threshold[0] == "(" and value_or_threshold[-1] == "]"
        else value_or_threshold
    )


def document(found: Sequence[BiasViolation]) -> dict[str, Any]:
    """The violation report."""
    return {"version": VERSION, "violations": [asdict(violation) for violation in found]}


def write(found: Sequence[BiasViolation], folder: Path) -> Path | None:
    """Write the report if there is something to report, as the container does."""
    if not found:
        return None
    report = folder / REPORT
    report.write_text(json.dumps(document(found), indent=4))
    return report
