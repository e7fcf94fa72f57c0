from __future__ import annotations

import pytest

from containers.metrics.estimate import Estimate
from containers.metrics.gate import gate, judge, judge_limit
from containers.metrics.limit import Limit

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


BIAS = {
    "DPPL": Estimate(-0.25),
    "DI": Estimate(1.5),
    "RD": Estimate(None, reason="Facet set is empty"),
}


@pytest.mark.parametrize(
    ("limit", "passed", "message"),
    [
        ("|DPPL| <= 0.25", True, "|DPPL| of sex=F is 0.25, which meets at most 0.25"),
        ("|DPPL| <= 0.2", False, "|DPPL| of sex=F is 0.25, which misses at most 0.2 by 0.05"),
        ("DPPL <= 0", True, "DPPL of sex=F is -0.25, which meets at most 0"),
        ("DI >= 0.8", True, "DI of sex=F is 1.5, which meets at least 0.8"),
        ("DI <= 1.25", False, "DI of sex=F is 1.5, which misses at most 1.25 by 0.25"),
        (
            "|RD| <= 1",
            False,
            "|RD| of sex=F is undefined (Facet set is empty), so it cannot meet at most 1",
        ),
    ],
)
def test_a_limit_names_facet_metric_value_and_bar(limit, passed, message):
    """Of a magnitude the sign is nothing; what has no value is missed."""
    verdict = judge_limit(BIAS, Limit.parse(limit), "sex=F")

    assert (verdict.passed, verdict.message, verdict.facet) == (passed, message, "sex=F")


def verdicts(*limits):
    return [judge_limit(BIAS, Limit.parse(limit), "sex=F") for limit in limits]


def test_the_gate_counts_what_is_missed_and_names_it():
    """Quality and bias alike."""
    quality = judge(METRICS, "auc", 1.0, "at_least")
    found = gate([quality, *verdicts("DI >= 0.8", "DI <= 1.25")])

    assert (found["missed"], found["passed"], len(found["bars"])) == (2, False, 3)
    assert found["message"] == (
        "auc on the test rows is 0.875, which misses at least 1 by 0.125; "
        "DI of sex=F is 1.5, which misses at most 1.25 by 0.25"
    )


def test_a_gate_that_nothing_misses_says_how_good_the_model_is():
    """And how many limits on bias it meets."""
    quality = judge(METRICS, "auc", 0.5, "at_least")

    assert gate([quality, *verdicts("DI >= 0.8")])["message"] == (
        "auc on the test rows is 0.875, which meets at least 0.5; 1 limit on bias is met"
    )
    assert gate([quality, *verdicts("DI >= 0.8", "DI <= 2")])["message"].endswith(
        "all 2 limits on bias are met"
    )
    assert gate([quality])["missed"] == 0


def test_of_many_missed_bars_the_message_names_the_first_few():
    """AWS keeps 3072 characters of a failure; all bars stand in the report."""
    found = gate(verdicts(*[f"DI <= 0.{number}" for number in range(1, 9)]))

    assert found["missed"] == 8
    assert found["message"].endswith("; and 3 more")
    assert len(found["bars"]) == 8
