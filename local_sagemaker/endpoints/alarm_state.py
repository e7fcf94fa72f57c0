"""The state that an endpoint's metric calls for in a CloudWatch alarm.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local_sagemaker.endpoints.metrics import EndpointMetrics

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


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
    breaching: int = 0  # periods that must breach; 0: all
    missing: str = "missing"  # what a period without requests is: TreatMissingData


def state(alarm: Alarm, metrics: EndpointMetrics, now: float | None = None) -> str | None:
    """What the metric calls for: OK, ALARM, INSUFFICIENT_DATA, or None where the alarm stays as it is.

    Periods end now, not at the full minute, so an alarm goes off as soon as CloudWatch's would at its next look.
    """
    compare = _COMPARISONS.get(alarm.comparison)
    if compare is None:
        return None
    values = _values(alarm, metrics, time.time() if now is None else now)
    there = [value for value in values if value is not None]
    absent = len(values) - len(there)
    if not there and alarm.missing not in ("breaching", "notBreaching"):
        return None if alarm.missing == "ignore" else INSUFFICIENT_DATA
    breaching = sum(compare(value, alarm.threshold) for value in there)
    breaching += absent if alarm.missing == "breaching" else 0
    return ALARM if breaching >= (alarm.breaching or alarm.periods) else OK


def _values(alarm: Alarm, metrics: EndpointMetrics, now: float) -> list[float | None]:
    """The statistic in each of the latest periods, the present one first."""
    values = []
    for number in range(alarm.periods):
        until = now - number * alarm.period
        found = metrics.over(alarm.endpoint, alarm.variant, alarm.metric, until - alarm.period, until)
        values.append(found.statistic(alarm.statistic) if found else None)
    return values
