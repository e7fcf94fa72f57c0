"""What mending the bias has cost: the model that is judged beside the one trained without weights, on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from containers.metrics.binary import BinarySample
from containers.metrics.estimate import Sample, differences
from containers.metrics.multiclass import MulticlassSample
from containers.metrics.regression import RegressionSample
from containers.processing.fairness import FacetBias, Fairness
from containers.processing.model_archive import TrainedModel
from containers.processing.report import Assessment, Scored


@dataclass(frozen=True)
class Judged:
    """A model, what it says of the rows, and what is to be said of that."""

    model: TrainedModel
    validation: Scored
    test: Scored
    assessment: Assessment
    predictions: Any  # pyarrow.Table
    bias: Fairness | None

    @property
    def scored(self) -> tuple[TrainedModel, Scored, Scored]:
        """The model with its scores of validation and test rows."""
        return self.model, self.validation, self.test

    @property
    def sample(self) -> Sample:
        """The test rows, to be resampled."""
        if self.assessment.threshold:
            return BinarySample(self.test.labels, self.test.scores, self.assessment.threshold.value)
        make = MulticlassSample if self.model.problem == "multiclass" else RegressionSample
        return make(self.test.labels, self.test.scores)


def compare(before: Judged, after: Judged, resamples: int | None = None) -> dict[str, Any]:
    """Each metric without and with the weights; of quality, the difference with an interval over the same rows."""
    change = differences(after.sample, before.sample, resamples)
    old, new = before.assessment.metrics, after.assessment.metrics
    cut, cut_before = after.assessment.threshold, before.assessment.threshold
    return {
        "method": "reweighing",
        **({"threshold": {"without": cut_before.value, "with": cut.value}} if cut and cut_before else {}),
        "metrics": {
            name: {
                "without": old[name].value,
                "with": new[name].value,
                "difference": change[name].document(),
            }
            for name in new
        },
        "facets": _facets(before.bias, after.bias),
        "missed": {
            "without": _missed(before.bias),
            "with": _missed(after.bias),
        },
    }


def lines(found: Mapping[str, Any]) -> list[str]:
    """What ``compare`` found, for the log: without weights, and with."""
    said = ["without reweighing, and with it:"]
    said += [_line(name, each) for name, each in found["metrics"].items()]
    for column, facets in found["facets"].items():
        for facet in facets:
            said.append(f"  {column}={facet['value_or_threshold']}")
            said += [_line(name, each) for name, each in facet["metrics"].items()]
    return said


def cost(before: Judged, after: Judged, metric: str) -> str:
    """What became of one metric, in a few words."""
    return f"{metric}: {_number(before.assessment.metrics[metric].value)} without, " + (
        f"{_number(after.assessment.metrics[metric].value)} with reweighing"
    )


def _line(name: str, values: Mapping[str, Any]) -> str:
    return f"  {name:<28}{_number(values['without']):>10}{_number(values['with']):>10}"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _facets(before: Fairness | None, after: Fairness | None) -> dict[str, list[dict[str, Any]]]:
    if before is None or after is None:
        return {}
    found: dict[str, list[dict[str, Any]]] = {}
    for old, new in zip(before.facets, after.facets, strict=True):
        found.setdefault(new.column, []).append(
            {"value_or_threshold": new.text, "metrics": _metrics(old, new)}
        )
    return found


def _metrics(old: FacetBias, new: FacetBias) -> dict[str, dict[str, float | None]]:
    return {
        name: {"without": old.metrics[name].value, "with": new.metrics[name].value} for name in new.metrics
    }


def _missed(bias: Fairness | None) -> list[str]:
    """The limits that are missed, in a sentence each."""
    return [verdict.message for verdict in bias.verdicts if not verdict.passed] if bias else []
