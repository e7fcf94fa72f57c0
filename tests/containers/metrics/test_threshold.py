from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.metrics.binary import BinarySample
from containers.metrics.estimate import values
from containers.metrics.threshold import DEFAULT, Threshold, choose

ROWS = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 1.0])), min_size=2, max_size=40
)
BOTH_CLASSES = ROWS.filter(lambda rows: len({label for label, _ in rows}) == 2)


def arrays(rows):
    return np.array([label for label, _ in rows], dtype=float), np.array([score for _, score in rows])


@given(BOTH_CLASSES, st.floats(0, 1))
def test_no_threshold_has_a_higher_f1(rows, other):
    """On the rows that it was chosen on, not 0.5 and not any other cut does better."""
    labels, scores = arrays(rows)
    chosen = choose(labels, scores).value

    assert values(BinarySample(labels, scores, chosen))["f1"] >= np.nan_to_num(
        values(BinarySample(labels, scores, other))["f1"]
    )


@given(BOTH_CLASSES, st.integers(0, 9), st.integers(1, 9), st.floats(0, 1))
def test_no_threshold_is_cheaper(rows, false_alarm, miss, other):
    """Among all cuts none costs less."""
    labels, scores = arrays(rows)

    def cost(threshold):
        called = scores >= threshold
        return false_alarm * (called & (labels == 0)).sum() + miss * (~called & (labels == 1)).sum()

    assert cost(choose(labels, scores, f"cost={false_alarm}:{miss}").value) <= cost(other)


@given(BOTH_CLASSES, st.sampled_from([0.1, 0.5, 0.9, 1.0]))
def test_a_wished_precision_is_reached_where_it_can_be(rows, share):
    """The chosen cut has it, or no cut has, which is said."""
    labels, scores = arrays(rows)
    chosen = choose(labels, scores, f"precision={share}")

    if chosen.reason:
        reached = [values(BinarySample(labels, scores, each))["precision"] for each in scores]
        assert max(reached) < share
        assert chosen.value == DEFAULT
    else:
        assert values(BinarySample(labels, scores, chosen.value))["precision"] >= share


def test_a_number_is_a_rule():
    """Whoever knows the threshold says it."""
    assert choose(np.array([0.0, 1]), np.array([0.2, 0.4]), "0.37") == Threshold(0.37, "0.37")


def test_one_class_leaves_nothing_to_choose():
    """The default, and the reason."""
    found = choose(np.ones(3), np.array([0.1, 0.2, 0.3]))

    assert found == Threshold(DEFAULT, "f1", "all validation rows are of one class")


@pytest.mark.parametrize(
    "rule", ["", "f2", "f1=3", "cost", "cost=1", "cost=-1:2", "cost=1:nan", "precision=2", "1.5", "nan"]
)
def test_another_rule_is_refused_with_those_there_are(rule):
    """The message lists what can be asked for."""
    with pytest.raises(ValueError, match=r"is not a rule for the threshold; use f1, cost=FALSE_ALARM:MISS"):
        choose(np.array([0.0, 1]), np.array([0.2, 0.4]), rule)
