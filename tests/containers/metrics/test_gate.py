from __future__ import annotations

import pytest

from containers.metrics.estimate import Estimate
from containers.metrics.gate import judge

METRICS = {
    "auc": Estimate(0.875),
    "mse": Estimate(2.0),
    "recall": Estimate(None, reason="no row of the positive class"),
}


@pytest.mark.parametrize(
    ("metric", "direction", "bar", "passed", "shortfall", "message"),
    [
        ("auc", "at_least", 0.75, True, 0.0, "auc on the test rows is 0.875, which meets at least 0.75"),
        ("auc", "at_least", 0.875, True, 0.0, "auc on the test rows is 0.875, which meets at least 0.875"),
        (
            "auc",
            "at_least",
            1.0,
            False,
            0.125,
            "auc on the test rows is 0.875, which misses at least 1 by 0.125",
        ),
        ("mse", "at_most", 2.5, True, 0.0, "mse on the test rows is 2, which meets at most 2.5"),
        ("mse", "at_most", 1.5, False, 0.5, "mse on the test rows is 2, which misses at most 1.5 by 0.5"),
    ],
)
def test_a_metric_is_held_against_its_bar(metric, direction, bar, passed, shortfall, message):
    """Equal is good enough; what is missing is said as a number and in words."""
    verdict = judge(METRICS, metric, bar, direction)

    assert (verdict.passed, verdict.shortfall, verdict.message) == (passed, shortfall, message)


def test_a_metric_without_a_value_never_passes():
    """However low the bar is."""
    verdict = judge(METRICS, "recall", 0.0, "at_least")

    assert not verdict.passed
    assert verdict.document()["value"] is None
    assert verdict.message == (
        "recall on the test rows is undefined (no row of the positive class), so it cannot meet at least 0"
    )
