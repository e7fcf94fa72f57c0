"""A metric and how sure of it we are: the bootstrap, written once for every metric.

A *sample* is a set of scored rows that can work out its metrics for any weighting of those rows. All weights
one gives the metrics themselves; the weights of a bootstrap resample (how often each row was drawn) give one
replicate. So a metric is one formula over weights, and its value, its deviation and its interval cannot
disagree about what it means. Two samples of the same rows take the same weights: a paired comparison.

Percentile intervals after Efron & Tibshirani, *An Introduction to the Bootstrap* (1993), chapters 6 and 13.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

RESAMPLES = 200  # enough for a deviation to about 5 % of itself
FEW_RESAMPLES = 50  # to about 10 %: so many for a great many rows, whose intervals are narrow anyway
DRAWS = 20_000_000  # rows times resamples that are worth waiting for, a few seconds
LEVEL = 0.95
MINIMUM_ROWS = 30  # with fewer rows a resample says nothing that the eye does not see
BLOCK = 1 << 17  # weights held at a time: 1 MB stays in the cache, which is four times as fast


class Sample(Protocol):
    """Scored rows that can work out their metrics for any weighting."""

    @property
    def rows(self) -> int:
        """How many rows there are."""

    def metrics(self, weights: Array) -> dict[str, Array]:
        """Each metric for each weighting: (weightings, rows) in, (weightings,) out, nan where undefined."""

    def undefined(self, metric: str) -> str:
        """Why ``metric`` has no value where it has none."""


@dataclass(frozen=True)
class Estimate:
    """The value of a metric, or the reason why it has none."""

    value: float | None
    standard_deviation: float | None = None
    confidence_interval: tuple[float, float] | None = None
    reason: str = ""  # why the value, or its interval, is missing

    def document(self) -> dict[str, Any]:
        """As it stands in the report. AWS writes a deviation that it has not got as the string ``NaN``.

        https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
        """
        deviation = "NaN" if self.standard_deviation is None else self.standard_deviation
        interval = None if self.confidence_interval is None else list(self.confidence_interval)
        document: dict[str, Any] = {
            "value": self.value,
            "standard_deviation": deviation,
            "confidence_interval": interval,
        }
        return {**document, "reason": self.reason} if self.reason else document


def values(sample: Sample) -> dict[str, float]:
    """The metrics of the rows as they are; nan where a metric is undefined."""
    return {name: float(value[0]) for name, value in sample.metrics(np.ones((1, sample.rows))).items()}


def affordable(rows: int) -> int:
    """How many resamples: 200, and fewer for more than 100,000 rows."""
    return max(FEW_RESAMPLES, min(RESAMPLES, DRAWS // rows))


def replicates(sample: Sample, resamples: int | None = None, seed: int = 0) -> dict[str, Array]:
    """The metrics of bootstrap resamples, the same resamples for the same number of rows and seed."""
    count = affordable(sample.rows) if resamples is None else resamples
    blocks = [sample.metrics(weights) for weights in resample(sample.rows, count, seed)]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def resample(rows: int, resamples: int, seed: int) -> Iterator[Array]:
    """How often each row was drawn, for ``resamples`` draws of ``rows`` rows with replacement, in blocks."""
    generator = np.random.default_rng(seed)
    height = max(1, BLOCK // rows)
    for start in range(0, resamples, height):
        yield np.stack(
            [
                np.bincount(generator.integers(0, rows, rows, dtype=np.int32), minlength=rows).astype(
                    np.float64
                )
                for _ in range(min(height, resamples - start))
            ]
        )


def estimates(sample: Sample, resamples: int | None = None, seed: int = 0) -> dict[str, Estimate]:
    """Every metric of the sample with its standard deviation and 95 % confidence interval."""
    drawn = replicates(sample, resamples, seed) if sample.rows >= MINIMUM_ROWS else {}
    return {
        name: estimate_of(value, drawn.get(name), sample.undefined(name))
        for name, value in values(sample).items()
    }


def differences(
    ours: Sample, theirs: Sample, resamples: int | None = None, seed: int = 0
) -> dict[str, Estimate]:
    """``ours`` minus ``theirs``, metric by metric: what both find hard does not count as doubt.

    Raises:
        ValueError: the samples are not of the same rows.
    """
    if ours.rows != theirs.rows:
        raise ValueError(f"a paired comparison needs the same rows, got {ours.rows} and {theirs.rows}")
    our_values, their_values = values(ours), values(theirs)
    enough = ours.rows >= MINIMUM_ROWS
    our_draws = replicates(ours, resamples, seed) if enough else {}
    their_draws = replicates(theirs, resamples, seed) if enough else {}
    return {
        name: estimate_of(
            our_values[name] - their_values[name],
            our_draws[name] - their_draws[name] if enough else None,
            ours.undefined(name),
        )
        for name in our_values
        if name in their_values
    }


def estimate_of(value: float, drawn: Array | None, undefined: str) -> Estimate:
    """A metric's value with what its resamples, where there are any, say of it; ``undefined``: why it has none."""
    if not np.isfinite(value):
        return Estimate(None, reason=undefined)
    if drawn is None:
        return Estimate(value, reason=f"fewer than {MINIMUM_ROWS} rows: no interval")
    defined = drawn[np.isfinite(drawn)]
    if 2 * len(defined) < len(drawn):
        return Estimate(value, reason=f"in most resamples: {undefined}: no interval")
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    # A biased metric (calibration error) can lie outside its own percentiles: reach out to it.
    return Estimate(value, float(defined.std(ddof=1)), (min(float(low), value), max(float(high), value)))
