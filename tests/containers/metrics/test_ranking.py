from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from containers.metrics.ranking import POINTS, curve, thin


def area(across, up):
    return float(np.trapezoid(up, across))


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1, width=32)), min_size=2, max_size=50))
def test_each_cut_gives_the_counts_that_it_promises(rows):
    """Calling positive what scores at least the cut gives exactly the curve's counts."""
    labels = np.array([label for label, _ in rows], dtype=float)
    scores = np.array([score for _, score in rows])
    found = curve(labels, scores)

    for cut, hits, alarms in zip(found.cuts, found.true_positives, found.false_positives, strict=True):
        called = scores >= cut
        assert (labels[called].sum(), (1 - labels[called]).sum()) == (hits, alarms)


def test_the_curve_encloses_the_area(make_scored):
    """The area under the drawn ROC curve is scikit-learn's AUC, and the thinned one differs by next to nothing."""
    labels, scores = make_scored(5000)
    whole = curve(labels, scores)
    few = thin(whole)
    expected = oracle.roc_auc_score(labels, scores)

    assert area(whole.false_positive_rates, whole.true_positive_rates) == pytest.approx(expected)
    assert area(few.false_positive_rates, few.true_positive_rates) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("rows", [2, 199, 200, 5000])
def test_a_thinned_curve_is_short_and_keeps_its_ends(make_scored, rows):
    """At most 200 points, from nothing called positive to everything, rising all the way."""
    labels, scores = make_scored(rows)
    labels[:2] = 0, 1
    few = thin(curve(labels, scores))

    assert len(few.cuts) <= POINTS
    assert (few.true_positive_rates[0], few.true_positive_rates[-1]) == (0, 1)
    assert (few.false_positive_rates[0], few.false_positive_rates[-1]) == (0, 1)
    assert (np.diff(few.cuts) < 0).all()
    assert few.precisions[0] == 1
