"""Traffic that moves by steps, and goes back when an alarm goes off."""

import pytest

from local_sagemaker.endpoints.traffic import Step, steps
from tests.local_sagemaker.endpoints.conftest import ECHO, Host, echo
from tests.local_sagemaker.endpoints.test_api import Load


def percent(value: int) -> dict[str, object]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def blue_green(kind: str, wait: int = 0, **more: object) -> dict[str, object]:
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **more}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}


WAYS = [
    ({}, []),
    (blue_green("ALL_AT_ONCE", 3), [Step(1.0, 3)]),
    (blue_green("CANARY", 5, CanarySize=percent(30)), [Step(0.3, 5), Step(1.0, 5)]),
    (
        blue_green("CANARY", 5, CanarySize={"Type": "INSTANCE_COUNT", "Value": 1}),
        [Step(0.25, 5), Step(1.0, 5)],
    ),
    (blue_green("LINEAR", 1, LinearStepSize=percent(50)), [Step(0.5, 1), Step(1.0, 1)]),
    (
        blue_green("LINEAR", 1, LinearStepSize=percent(40)),
        [Step(0.4, 1), Step(0.8, 1), Step(1.0, 1)],
    ),
    (
        {"RollingUpdatePolicy": {"MaximumBatchSize": percent(50), "WaitIntervalInSeconds": 2}},
        [Step(0.5, 2), Step(1.0, 2)],
    ),
]


@pytest.mark.parametrize(("deployment", "expected"), WAYS)
def test_a_deployment_is_a_way_of_steps(deployment, expected):
    """Each policy's shares and times, for a fleet of four instances."""
    assert steps(deployment, 4) == expected


def update(host: Host, name: str, model: str, deployment: dict[str, object]) -> str:
    configuration = host.configuration(host.model(host.container(echo(model))))
    host.sagemaker.update_endpoint(
        EndpointName=name, EndpointConfigName=configuration, DeploymentConfig=deployment
    )
    return configuration


def test_a_canary_gets_its_share_before_all_traffic_moves(host):
    """Under load both models answer while the canary bakes, then only the new one, and no request is lost."""
    name = host.deploy(host.container(echo("old")))
    deployment = blue_green("CANARY", 4, CanarySize=percent(50))

    with Load(host, name) as load:
        configuration = update(host, name, "new", deployment)
        load.until(lambda load: load.answers["new:x"] >= 1)
        before = load.answers["old:x"]
        load.until(lambda load: load.answers["old:x"] > before + 5)  # the old one still has its share
        description = host.settled(name)
        load.more()

    assert not load.failures
    assert description["EndpointConfigName"] == configuration
    assert description["LastDeploymentConfig"] == deployment
    assert {host.ask(name, "x") for _ in range(10)} == {"new:x"}


def test_an_alarm_takes_the_traffic_back(host, client):
    """The endpoint stays in service with the old model and says which alarm it was; no request is lost."""
    name = host.deploy(host.container(echo("old")))
    alarm = f"alarm-{name}"
    cloudwatch = client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        MetricName="Invocation5XXErrors",
        Namespace="AWS/SageMaker",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    deployment = {
        **blue_green("CANARY", 600, CanarySize=percent(50)),
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
    }

    with Load(host, name) as load:
        configuration = update(host, name, "new", deployment)
        load.until(lambda load: load.answers["new:x"] >= 1)
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="test")
        description = host.settled(name)
        load.more()

    assert not load.failures
    assert description["EndpointStatus"] == "InService"
    assert description["EndpointConfigName"] != configuration
    assert alarm in description["FailureReason"]
    assert {host.ask(name, "x") for _ in range(10)} == {"old:x"}


def test_a_model_that_fails_is_taken_back_by_itself(host, client):
    """An alarm on the endpoint's own errors goes off while the canary bakes; the old model has all traffic again."""
    name = host.deploy(host.container(echo("old")))
    alarm = f"errors-{name}"
    client("cloudwatch").put_metric_alarm(
        AlarmName=alarm,
        MetricName="Invocation5XXErrors",
        Namespace="AWS/SageMaker",
        Dimensions=[{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": "v0"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=2,
        ComparisonOperator="GreaterThanThreshold",
    )
    broken = host.configuration(host.model(host.container(echo("x", ECHO.replace("return body", "1 / 0")))))
    host.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=broken,
        DeploymentConfig={
            **blue_green("CANARY", 600, CanarySize=percent(50)),
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
        },
    )

    with Load(host, name, threads=1):
        description = host.settled(name)

    assert alarm in description["FailureReason"]
    assert description["EndpointConfigName"] != broken
    assert {host.ask(name, "x") for _ in range(10)} == {"old:x"}
    [state] = client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    assert state["StateValue"] == "ALARM"


def test_deleting_ends_both_fleets(host):
    """While a canary bakes, DeleteEndpoint ends the old and the new one."""
    name = host.deploy(host.container(echo("old")))
    update(host, name, "new", blue_green("CANARY", 600, CanarySize=percent(50)))
    while host.ask(name, "x") != "new:x":
        pass

    host.sagemaker.delete_endpoint(EndpointName=name)

    host.gone(name)
