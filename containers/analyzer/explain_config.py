"""What explanations are asked for: ``shap`` and ``pdp`` of the methods of Clarify's analysis_config.json.

https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-processing-job-configure-analysis.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from containers.analyzer.bias_errors import did_you_mean, one_of
from containers.analyzer.shap_baseline import MOST, given
from containers.analyzer.shap_values import AGGREGATIONS
from containers.processing.job import DataError

NOT_HERE = ("text_config", "image_config")  # of shap: explanations of words and of parts of pictures


@dataclass(frozen=True)
class ShapConfig:
    """Kernel SHAP. Features are named as in the data."""

    baseline: pd.DataFrame | None = None  # None: the middles of clusters of the data
    num_clusters: int | None = None  # of them, 1 to 12; None: as few as tell most
    num_samples: int | None = None  # coalitions that the model is asked about; None: shap's number
    agg_method: str = "mean_abs"  # what is told of a feature's values as a whole
    use_logit: bool = False  # values in log-odds; the model must predict probabilities
    save_local_shap_values: bool = False
    features_to_explain: tuple[str, ...] = ()  # that are reported; () is all. All are computed
    seed: int = 0

    def __post_init__(self) -> None:
        if self.agg_method not in AGGREGATIONS:
            hint = did_you_mean(self.agg_method, AGGREGATIONS)
            raise DataError(f"shap.agg_method: there is no '{self.agg_method}' {one_of(AGGREGATIONS)}.{hint}")
        _within("shap.num_samples", self.num_samples, 1)
        _within("shap.num_clusters", self.num_clusters, 1, MOST)
        _within("shap.seed", self.seed, 0, 2**32 - 1)

    @classmethod
    def from_method(
        cls, method: Mapping[str, Any], columns: Sequence[str], baseline: pd.DataFrame | None = None
    ) -> ShapConfig:
        """Read ``methods["shap"]`` for data with these features.

        Args:
            method: as in the configuration.
            columns: the features.
            baseline: the rows at the configuration's address, where it has one.

        Raises:
            DataError: something in it is not possible, or not done here.
        """
        for key in NOT_HERE:
            if method.get(key) is not None:
                raise DataError(f"shap.{key}: texts and pictures are not explained here, only tables are")
        rows = method.get("baseline") if baseline is None else baseline
        return cls(
            None if rows is None else given(rows, columns),
            method.get("num_clusters"),
            method.get("num_samples"),
            method.get("agg_method") or "mean_abs",
            bool(method.get("use_logit")),
            bool(method.get("save_local_shap_values")),
            features(method.get("features_to_explain"), columns, "shap.features_to_explain"),
            method.get("seed") or 0,
        )


@dataclass(frozen=True)
class PdpConfig:
    """Partial dependence: of these features, or of the most important ones."""

    features: tuple[str, ...] = ()
    grid_resolution: int = 15  # bins of an amount
    top_k_features: int = 10  # where no features are named

    def __post_init__(self) -> None:
        _within("pdp.grid_resolution", self.grid_resolution, 1)
        _within("pdp.top_k_features", self.top_k_features, 1)

    @classmethod
    def from_method(cls, method: Mapping[str, Any], columns: Sequence[str]) -> PdpConfig:
        """Read ``methods["pdp"]`` for data with these features.

        Raises:
            DataError: something in it is not possible.
        """
        return cls(
            features(method.get("features"), columns, "pdp.features"),
            method.get("grid_resolution", cls.grid_resolution),
            method.get("top_k_features", cls.top_k_features),
        )


def features(wanted: Sequence[str | int] | None, columns: Sequence[str], what: str) -> tuple[str, ...]:
    """Names of features that are given by name or position.

    Raises:
        DataError: there is none of that name or position.
    """
    found = []
    for each in wanted or ():
        if each in columns:
            found.append(str(each))
        elif isinstance(each, int) and 0 <= each < len(columns):
            found.append(columns[each])
        else:
            hint = did_you_mean(each, columns) or f" {one_of(columns)}"
            raise DataError(f"Feature names not found. {what}: there is no feature '{each}'.{hint}")
    return tuple(found)


def _within(what: str, value: Any, low: int, high: int | None = None) -> None:
    if value is None:
        return
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or value < low
        or (high is not None and value > high)
    ):
        limits = f"from {low} on" if high is None else f"from {low} to {high}"
        raise DataError(f"{what} must be a whole number {limits}, got {value!r}")
