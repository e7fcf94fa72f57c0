"""Our own serving image's server, as a process of its own: the contract, its workers' lives and its end."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from containers.serving import inference, server
from pipelines.publish import closure
from tests.conftest import ROOT
from tests.containers.serving.conftest import Trained

PATIENCE = 60.0


@dataclass(frozen=True)
class Served:
    """A server that is up."""

    process: subprocess.Popen[str]
    port: int

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **more: Any
    ) -> tuple[int, str, bytes]:
        """Status, content type and body of one answer, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {}, **more)
            response = connection.getresponse()
            return response.status, response.getheader("Content-Type", ""), response.read()
        finally:
            connection.close()

    def workers(self) -> list[int]:
        """The processes that answer."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(
            encoding="ascii"
        )
        return [int(pid) for pid in children.split()]


def start(folder: Path, port: int, **environment: str) -> subprocess.Popen[str]:
    """The command that SageMaker runs in the image."""
    return subprocess.Popen(
        [sys.executable, "-m", "containers.serving.server", "serve"],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SM_MODEL_DIR": str(folder),
            "SAGEMAKER_BIND_TO_PORT": str(port),
            "SAGEMAKER_MODEL_SERVER_WORKERS": "2",
            **environment,
        },
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[Served]:
    """A server from its first good ping to the end of the block."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    process = start(folder, port, **environment)
    served = Served(process, port)
    try:
        deadline = time.monotonic() + PATIENCE
        while not pings(served):
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield served
    finally:
        process.kill()
        process.communicate()


def pings(served: Served) -> bool:
    try:
        return served.ask("GET", "/ping")[0] == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def served(trained: Trained) -> Iterator[Served]:
    """One server for all tests that only ask it."""
    with serving(trained.folder) as up:
        yield up


@pytest.fixture(scope="module")
def body(trained: Trained) -> bytes:
    """Fifty raw rows."""
    return trained.holdout.head(50).to_csv(index=False).encode()


def test_the_contract_of_a_serving_container_is_kept(served: Served) -> None:
    """Pings and execution parameters are answered; other paths and methods are not there."""
    assert served.ask("GET", "/ping")[0] == 200
    status, kind, text = served.ask("GET", "/execution-parameters")
    assert (status, kind.partition(";")[0]) == (200, "application/json")
    assert json.loads(text)["MaxConcurrentTransforms"] == 2
    assert served.ask("GET", "/invocations")[0] == 405
    assert served.ask("POST", "/elsewhere", b"")[0] == 404


def test_answers_are_the_four_functions(served: Served, trained: Trained, body: bytes) -> None:
    """The body and its type are what inference.py returns; CSV where the request asks for it."""
    predictor = inference.model_fn(str(trained.folder))
    for accept in ("application/json", "text/csv", "application/jsonlines"):
        asked = inference.input_fn(body, "text/csv")
        text, kind = inference.output_fn(inference.predict_fn(asked, predictor), accept)
        found = served.ask("POST", "/invocations", body, {"Content-Type": "text/csv", "Accept": accept})
        assert found == (200, kind, text.encode())


