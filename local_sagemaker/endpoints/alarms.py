"""CloudWatch alarms as a deployment sees them: those that somebody has set off, and those that its errors set off.

The alarms are moto's, who evaluates none. One on an endpoint's own metric is evaluated here when it is asked for, and
its state in CloudWatch follows.
"""

from __future__ import annotations

from typing import Any

from local_sagemaker.endpoints.metrics import NAMESPACE, Alarm, EndpointMetrics
from local_sagemaker.other_services import OtherServices

ALARM = "ALARM"
_CROSSED = "Threshold Crossed"


class Alarms:
    """The alarms of one account and region."""

    def __init__(self, others: OtherServices, account: str, region: str) -> None:
        self._others = others
        self._account = account
        self._region = region

    def in_alarm(self, name: str, metrics: EndpointMetrics) -> bool:
        """Whether an alarm is in its ALARM state, or its metric puts it there now. One that is not there is not."""
        if not self._others.loaded:
            return False
        from moto.cloudwatch.models import cloudwatch_backends

        backend = cloudwatch_backends[self._account][self._region]
        kept: Any = backend.alarms.get(name)
        if kept is None:
            return False
        alarm = _of_endpoint(kept)
        if alarm is None:
            return bool(kept.state_value == ALARM)
        reason = f"{_CROSSED}: {alarm.metric} {alarm.comparison} {alarm.threshold:g}"
        if metrics.goes_off(alarm):
            backend.set_alarm_state(name, reason, "{}", ALARM)
        elif kept.state_reason == reason:  # what was set off here is over; what somebody set stays
            backend.set_alarm_state(name, f"No longer: {reason}", "{}", "OK")
        return bool(kept.state_value == ALARM)


def _of_endpoint(kept: Any) -> Alarm | None:
    """The alarm, where it is on an endpoint's metric."""
    dimensions = {each.name: each.value for each in kept.dimensions}
    if kept.namespace != NAMESPACE or "EndpointName" not in dimensions:
        return None
    return Alarm(
        metric=kept.metric_name,
        statistic=kept.statistic or "",
        period=float(kept.period),
        periods=int(kept.evaluation_periods),
        threshold=float(kept.threshold),
        comparison=kept.comparison_operator,
        endpoint=dimensions["EndpointName"],
        variant=dimensions.get("VariantName"),
    )
