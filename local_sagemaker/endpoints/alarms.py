"""CloudWatch alarms on endpoints' metrics: watched every second, and whenever an update asks.

The alarms are moto's, who evaluates none. Here one on an endpoint's metric gets the state that its metric calls for.
What somebody sets by hand stays until the metric calls for something else. Any change of any alarm's state, by hand
too, is told to EventBridge.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from local_sagemaker.endpoints.alarm_state import ALARM, INSUFFICIENT_DATA, Alarm, state
from local_sagemaker.endpoints.metrics import NAMESPACE, EndpointMetrics
from local_sagemaker.other_services import OtherServices
from local_sagemaker.settings import Settings

Document = dict[str, Any]
Tell = Callable[[str, str, list[str], Document], None]  # source, detail type, resources, detail

_EVERY = 1.0  # seconds
_log = logging.getLogger(__name__)


@dataclass
class _Seen:
    """An alarm as of the last look."""

    alarm: Any  # moto's; another one of the same name is new
    updated: Any  # when its state was set
    called_for: str | None  # what its metric called for
    told: Document | None  # the state that EventBridge knows of


class Alarms:
    """The alarms of the account and region, watched from ``start`` to ``close``.

    Args:
        tell: is told of changes of state.
    """

    def __init__(
        self, settings: Settings, others: OtherServices, metrics: EndpointMetrics, tell: Tell
    ) -> None:
        self._others = others
        self._where = (settings.account, settings.region)
        self._metrics = metrics
        self._tell = tell
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}  # by name
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="alarms", daemon=True)

    def start(self) -> None:
        """Watch."""
        self._thread.start()

    def close(self) -> None:
        """Watch no more."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def in_alarm(self, name: str) -> bool:
        """Whether an alarm is in its ALARM state, or its metric puts it there now. One that is not there is not."""
        if not self._others.loaded:
            return False
        kept = self._alarms().get(name)
        if kept is None:
            return False
        with self._lock:
            self._evaluate(kept)
        return bool(kept.state_value == ALARM)

    def look(self) -> None:
        """Give every alarm its state, and tell of those that have changed."""
        if not self._others.loaded:
            self._metrics.fold()
            return
        there = dict(self._alarms())
        with self._lock:
            for gone in self._seen.keys() - there.keys():
                del self._seen[gone]
            for kept in there.values():
                self._tell_of(kept, self._evaluate(kept))

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            try:
                self.look()
            except Exception:  # noqa: BLE001 - one odd alarm must not end the watch over the others
                _log.exception("alarms")

    def _alarms(self) -> dict[str, Any]:
        from moto.cloudwatch.models import cloudwatch_backends

        account, region = self._where
        alarms: dict[str, Any] = cloudwatch_backends[account][region].alarms
        return alarms

    def _evaluate(self, kept: Any) -> _Seen:
        """Change an alarm's state where its metric calls for another than at the last look."""
        before = self._seen.get(kept.name)
        new = before is None or before.alarm is not kept
        alarm = _of_endpoint(kept)
        called_for = state(alarm, self._metrics) if alarm else None
        changed = new or (before is not None and before.called_for != called_for)
        touched = (
            bool(kept.history)
            if new
            else before is not None and before.updated != kept.state_updated_timestamp
        )
        by_hand = touched and not (alarm and kept.state_reason == _reason(alarm, kept.state_value))
        if alarm and changed and not by_hand and called_for not in (None, kept.state_value):
            kept.update_state(_reason(alarm, str(called_for)), "{}", called_for)
        told = before.told if before else None
        if told is None and alarm is None and not kept.history:
            told = _state(kept)  # nobody evaluates it: as moto has made it, it is no news
        seen = _Seen(kept, kept.state_updated_timestamp, called_for, told)
        self._seen[kept.name] = seen
        return seen

    def _tell_of(self, kept: Any, seen: _Seen) -> None:
        """Tell EventBridge of a state that it does not know."""
        before, now = seen.told or _UNCHECKED, _state(kept)
        seen.told = now
        if before["value"] != now["value"]:
            detail = {
                "alarmName": kept.name,
                "state": now,
                "previousState": before,
                "configuration": _configuration(kept),
            }
            self._tell("aws.cloudwatch", "CloudWatch Alarm State Change", [kept.alarm_arn], detail)


_UNCHECKED = {"value": INSUFFICIENT_DATA, "reason": "Unchecked: Initial alarm creation", "reasonData": "{}"}


def _reason(alarm: Alarm, state: str) -> str:
    """Why a watch has given the alarm this state: this one, or that of another local SageMaker in the process."""
    crossed = "Threshold Crossed" if state == ALARM else f"Not crossed ({state})"
    return f"{crossed}: {alarm.metric} {alarm.statistic} {alarm.comparison} {alarm.threshold:g}"


def _of_endpoint(kept: Any) -> Alarm | None:
    """The alarm, where it is on an endpoint's metric."""
    dimensions = {each.name: each.value for each in kept.dimensions}
    if kept.rule or kept.namespace != NAMESPACE or "EndpointName" not in dimensions:
        return None
    return Alarm(
        metric=kept.metric_name,
        statistic=kept.statistic or kept.extended_statistic or "",
        period=float(kept.period),
        periods=int(kept.evaluation_periods),
        threshold=float(kept.threshold),
        comparison=kept.comparison_operator,
        endpoint=dimensions["EndpointName"],
        variant=dimensions.get("VariantName"),
        breaching=int(kept.datapoints_to_alarm or 0),
        missing=kept.treat_missing_data or "missing",
    )


def _state(kept: Any) -> Document:
    return {
        "value": kept.state_value,
        "reason": kept.state_reason,
        "reasonData": kept.state_reason_data or "{}",
        "timestamp": kept.state_updated_timestamp.replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.%f%z"),
    }


def _configuration(kept: Any) -> Document:
    if kept.rule:
        return {"alarmRule": kept.rule, "description": kept.description or ""}
    metric = {
        "namespace": kept.namespace,
        "name": kept.metric_name,
        "dimensions": {each.name: each.value for each in kept.dimensions},
    }
    stat = {"metric": metric, "period": kept.period, "stat": kept.statistic or kept.extended_statistic}
    return {
        "description": kept.description or "",
        "metrics": [{"id": "m1", "metricStat": stat, "returnData": True}] if kept.metric_name else [],
    }
