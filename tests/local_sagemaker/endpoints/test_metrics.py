"""What is kept of an endpoint's requests."""

import statistics
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sagemaker.endpoints.metrics import Distribution, EndpointMetrics, invocation

VALUES = st.lists(st.floats(0, 1e9), min_size=1, max_size=50)


def distribution(values: list[float]) -> Distribution:
    made = Distribution()
    for value in values:
        made.add(value)
    return made


@given(VALUES, VALUES, st.integers(0, 100))
def test_a_distribution_has_cloudwatchs_statistics(some, others, share):
    """Of any values, in one piece or merged: sums and extremes exactly, percentiles to a fiftieth."""
    values = some + others
    kept = distribution(some)
    kept.merge(distribution(others))

    assert kept.statistic("SampleCount") == len(values)
    assert kept.statistic("Sum") == pytest.approx(sum(values))
    assert kept.statistic("Average") == pytest.approx(statistics.mean(values))
    assert (kept.statistic("Minimum"), kept.statistic("Maximum")) == (min(values), max(values))
    assert kept.statistic("Median") is None
    rank = max(1, -(-len(values) * share // 100))
    assert kept.statistic(f"p{share}") == pytest.approx(sorted(values)[rank - 1], rel=0.02)


def test_metrics_are_of_a_variant_and_a_time():
    """Those of another endpoint, variant, metric or time are not among them; several variants are added up."""
    metrics = EndpointMetrics()
    for endpoint, variant in (("e", "v"), ("e", "w"), ("other", "v")):
        metrics.record(endpoint, variant, invocation(500, 0.2, 0.01))
    now = time.time()

    def count(endpoint: str, variant: str | None, metric: str, later: float = 0.0) -> float:
        found = metrics.over(endpoint, variant, metric, now + later - 60, now + later)
        return found.count if found else 0

    assert count("e", "v", "Invocations") == 1
    assert count("e", None, "Invocations") == 2
    assert count("e", "v", "Unknown") == 0
    assert count("e", "x", "Invocations") == 0
    assert count("e", "v", "Invocations", later=63) == 0
    metrics.forget("e")
    assert count("e", None, "Invocations") == 0
    assert count("other", "v", "Invocations") == 1


def test_minutes_outlive_the_endpoint_and_become_hours():
    """CloudWatch still knows the requests of an endpoint that is gone, by the hour later on; in the end, nothing."""
    metrics = EndpointMetrics()
    for seconds in (0.1, 0.3):
        metrics.record("e", "v", invocation(200, seconds, 0.01))
    metrics.forget("e")
    now = time.time()

    def kept(later: float) -> dict[str, tuple[int, int, float | None]]:
        return {
            metric: (start, values.count, values.statistic("Sum"))
            for *_, metric, start, values in metrics.periods(now + later)
        }

    soon, tomorrow, gone = kept(0), kept(86_400), kept(16 * 86_400)

    minute, hour = int(now) // 60 * 60, int(now) // 3600 * 3600
    assert soon["Invocations"] == (minute, 2, 2)
    assert tomorrow["Invocations"] == (hour, 2, 2)
    assert tomorrow["ModelLatency"] == (hour, 2, pytest.approx(400_000))
    assert gone == {}


REQUESTS = [
    (200, {"Invocation4XXErrors": 0, "Invocation5XXErrors": 0, "InvocationModelErrors": 0}),
    (415, {"Invocation4XXErrors": 1, "Invocation5XXErrors": 0, "InvocationModelErrors": 1}),
    (500, {"Invocation4XXErrors": 0, "Invocation5XXErrors": 1, "InvocationModelErrors": 1}),
    (0, {"Invocation4XXErrors": 0, "Invocation5XXErrors": 1, "InvocationModelErrors": 1}),
]


@pytest.mark.parametrize(("status", "expected"), REQUESTS)
def test_a_request_counts_as_what_the_model_answered(status, expected):
    """An answer that did not come in time is the server's error; each instance counts its share."""
    counts = invocation(status, 0.5, 0.001, instances=4)

    assert {name: counts[name] for name in expected} == expected
    assert counts["InvocationsPerInstance"] == 0.25
    assert (counts["ModelLatency"], counts["OverheadLatency"]) == (500_000, 1_000)
