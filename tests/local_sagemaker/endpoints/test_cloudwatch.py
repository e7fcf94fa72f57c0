"""The requests of an endpoint, as CloudWatch's API tells them."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from tests.local_sagemaker.endpoints.conftest import ECHO, echo


def test_cloudwatch_knows_an_endpoints_requests(host, client):
    """Three answers and an error: counts, latencies and units, by GetMetricStatistics, GetMetricData, ListMetrics."""
    script = ECHO.replace("return body", "return body if body == 'x' else 1 / 0")
    name = host.deploy(host.container(echo("a", script)))
    for _ in range(3):
        host.ask(name, "x")
    with pytest.raises(ClientError):
        host.ask(name, "boom")
    cloudwatch, now = client("cloudwatch"), datetime.now(UTC)
    dimensions = [{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": "v0"}]

    def statistic(metric: str, statistic: str) -> float:
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=dimensions,
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=1),
            Period=600,
            Statistics=[statistic],
        )["Datapoints"]
        assert len(points) == 1
        return float(points[0][statistic])

    [data] = cloudwatch.get_metric_data(
        MetricDataQueries=[
            {
                "Id": "m",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/SageMaker",
                        "MetricName": "Invocation5XXErrors",
                        "Dimensions": dimensions,
                    },
                    "Period": 600,
                    "Stat": "Sum",
                },
            }
        ],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
    )["MetricDataResults"]
    listed = cloudwatch.list_metrics(Namespace="AWS/SageMaker", Dimensions=dimensions[:1])["Metrics"]

    assert statistic("Invocations", "Sum") == 4
    assert statistic("InvocationModelErrors", "Average") == 0.25
    assert statistic("Invocation4XXErrors", "Sum") == 0
    assert 0 < statistic("ModelLatency", "Maximum") < 60e6
    assert 0 < statistic("OverheadLatency", "Average") < 60e6
    assert sum(data["Values"]) == 1
    assert sorted(each["MetricName"] for each in listed) == [
        "Invocation4XXErrors",
        "Invocation5XXErrors",
        "InvocationModelErrors",
        "Invocations",
        "InvocationsPerInstance",
        "ModelLatency",
        "OverheadLatency",
    ]
    assert all(each["Dimensions"] == dimensions for each in listed)


def test_an_alarm_is_evaluated_while_nothing_is_updated(host, client):
    """It goes to ALARM by the endpoint's errors, with nobody asking."""
    name = host.deploy(host.container(echo("a", ECHO.replace("return body", "1 / 0"))))
    cloudwatch = client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=f"errors-{name}",
        MetricName="Invocation5XXErrors",
        Namespace="AWS/SageMaker",
        Dimensions=[{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": "v0"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    with pytest.raises(ClientError):
        host.ask(name, "x")

    def state() -> str:
        [alarm] = cloudwatch.describe_alarms(AlarmNames=[f"errors-{name}"])["MetricAlarms"]
        return str(alarm["StateValue"])

    deadline = time.monotonic() + 30
    while state() != "ALARM":
        assert time.monotonic() < deadline
        time.sleep(0.05)
