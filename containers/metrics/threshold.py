"""From which score on a row counts as positive: chosen on validation rows, then held fixed on the test rows.

A rule is a short text, so that it fits in settings and on a command line:

    f1                the cut with the highest F1
    cost=1:20         the cheapest cut where a false alarm costs 1 and a miss costs 20
    precision=0.9     the cut with the highest recall among those with at least this precision
    0.37              this very cut
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from containers.metrics.estimate import Array
from containers.metrics.ranking import Curve, curve

DEFAULT = 0.5
RULES = "f1, cost=FALSE_ALARM:MISS, precision=SHARE, or a number between 0 and 1"


@dataclass(frozen=True)
class Threshold:
    """The cut, and how it came about."""

    value: float
    rule: str
    reason: str = ""  # why the rule could not be followed, where it could not


def choose(labels: Array, scores: Array, rule: str = "f1") -> Threshold:
    """The cut that ``rule`` asks for on these rows; where two are as good, the higher one.

    Raises:
        ValueError: the rule is not one of RULES.
    """
    kind, _, detail = rule.partition("=")
    try:
        if kind == "f1" and not detail:
            return _chosen(labels, scores, rule, _f1)
        if kind == "cost":
            false_alarm, miss = (_at_least_zero(part) for part in detail.split(":"))
            return _chosen(labels, scores, rule, lambda found: -_cost(found, false_alarm, miss))
        if kind == "precision":
            share = _share(detail)
            return _chosen(labels, scores, rule, lambda found: _recall_given_precision(found, share))
        return Threshold(_share(rule), rule)
    except ValueError:
        raise ValueError(f"'{rule}' is not a rule for the threshold; use {RULES}") from None


def _chosen(labels: Array, scores: Array, rule: str, worth: Callable[[Curve], Array]) -> Threshold:
    if labels.min() == labels.max():
        return Threshold(DEFAULT, rule, "all validation rows are of one class")
    found = curve(labels, scores)
    worths = worth(found)
    if not np.isfinite(worths.max()):
        return Threshold(DEFAULT, rule, "no threshold reaches it on the validation rows")
    return Threshold(float(found.cuts[worths.argmax()]), rule)


def _f1(found: Curve) -> Array:
    positives = found.true_positives[-1]
    f1: Array = 2 * found.true_positives / (found.true_positives + found.false_positives + positives)
    return f1


def _cost(found: Curve, false_alarm: float, miss: float) -> Array:
    cost: Array = false_alarm * found.false_positives + miss * (
        found.true_positives[-1] - found.true_positives
    )
    return cost


def _recall_given_precision(found: Curve, share: float) -> Array:
    # The cut that calls nothing positive is left out: it has any precision and helps nobody.
    reached = (found.precisions >= share) & (found.true_positives > 0)
    return np.where(reached, found.true_positives, -np.inf)


def _at_least_zero(text: str) -> float:
    number = float(text)
    if not 0 <= number < np.inf:
        raise ValueError(text)
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 1:
        raise ValueError(text)
    return number
