"""Several instances of a variant: as many processes, of which the least busy one is asked."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local_sagemaker import serve
from tests.local_sagemaker.endpoints.conftest import ECHO, Host, echo
from tests.local_sagemaker.endpoints.test_api import Load

PID = ECHO.replace('f"{model}:{data}"', "str(os.getpid())").replace(
    "return body", "import time; time.sleep(float(body) if body != 'x' else 0); return body"
)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A local SageMaker that says it has three cores."""
    with serve(tmp_path_factory.mktemp("variant"), cores=3) as local:
        session = boto3.Session("local-sagemaker", "not-a-secret", region_name="us-east-1")
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=20)
        clients: dict[str, Any] = {}

        def client(service: str) -> Any:
            if service not in clients:
                clients[service] = session.client(service, endpoint_url=local.url, config=config)
            return clients[service]

        yield Host(client, local.settings.bucket, local.settings.role_arn)


def deployed(host: Host, instances: int, script: str = PID) -> str:
    model = host.model(host.container(echo("m", script)))
    configuration = f"c-{model}"
    variant = {
        "VariantName": "v0",
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": instances,
    }
    host.sagemaker.create_endpoint_config(EndpointConfigName=configuration, ProductionVariants=[variant])
    name = host.create(configuration)
    assert host.settled(name)["EndpointStatus"] == "InService"
    return name


def scale(host: Host, name: str, instances: int) -> dict[str, Any]:
    host.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name,
        DesiredWeightsAndCapacities=[{"VariantName": "v0", "DesiredInstanceCount": instances}],
    )
    during: dict[str, Any] = host.sagemaker.describe_endpoint(EndpointName=name)
    return during


def answering(host: Host, name: str, at_once: int = 6) -> set[str]:
    """The processes that answer so many requests at a time."""
    with ThreadPoolExecutor(at_once) as pool:
        return set(pool.map(lambda _: host.ask(name, "0.3"), range(at_once)))


def counts(description: dict[str, Any]) -> tuple[int, int]:
    [variant] = description["ProductionVariants"]
    return variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]


def test_each_instance_is_a_process_and_no_more_than_cores(host):
    """Two instances are two processes at work at a time; of ten there are three here."""
    two, ten = deployed(host, 2), deployed(host, 10)

    assert len(answering(host, two)) == 2
    assert len(answering(host, ten)) == 3
    assert counts(host.settled(ten)) == (10, 10)


def test_the_least_busy_one_is_asked(host):
    """While one instance works on a long request, the other answers all short ones."""
    name = deployed(host, 2)

    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(host.ask, name, "2")
        time.sleep(0.3)
        short = {host.ask(name, "0") for _ in range(10)}
        assert len(short) == 1
        assert short != {long.result()}


def test_scaling_loses_no_request(host):
    """Out to three and in to one under load; meanwhile the endpoint is Updating and says what it wants."""
    name = deployed(host, 1, "import time\ntime.sleep(1)\n" + PID)

    with Load(host, name) as load:
        load.more()
        during = scale(host, name, 3)
        after = host.settled(name)
        load.more()
        three = answering(host, name)
        scale(host, name, 1)
        host.settled(name)
        load.more()

    assert not load.failures
    assert during["EndpointStatus"] == "Updating"
    assert (counts(during), counts(after)) == ((1, 3), (3, 3))
    assert len(three) == 3
    one = answering(host, name)
    assert len(one) == 1
    assert not [each for each in three - one if Path(f"/proc/{each}").exists()]


def test_scaling_that_fails_changes_nothing(host):
    """A model that loads only once: the endpoint stays in service with one instance and says why."""
    once = PID.replace(
        "def model_fn(folder):",
        "def model_fn(folder):\n    open(os.environ['MARKER'], 'x').close()",
    )
    container = host.container(echo("m", once))
    container["Environment"]["MARKER"] = "/dev/shm/" + container["ModelDataUrl"].split("/")[-2]
    name = host.create(host.configuration(host.model(container)))
    try:
        assert host.settled(name)["EndpointStatus"] == "InService"

        scale(host, name, 2)
        description = host.settled(name)
    finally:
        Path(container["Environment"]["MARKER"]).unlink()

    assert description["EndpointStatus"] == "InService"
    assert "FileExistsError" in description["FailureReason"]
    assert counts(description) == (1, 1)
    assert host.ask(name, "x")


def test_scaling_that_fails_for_one_variant_leaves_the_other_as_it_was(host):
    """Two variants are scaled out at once; the second does not start, and neither has more processes afterwards."""
    once = PID.replace(
        "def model_fn(folder):", "def model_fn(folder):\n    open(os.environ['MARKER'], 'x').close()"
    )
    container = host.container(echo("m", once))
    container["Environment"]["MARKER"] = "/dev/shm/" + container["ModelDataUrl"].split("/")[-2]
    name = host.deploy(host.container(echo("m", PID)), container, weights=(1.0, 0.0))
    try:
        host.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name,
            DesiredWeightsAndCapacities=[
                {"VariantName": variant, "DesiredInstanceCount": 2} for variant in ("v0", "v1")
            ],
        )
        description = host.settled(name)
    finally:
        Path(container["Environment"]["MARKER"]).unlink()

    assert "FileExistsError" in description["FailureReason"]
    assert [each["CurrentInstanceCount"] for each in description["ProductionVariants"]] == [1, 1]
    assert len(answering(host, name)) == 1


def test_an_update_and_a_change_of_capacity_exclude_each_other(host):
    """While an endpoint is being scaled it cannot be updated, and the other way round."""
    name = deployed(host, 1, "import time\ntime.sleep(1)\n" + PID)
    scale(host, name, 2)

    with pytest.raises(host.sagemaker.exceptions.ClientError, match="Cannot update in-progress endpoint"):
        scale(host, name, 3)
    assert counts(host.settled(name)) == (2, 2)


def test_after_a_restart_there_are_as_many(tmp_path):
    """An endpoint whose scaling was cut short by the end of the local SageMaker has its instances afterwards."""

    def connected(local: Any) -> Host:
        session = boto3.Session("local-sagemaker", "not-a-secret", region_name="us-east-1")
        clients: dict[str, Any] = {}
        make: Callable[[str], Any] = lambda service: clients.setdefault(  # noqa: E731
            service, session.client(service, endpoint_url=local.url)
        )
        return Host(make, local.settings.bucket, local.settings.role_arn)

    with serve(tmp_path / "state", cores=2) as local:
        host = connected(local)
        name = deployed(host, 1, "import time\ntime.sleep(1)\n" + PID)
        scale(host, name, 2)
    with serve(tmp_path / "state", cores=2) as local:
        host = connected(local)
        assert counts(host.settled(name)) == (2, 2)
        assert len(answering(host, name)) == 2
