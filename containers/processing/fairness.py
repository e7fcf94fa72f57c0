"""The bias of what a model predicts for the test rows, facet by facet, with doubt; and what the limits say of it.

The metrics are Clarify's (``containers.analyzer``). Each is a function of counts of rows, so a bootstrap resample of
the rows is a multinomial draw of the counts: the intervals cost the same for a thousand rows and for a million.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from containers import contract
from containers.analyzer.bias_arithmetic import Undefined
from containers.analyzer.bias_config import BiasConfig, FacetConfig
from containers.analyzer.bias_counts import Counts, count
from containers.analyzer.bias_errors import BiasError
from containers.analyzer.bias_facet import METRICS
from containers.analyzer.bias_metrics_post import FLIP_TEST
from containers.analyzer.bias_metrics_post import POST_TRAINING as PREDICTED
from containers.analyzer.bias_rows import Outcomes, Rows, profile
from containers.analyzer.bias_selection import Mask, selection
from containers.analyzer.flip_test import flip_test
from containers.metrics.estimate import MINIMUM_ROWS, RESAMPLES, Estimate, estimate_of
from containers.metrics.gate import Verdict, judge_limit
from containers.metrics.limit import Limit
from containers.processing.job import DataError

Features = Callable[[], npt.NDArray[np.float64]]  # of the test rows, in their order
NOBODY = "no row is predicted positive"
INFINITE = "infinite: something is divided by 0"


@dataclass(frozen=True)
class FacetBias:
    """The bias against the rows of one facet, ``d`` in Clarify's formulas."""

    column: str
    text: str  # which rows, as Clarify's report writes it: "other", "(40, 90]"
    rows: int  # of them
    others: int
    metrics: Mapping[str, Estimate]
    limits: tuple[Limit, ...] = ()

    @property
    def name(self) -> str:
        """As messages call it: ``sex=Female``."""
        return f"{self.column}={self.text}"

    @property
    def verdicts(self) -> list[Verdict]:
        """What each limit says."""
        return [judge_limit(self.metrics, limit, self.name) for limit in self.limits]

    def document(self) -> dict[str, Any]:
        """As it stands in the report, in the shape of Clarify's."""
        return {
            "value_or_threshold": self.text,
            "rows": {"disadvantaged": self.rows, "advantaged": self.others},
            "metrics": [
                {"name": name, "description": _description(name), **estimate.document()}
                for name, estimate in self.metrics.items()
            ],
        }


@dataclass(frozen=True)
class GroupRates:
    """How often the rows with one value of a facet's column have the good outcome."""

    value: str
    rows: int
    labelled: int  # positive
    predicted: int  # positive

    def document(self) -> dict[str, Any]:
        """As it stands in the report."""
        return {
            "value": self.value,
            "rows": self.rows,
            "positive_labels": self.labelled / self.rows,
            "positive_predictions": self.predicted / self.rows,
        }


@dataclass(frozen=True)
class Fairness:
    """The bias of one model's predictions."""

    positive: tuple[
        Any, ...
    ]  # the label's values that count as the positive outcome, or above which it is one
    facets: tuple[FacetBias, ...]
    groups: Mapping[str, Sequence[GroupRates]]  # by facet column

    @property
    def verdicts(self) -> list[Verdict]:
        """What the limits of all facets say."""
        return [verdict for facet in self.facets for verdict in facet.verdicts]

    def document(self) -> dict[str, Any]:
        """As it stands in the report."""
        facets: dict[str, list[dict[str, Any]]] = {}
        for facet in self.facets:
            facets.setdefault(facet.column, []).append(facet.document())
        groups = {column: [each.document() for each in rates] for column, rates in self.groups.items()}
        return {"label_values_or_threshold": list(self.positive), "facets": facets, "groups": groups}


def measure(
    predictions: pd.DataFrame,
    settings: Mapping[str, Any],
    features: Features,
    *,
    resamples: int | None = None,
    seed: int = 0,
) -> Fairness | None:
    """The bias in ``predictions``, rows as ``containers.processing.predictions`` makes them; None without facets.

    Raises:
        DataError: a facet's column holds amounts, and the settings do not say above which.
    """
    if not settings.get("facets"):
        return None
    config = bias_config(settings, contract.LABEL, contract.PREDICTED_LABEL)
    try:
        data = profile(lambda: [predictions], config)
        rows = Outcomes(config, data).read(predictions)
        facets = []
        for facet in settings["facets"]:
            limits = tuple(Limit.parse(limit) for limit in facet.get("limits", ()))
            for text, inside in members(facet, predictions, config):
                found = _metrics(inside, rows, limits, features, resamples, seed)
                size = int(inside.sum())
                facets.append(FacetBias(facet["column"], text, size, len(inside) - size, found, limits))
    except BiasError as error:
        raise DataError(f"facets: {error}") from None
    columns = dict.fromkeys(facet["column"] for facet in settings["facets"])
    return Fairness(
        config.positive, tuple(facets), {name: _rates(name, settings, rows, config) for name in columns}
    )


