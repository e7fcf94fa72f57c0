from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from containers.metrics.binary import BinarySample
from containers.metrics.estimate import (
    MINIMUM_ROWS,
    Estimate,
    affordable,
    differences,
    estimates,
    replicates,
    resample,
    values,
)
from containers.metrics.multiclass import MulticlassSample
from containers.metrics.regression import RegressionSample


def test_more_rows_than_one_can_wait_for_are_resampled_less_often():
    """200 resamples up to 100,000 rows, 50 for any number."""
    assert [affordable(rows) for rows in (1, 100_000, 200_000, 10**9)] == [200, 200, 100, 50]


def test_a_resample_draws_as_many_rows_as_there_are():
    """Weights are counts that add up to the rows, the same whatever the blocks they come in."""
    whole = np.concatenate(list(resample(rows=70_000, resamples=5, seed=1)))

    assert whole.shape == (5, 70_000)
    assert (whole.sum(axis=1) == 70_000).all()
    assert (np.concatenate(list(resample(70_000, 3, 1))) == whole[:3]).all()


@pytest.mark.parametrize(("rows", "share"), [(400, 0.5), (2000, 0.1)])
def test_the_bootstrap_agrees_with_delong(make_scored, delong, rows, share):
    """Two ways to the deviation of an AUC that share nothing come to the same, up to what 2000 resamples allow."""
    labels, scores = make_scored(rows, share=share)
    drawn = replicates(BinarySample(labels, scores), resamples=2000)["auc"]

    assert drawn.std(ddof=1) == pytest.approx(delong(labels, scores), rel=0.1)


def test_the_bootstrap_agrees_with_the_formula_of_a_mean():
    """The deviation of a mean is the deviation of the rows by the root of their number."""
    draw = np.random.default_rng(0)
    labels = draw.normal(size=3000)
    sample = RegressionSample(labels, labels + draw.exponential(size=3000))
    drawn = replicates(sample, resamples=2000)["mae"]

    assert drawn.std(ddof=1) == pytest.approx(1 / math.sqrt(3000), rel=0.1)


def test_an_interval_holds_the_truth_about_as_often_as_it_says(make_scored):
    """Of 95 % intervals from 100 data sets, nearly all hold the accuracy of the whole population."""
    truth = values(BinarySample(*make_scored(200_000, seed=1000)))["accuracy"]
    intervals = [
        estimates(BinarySample(*make_scored(300, seed)))["accuracy"].confidence_interval
        for seed in range(100)
    ]

    assert 88 <= sum(low <= truth <= high for low, high in intervals) <= 100


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(0, 10_000), st.sampled_from(["binary", "multiclass", "regression"]))
def test_an_interval_holds_its_value(rows, seed, kind):
    """Whatever the rows, every interval is a finite pair around its value, and what is missing has a reason."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 3 if kind == "multiclass" else 2, rows).astype(float)
    sample = {
        "binary": lambda: BinarySample(labels, draw.random(rows).round(1)),
        "multiclass": lambda: MulticlassSample(labels, draw.dirichlet(np.ones(3), rows)),
        "regression": lambda: RegressionSample(labels, draw.normal(size=rows)),
    }[kind]()

    for estimate in estimates(sample, resamples=20, seed=seed).values():
        if estimate.confidence_interval is None:
            assert estimate.reason
            assert estimate.standard_deviation is None
        else:
            low, high = estimate.confidence_interval
            assert -math.inf < low <= estimate.value <= high < math.inf
            assert 0 <= estimate.standard_deviation < math.inf


def test_few_rows_give_a_value_without_an_interval(make_scored):
    """One row or a handful: the metrics are there, their doubt is not, and the reason is said."""
    found = estimates(BinarySample(*make_scored(MINIMUM_ROWS - 1)))["accuracy"]

    assert found.value is not None
    assert found.document() == {
        "value": found.value,
        "standard_deviation": "NaN",
        "confidence_interval": None,
        "reason": "fewer than 30 rows: no interval",
    }


def test_an_undefined_metric_has_a_reason_and_no_value():
    """One class among the rows leaves nothing to rank."""
    found = estimates(BinarySample(np.zeros(50), np.linspace(0, 1, 50)))

    assert found["auc"] == Estimate(None, reason="all rows are of one class")
    assert found["recall"] == Estimate(None, reason="no row of the positive class")
    assert found["accuracy"].value == 0.5


def test_a_metric_that_most_resamples_lack_has_no_interval():
    """One positive row is in about 63 % of the resamples, which is enough; none predicted positive is not."""
    scores = np.zeros(100)
    scores[0] = 0.9
    labels = np.zeros(100)
    labels[0] = 1
    found = estimates(BinarySample(labels, scores), resamples=100)

    assert found["precision"].confidence_interval == (1.0, 1.0)


def test_equal_models_differ_by_nothing(make_scored):
    """The same scores against themselves: no difference, and no doubt about it."""
    sample = BinarySample(*make_scored(500))

    assert differences(sample, sample)["auc"] == Estimate(0.0, 0.0, (0.0, 0.0))


def test_a_paired_comparison_is_surer_than_two_intervals(make_scored):
    """Two models that agree on most rows: pairing halves the deviation of their difference, and more."""
    labels, scores = make_scored(2000)
    ours = BinarySample(labels, scores)
    theirs = BinarySample(labels, scores + np.random.default_rng(1).normal(size=2000) * 0.1)
    paired = differences(ours, theirs)["auc"]

    assert paired.value == values(ours)["auc"] - values(theirs)["auc"] > 0
    assert paired.confidence_interval[0] > 0
    apart = [estimates(each)["auc"].standard_deviation for each in (ours, theirs)]
    assert 2 * paired.standard_deviation < math.hypot(*apart)


def test_a_paired_comparison_needs_the_same_rows(make_scored):
    """Rows that do not belong together are refused."""
    with pytest.raises(ValueError, match="needs the same rows, got 50 and 60"):
        differences(BinarySample(*make_scored(50)), BinarySample(*make_scored(60)))
