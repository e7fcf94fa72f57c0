"""Multi-model endpoints: loaded on demand, kept, unloaded for others; each model's crash is its own."""

import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_sagemaker import serve
from local_sagemaker.endpoints import variant
from tests.local_sagemaker.endpoints.conftest import ECHO, SCRIPT, SKLEARN, XGBOOST, Host, archive, echo

# Says which process answers, as of which loading, and does what it is told.
WHO = """
import os, time
def model_fn(folder):
    name = open(os.path.join(folder, "name")).read()
    if name == "broken":
        raise ValueError("this model is broken")
    if name == "slow":
        time.sleep(1)
    return name
def transform_fn(model, body, content_type, accept):
    if body == "die":
        os._exit(3)
    if body == "wait":
        time.sleep(1)
    return f"{model} {os.getpid()}", "text/plain"
"""
# A container of one's own, by AWS's contract; it has room for two models.
OWN = """
import json, os, pathlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

models = {}

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, status, text=""):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))
    def log_message(self, *_):
        pass
    def do_GET(self):
        if self.path == "/ping":
            return self.answer(200)
        known = [{"modelName": name, "modelUrl": url} for name, (url, _) in models.items()]
        self.answer(200, json.dumps({"models": known}))
    def do_DELETE(self):
        self.body()
        found = models.pop(self.path.split("/")[2], None)
        self.answer(200 if found else 404)
    def do_POST(self):
        body = self.body()
        if self.path == "/models":
            asked = json.loads(body)
            if asked["model_name"] in models:
                return self.answer(409)
            if len(models) == 2:
                return self.answer(507)
            text = (pathlib.Path(asked["url"]) / "name").read_text()
            if text == "broken":
                return self.answer(500, "this model is broken")
            models[asked["model_name"]] = asked["url"], text
            return self.answer(200)
        found = models.get(self.path.split("/")[2])
        if found is None:
            return self.answer(404, "not loaded")
        if body == b"die":
            os._exit(3)
        if body == b"not found":
            return self.answer(404, "the model says so")
        target = self.headers["X-Amzn-SageMaker-Target-Model"]
        multi = os.environ["SAGEMAKER_MULTI_MODEL"]
        self.answer(200, f"{found[1]} {os.getpid()} {target} {multi} {sorted(text for _, text in models.values())}")

ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""
CLIENTS = ("s3", "sagemaker", "sagemaker-runtime")
OWN_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Callable[[str], Any]]]:
    """A local SageMaker with room for two models in a container, and an image of one's own."""
    folder = tmp_path_factory.mktemp("multi-model")
    (folder / "own.py").write_text(OWN)
    serving = {OWN_IMAGE: f"{sys.executable} -m own"}
    with serve(folder / "state", loaded_models=2, serving=serving, project=folder) as local:
        session = boto3.Session("local-sagemaker", "not-a-secret", region_name="us-east-1")
        config = Config(retries={"total_max_attempts": 1})
        clients: dict[str, Any] = {}

        def client(service: str) -> Any:
            if service not in clients:
                clients[service] = session.client(service, endpoint_url=local.url, config=config)
            return clients[service]

        yield local, client


@pytest.fixture
def host(shared: tuple[Any, Callable[[str], Any]]) -> Host:
    local, client = shared
    return Host(client, local.settings.bucket, local.settings.role_arn)


class Many:
    """A multi-model endpoint with models of some names."""

    def __init__(self, host: Host, names: str, image: str = SKLEARN, script: str = WHO, **more: Any) -> None:
        self.host = host
        self.prefix = f"many/{uuid.uuid4().hex}"
        for name in names.split():
            self.put(name, script)
        environment = {} if image == OWN_IMAGE else SCRIPT
        container = {
            "Image": image,
            "Mode": "MultiModel",
            "ModelDataUrl": f"s3://{host.bucket}/{self.prefix}/",
            "Environment": environment,
            **more,
        }
        self.endpoint = host.deploy(container)

    def put(self, name: str, script: str = WHO, *, key: str | None = None) -> None:
        path = f"{self.prefix}/{key or f'{name}.tar.gz'}"
        self.host.client("s3").put_object(Bucket=self.host.bucket, Key=path, Body=echo(name, script))

    def ask(self, name: str, body: str = "x") -> list[str]:
        """What the model says: its name, its process, …"""
        return self.host.ask(self.endpoint, body, TargetModel=f"{name}.tar.gz").split(maxsplit=4)

    def refused(self, name: str, body: str = "x") -> Any:
        with pytest.raises(ClientError) as raised:
            self.ask(name, body)
        return raised.value.response