def bias_config(settings: Mapping[str, Any], label: str, predicted: str | None = None) -> BiasConfig:
    """What the use case's settings mean in Clarify's terms."""
    told = settings.get("fairness", {})
    positive = [settings["positive"]] if settings["problem"] == "binary" else told.get("label_values", ())
    return BiasConfig(
        label=label,
        positive=tuple(positive),
        facets=tuple(
            FacetConfig(facet["column"], tuple(facet.get("values", ()))) for facet in settings["facets"]
        ),
        group=told.get("group_variable") or None,
        predicted_label=predicted,
        post=tuple(PREDICTED) if predicted else (),
    )


def members(facet: Mapping[str, Any], frame: pd.DataFrame, config: BiasConfig) -> Iterator[tuple[str, Mask]]:
    """What a report calls the facet, and which rows are in it; without values, each value of the column in turn.

    Raises:
        BiasError: the column holds amounts, and there is no threshold.
    """
    name, values = facet["column"], tuple(facet.get("values", ()))
    column = profile(lambda: [frame], config).columns[name]
    if values or column.continuous(()):
        chosen = selection(column, values, name)
        yield chosen.text, chosen.mask(frame[name])
        return
    for value in column.values:
        yield str(value), np.asarray(frame[name] == value, bool)


def _metrics(
    inside: Mask, rows: Rows, limits: Sequence[Limit], features: Features, resamples: int | None, seed: int
) -> dict[str, Estimate]:
    """Every metric of predictions, and those of labels and distances that a limit names."""
    named = {limit.metric for limit in limits}
    wanted = [name for name in METRICS if name in PREDICTED or name in named]
    if rows.group is None:
        wanted = [name for name in wanted if name not in ("CDDL", "CDDPL")]
    assert rows.prediction is not None  # noqa: S101 - the configuration names the predictions' column
    counts = count(inside, rows.label, rows.prediction, rows.group)
    if not counts.predictions[:, 1].sum():
        return {name: Estimate(None, reason=NOBODY) for name in (*wanted, *({"FT"} & named))}
    draws = _draws(counts, RESAMPLES if resamples is None else resamples, seed)
    found = {name: _estimate(METRICS[name][1], counts, draws) for name in wanted}
    if FLIP_TEST[0] in named:
        found[FLIP_TEST[0]] = _flips(features(), inside, rows.prediction)
    return found


def _draws(counts: Counts, resamples: int, seed: int) -> list[Counts]:
    """The counts of bootstrap resamples of the rows."""
    total = int(counts.rows.sum())
    if total < MINIMUM_ROWS:
        return []
    groups = np.empty((0, 2, 2, 2), np.int64) if counts.groups is None else counts.groups
    cells = np.concatenate([groups, [counts.rows - groups.sum(axis=0)]])  # the last: rows without a group
    drawn = np.random.default_rng(seed).multinomial(total, cells.ravel() / total, resamples)
    return [
        Counts(each.sum(axis=0), None if counts.groups is None else each[:-1])
        for each in drawn.reshape(resamples, *cells.shape)
    ]


def _estimate(function: Callable[[Counts], float], counts: Counts, draws: Sequence[Counts]) -> Estimate:
    value, reason = _value(function, counts)
    drawn = np.array([_value(function, each)[0] for each in draws]) if draws else None
    return estimate_of(value, drawn, reason)


def _value(function: Callable[[Counts], float], counts: Counts) -> tuple[float, str]:
    try:
        return function(counts), INFINITE
    except Undefined as error:
        return math.nan, str(error)


def _flips(features: npt.NDArray[np.float64], inside: Mask, predicted: Mask) -> Estimate:
    """The flip test; of distances there are no counts, so no interval either."""
    try:
        value = flip_test(features, inside, predicted)
    except Undefined as error:
        return Estimate(None, reason=str(error))
    return Estimate(value, reason="no interval: the flip test is not resampled")


def _rates(name: str, settings: Mapping[str, Any], rows: Rows, config: BiasConfig) -> list[GroupRates]:
    """The outcomes of each value of a facet's column, the most frequent first; of amounts, above and not above."""
    frame = rows.frame
    first = next(facet for facet in settings["facets"] if facet["column"] == name)
    column = profile(lambda: [frame], config).columns[name]
    keys: Any = frame[name].astype(object).where(frame[name].notna(), "(none)")
    if column.continuous(tuple(first.get("values", ()))):
        ((text, inside),) = members(first, frame, config)
        keys = pd.Series(np.where(inside, text, "the others"))
    table = pd.DataFrame(
        {"key": keys.astype(str).to_numpy(), "rows": 1, "labelled": rows.label, "predicted": rows.prediction}
    )
    sums = table.groupby("key", sort=True).sum().sort_values("rows", ascending=False, kind="stable")
    return [
        GroupRates(str(key), *map(int, row)) for key, row in zip(sums.index, sums.to_numpy(), strict=True)
    ]


def _description(name: str) -> str:
    return FLIP_TEST[1] if name == FLIP_TEST[0] else METRICS[name][0]
