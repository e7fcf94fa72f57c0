"""An alarm's state in CloudWatch follows the endpoint's errors, and what somebody set; EventBridge is told."""

import uuid
from dataclasses import replace
from typing import Any

import pytest

from local_sagemaker.endpoints.alarms import Alarms
from local_sagemaker.endpoints.metrics import EndpointMetrics, invocation


class Others:
    loaded = True


class Watch:
    """Alarms that are looked at when a test says so."""

    def __init__(self, front: Any) -> None:
        region = (
            "eu-central-2"  # where no local SageMaker of this process watches too: moto's state is shared
        )
        self.client = front.session.client(
            "cloudwatch",
            region,
            endpoint_url=front.url,
            aws_access_key_id="local-sagemaker",
            aws_secret_access_key="not-a-secret",
        )
        self.metrics = EndpointMetrics()
        self.told: list[dict[str, Any]] = []
        settings = replace(front.settings, region=region)
        self.alarms = Alarms(settings, Others(), self.metrics, self._hear)  # type: ignore[arg-type]
        self.endpoint = f"e-{uuid.uuid4().hex[:8]}"

    def put(self, **changed: Any) -> str:
        name = f"alarm-{uuid.uuid4().hex}"
        alarm = {
            "MetricName": "Invocation5XXErrors",
            "Namespace": "AWS/SageMaker",
            "Dimensions": [
                {"Name": "EndpointName", "Value": self.endpoint},
                {"Name": "VariantName", "Value": "v"},
            ],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
        }
        self.client.put_metric_alarm(AlarmName=name, **{**alarm, **changed})
        return name

    def set(self, name: str, state: str) -> None:
        self.client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="by hand")

    def state(self, name: str) -> str:
        return str(self.client.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])

    def changes(self, name: str) -> list[tuple[str, str]]:
        """What EventBridge was told of an alarm: from which state to which."""
        return [
            (detail["previousState"]["value"], detail["state"]["value"])
            for detail in self.told
            if detail["alarmName"] == name
        ]

    def _hear(self, source: str, kind: str, resources: list[str], detail: dict[str, Any]) -> None:
        assert (source, kind) == ("aws.cloudwatch", "CloudWatch Alarm State Change")
        assert resources[0].endswith(f":alarm:{detail['alarmName']}")
        self.told.append(detail)


@pytest.fixture
def watch(front: Any) -> Watch:
    """moto's alarms, and a watch over them."""
    return Watch(front)


def test_an_alarm_on_errors_comes_and_goes(watch):
    """It is in ALARM while there are errors, and EventBridge is told of each change once."""
    name = watch.put()

    watch.alarms.look()
    watch.metrics.record(watch.endpoint, "v", invocation(200, 0.1, 0.0))
    watch.alarms.look()
    watch.metrics.record(watch.endpoint, "v", invocation(500, 0.1, 0.0))
    during = (watch.alarms.in_alarm(name), watch.state(name))
    watch.alarms.look()
    watch.alarms.look()
    watch.metrics.forget(watch.endpoint)
    watch.alarms.look()

    assert during == (True, "ALARM")
    assert watch.state(name) == "INSUFFICIENT_DATA"
    assert watch.changes(name) == [
        ("INSUFFICIENT_DATA", "OK"),
        ("OK", "ALARM"),
        ("ALARM", "INSUFFICIENT_DATA"),
    ]
    [stat] = watch.told[0]["configuration"]["metrics"]
    assert stat["metricStat"]["metric"]["dimensions"] == {"EndpointName": watch.endpoint, "VariantName": "v"}


def test_what_another_watch_has_called_for_is_nobodys_hand(front, watch):
    """moto's alarms are the process's: a local SageMaker that does not know the endpoint may have looked first."""
    name = watch.put()
    Watch(front).alarms.look()
    unknown_there = watch.state(name)
    watch.metrics.record(watch.endpoint, "v", invocation(500, 0.1, 0.0))
    watch.alarms.look()

    assert (unknown_there, watch.state(name)) == ("INSUFFICIENT_DATA", "ALARM")


def test_what_somebody_sets_stays(watch):
    """Until the metric calls for something else than before; an alarm on any other metric stays for good."""
    on_endpoint, other = watch.put(), watch.put(Namespace="Mine", Dimensions=[])
    watch.alarms.look()
    for name in (on_endpoint, other):
        watch.set(name, "ALARM")

    set_by_hand = [watch.alarms.in_alarm(name) for name in (on_endpoint, other)]
    watch.alarms.look()
    stayed = [watch.state(name) for name in (on_endpoint, other)]
    watch.metrics.record(watch.endpoint, "v", invocation(200, 0.1, 0.0))
    watch.alarms.look()

    assert set_by_hand == [True, True]
    assert stayed == ["ALARM", "ALARM"]
    assert [watch.state(name) for name in (on_endpoint, other)] == ["OK", "ALARM"]
    assert watch.changes(other) == [("OK", "ALARM")]
    assert not watch.alarms.in_alarm("none")


def test_an_alarm_may_be_set_before_it_is_looked_at(watch):
    """What somebody set first is not taken back by the first look."""
    name = watch.put()
    watch.set(name, "ALARM")

    assert watch.alarms.in_alarm(name)
    watch.alarms.look()
    assert watch.state(name) == "ALARM"
    assert watch.changes(name) == [("INSUFFICIENT_DATA", "ALARM")]


def test_an_alarm_that_is_made_again_is_looked_at_anew(watch):
    """A lower threshold under the same name holds at once."""
    name = watch.put(Threshold=5)
    watch.metrics.record(watch.endpoint, "v", invocation(500, 0.1, 0.0))
    watch.alarms.look()
    before = watch.state(name)
    alarm = watch.client.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
    kept = (
        "MetricName",
        "Namespace",
        "Dimensions",
        "Statistic",
        "Period",
        "EvaluationPeriods",
        "ComparisonOperator",
    )
    watch.client.put_metric_alarm(AlarmName=name, Threshold=0, **{member: alarm[member] for member in kept})
    watch.alarms.look()

    assert (before, watch.state(name)) == ("OK", "ALARM")


def test_an_odd_alarm_costs_the_others_nothing(watch):
    """One that compares with a band keeps its state."""
    odd = watch.put(ComparisonOperator="LessThanLowerThreshold")
    name = watch.put()
    watch.metrics.record(watch.endpoint, "v", invocation(500, 0.1, 0.0))

    watch.alarms.look()

    assert [watch.state(each) for each in (odd, name)] == ["OK", "ALARM"]
