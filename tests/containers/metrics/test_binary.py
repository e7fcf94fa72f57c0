from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from containers.metrics.binary import BinarySample
from containers.metrics.estimate import values

SCORE = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.500001, 0.75, 0.9, 1.0])
ROWS = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), SCORE), min_size=2, max_size=40)
BOTH_CLASSES = ROWS.filter(lambda rows: len({label for label, _ in rows}) == 2)


@given(BOTH_CLASSES, st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]))
def test_every_metric_agrees_with_scikit_learn(rows, threshold):
    """Ties, extreme scores and any threshold: value for value the same as scikit-learn's."""
    labels, scores = np.array(rows).T
    predicted = scores >= threshold
    found = values(BinarySample(labels, scores, threshold))
    expected = {
        "auc": oracle.roc_auc_score(labels, scores),
        "average_precision": oracle.average_precision_score(labels, scores),
        "accuracy": oracle.accuracy_score(labels, predicted),
        "recall": oracle.recall_score(labels, predicted),
        "f0_5": oracle.fbeta_score(labels, predicted, beta=0.5),
        "f1": oracle.f1_score(labels, predicted),
        "f2": oracle.fbeta_score(labels, predicted, beta=2),
        "log_loss": oracle.log_loss(labels, scores),
        "brier": oracle.brier_score_loss(labels, scores),
    } | ({"precision": oracle.precision_score(labels, predicted)} if predicted.any() else {})

    assert {name: found[name] for name in expected} == pytest.approx(expected)


@given(BOTH_CLASSES, st.floats(0.1, 5))
def test_only_the_order_of_scores_counts_for_ranking(rows, power):
    """AUC and average precision are the same after any transformation that keeps the order."""
    labels, scores = np.array(rows).T
    changed = np.argsort(np.argsort(np.unique(scores)))[np.searchsorted(np.unique(scores), scores)] * power
    before, after = values(BinarySample(labels, scores)), values(BinarySample(labels, changed))

    assert before["auc"] == after["auc"]
    assert before["average_precision"] == after["average_precision"]


@given(BOTH_CLASSES)
def test_turning_scores_round_turns_the_auc_round(rows):
    """The chance to rank right and the chance to rank wrong add up to one."""
    labels, scores = np.array(rows).T

    assert values(BinarySample(labels, -scores))["auc"] == pytest.approx(
        1 - values(BinarySample(labels, scores))["auc"]
    )


@given(ROWS, st.lists(st.integers(0, 3), min_size=40, max_size=40))
def test_a_weight_counts_a_row_that_often(rows, weights):
    """Weighting a row by n is the same as having it n times, which is what makes the bootstrap right."""
    labels, scores = np.array(rows).T
    counts = np.array(weights[: len(rows)])
    counts[0] = 1
    weighted = BinarySample(labels, scores).metrics(counts[None, :].astype(float))
    repeated = values(BinarySample(np.repeat(labels, counts), np.repeat(scores, counts)))
    del repeated["expected_calibration_error"]  # its bins are cut anew where rows are added

    assert {name: float(weighted[name][0]) for name in repeated} == pytest.approx(repeated, nan_ok=True)


def test_constant_scores_rank_by_chance():
    """A model that says the same for every row is worth a coin: AUC one half, average precision the base rate."""
    labels = np.array([0.0, 0, 0, 1])
    found = values(BinarySample(labels, np.full(4, 0.25)))

    assert (found["auc"], found["average_precision"]) == (0.5, 0.25)
    assert found["expected_calibration_error"] == 0
    assert np.isnan(found["precision"])


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_row_is_enough_for_what_one_row_can_tell(label):
    """No crash; what needs two classes is undefined."""
    found = values(BinarySample(np.array([label]), np.array([0.75])))

    assert found["accuracy"] == label
    assert np.isnan(found["auc"])


def test_the_confusion_matrix_is_by_actual_then_predicted():
    """AWS's shape: {actual: {predicted: rows}}."""
    sample = BinarySample(np.array([0.0, 0, 0, 1, 1]), np.array([0.1, 0.2, 0.9, 0.3, 0.8]))

    assert sample.confusion() == {"0": {"0": 2, "1": 1}, "1": {"0": 1, "1": 1}}
