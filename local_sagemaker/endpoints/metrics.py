"""What CloudWatch would know of an endpoint, for as long as alarms look back, and whether an alarm goes off by it.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html#cloudwatch-metrics-endpoint-invocation
"""

from __future__ import annotations

import operator
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

NAMESPACE = "AWS/SageMaker"
_KEPT = 3600.0  # seconds
_MOST = 100_000  # requests of a variant; older ones are forgotten first

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Sum": sum,
    "Average": lambda values: sum(values) / len(values),
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
}


@dataclass(frozen=True)
class Invocation:
    """One request to a variant."""

    when: float  # epoch seconds
    status: int  # the model's: 200, 4xx, or 5xx
    seconds: float  # that the model took


@dataclass(frozen=True)
class Alarm:
    """What an alarm looks at."""

    metric: str
    statistic: str
    period: float  # seconds
    periods: int
    threshold: float
    comparison: str
    endpoint: str
    variant: str | None = None


_METRICS: Mapping[str, Callable[[Invocation], float]] = {
    "Invocations": lambda _: 1.0,
    "Invocation4XXErrors": lambda one: float(400 <= one.status < 500),
    "Invocation5XXErrors": lambda one: float(one.status >= 500),
    "InvocationModelErrors": lambda one: float(one.status != 200),
    "ModelLatency": lambda one: one.seconds * 1e6,  # microseconds
}


class EndpointMetrics:
    """The latest requests of every variant."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._invocations: dict[tuple[str, str], deque[Invocation]] = {}

    def record(self, endpoint: str, variant: str, status: int, seconds: float) -> None:
        """Count a request."""
        with self._lock:
            kept = self._invocations.setdefault((endpoint, variant), deque(maxlen=_MOST))
            kept.append(Invocation(time.time(), status, seconds))

    def forget(self, endpoint: str) -> None:
        """The endpoint is gone; another of its name begins at nothing."""
        with self._lock:
            for key in [key for key in self._invocations if key[0] == endpoint]:
                del self._invocations[key]

    def goes_off(self, alarm: Alarm, now: float | None = None) -> bool:
        """Whether every one of the alarm's latest periods breaches its threshold.

        Periods end now, not at the full minute, so an alarm goes off as soon as CloudWatch's would at its next look.
        One without requests breaches nothing.
        """
        now = time.time() if now is None else now
        value, compare = _METRICS.get(alarm.metric), _COMPARISONS.get(alarm.comparison)
        if value is None or compare is None or alarm.statistic not in _STATISTICS:
            return False
        found = self._of(alarm, now)
        for number in range(alarm.periods):
            end = now - number * alarm.period
            values = [value(one) for one in found if end - alarm.period < one.when <= end]
            if not values or not compare(_STATISTICS[alarm.statistic](values), alarm.threshold):
                return False
        return True

    def _of(self, alarm: Alarm, now: float) -> list[Invocation]:
        since = now - min(_KEPT, alarm.period * alarm.periods)
        with self._lock:
            return [
                one
                for (endpoint, variant), kept in self._invocations.items()
                if endpoint == alarm.endpoint and alarm.variant in (None, variant)
                for one in kept
                if one.when > since
            ]
