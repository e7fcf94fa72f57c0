"""How well scores order the rows: area under the ROC curve, average precision, and the curves themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from containers.metrics.estimate import Array

POINTS = 200  # of a curve in the report: more than a chart can show, and small enough for the registry


class Ranking:
    """Rows ordered by falling score; rows with equal scores count as one step."""

    def __init__(self, positive: Array, scores: Array) -> None:
        """``positive`` is 1 or 0, ``scores`` any number, both (rows,)."""
        self.order = np.argsort(-scores, kind="stable")
        self.positive = positive[self.order].astype(np.float64)
        self.scores = scores[self.order].astype(np.float64)
        self.starts = np.flatnonzero(np.diff(self.scores, prepend=np.inf))  # where each distinct score begins
        self._tied = len(self.starts) < len(scores)

    def steps(self, weights: Array) -> tuple[Array, Array]:
        """The weight of positive and of negative rows at each distinct score, (weightings, steps) each."""
        ordered = weights[:, self.order]
        positive = ordered * self.positive
        negative = ordered - positive
        if not self._tied:
            return positive, negative
        return np.add.reduceat(positive, self.starts, axis=1), np.add.reduceat(negative, self.starts, axis=1)

    def areas(self, weights: Array) -> tuple[Array, Array]:
        """The area under the ROC curve and the average precision, (weightings,) each; nan where undefined.

        The area is the chance that a positive row scores above a negative one, ties counting half; average
        precision is the precision at each step weighted by the recall that the step adds.
        """
        positive, negative = self.steps(weights)
        above, below = np.cumsum(positive, axis=1), np.cumsum(negative, axis=1)
        positives, negatives = above[:, -1], below[:, -1].copy()  # a view would change two lines down
        won = np.einsum("ij,ij->i", negative, above) - 0.5 * np.einsum("ij,ij->i", negative, positive)
        below += above
        precision = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
        gained = np.einsum("ij,ij->i", positive, precision)
        with np.errstate(invalid="ignore"):
            # The product first: 0/0 must be nan also where the other class is there.
            area = np.where(positives * negatives > 0, won / (positives * negatives), np.nan)
            return area, np.where(positives > 0, gained / positives, np.nan)


@dataclass(frozen=True)
class Curve:
    """What a classifier reaches at each cut, from 'nothing is positive' to 'everything is'."""

    cuts: Array  # a row is positive where its score is at least this; the first is above every score
    true_positives: Array
    false_positives: Array

    @property
    def true_positive_rates(self) -> Array:
        """Recall: 0 to 1."""
        rates: Array = self.true_positives / self.true_positives[-1]
        return rates

    @property
    def false_positive_rates(self) -> Array:
        """1 - specificity: 0 to 1."""
        rates: Array = self.false_positives / self.false_positives[-1]
        return rates

    @property
    def precisions(self) -> Array:
        """Of the rows called positive, the share that is; 1 before there are any, as AWS has it."""
        called = self.true_positives + self.false_positives
        return np.divide(self.true_positives, called, out=np.ones_like(called), where=called > 0)


def curve(positive: Array, scores: Array) -> Curve:
    """Every cut between distinct scores, half way between two, so that no rounding moves a row over."""
    ranking = Ranking(positive, scores)
    gained, lost = ranking.steps(np.ones((1, len(scores))))
    distinct = ranking.scores[ranking.starts]
    return Curve(
        np.concatenate([distinct[:1] + 1, (distinct[:-1] + distinct[1:]) / 2, distinct[-1:]]),
        np.concatenate([[0.0], np.cumsum(gained[0])]),
        np.concatenate([[0.0], np.cumsum(lost[0])]),
    )


def thin(whole: Curve, points: int = POINTS) -> Curve:
    """At most ``points`` cuts of a curve with both classes, evenly along its length, both ends kept."""
    if len(whole.cuts) <= points:
        return whole
    along = whole.true_positive_rates + whole.false_positive_rates
    kept = np.unique(np.searchsorted(along, np.linspace(0, 2, points)).clip(max=len(along) - 1))
    return Curve(whole.cuts[kept], whole.true_positives[kept], whole.false_positives[kept])
