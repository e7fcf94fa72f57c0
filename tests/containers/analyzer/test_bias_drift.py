from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.analyzer.bias_drift import REPORT, violations, write

WRITTEN = st.one_of(st.none(), st.sampled_from(["Infinity", "-Infinity"]), st.floats(-5, 5))


def analysis(value, facet="sex", place="F", metric="DPL", section="pre_training_bias_metrics"):
    metrics = [{"name": metric, "description": metric, "value": value}]
    facets = {facet: [{"value_or_threshold": place, "metrics": metrics}]}
    return {"version": "1.0", section: {"label": "y", "facets": facets, "label_value_or_threshold": "1"}}


@pytest.mark.parametrize(
    ("now", "before", "violated"),
    [
        (0.2, 0.1, True),
        (0.1, 0.2, False),
        (0.1, 0.1, False),
        (-0.2, 0.1, True),
        (0.2, -0.3, False),
        ("Infinity", 3.0, True),
        ("-Infinity", 3.0, True),
        ("Infinity", "Infinity", False),
        (3.0, "-Infinity", False),
        (None, 0.1, False),
        (0.1, None, False),
    ],
)
def test_the_rule(now, before, violated):
    """Violated is what is greater in magnitude; infinite is greater than anything, no value is no violation."""
    assert bool(violations(analysis(now), analysis(before))) == violated


@given(WRITTEN)
def test_nothing_is_beyond_itself(value):
    """The same data again has no violation."""
    assert violations(analysis(value), analysis(value)) == []


@pytest.mark.parametrize(
    ("other", "compared"),
    [
        ({"facet": "race"}, False),
        ({"place": "M"}, False),
        ({"metric": "CI"}, False),
        ({"place": "(F, x"}, False),
    ],
)
def test_only_the_same_is_compared(other, compared):
    """Another facet, value or metric has another baseline."""
    assert bool(violations(analysis(0.2), analysis(0.1, **other))) == compared


def test_an_interval_is_the_same_as_long_as_its_threshold_is():
    """A facet of amounts ends at the greatest value of its data, which is another from day to day."""
    now, before = analysis(0.2, place="(40, 71]"), analysis(0.1, place="(40, 75]")
    (violation,) = violations(now, before)

    assert violation.facet_value == "(40, 71]"
    assert violations(now, analysis(0.1, place="(45, 75]")) == []


def test_the_report_is_written_if_there_is_something_to_report(tmp_path):
    """The file that the step and the monitors point to."""
    report = write(violations(analysis("Infinity"), analysis(0.25)), tmp_path)

    assert report == tmp_path / REPORT
    assert json.loads(report.read_text()) == {
        "version": "1.0",
        "violations": [
            {
                "facet": "sex",
                "facet_value": "F",
                "metric_name": "DPL",
                "constraint_check_type": "bias_drift_check",
                "description": "Metric value Infinity doesn't meet the baseline constraint requirement 0.25",
            }
        ],
    }


def test_no_report_without_violations(tmp_path):
    """There is no file where nothing is violated."""
    assert write([], tmp_path) is None
    assert list(tmp_path.iterdir()) == []