def test_models_are_loaded_when_they_are_asked_for_and_kept(host):
    """Each has a process of its own, and the second request finds it there."""
    many = Many(host, "a b")

    first, second, other = many.ask("a"), many.ask("a"), many.ask("b")

    assert first == second
    assert (first[0], other[0]) == ("a", "b")
    assert first[1] != other[1]


def test_who_was_asked_least_recently_makes_room(host):
    """With room for two, the third unloads the one that nobody has asked for longest; it is loaded again later."""
    many = Many(host, "a b c")
    a, b = many.ask("a"), many.ask("b")
    many.ask("a")

    c = many.ask("c")

    assert many.ask("a") == a
    assert not Path(f"/proc/{b[1]}").exists()
    again = many.ask("b")
    assert again[0] == "b"
    assert again[1] not in (a[1], b[1], c[1])


def test_an_unpacked_model_is_read_from_disk(host):
    """What was unloaded is loaded again though its archive has changed in S3, as on AWS."""
    many = Many(host, "a b c")
    many.ask("a")
    many.put("changed", key="a.tar.gz")
    for name in ("b", "c"):
        many.ask(name)

    assert many.ask("a")[0] == "a"


def test_models_may_lie_in_folders_and_come_later(host):
    """TargetModel is a path below the prefix; a model that is uploaded now can be asked now."""
    many = Many(host, "")
    many.put("late", key="eu/west/late.tar.gz")

    assert many.ask("eu/west/late")[0] == "late"


def test_a_model_that_is_not_there(host):
    """The error is AWS's; it is looked for again the next time."""
    many = Many(host, "a")

    error = many.refused("none")["Error"]
    many.put("none")

    assert error["Code"] == "ValidationError"
    assert (
        f"Failed to download model data(bucket: {host.bucket}, key: {many.prefix}/none.tar.gz)"
        in error["Message"]
    )
    assert many.ask("none")[0] == "none"


def test_odd_targets_reach_nothing_else(host):
    """A path that climbs, and an archive that is none, are errors of the client's; the endpoint goes on."""
    many = Many(host, "a")
    host.client("s3").put_object(Bucket=host.bucket, Key=f"{many.prefix}/text.tar.gz", Body=b"no archive")

    for target in ("../../x", "text", "%2e%2e/x", "ä ö"):
        assert many.refused(target)["Error"]["Code"] == "ValidationError"
    assert many.ask("a")[0] == "a"


def test_a_target_is_for_multi_model_endpoints_and_they_need_one(host):
    """Either way the message says which is missing."""
    many, single = Many(host, "a"), host.deploy(host.container(echo("one")))

    with pytest.raises(
        ClientError, match="is not a multi-model endpoint and does not support target model header"
    ):
        host.ask(single, "x", TargetModel="a.tar.gz")
    with pytest.raises(ClientError, match="is a multi-model endpoint"):
        host.ask(many.endpoint, "x")


@pytest.mark.parametrize("image", [SKLEARN, OWN_IMAGE])
def test_a_model_that_cannot_be_loaded_is_an_error_of_its_own(host, image):
    """The message says why, the others answer, and it is tried again the next time."""
    many = Many(host, "a broken", image)

    for _ in range(2):
        error = many.refused("broken")
        assert error["Error"]["Code"] == "ModelError"
        assert error["OriginalStatusCode"] == 500
        assert "this model is broken" in error["OriginalMessage"]
        assert many.ask("a")[0] == "a"


def test_a_model_that_crashes_takes_no_other_with_it(host):
    """It is started again; the other's process is the same as before."""
    many = Many(host, "a b")
    a, b = many.ask("a"), many.ask("b")

    assert many.refused("a", "die")["Error"]["Code"] == "ModelError"
    os.kill(int(many.ask("a")[1]), signal.SIGKILL)

    assert many.ask("b") == b
    assert many.ask("a")[0] == "a"
    assert many.ask("a")[1] != a[1]


def test_many_clients_at_once(host):
    """Four models in room for two, asked by eight clients: every answer is the right model's."""
    many = Many(host, "a b c d")

    with ThreadPoolExecutor(8) as pool:
        asked = [name for name in "abcd" for _ in range(10)]
        answers = list(pool.map(lambda name: many.ask(name)[0], asked))

    assert answers == asked


def test_what_is_asked_is_not_unloaded(host):
    """Two models at work and a third to be loaded: it waits until one of them has answered."""
    many = Many(host, "a b c")

    with ThreadPoolExecutor(3) as pool:
        at_work = [pool.submit(many.ask, name, "wait") for name in "ab"]
        time.sleep(0.2)
        third = pool.submit(many.ask, "c")
        assert [each.result()[0] for each in at_work] == ["a", "b"]
        assert third.result()[0] == "c"


