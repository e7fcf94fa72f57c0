"""No request is lost: updates of every kind under load, processes that are killed, and the end of the server."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local_sagemaker.endpoints.conftest import ECHO, SCRIPT, Host, archive, echo
from tests.local_sagemaker.endpoints.test_api import Load, refused
from tests.local_sagemaker.endpoints.test_traffic import blue_green, percent, update

PID = ECHO.replace("{data}", "{os.getpid()}")
SLOW_START = "import time\ntime.sleep(1)\n" + ECHO

WAYS = {
    "all at once": blue_green("ALL_AT_ONCE", 1),
    "canary": blue_green("CANARY", 1, CanarySize=percent(30)),
    "linear": blue_green("LINEAR", 0, LinearStepSize=percent(25)),
    "rolling": {"RollingUpdatePolicy": {"MaximumBatchSize": percent(50), "WaitIntervalInSeconds": 1}},
    "none": {},
}


def test_no_way_of_updating_loses_a_request(host):
    """All at once, canary, linear, rolling, plain, one after another under one load, with weights changed between."""
    name = host.deploy(host.container(echo("0")))

    with Load(host, name) as load:
        for number, deployment in enumerate(WAYS.values(), start=1):
            update(host, name, str(number), deployment)
            assert host.settled(name)["EndpointStatus"] == "InService"
            host.sagemaker.update_endpoint_weights_and_capacities(
                EndpointName=name,
                DesiredWeightsAndCapacities=[{"VariantName": "v0", "DesiredWeight": float(number)}],
            )
            load.more(5)

    assert not load.failures
    assert set(load.answers) == {f"{number}:x" for number in range(len(WAYS) + 1)}
    assert host.ask(name, "x") == f"{len(WAYS)}:x"


def test_processes_that_are_killed_in_the_middle_of_a_canary(host):
    """Old and new one, while both answer: no request is lost, and the update goes through."""
    name = host.deploy(host.container(echo("old", PID)))
    configuration = host.configuration(host.model(host.container(echo("new", PID))))

    with Load(host, name) as load:
        host.sagemaker.update_endpoint(
            EndpointName=name,
            EndpointConfigName=configuration,
            DeploymentConfig=blue_green("CANARY", 4, CanarySize=percent(50)),
        )
        load.until(lambda load: {each.split(":")[0] for each in load.answers} == {"old", "new"})
        for answer in list(load.answers):
            os.kill(int(answer.split(":")[1]), signal.SIGKILL)
        description = host.settled(name)
        load.more()

    assert not load.failures
    assert description["EndpointConfigName"] == configuration


def test_an_update_in_the_middle_of_an_update(host):
    """Is refused while a canary bakes, as are new weights; the first goes on and the request is not lost."""
    name = host.deploy(host.container(echo("old")))
    update(host, name, "new", blue_green("CANARY", 2, CanarySize=percent(50)))
    other = host.configuration(host.model(host.container(echo("other"))))

    while "VariantStatus" not in str(host.sagemaker.describe_endpoint(EndpointName=name)):
        time.sleep(0.02)
    for call, more in (
        (host.sagemaker.update_endpoint, {"EndpointConfigName": other}),
        (
            host.sagemaker.update_endpoint_weights_and_capacities,
            {"DesiredWeightsAndCapacities": [{"VariantName": "v0", "DesiredWeight": 2.0}]},
        ),
    ):
        assert "Cannot update in-progress endpoint" in refused(call, EndpointName=name, **more)

    host.settled(name)
    assert {host.ask(name, "x") for _ in range(10)} == {"new:x"}


def test_describe_says_how_far_an_update_is(host):
    """A canary that bakes is Baking, with its configuration and since when; afterwards nothing is pending."""
    name = host.deploy(host.container(echo("old")))
    configuration = update(host, name, "new", blue_green("CANARY", 2, CanarySize=percent(50)))

    seen = []
    while (description := host.sagemaker.describe_endpoint(EndpointName=name))[
        "EndpointStatus"
    ] == "Updating":
        pending = description["PendingDeploymentSummary"]
        assert pending["EndpointConfigName"] == configuration
        [status] = pending["ProductionVariants"][0]["VariantStatus"]
        if status.get("StatusMessage") not in seen:
            seen.append(status.get("StatusMessage"))
        time.sleep(0.02)

    assert seen[-2:] == [
        "Baking for 2 seconds with 50% of the traffic.",
        "Baking for 2 seconds with 100% of the traffic.",
    ]
    assert "PendingDeploymentSummary" not in description


@pytest.fixture
def told(host: Host, client: Any) -> Any:
    """What EventBridge has sent to a queue of this test, of endpoints."""
    queue = f"q-{time.monotonic_ns()}"
    url = client("sqs").create_queue(QueueName=queue)["QueueUrl"]
    client("events").put_rule(Name=queue, EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
    arn = f"arn:aws:sqs:us-east-1:123456789012:{queue}"
    client("events").put_targets(Rule=queue, Targets=[{"Id": "it", "Arn": arn}])
    events: list[dict[str, Any]] = []

    def read(kind: str, name: str, number: int) -> list[dict[str, Any]]:
        deadline = time.monotonic() + 30
        while True:
            answer = client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
            events.extend(json.loads(each["Body"]) for each in answer.get("Messages", []))
            found = [
                each["detail"]
                for each in events
                if each["detail-type"] == kind and each["detail"]["EndpointName"] == name
            ]
            if len(found) >= number:
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.05)

    yield read
    client("events").remove_targets(Rule=queue, Ids=["it"])
    client("events").delete_rule(Name=queue)


def test_every_transition_is_told(host, client, told):
    """Created, updated, rolled back, deleted: the events have AWS's words for the state, and the variants."""
    alarm = f"alarm-{time.monotonic_ns()}"
    client("cloudwatch").put_metric_alarm(
        AlarmName=alarm,
        MetricName="Mine",
        Namespace="Mine",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    name = host.deploy(host.container(echo("old")))
    old = host.sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
    guarded = {
        **blue_green("CANARY", 600, CanarySize=percent(50)),
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
    }
    new = update(host, name, "new", guarded)
    [baking] = told("SageMaker Endpoint Deployment State Change", name, 1)
    client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="test")
    description = host.settled(name)
    host.sagemaker.delete_endpoint(EndpointName=name)
    host.gone(name)

    details = told("SageMaker Endpoint State Change", name, 5)

    assert [each["EndpointStatus"] for each in details] == [
        "CREATING",
        "IN_SERVICE",
        "UPDATING",
        "IN_SERVICE",
        "DELETING",
    ]
    assert {each["EndpointConfigName"] for each in details} == {old}
    assert alarm in details[3]["FailureReason"] == description["FailureReason"]
    assert "FailureReason" not in details[1]
    variant = details[1]["ProductionVariants"][0]
    assert (variant["VariantName"], variant["DesiredWeight"], variant["DesiredInstanceCount"]) == (
        "v0",
        1.0,
        1,
    )
    assert details[2]["PendingDeploymentSummary"]["EndpointConfigName"] == new
    assert details[0]["CreationTime"] > 1_600_000_000_000  # milliseconds
    assert not [key for each in details for key in each if key.startswith("_")]
    [pending] = baking["PendingDeploymentSummary"]["ProductionVariants"]
    assert pending["VariantStatus"][0]["Status"] == "Baking"


