"""What the bias metrics have in common: quotients, differences, and the two measures that exist before and after."""

from __future__ import annotations

import math

import numpy as np

from containers.analyzer.bias_counts import Counts, Integers


class Undefined(ValueError):
    """A metric has no value for this data; the text is what Clarify writes in its place."""


def divide(part: float, whole: float) -> float:
    """``part / whole``, where nothing of nothing is 0 and something of nothing is infinite."""
    if whole:
        return part / whole
    return math.copysign(math.inf, part) if part else 0.0


def difference(left: float, right: float) -> float:
    """``left - right``, where two infinite quotients differ by 0."""
    return 0.0 if left == right else left - right


def both_sides(
    counts: Counts, facet: str = "Facet set is empty", rest: str = "Negated Facet set is empty"
) -> None:
    """Refuse a facet that no row or every row is in.

    Raises:
        Undefined: with the text ``facet`` or ``rest``.
    """
    advantaged, disadvantaged = counts.sizes
    if not advantaged:
        raise Undefined(rest)
    if not disadvantaged:
        raise Undefined(facet)


def positive_proportions(counts: Counts, outcomes: Integers) -> tuple[float, float]:
    """The share of positive outcomes among the advantaged and among the disadvantaged."""
    advantaged, disadvantaged = counts.sizes
    return int(outcomes[0, 1]) / advantaged, int(outcomes[1, 1]) / disadvantaged


def proportion_difference(counts: Counts, outcomes: Integers) -> float:
    """By how much the advantaged have the larger share of positive outcomes, from -1 to 1."""
    both_sides(counts, "Facet set is empty.", "Negative facet set is empty.")
    advantaged, disadvantaged = positive_proportions(counts, outcomes)
    return advantaged - disadvantaged


def conditional_disparity(outcomes: Integers, groups: Integers | None) -> float:
    """The demographic disparity of each group, averaged over groups by their size, from -1 to 1.

    A group's disparity is the share of the disadvantaged among its negative outcomes less their share among its
    positive ones. ``outcomes`` is rows by facet and outcome, ``groups`` the same for each group.
    """
    if groups is None or not len(groups):
        raise Undefined("Group variable is empty or not provided")
    negative, positive = outcomes.sum(axis=0).tolist()
    if not positive:
        raise Undefined("No positive labels in set")
    if not negative:
        raise Undefined("No negative labels in set")
    totals = groups.sum(axis=1)
    shares = np.divide(groups[:, 1], totals, out=np.zeros(totals.shape), where=totals > 0)
    sizes = totals.sum(axis=1)
    return float(np.sum(sizes * (shares[:, 0] - shares[:, 1])) / np.sum(sizes))
