"""The alarms that guard an update: those of the settings are kept, those that the settings no longer have are deleted.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from containers.deployer import names
from containers.deployer.plan import tags
from containers.deployer.settings import Alarm, Deployment

METRICS = ("Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors", "ModelLatency")
_PERCENTILE = re.compile(r"p\d{1,2}(\.\d+)?")


def requests(deployment: Deployment, variant: str) -> list[dict[str, Any]]:
    """PutMetricAlarm for each alarm of the settings, on the variant that serves the newest package. Pure."""
    return [
        {
            "AlarmName": names.alarm(deployment.endpoint, each.metric),
            "AlarmDescription": f"Takes an update of the endpoint {deployment.endpoint} back.",
            "Namespace": "AWS/SageMaker",
            "MetricName": each.metric,
            "Dimensions": [
                {"Name": "EndpointName", "Value": deployment.endpoint},
                {"Name": "VariantName", "Value": variant},
            ],
            **_statistic(each),
            "Period": each.period_seconds,
            "EvaluationPeriods": 1,
            "Threshold": each.above,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",  # nobody asks: nothing is wrong
            "Tags": tags(deployment),
        }
        for each in deployment.alarms
    ]


def put(cloudwatch: Any, deployment: Deployment, variant: str) -> None:
    """Create or change the alarms; what they have seen stays."""
    for request in requests(deployment, variant):
        cloudwatch.put_metric_alarm(**request)


def keep_only(cloudwatch: Any, deployment: Deployment, say: Callable[[str], None]) -> None:
    """Delete those of ours that the settings no longer have."""
    delete(cloudwatch, deployment, {each.metric for each in deployment.alarms}, say)


def delete(cloudwatch: Any, deployment: Deployment, kept: set[str], say: Callable[[str], None]) -> None:
    """Delete those of ours that are there, but for those on the metrics in ``kept``."""
    ours = [names.alarm(deployment.endpoint, metric) for metric in METRICS if metric not in kept]
    found = [each["AlarmName"] for each in state(cloudwatch, ours)]
    if found:
        try:
            cloudwatch.delete_alarms(AlarmNames=found)
        except ClientError:
            if state(cloudwatch, found):  # else another run was faster
                raise
        say(f"deleted the alarms {', '.join(found)}")


def state(cloudwatch: Any, alarms: list[str]) -> list[dict[str, Any]]:
    """What CloudWatch knows of those among ``alarms`` that are there."""
    if not alarms:
        return []
    found = cloudwatch.describe_alarms(AlarmNames=alarms, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    return [*found.get("MetricAlarms", []), *found.get("CompositeAlarms", [])]


def of(deployment: Deployment) -> list[str]:
    """The names of all alarms that guard an update."""
    ours = [names.alarm(deployment.endpoint, each.metric) for each in deployment.alarms]
    return [*ours, *deployment.existing_alarms]


def _statistic(alarm: Alarm) -> dict[str, str]:
    percentile = _PERCENTILE.fullmatch(alarm.statistic)
    return {"ExtendedStatistic" if percentile else "Statistic": alarm.statistic}
