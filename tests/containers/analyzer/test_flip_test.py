from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from containers.analyzer import flip_test as module
from containers.analyzer.bias_arithmetic import Undefined
from containers.analyzer.flip_test import flip_test


def drawn(seed, rows, whole=False):
    """Random rows, the first disadvantaged, the second advantaged; whole numbers have many ties."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, 3)).round(0 if whole else 9)
    facet, prediction = random.random((2, rows)) < 0.5
    facet[:2] = True, False
    return features, facet, prediction


@given(st.integers(0, 10_000), st.integers(2, 80))
def test_it_agrees_with_a_nearest_neighbours_classifier(seed, rows):
    """Without ties, what scikit-learn's classifier says: five neighbours, or one where there are few rows."""
    features, facet, prediction = drawn(seed, rows)
    neighbours = 5 if (~facet).sum() > 9 else 1
    classifier = KNeighborsClassifier(neighbours).fit(features[~facet], prediction[~facet])
    own, other = prediction[facet].astype(int), classifier.predict(features[facet]).astype(int)

    assert flip_test(features, facet, prediction) == (own - other).sum() / facet.sum()


@given(st.integers(0, 10_000), st.integers(20, 60))
def test_ties_do_not_depend_on_the_order_of_rows(seed, rows):
    """Rows at the same distance share a vote, so any order gives the same."""
    features, facet, prediction = drawn(seed, rows, whole=True)
    order = np.random.default_rng(seed + 1).permutation(rows)

    assert flip_test(features[order], facet[order], prediction[order]) == flip_test(
        features, facet, prediction
    )


def test_the_size_of_the_blocks_makes_no_difference(monkeypatch):
    """One row at a time or all at once."""
    features, facet, prediction = drawn(3, 60)
    at_once = flip_test(features, facet, prediction)
    monkeypatch.setattr(module, "BLOCK", 1)

    assert flip_test(features, facet, prediction) == at_once


def test_the_sign_says_whom_the_model_favours():
    """-1: every disadvantaged row is refused what its advantaged likeness gets."""
    features = np.array([[0.0], [1.0], [0.0], [1.0]])
    facet = np.array([1, 1, 0, 0])

    assert flip_test(features, facet, facet == 0) == -1
    assert flip_test(features, facet, facet == 1) == 1
    assert flip_test(features, facet, np.ones(4)) == 0


@pytest.mark.parametrize(
    ("features", "facet", "text"),
    [
        ([[1.0], [2.0]], [0, 0], "Facet set is empty"),
        ([[1.0], [2.0]], [1, 1], "Negated Facet set is empty"),
        ([[1.0], [np.nan]], [0, 1], "NaN"),
        ([[], []], [0, 1], "0 feature"),
    ],
)
def test_why_it_has_no_value(features, facet, text):
    """An empty side, a missing number, or nothing to compare by."""
    with pytest.raises(Undefined, match=text):
        flip_test(np.array(features), facet, [0, 1])