def test_an_endpoint_that_fails_is_told(host, told):
    """CREATING, then FAILED, with the reason."""
    name = host.create(host.configuration(host.model(host.container(echo("x", "import nowhere")))))
    host.settled(name)

    details = told("SageMaker Endpoint State Change", name, 2)

    assert [each["EndpointStatus"] for each in details] == ["CREATING", "FAILED"]
    assert "nowhere" in details[1]["FailureReason"]


def test_a_middle_container_that_fails_is_named_and_ends_the_request(host, client):
    """The one after it is not asked; the next request goes through all three."""
    csv = ECHO.replace('"text/plain"', '"text/csv"')
    middle = csv.replace("return body", "return body if 'boom' not in body else 1 / 0")
    last = csv.replace("return body", "print('asked', body); return body")
    model = host.model(
        host.container(echo("one", csv), ContainerHostname="first"),
        host.container(echo("two", middle), ContainerHostname="second"),
        host.container(echo("three", last), ContainerHostname="third"),
    )
    name = host.create(host.configuration(model))
    host.settled(name)

    with pytest.raises(ClientError) as raised:
        host.ask(name, "boom")
    answer = host.ask(name, "x")

    assert raised.value.response["OriginalStatusCode"] == 500
    assert "from second with message" in raised.value.response["Error"]["Message"]
    assert answer == "three:two:one:x"
    events = client("logs").filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{name}")["events"]
    assert [each["message"] for each in events if "asked" in each["message"]] == ["asked two:one:x"]


