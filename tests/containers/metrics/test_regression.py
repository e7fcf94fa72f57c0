from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from containers.metrics.estimate import values
from containers.metrics.regression import RegressionSample

NUMBER = st.floats(-1e6, 1e6).map(lambda number: round(number, 3))
ROWS = st.lists(st.tuples(NUMBER, NUMBER), min_size=2, max_size=40)


@given(ROWS.filter(lambda rows: len({label for label, _ in rows}) > 1))
def test_every_metric_agrees_with_scikit_learn(rows):
    """Value for value the same."""
    labels, predictions = np.array(rows).T
    found = values(RegressionSample(labels, predictions))

    assert found["mse"] == pytest.approx(oracle.mean_squared_error(labels, predictions))
    assert found["rmse"] == pytest.approx(oracle.root_mean_squared_error(labels, predictions))
    assert found["mae"] == pytest.approx(oracle.mean_absolute_error(labels, predictions))
    assert found["r2"] == pytest.approx(oracle.r2_score(labels, predictions), rel=1e-6)
    if labels.all():
        assert found["mape"] == pytest.approx(oracle.mean_absolute_percentage_error(labels, predictions))


@given(ROWS)
def test_errors_are_never_negative_and_rmse_is_at_least_mae(rows):
    """What follows from their definitions holds for any numbers."""
    found = values(RegressionSample(*np.array(rows).T))

    assert found["mse"] >= 0
    assert found["rmse"] >= found["mae"] * (1 - 1e-12) >= 0


def test_r2_stands_far_from_zero():
    """Labels around a thousand million with a spread of one: no digits are lost to their size."""
    labels = 1e9 + np.arange(100.0) / 50
    predictions = labels + 0.1

    assert values(RegressionSample(labels, predictions))["r2"] == pytest.approx(
        oracle.r2_score(labels, predictions)
    )


def test_what_is_undefined_is_nan_with_a_reason():
    """Equal labels have no spread to explain; labels of 0 no relative error."""
    sample = RegressionSample(np.zeros(5), np.ones(5))
    found = values(sample)

    assert np.isnan([found["r2"], found["mape"]]).all()
    assert sample.undefined("r2") == "all rows have the same label"
    assert found["mse"] == 1


def test_equal_labels_that_rounding_parts_are_still_equal():
    """The mean of equal labels is not always that label; the difference is no spread."""
    assert np.isnan(values(RegressionSample(np.full(7, 0.1), np.ones(7)))["r2"])


def test_residual_quantiles_are_in_order():
    """From the hundredth below to the hundredth above."""
    draw = np.random.default_rng(0)
    found = RegressionSample(np.zeros(999), draw.normal(size=999)).residual_quantiles()

    assert list(found) == ["0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99"]
    assert list(found.values()) == sorted(found.values())