def test_a_model_that_is_not_ready_in_time(host, monkeypatch):
    """The client is told so while loading goes on, and finds it loaded when it tries again."""
    many = Many(host, "slow")
    with monkeypatch.context() as patched:
        patched.setattr(variant, "INVOCATION_SECONDS", 0.2)
        with pytest.raises(host.runtime.exceptions.ModelNotReadyException):
            many.ask("slow")

    assert many.ask("slow")[0] == "slow"


def test_an_instance_that_has_the_model_is_asked(tmp_path):
    """Of two instances the one where it is loaded, while that has time: it is loaded once."""
    with serve(tmp_path, cores=2) as local:
        session = boto3.Session("local-sagemaker", "not-a-secret", region_name="us-east-1")
        clients = {name: session.client(name, endpoint_url=local.url) for name in CLIENTS}
        host = Host(clients.__getitem__, local.settings.bucket, local.settings.role_arn)
        many = Many(host, "a")
        host.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=many.endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": "v0", "DesiredInstanceCount": 2}],
        )
        host.settled(many.endpoint)

        assert len({many.ask("a")[1] for _ in range(5)}) == 1


def test_models_need_not_be_kept(host):
    """With ModelCacheSetting Disabled a model is unloaded when it has answered."""
    many = Many(host, "a", MultiModelConfig={"ModelCacheSetting": "Disabled"})

    first, second = many.ask("a"), many.ask("a")

    assert first[1] != second[1]
    deadline = time.monotonic() + 30
    while Path(f"/proc/{second[1]}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_xgboost_without_a_script(host, booster):
    """The image's algorithm mode: each archive is a model file."""
    prefix = f"many/{uuid.uuid4().hex}"
    data = archive({"xgboost-model": bytes(booster.save_raw("ubj"))})
    host.client("s3").put_object(Bucket=host.bucket, Key=f"{prefix}/m.tar.gz", Body=data)
    url = f"s3://{host.bucket}/{prefix}"
    name = host.deploy({"Image": XGBOOST, "Mode": "MultiModel", "ModelDataUrl": url})

    assert 0 < float(host.ask(name, "1,2,3", TargetModel="m.tar.gz")) < 1


def test_a_container_of_ones_own_speaks_the_contract(host):
    """Told to load, to unload when it says 507, and to load again what it has lost; it sees the client's target."""
    many = Many(host, "a b c", OWN_IMAGE)
    first = many.ask("a")
    many.ask("b")
    third = many.ask("c")

    assert first[0::2] == ["a", "a.tar.gz", "['a']"]
    assert first[3] == "true"
    assert third[4] == "['b', 'c']"
    assert many.refused("b", "not found")["OriginalStatusCode"] == 404
    assert many.refused("b", "die")["Error"]["Code"] == "ModelError"
    after = many.ask("c")
    assert after[0] == "c"
    assert after[1] != third[1]


def test_cloudwatch_knows_what_was_loaded(host):
    """Hits and misses, loads and their times."""
    many = Many(host, "a b")
    for name in "aaab":
        many.ask(name)
    now = datetime.now(UTC)

    def sums(metric: str) -> tuple[float, float]:
        [point] = host.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=[{"Name": "EndpointName", "Value": many.endpoint}],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=1),
            Period=600,
            Statistics=["Sum", "SampleCount"],
        )["Datapoints"]
        return point["Sum"], point["SampleCount"]

    assert sums("ModelCacheHit") == (2, 4)
    assert sums("LoadedModelCount") == (3, 2)
    assert sums("ModelDownloadingTime")[1] == sums("ModelLoadingTime")[1] == 2


def test_a_multi_model_container_may_be_one_of_several(host):
    """In a serial pipeline the target is that container's; the one before it prepares what it is asked."""
    prefix = f"many/{uuid.uuid4().hex}"
    host.client("s3").put_object(Bucket=host.bucket, Key=f"{prefix}/m.tar.gz", Body=echo("many"))
    many = {"Image": SKLEARN, "Mode": "MultiModel", "ModelDataUrl": f"s3://{host.bucket}/{prefix}/"}
    first = host.container(echo("first", ECHO.replace('"text/plain"', '"text/csv"')))
    model = host.model(first, {**many, "Environment": SCRIPT})
    name = host.create(host.configuration(model))
    assert host.settled(name)["EndpointStatus"] == "InService"

    assert host.ask(name, "x", TargetModel="m.tar.gz") == "many:first:x"


def test_deleting_ends_every_model(host):
    """Their processes are gone with the endpoint."""
    many = Many(host, "a b")
    processes = [many.ask(name)[1] for name in "ab"]

    host.sagemaker.delete_endpoint(EndpointName=many.endpoint)
    host.gone(many.endpoint)

    assert not [each for each in processes if Path(f"/proc/{each}").exists()]
