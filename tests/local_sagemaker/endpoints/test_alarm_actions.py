"""Messages to the topics of an alarm."""

import json
import time
import uuid
from typing import Any

import pytest


@pytest.fixture
def name() -> str:
    return f"actions-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def queue(client: Any, name: str) -> tuple[str, str]:
    """A topic, and the queue that gets its messages."""
    url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    topic = client("sns").create_topic(Name=name)["TopicArn"]
    arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, url


def put(client: Any, name: str, **more: Any) -> None:
    client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        MetricName="Drift",
        Namespace="Mine",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        **more,
    )


def set_state(client: Any, name: str, state: str) -> None:
    client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="by hand")


def messages(client: Any, url: str, number: int) -> list[dict[str, Any]]:
    """So many messages, within half a minute."""
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + 30
    while len(found) < number:
        assert time.monotonic() < deadline, found
        answer = client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        found += [json.loads(json.loads(each["Body"])["Message"]) for each in answer.get("Messages", [])]
        time.sleep(0.05)
    return found


def test_the_topics_of_the_new_state_are_told(client, name, queue):
    """Those of ALARM when it goes off; a topic that is not there, or an action of another kind, costs them nothing."""
    topic, url = queue
    nowhere = ["arn:aws:sns:us-east-1:123456789012:none", "arn:aws:automate:us-east-1:ec2:stop"]
    put(client, name, AlarmActions=[*nowhere, topic], AlarmDescription="drift")

    set_state(client, name, "ALARM")
    [message] = messages(client, url, 1)

    assert (message["AlarmName"], message["AlarmDescription"]) == (name, "drift")
    assert (message["OldStateValue"], message["NewStateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    assert message["NewStateReason"] == "by hand"
    assert message["Trigger"]["MetricName"] == "Drift"


def test_each_state_has_its_actions(client, name, queue):
    """Those of OK are done when it is OK again; an alarm whose actions are disabled tells nobody."""
    topic, url = queue
    put(client, f"{name}-off", OKActions=[topic], AlarmActions=[topic], ActionsEnabled=False)
    put(client, name, OKActions=[topic], AlarmActions=[topic])

    told = []
    for state in ("ALARM", "OK"):
        for each in (f"{name}-off", name):  # they are looked at in this order, too
            set_state(client, each, state)
        told += [(each["AlarmName"], each["NewStateValue"]) for each in messages(client, url, 1)]

    assert told == [(name, "ALARM"), (name, "OK")]
    assert "Messages" not in client("sqs").receive_message(QueueUrl=url)
