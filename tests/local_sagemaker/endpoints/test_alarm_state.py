"""The state that a metric calls for."""

import time

import pytest

from local_sagemaker.endpoints.alarm_state import Alarm, state
from local_sagemaker.endpoints.metrics import EndpointMetrics, invocation

GREATER, LESS = "GreaterThanThreshold", "LessThanThreshold"
CASES = [
    ("Invocation5XXErrors", "Sum", 1.0, GREATER, [500, 500], "ALARM"),
    ("Invocation5XXErrors", "Sum", 2.0, GREATER, [500, 500], "OK"),
    ("Invocation5XXErrors", "Sum", 2.0, "GreaterThanOrEqualToThreshold", [500, 503], "ALARM"),
    ("Invocation4XXErrors", "Average", 0.4, GREATER, [200, 415], "ALARM"),
    ("Invocation4XXErrors", "Average", 0.6, GREATER, [200, 415], "OK"),
    ("ModelLatency", "Maximum", 100_000.0, GREATER, [200], "ALARM"),
    ("ModelLatency", "Maximum", 300_000.0, GREATER, [200], "OK"),
    ("ModelLatency", "p90", 190_000.0, GREATER, [200], "ALARM"),
    ("Invocations", "SampleCount", 3.0, LESS, [200, 200], "ALARM"),
    ("Invocation5XXErrors", "Sum", 0.0, "GreaterThanOrEqualToThreshold", [], "INSUFFICIENT_DATA"),
    ("Unknown", "Sum", 0.0, GREATER, [500], "INSUFFICIENT_DATA"),
    ("Invocations", "Sum", 0.0, "LessThanLowerThreshold", [200], None),
]


@pytest.mark.parametrize(("metric", "statistic", "threshold", "comparison", "statuses", "expected"), CASES)
def test_an_alarm_compares_a_statistic(metric, statistic, threshold, comparison, statuses, expected):
    """Each request takes 0.2 s here."""
    metrics = EndpointMetrics()
    for status in statuses:
        metrics.record("e", "v", invocation(status, 0.2, 0.0))
    alarm = Alarm(metric, statistic, 60, 1, threshold, comparison, "e", "v")

    assert state(alarm, metrics) == expected


PERIODS = [
    # periods, of which breach, what is missing counts as; the state with errors in the present period only
    (1, 0, "missing", "ALARM"),
    (2, 0, "missing", "OK"),
    (2, 1, "missing", "ALARM"),
    (2, 0, "breaching", "ALARM"),
    (3, 2, "breaching", "ALARM"),
    (2, 0, "notBreaching", "OK"),
    (2, 0, "ignore", "OK"),
]


@pytest.mark.parametrize(("periods", "breaching", "missing", "expected"), PERIODS)
def test_so_many_periods_must_breach(periods, breaching, missing, expected):
    """All unless DatapointsToAlarm says fewer; TreatMissingData says what one without requests is."""
    metrics = EndpointMetrics()
    metrics.record("e", "v", invocation(500, 0.1, 0.0))
    alarm = Alarm("Invocation5XXErrors", "Sum", 60, periods, 0.0, GREATER, "e", "v", breaching, missing)

    assert state(alarm, metrics) == expected


@pytest.mark.parametrize(
    ("missing", "expected"),
    [("missing", "INSUFFICIENT_DATA"), ("ignore", None), ("breaching", "ALARM"), ("notBreaching", "OK")],
)
def test_without_any_request(missing, expected):
    """Errors that are over are not there either."""
    metrics = EndpointMetrics()
    metrics.record("e", "v", invocation(500, 0.1, 0.0))
    alarm = Alarm("Invocation5XXErrors", "Sum", 60, 1, 0.0, GREATER, "e", "v", missing=missing)

    assert state(alarm, metrics, time.time() + 62) == expected
