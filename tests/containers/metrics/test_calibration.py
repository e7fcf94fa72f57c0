from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.metrics.binary import BinarySample
from containers.metrics.calibration import reliability
from containers.metrics.estimate import values


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.2, 0.21, 0.5, 1.0])), min_size=1, max_size=60)
)
def test_the_error_is_what_the_curve_shows(rows):
    """The expected calibration error is the curve's mean gap, weighted by rows; every row is in one bin."""
    labels = np.array([label for label, _ in rows], dtype=float)
    scores = np.array([score for _, score in rows])
    table = reliability(labels, scores)
    gap = sum(row["rows"] * abs(row["observed"] - row["predicted"]) for row in table) / len(rows)

    assert sum(row["rows"] for row in table) == len(rows)
    assert values(BinarySample(labels, scores))["expected_calibration_error"] == pytest.approx(gap, abs=1e-12)


def test_bins_hold_about_as_many_rows_each():
    """Ten bins of a tenth, from low scores to high."""
    scores = np.random.default_rng(0).random(1000) ** 4
    table = reliability(np.zeros(1000), scores)

    assert [row["rows"] for row in table] == [100] * 10
    assert [row["predicted"] for row in table] == sorted(row["predicted"] for row in table)


def test_scores_that_mean_what_they_say_have_a_small_error():
    """Labels drawn with the scores as chances are calibrated; doubled scores are not."""
    draw = np.random.default_rng(0)
    scores = draw.random(50_000) / 2
    labels = (draw.random(50_000) < scores).astype(float)

    assert values(BinarySample(labels, scores))["expected_calibration_error"] < 0.01
    assert values(BinarySample(labels, 2 * scores))["expected_calibration_error"] > 0.2
