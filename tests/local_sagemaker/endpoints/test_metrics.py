"""When an alarm on an endpoint's metrics goes off."""

import time

import pytest

from local_sagemaker.endpoints.metrics import Alarm, EndpointMetrics

CASES = [
    ("Invocation5XXErrors", "Sum", 1.0, "GreaterThanThreshold", [500, 500], True),
    ("Invocation5XXErrors", "Sum", 2.0, "GreaterThanThreshold", [500, 500], False),
    ("Invocation5XXErrors", "Sum", 2.0, "GreaterThanOrEqualToThreshold", [500, 503], True),
    ("Invocation4XXErrors", "Average", 0.4, "GreaterThanThreshold", [200, 415], True),
    ("Invocation4XXErrors", "Average", 0.6, "GreaterThanThreshold", [200, 415], False),
    ("ModelLatency", "Maximum", 100_000.0, "GreaterThanThreshold", [200], True),
    ("ModelLatency", "Maximum", 300_000.0, "GreaterThanThreshold", [200], False),
    ("Invocations", "SampleCount", 3.0, "LessThanThreshold", [200, 200], True),
    ("Invocation5XXErrors", "Sum", 0.0, "GreaterThanOrEqualToThreshold", [], False),
    ("Unknown", "Sum", 0.0, "GreaterThanThreshold", [500], False),
    ("Invocations", "p90", 0.0, "GreaterThanThreshold", [500], False),
]


@pytest.mark.parametrize(("metric", "statistic", "threshold", "comparison", "statuses", "expected"), CASES)
def test_an_alarm_compares_a_statistic(metric, statistic, threshold, comparison, statuses, expected):
    """Each request takes 0.2 s here; a period without requests breaches nothing."""
    metrics = EndpointMetrics()
    for status in statuses:
        metrics.record("e", "v", status, 0.2)
    alarm = Alarm(metric, statistic, 60, 1, threshold, comparison, "e", "v")

    assert metrics.goes_off(alarm) is expected


def test_every_period_must_breach():
    """Errors of this minute alone are not errors of two minutes; those of another endpoint or variant are none."""
    metrics = EndpointMetrics()
    metrics.record("e", "v", 500, 0.1)
    metrics.record("other", "v", 500, 0.1)
    now = time.time()

    def goes_off(endpoint: str, variant: str | None, periods: int, later: float = 0.0) -> bool:
        alarm = Alarm(
            "Invocation5XXErrors", "Sum", 60, periods, 0.0, "GreaterThanThreshold", endpoint, variant
        )
        return metrics.goes_off(alarm, now + later)

    assert goes_off("e", "v", 1)
    assert goes_off("e", None, 1)
    assert not goes_off("e", "v", 2)
    assert not goes_off("e", "w", 1)
    assert not goes_off("e", "v", 1, later=61)
    metrics.forget("e")
    assert not goes_off("e", "v", 1)
    assert goes_off("other", "v", 1)
