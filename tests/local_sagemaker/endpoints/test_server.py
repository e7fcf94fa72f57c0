"""A container that dies, hangs, never answers, or shares the machine with jobs."""

import os
import signal
import time

import pytest
from botocore.exceptions import ClientError

from local_sagemaker import serve
from local_sagemaker.endpoints import variant
from tests.local_sagemaker.endpoints.conftest import ECHO, Host, archive, echo
from tests.local_sagemaker.endpoints.test_api import Load

PID = ECHO.replace('f"{model}:{data}"', "str(os.getpid())")
SUICIDE = ECHO.replace("return body", "return body if body != 'die' else os._exit(3)")


def test_a_killed_container_ends_neither_the_endpoint_nor_a_request(host):
    """Under load, the server process is killed twice; it is started again and every request is answered."""
    name = host.deploy(host.container(echo("x", PID)))
    killed = set()

    with Load(host, name) as load:
        for _ in range(2):
            load.more()
            pid = host.ask(name, "x")
            killed.add(pid)
            os.kill(int(pid), signal.SIGKILL)
            load.until(lambda load: bool(load.failures) or bool(set(load.answers) - killed))

    assert not load.failures
    assert host.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
    assert host.ask(name, "x") not in killed


def test_a_request_that_kills_its_container_is_tried_twice(host):
    """It gets an error then; the next request finds a new container."""
    name = host.deploy(host.container(echo("x", SUICIDE)))

    with pytest.raises(ClientError) as raised:
        host.ask(name, "die")

    assert raised.value.response["Error"]["Code"] == "ModelError"
    assert raised.value.response["OriginalStatusCode"] == 500
    assert host.ask(name, "y") == "x:y"


def test_a_model_that_takes_too_long_is_an_error(host, monkeypatch):
    """SageMaker waits 60 seconds; here one, so that the test need not."""
    monkeypatch.setattr(variant, "INVOCATION_SECONDS", 1.0)
    script = ECHO.replace("return body", "import time; time.sleep(float(body)); return body")
    name = host.deploy(host.container(echo("x", script)))

    with pytest.raises(ClientError, match="Your invocation timed out") as raised:
        host.ask(name, "3")

    assert raised.value.response["OriginalStatusCode"] == 0


def test_a_container_that_never_answers_fails_the_endpoint(host, monkeypatch):
    """After the time it has for its first ping, it is ended and the endpoint has failed."""
    monkeypatch.setattr(variant, "STARTUP_SECONDS", 1.0)
    script = "import time\ntime.sleep(600)\n" + ECHO
    name = host.create(host.configuration(host.model(host.container(echo("x", script)))))

    description = host.settled(name)

    assert description["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in description["FailureReason"]


def test_endpoints_keep_no_cores_from_jobs(host, local):
    """With as many endpoints in service as there are cores and one more, a job still runs."""
    for _ in range(local.settings.cores + 1):
        host.deploy(host.container(echo("x")))
    name = f"job-beside-{host.made[-1]}"

    host.sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=host.role,
        AppSpecification={
            "ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python:1",
            "ContainerEntrypoint": ["python3", "-c", "print('hello')"],
        },
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
    )

    deadline = time.monotonic() + 60
    while (
        status := host.sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"]
    ) == "InProgress":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert status == "Completed"


OWN_SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(text.encode())
    def do_GET(self):
        self.answer("")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        model = open("/opt/ml/model/name").read()
        attributes = self.headers["X-Amzn-SageMaker-Custom-Attributes"]
        self.answer(f"{model} {body} {self.headers['Content-Type']} {attributes}")
http.server.HTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


def test_an_image_of_ones_own_brings_its_server(own_host):
    """What [tool.local_sagemaker.serving] names is run, and asked as SageMaker asks a container."""
    host = own_host(OWN_SERVER)
    name = host.deploy(host.container(archive({"name": "own"}), "registry/my-image:1", {}))

    answer = host.runtime.invoke_endpoint(
        EndpointName=name, Body="b", ContentType="a/b", CustomAttributes="trace=1", InferenceId="7"
    )

    assert answer["Body"].read() == b"own b a/b trace=1"


@pytest.fixture
def own_host(tmp_path):
    """A local SageMaker whose project has a server of its own."""
    import boto3

    stack = []

    def make(server: str) -> Host:
        (tmp_path / "project").mkdir()
        (tmp_path / "project" / "my_server.py").write_text(server)
        serving = {"*/my-image:*": "python3 -m my_server"}
        context = serve(tmp_path / "state", serving=serving, project=tmp_path / "project")
        local = context.__enter__()
        stack.append(context)
        session = boto3.Session("local-sagemaker", "not-a-secret", region_name="us-east-1")
        return Host(
            lambda service: session.client(service, endpoint_url=local.url),
            local.settings.bucket,
            local.settings.role_arn,
        )

    yield make
    for context in stack:
        context.__exit__(None, None, None)