def test_a_chunked_body_is_a_body(served: Served, body: bytes) -> None:
    """A request without a length gives what one with a length gives."""
    headers = {"Content-Type": "text/csv"}
    halves = [body[: len(body) // 2], body[len(body) // 2 :]]
    chunked = served.ask("POST", "/invocations", iter(halves), headers, encode_chunked=True)
    assert chunked == served.ask("POST", "/invocations", body, headers)


def test_what_is_refused_has_a_status_and_a_sentence(served: Served) -> None:
    """Refusals come through as JSON with their status."""
    status, kind, text = served.ask("POST", "/invocations", b"x", {"Content-Type": "image/png"})
    assert (status, kind) == (415, "application/json")
    assert "image/png" in json.loads(text)["message"]


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
    ids=["nonsense", "length", "smuggled", "long"],
)
def test_what_is_no_http_is_a_400(served: Served, request_: bytes) -> None:
    """A request that is malformed or could be read in two ways is refused, and the next client is served."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as client:
        client.sendall(request_)
        assert client.recv(4096).split(b"\r\n", 1)[0].split(b" ")[1] == b"400"
    assert pings(served)


def test_kept_connections_are_shared_out(served: Served) -> None:
    """Eight connections that are opened at once and kept are held by both workers, four by each or nearly so."""
    before = {worker: sockets(worker) for worker in served.workers()}
    clients = [socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) for _ in range(8)]
    try:
        for client in clients:
            client.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        for client in clients:
            assert b"200 OK" in client.recv(4096)
        held = [sockets(worker) - before[worker] for worker in served.workers()]
    finally:
        for client in clients:
            client.close()
    assert min(held) >= 2


def sockets(pid: int) -> int:
    """How many a process has open."""
    return sum(each.readlink().name.startswith("socket:") for each in Path(f"/proc/{pid}/fd").iterdir())


def test_a_worker_that_dies_is_replaced(served: Served, body: bytes) -> None:
    """A killed worker loses nothing but what it was at; another takes its place."""
    before = served.workers()
    os.kill(before[0], signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while len(served.workers()) < 2 or before[0] in served.workers():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert served.ask("POST", "/invocations", body, {"Content-Type": "text/csv"})[0] == 200


def test_sigterm_answers_what_is_under_way(trained: Trained) -> None:
    """Requests that were begun are answered whole, idle connections do not hold it up, and it ends with status 0."""
    body = trained.holdout.to_csv(index=False).encode() * 1
    lines = body.split(b"\n", 1)
    body = lines[0] + b"\n" + lines[1] * 20
    headers = {"Content-Type": "text/csv"}
    with serving(trained.folder) as up, ThreadPoolExecutor(4) as pool:
        idle = socket.create_connection(("127.0.0.1", up.port))
        with idle:
            idle.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in idle.recv(4096)
            asked = [pool.submit(up.ask, "POST", "/invocations", body, headers) for _ in range(4)]
            while not busy(up):
                time.sleep(0.001)
            up.process.terminate()
            answers = [each.result() for each in asked if each.exception() is None]
            assert answers, "not one request had begun"
            assert {status for status, _, _ in answers} == {200}
            assert len({text for _, _, text in answers}) == 1
            assert len(json.loads(answers[0][2])["predictions"]) == len(trained.holdout) * 20
            assert up.process.wait(PATIENCE) == 0


def busy(served: Served) -> bool:
    """Whether a worker has used the processor since it was started for more than a moment."""
    ticks = 0
    for pid in served.workers():
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks += int(fields[11])
    return ticks > 10


CANNOT = [
    ({"SM_MODEL_DIR": "/nowhere"}, r"cannot serve: /nowhere holds no model\.ubj"),
    ({"SAGEMAKER_MODEL_SERVER_WORKERS": "none"}, "SAGEMAKER_MODEL_SERVER_WORKERS must be a number from 1 on"),
    ({"SAGEMAKER_BIND_TO_PORT": "0"}, "SAGEMAKER_BIND_TO_PORT must be a number from 1 on"),
    ({"DECISION_THRESHOLD": "2"}, "DECISION_THRESHOLD must be a probability"),
]


@pytest.mark.parametrize(("environment", "message"), CANNOT)
def test_what_cannot_be_served_is_one_sentence(
    trained: Trained,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    message: str,
) -> None:
    """A container that cannot start says why, without a traceback, and ends with status 1."""
    monkeypatch.setenv("SM_MODEL_DIR", str(trained.folder))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert server.main(["serve"]) == 1
    assert re.search(message, capsys.readouterr().err)


def test_the_image_holds_every_module_that_is_imported() -> None:
    """What the Dockerfile copies is what the server imports of ours."""
    text = (ROOT / "containers/serving/Dockerfile").read_text(encoding="utf-8")
    copied = [
        word
        for line in re.findall(r"^COPY (containers/.*) /opt", text, re.MULTILINE)
        for word in line.split()
    ]
    imported = closure("containers/serving/server.py")
    missing = [name for name in imported if not any(name == each or name.startswith(each) for each in copied)]
    assert not missing
    assert all((ROOT / each).exists() for each in copied)
