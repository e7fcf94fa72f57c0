"""The eight measures of bias in the data, before there is a model.

https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-measure-data-bias.html
Formulas, ranges and meaning: docs/guide/bias.md.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from containers.analyzer.bias_arithmetic import (
    Undefined,
    both_sides,
    conditional_disparity,
    proportion_difference,
)
from containers.analyzer.bias_counts import Counts

Distribution = NDArray[np.float64]


def class_imbalance(counts: Counts) -> float:
    """How much smaller the disadvantaged group is, as a share of all rows, from -1 to 1."""
    both_sides(
        counts,
        "CI: facet set is empty. Check that x[facet] has non-zero length.",
        "CI: negated facet set is empty. Check that x[~facet] has non-zero length.",
    )
    advantaged, disadvantaged = counts.sizes
    return (advantaged - disadvantaged) / (advantaged + disadvantaged)


def label_proportion_difference(counts: Counts) -> float:
    """By how much the advantaged have the larger share of positive labels, from -1 to 1."""
    return proportion_difference(counts, counts.labels)


def conditional_disparity_in_labels(counts: Counts) -> float:
    """Within groups, is the disadvantaged facet more among the rejected than among the accepted, from -1 to 1."""
    return conditional_disparity(counts.labels, None if counts.groups is None else counts.groups.sum(axis=3))


def kullback_leibler(counts: Counts) -> float:
    """How far the labels of the advantaged diverge from those of the disadvantaged, in nats, at least 0.

    A label that one side does not have is left out, as Clarify does; the rest can then be below 0.
    """
    return divergence(*distributions(counts))


def jensen_shannon(counts: Counts) -> float:
    """How far both distributions of labels diverge from their mean, in nats, from 0 to ln 2."""
    advantaged, disadvantaged = distributions(counts)
    mean = (advantaged + disadvantaged) / 2
    return (divergence(advantaged, mean) + divergence(disadvantaged, mean)) / 2


def lp_norm(counts: Counts) -> float:
    """The Euclidean distance of the two distributions of labels, from 0 to the root of 2."""
    return float(np.linalg.norm(distances(counts)))


def total_variation(counts: Counts) -> float:
    """Half of the sum of the distances of the two distributions of labels, from 0 to 1."""
    return float(distances(counts).sum()) / 2


def kolmogorov_smirnov(counts: Counts) -> float:
    """The largest distance of the two distributions of labels, from 0 to 1."""
    return float(distances(counts).max())


def distributions(counts: Counts) -> tuple[Distribution, Distribution]:
    """The share of each label among the advantaged and the disadvantaged, for labels that both have."""
    labels = counts.labels
    common = labels.all(axis=0)
    if not common.any():
        raise Undefined("No instance of common facet found, dataset may be too small")
    advantaged, disadvantaged = labels[:, common] / labels.sum(axis=1, keepdims=True)
    return advantaged, disadvantaged


def distances(counts: Counts) -> Distribution:
    """By how much the share of each common label differs."""
    advantaged, disadvantaged = distributions(counts)
    result: Distribution = np.abs(advantaged - disadvantaged)
    return result


def divergence(of: Distribution, against: Distribution) -> float:
    """The Kullback-Leibler divergence, in nats."""
    return float(np.sum(of * np.log(of / against)))


PRE_TRAINING: dict[str, tuple[str, Callable[[Counts], float]]] = {
    "CDDL": ("Conditional Demographic Disparity in Labels (CDDL)", conditional_disparity_in_labels),
    "CI": ("Class Imbalance (CI)", class_imbalance),
    "DPL": ("Difference in Positive Proportions in Labels (DPL)", label_proportion_difference),
    "JS": ("Jensen-Shannon Divergence (JS)", jensen_shannon),
    "KL": ("Kullback-Liebler Divergence (KL)", kullback_leibler),  # Clarify's spelling
    "KS": ("Kolmogorov-Smirnov Distance (KS)", kolmogorov_smirnov),
    "LP": ("L-p Norm (LP)", lp_norm),
    "TVD": ("Total Variation Distance (TVD)", total_variation),
}