def test_the_largest_request_and_one_byte_more(host):
    """6 MB goes through; what is larger is refused before the model sees it, and the connection goes on."""
    name = host.deploy(host.container(echo("x", ECHO.replace("return body", "return len(body)"))))
    most = 6 * 1024 * 1024

    assert host.ask(name, b"a" * most) == f"x:{most}"
    for size in (most + 1, 3 * most):
        with pytest.raises(ClientError, match="less than or equal to 6291456") as raised:
            host.ask(name, b"a" * size)
        assert raised.value.response["Error"]["Code"] == "ValidationError"
    assert host.ask(name, "ab") == "x:2"


def test_ids_and_attributes_go_through_every_container(host):
    """A script sees CustomAttributes' answer go back; odd bytes in a body and an empty body arrive as they are."""
    script = """
from werkzeug.wrappers import Response
def model_fn(folder):
    return None
def transform_fn(model, body, content_type, accept):
    response = Response(repr(body), content_type="text/csv")
    response.headers["X-Amzn-SageMaker-Custom-Attributes"] = "seen=" + content_type
    return response
"""
    name = host.deploy(host.container(archive({"code/inference.py": script}), environment=SCRIPT))

    def ask(body: bytes, **more: Any) -> tuple[str, Any]:
        answer = host.runtime.invoke_endpoint(EndpointName=name, Body=body, **more)
        return answer["Body"].read().decode(), answer.get("CustomAttributes")

    assert ask(bytes(range(256)), ContentType="a/b") == (repr(bytes(range(256))), "seen=a/b")
    assert ask(b"", ContentType="a/b", CustomAttributes="k=v", InferenceId="1") == ("b''", "seen=a/b")


class Server:
    """``python -m local_sagemaker serve`` on a port of its own, to be killed."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = int(one.getsockname()[1])
        self._folder = folder
        self.process = self._start()

    def end(self, how: signal.Signals) -> None:
        """End it, and start another at the same place."""
        self.stop(how)
        self.process = self._start()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        self.process.send_signal(how)
        self.process.communicate(timeout=60)

    def host(self) -> Host:
        session = boto3.Session("local-sagemaker", "not-a-secret", region_name="us-east-1")
        config = Config(retries={"mode": "standard", "total_max_attempts": 20})
        clients: dict[str, Any] = {}

        def client(service: str) -> Any:
            if service not in clients:
                url = f"http://127.0.0.1:{self.port}"
                clients[service] = session.client(service, endpoint_url=url, config=config)
            return clients[service]

        role = "arn:aws:iam::123456789012:role/local-sagemaker-execution"
        return Host(client, "sagemaker-us-east-1-123456789012", role)

    def _start(self) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "local_sagemaker",
                "serve",
                "--folder",
                self._folder,
                "--port",
                str(self.port),
            ],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert b"ready" in process.stdout.readline()
        return process


@pytest.fixture
def server(tmp_path: Path) -> Any:
    made = Server(tmp_path / "state")
    yield made
    made.stop()


def test_the_local_sagemaker_ends_in_the_middle_of_an_update(server):
    """Told to, or killed: a client that retries loses nothing, and the update is done by the next one."""
    host = server.host()
    name = host.deploy(host.container(echo("0")))

    with Load(host, name, threads=2) as load:
        for number, how in enumerate((signal.SIGTERM, signal.SIGKILL), start=1):
            model = host.model(host.container(echo(str(number), SLOW_START)))
            configuration = host.configuration(model)
            host.sagemaker.update_endpoint(
                EndpointName=name,
                EndpointConfigName=configuration,
                DeploymentConfig=blue_green("CANARY", 1, CanarySize=percent(50)),
            )
            load.more(5)
            server.end(how)
            description = host.settled(name)
            load.more(5)
            assert description["EndpointConfigName"] == configuration

    assert not load.failures
    assert {host.ask(name, "x") for _ in range(5)} == {"2:x"}
