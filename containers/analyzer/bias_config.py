"""What a bias analysis is to look at: the part of Clarify's analysis_config.json that is about bias.

https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-processing-job-configure-parameters.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from containers.analyzer.bias_errors import BiasError, did_you_mean, one_of
from containers.analyzer.bias_metrics_post import FLIP_TEST, POST_TRAINING
from containers.analyzer.bias_metrics_pre import PRE_TRAINING

PRE_TRAINING_NAMES = tuple(PRE_TRAINING)
POST_TRAINING_NAMES = tuple(sorted([*POST_TRAINING, FLIP_TEST[0]]))

Value = str | int | float


@dataclass(frozen=True)
class FacetConfig:
    """The rows to be compared with the rest: values of a column, or those above a threshold.

    Without values each value of the column is compared with all others.
    """

    column: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True)
class BiasConfig:
    """Columns are named as in the data. ``pre`` and ``post`` are the metrics to compute, in alphabetical order."""

    label: str
    positive: tuple[Value, ...]  # label values, or one threshold
    facets: tuple[FacetConfig, ...]
    group: str | None = None
    predicted_label: str | None = None
    probability_threshold: float | None = (
        None  # where ``predicted_label`` holds probabilities: above it counts as 1
    )
    pre: tuple[str, ...] = ()
    post: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.positive:
            raise BiasError("Positive label values or thresholds are empty for Label column")
        if not self.facets:
            raise BiasError("Analysis configuration schema validation error. A bias analysis needs 'facet'.")
        if self.post and self.predicted_label is None:
            raise BiasError("predicted_label_column has to be provided for Post training metrics")


def from_analysis_config(config: Mapping[str, Any], columns: Sequence[str]) -> BiasConfig:
    """Read ``analysis_config.json`` for data with these columns.

    Raises:
        BiasError: a column or a metric does not exist, or something that is needed is left out.
    """
    methods = config.get("methods", {})
    if config.get("label") is None:
        raise BiasError("Headers must contain label. The analysis configuration names none.")
    return BiasConfig(
        label=column(config["label"], columns, "Headers must contain label."),
        positive=tuple(config.get("label_values_or_threshold") or ()),
        facets=tuple(
            FacetConfig(
                column(facet["name_or_index"], columns, "Unable to locate the facet."),
                tuple(facet.get("value_or_threshold") or ()),
            )
            for facet in config.get("facet") or ()
        ),
        group=optional_column(config, "group_variable", columns),
        predicted_label=optional_column(config, "predicted_label", columns),
        probability_threshold=config.get("probability_threshold"),
        pre=metrics(methods.get("pre_training_bias"), PRE_TRAINING_NAMES),
        post=metrics(methods.get("post_training_bias"), POST_TRAINING_NAMES),
    )


def optional_column(config: Mapping[str, Any], key: str, columns: Sequence[str]) -> str | None:
    """The column that ``key`` names, if it names one."""
    named = config.get(key)
    return None if named is None else column(named, columns, "Feature names not found.")


def column(name_or_index: str | int, columns: Sequence[str], message: str) -> str:
    """The name of a column that is given by name or position.

    Raises:
        BiasError: there is none; ``message``, and what there is.
    """
    if isinstance(name_or_index, int):
        if 0 <= name_or_index < len(columns):
            return columns[name_or_index]
        raise BiasError(f"{message} There is no column {name_or_index}: the data has {len(columns)} columns.")
    if name_or_index in columns:
        return name_or_index
    hint = did_you_mean(name_or_index, columns) or f" {one_of(columns)}"
    raise BiasError(f"{message} The data has no column '{name_or_index}'.{hint}")


def metrics(method: Mapping[str, Any] | None, known: Sequence[str]) -> tuple[str, ...]:
    """The metrics that a method asks for, in the order in which they are reported.

    Raises:
        BiasError: one of them does not exist.
    """
    if method is None:
        return ()
    wanted = method.get("methods", "all")
    if wanted in ("all", ["all"]):
        return tuple(known)
    for name in wanted:
        if name not in known:
            hint = did_you_mean(name, known)
            raise BiasError(f"Invalid metric_name: there is no metric '{name}' {one_of(known)}.{hint}")
    return tuple(name for name in known if name in wanted)
