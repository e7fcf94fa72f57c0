from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from containers.metrics.binary import BinarySample
from containers.metrics.estimate import values
from containers.metrics.multiclass import MulticlassSample

SEEDS = st.integers(0, 10_000)


def rows(classes: int, count: int, seed: int):
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, count)
    labels[:classes] = range(classes)
    probabilities = draw.dirichlet(np.ones(classes), count) + 0.5 * np.eye(classes)[labels]
    return labels.astype(float), probabilities / probabilities.sum(axis=1, keepdims=True)


@settings(max_examples=40)
@given(st.integers(2, 7), st.integers(7, 60), SEEDS)
def test_every_metric_agrees_with_scikit_learn(classes, count, seed):
    """Odd numbers of classes, few rows, classes never predicted: the same as scikit-learn, value for value."""
    labels, probabilities = rows(classes, count, seed)
    predicted = probabilities.argmax(axis=1)
    how = {"zero_division": 0}
    expected = {
        "accuracy": oracle.accuracy_score(labels, predicted),
        "log_loss": oracle.log_loss(labels, probabilities),
        "auc": np.mean(
            [oracle.roc_auc_score(labels == each, probabilities[:, each]) for each in range(classes)]
        ),
        **{
            f"{average}_{name}": score(labels, predicted, average=average, **how)
            for average in ("macro", "weighted")
            for name, score in (
                ("precision", oracle.precision_score),
                ("recall", oracle.recall_score),
                ("f1", oracle.f1_score),
            )
        },
        "macro_f2": oracle.fbeta_score(labels, predicted, beta=2, average="macro", **how),
        "weighted_f0_5": oracle.fbeta_score(labels, predicted, beta=0.5, average="weighted", **how),
    }
    found = values(MulticlassSample(labels, probabilities))

    assert {name: found[name] for name in expected} == pytest.approx(expected)


@given(SEEDS)
def test_two_classes_are_the_binary_case(seed):
    """With two classes, what both kinds of problem measure is the same number."""
    labels, probabilities = rows(2, 50, seed)
    two = values(MulticlassSample(labels, probabilities))
    binary = values(BinarySample(labels, probabilities[:, 1], np.nextafter(0.5, 1)))

    assert two["accuracy"] == binary["accuracy"]
    assert two["auc"] == pytest.approx(binary["auc"])
    assert two["log_loss"] == pytest.approx(binary["log_loss"])


def test_a_class_that_does_not_occur_is_left_out():
    """No row has it and none is predicted as it: averages are over the other classes, and nothing crashes."""
    labels, probabilities = rows(3, 40, 1)
    wider = np.column_stack([probabilities, np.zeros(40)])

    assert values(MulticlassSample(labels, wider)) == pytest.approx(
        values(MulticlassSample(labels, probabilities))
    )


def test_one_row_is_enough_for_what_one_row_can_tell():
    """Accuracy is there, AUC is undefined."""
    found = values(MulticlassSample(np.array([2.0]), np.array([[0.1, 0.2, 0.7]])))

    assert found["accuracy"] == 1
    assert np.isnan(found["auc"])


def test_the_confusion_matrix_is_by_actual_then_predicted():
    """AWS's shape, under the names of the classes."""
    sample = MulticlassSample(np.array([0.0, 0, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]))

    assert sample.confusion(["no", "yes"]) == {"no": {"no": 1, "yes": 1}, "yes": {"no": 0, "yes": 1}}
