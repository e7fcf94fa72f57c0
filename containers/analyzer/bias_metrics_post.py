"""Twelve measures of bias in what a model predicts; the thirteenth, which needs the rows themselves, is the flip test.

https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-measure-post-training-bias.html
Formulas, ranges and meaning: docs/guide/bias.md.
"""

from __future__ import annotations

from collections.abc import Callable

from containers.analyzer.bias_arithmetic import (
    Undefined,
    both_sides,
    conditional_disparity,
    difference,
    divide,
    positive_proportions,
    proportion_difference,
)
from containers.analyzer.bias_counts import Counts

# (true negatives, false positives, false negatives, true positives) of one side of the facet -> a rate
Rate = Callable[[int, int, int, int], float]


def predicted_proportion_difference(counts: Counts) -> float:
    """By how much the advantaged have the larger share of positive predictions, from -1 to 1."""
    return proportion_difference(counts, counts.predictions)


def disparate_impact(counts: Counts) -> float:
    """The share of positive predictions of the disadvantaged over that of the advantaged; 1 is parity."""
    both_sides(counts, "Facet set is empty", "Negated facet set is empty")
    advantaged, disadvantaged = positive_proportions(counts, counts.predictions)
    return divide(disadvantaged, advantaged)


def conditional_disparity_in_predictions(counts: Counts) -> float:
    """As in the labels, by what the model predicts, from -1 to 1."""
    return conditional_disparity(
        counts.predictions, None if counts.groups is None else counts.groups.sum(axis=2)
    )


def generalized_entropy(counts: Counts) -> float:
    """How unequally all rows benefit from the predictions, at least 0; the facet plays no part.

    A row's benefit is 2 for a false positive, 1 for a correct prediction and 0 for a false negative.
    """
    (tn, fp), (fn, tp) = counts.rows.sum(axis=0).tolist()
    rows = tn + fp + fn + tp
    if not rows:
        raise Undefined("dataset must be non-empty")
    if fn == rows:
        raise Undefined(
            "All predicted labels are false negatives. "
            "There should be at least one prediction that is not false negative."
        )
    mean: float = (rows + fp - fn) / rows
    excess = (((1 / mean) ** 2 - 1) * (tn + tp), ((2 / mean) ** 2 - 1) * fp, -float(fn))
    return float(sum(excess) / (rows * 2))


def accuracy(tn: int, fp: int, fn: int, tp: int) -> float:
    """The share of predictions that are right."""
    return divide(tp + tn, tn + fp + fn + tp)


def recall(_tn: int, _fp: int, fn: int, tp: int) -> float:
    """The share of positive labels that are predicted."""
    return divide(tp, tp + fn)


def specificity(tn: int, fp: int, _fn: int, _tp: int) -> float:
    """The share of negative labels that are predicted."""
    return divide(tn, tn + fp)


def acceptance_rate(_tn: int, fp: int, _fn: int, tp: int) -> float:
    """The share of positive predictions that are right."""
    return divide(tp, tp + fp)


def rejection_rate(tn: int, _fp: int, fn: int, _tp: int) -> float:
    """The share of negative predictions that are right."""
    return divide(tn, tn + fn)


def conditional_acceptance(_tn: int, fp: int, fn: int, tp: int) -> float:
    """Positive labels per positive prediction."""
    return divide(tp + fn, tp + fp)


def conditional_rejection(tn: int, fp: int, fn: int, _tp: int) -> float:
    """Negative labels per negative prediction."""
    return divide(tn + fp, tn + fn)


def error_ratio(_tn: int, fp: int, fn: int, _tp: int) -> float:
    """False negatives per false positive."""
    return divide(fn, fp)


def advantage(rate: Rate, prefix: str = "") -> Callable[[Counts], float]:
    """The metric that is ``rate`` among the advantaged less ``rate`` among the disadvantaged."""

    def metric(counts: Counts) -> float:
        advantaged, disadvantaged = rates(counts, rate, prefix)
        return difference(advantaged, disadvantaged)

    return metric


def disadvantage(rate: Rate, prefix: str = "") -> Callable[[Counts], float]:
    """The metric that is ``rate`` among the disadvantaged less ``rate`` among the advantaged."""

    def metric(counts: Counts) -> float:
        advantaged, disadvantaged = rates(counts, rate, prefix)
        return difference(disadvantaged, advantaged)

    return metric


def rates(counts: Counts, rate: Rate, prefix: str) -> tuple[float, float]:
    """``rate`` among the advantaged and among the disadvantaged; ``prefix`` opens the text of an empty side."""
    both_sides(counts, f"{prefix}Facet set is empty", f"{prefix}Negated Facet set is empty")
    advantaged, disadvantaged = (rate(*side) for side in counts.rows.reshape(2, 4).tolist())
    return advantaged, disadvantaged


FLIP_TEST = ("FT", "Flip Test (FT)")

POST_TRAINING: dict[str, tuple[str, Callable[[Counts], float]]] = {
    "AD": ("Accuracy Difference (AD)", advantage(accuracy)),
    "CDDPL": (
        "Conditional Demographic Disparity in Predicted Labels (CDDPL)",
        conditional_disparity_in_predictions,
    ),
    "DAR": ("Difference in Acceptance Rates (DAR)", advantage(acceptance_rate, "DLR: ")),
    "DCA": ("Difference in Conditional Acceptance (DCA)", advantage(conditional_acceptance, "DCO: ")),
    "DCR": ("Difference in Conditional Rejection (DCR)", disadvantage(conditional_rejection, "DCO: ")),
    "DI": ("Disparate Impact (DI)", disparate_impact),
    "DPPL": (
        "Difference in Positive Proportions in Predicted Labels (DPPL)",
        predicted_proportion_difference,
    ),
    "DRR": ("Difference in Rejection Rates (DRR)", disadvantage(rejection_rate, "DLR: ")),
    "GE": ("Generalized Entropy (GE)", generalized_entropy),
    "RD": ("Recall Difference (RD)", advantage(recall, "DLA: ")),
    "SD": ("Specificity Difference (SD)", disadvantage(specificity, "DLA: ")),
    "TE": ("Treatment Equality (TE)", disadvantage(error_ratio)),
}
