"""An alarm's state in CloudWatch follows the endpoint's errors, and what somebody set."""

import uuid
from typing import Any

from local_sagemaker.endpoints.alarms import Alarms
from local_sagemaker.endpoints.metrics import EndpointMetrics


def state(client: Any, name: str) -> str:
    return client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]


def put(client: Any, **changed: Any) -> str:
    name = f"alarm-{uuid.uuid4().hex}"
    alarm = {
        "MetricName": "Invocation5XXErrors",
        "Namespace": "AWS/SageMaker",
        "Dimensions": [{"Name": "EndpointName", "Value": "e"}, {"Name": "VariantName", "Value": "v"}],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    client("cloudwatch").put_metric_alarm(AlarmName=name, **{**alarm, **changed})
    return name


class Others:
    loaded = True


def test_an_alarm_on_errors_comes_and_goes(local, client):
    """It is in ALARM while there are errors and OK when they are over."""
    name, metrics = put(client), EndpointMetrics()
    alarms = Alarms(Others(), local.settings.account, local.settings.region)  # type: ignore[arg-type]

    before = alarms.in_alarm(name, metrics)
    metrics.record("e", "v", 500, 0.1)
    during = (alarms.in_alarm(name, metrics), state(client, name))
    metrics.forget("e")
    after = (alarms.in_alarm(name, metrics), state(client, name))

    assert (before, during, after) == (False, (True, "ALARM"), (False, "OK"))


def test_what_somebody_sets_stays(local, client):
    """An alarm on any metric that was set off by hand is in ALARM; one that is not there is not."""
    alarms = Alarms(Others(), local.settings.account, local.settings.region)  # type: ignore[arg-type]
    names = [put(client), put(client, Namespace="Mine", Dimensions=[])]
    for name in names:
        client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")

    assert [alarms.in_alarm(name, EndpointMetrics()) for name in names] == [True, True]
    assert not alarms.in_alarm("none", EndpointMetrics())
