"""What an alarm does when its state changes: a message to each SNS topic that it names. moto delivers these.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
"""

from __future__ import annotations

import json
import logging
from datetime import UTC
from typing import Any

from local_sagemaker.endpoints.alarm_state import ALARM, INSUFFICIENT_DATA, OK

_log = logging.getLogger(__name__)


def do(alarm: Any, before: str, account: str, region: str) -> None:
    """Tell the topics of the state that moto's ``alarm`` is in now. What cannot be reached is logged."""
    if not alarm.actions_enabled:
        return
    by_state = {
        ALARM: alarm.alarm_actions,
        OK: alarm.ok_actions,
        INSUFFICIENT_DATA: alarm.insufficient_data_actions,
    }
    for arn in by_state.get(alarm.state_value) or []:
        if arn.split(":")[2:3] != ["sns"]:
            _log.warning("alarm %s: the action %s is not done here", alarm.name, arn)
            continue
        try:
            _publish(arn, alarm, before, account, region)
        except Exception as error:  # noqa: BLE001 - a topic or subscriber may fail in any way of moto's
            _log.warning("alarm %s: %s could not be told: %s", alarm.name, arn, error)


def _publish(topic: str, alarm: Any, before: str, account: str, region: str) -> None:
    from moto.sns.models import sns_backends

    sns_backends[account][region].publish(
        arn=topic,
        subject=f'{alarm.state_value}: "{alarm.name}" in {region}'[:100],
        message=json.dumps(_message(alarm, before, account, region)),
    )


def _message(alarm: Any, before: str, account: str, region: str) -> dict[str, Any]:
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": account,
        "AlarmArn": alarm.alarm_arn,
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": alarm.state_updated_timestamp.replace(tzinfo=UTC).isoformat(),
        "Region": region,
        "OldStateValue": before,
        "Trigger": {
            "MetricName": alarm.metric_name,
            "Namespace": alarm.namespace,
            "Statistic": alarm.statistic or alarm.extended_statistic,
            "Dimensions": [{"name": each.name, "value": each.value} for each in alarm.dimensions],
            "Period": alarm.period,
            "EvaluationPeriods": alarm.evaluation_periods,
            "ComparisonOperator": alarm.comparison_operator,
            "Threshold": alarm.threshold,
            "TreatMissingData": alarm.treat_missing_data or "",
        },
    }
