"""HTTP to a container, however it answers."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from local_sagemaker.endpoints.connection import Connections, NoAnswer, TooSlow

Serve = Callable[[list[bytes]], Connections]


class Server:
    """Answers each request with the next of some bytes, and keeps what it was sent."""

    def __init__(self, answers: list[bytes], *, close: bool) -> None:
        self.asked: list[bytes] = []
        self.connections = 0
        self._answers = list(answers)
        self._close = close
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while self._answers:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            with client:
                while self._answers and (data := self._request(client)):
                    self.asked.append(data)
                    client.sendall(self._answers.pop(0))
                    if self._close:
                        break
                if not self._answers and not self._close:
                    client.recv(1)  # until the other side ends

    def _request(self, client: socket.socket) -> bytes:
        data = b""
        while True:
            piece = client.recv(65536)
            data += piece
            head, end, body = data.partition(b"\r\n\r\n")
            lower = head.lower()
            if not piece:
                return b""
            if end and b"transfer-encoding" in lower and body.endswith(b"0\r\n\r\n"):
                return data
            if end and b"content-length: " in lower:
                length = int(lower.partition(b"content-length: ")[2].split(b"\r\n")[0])
                if len(body) >= length:
                    return data


@pytest.fixture
def served() -> Iterator[Callable[..., tuple[Server, Connections]]]:
    made = []

    def make(*answers: bytes, close: bool = False) -> tuple[Server, Connections]:
        server = Server(list(answers), close=close)
        connections = Connections(server.port)
        made.append((server, connections))
        return server, connections

    yield make
    for server, connections in made:
        connections.close()
        server.stop()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ANSWERS = [
    (OK, 200, b"ok"),
    (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    (b"HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", 200, b""),
    (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
    (
        b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nT: t\r\n\r\n",
        500,
        b"abcd",
    ),
    (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, b"ok"),
]


@pytest.mark.parametrize(("answer", "status", "body"), ANSWERS)
def test_an_answer_is_read_and_the_connection_kept(served, answer, status, body):
    """With a length, in chunks, without a body, after 100 Continue: the next request goes on the same connection."""
    server, connections = served(answer, OK)

    first = connections.send("POST", "/x", body=b"b", headers={"A": "b"}, seconds=5)
    second = connections.send("POST", "/x", body=b"b", headers={}, seconds=5)

    assert (first.status, first.body) == (status, body)
    assert second.body == b"ok"
    assert server.connections == 1
    assert server.asked[0].startswith(b"POST /x HTTP/1.1\r\n")
    assert b"\r\nA: b\r\n" in server.asked[0]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\n\r\nall of it",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nall of it",
        b"HTTP/1.1 200 OK\r\nContent-Type: t\r\n\r\nall of it",
    ],
)
def test_an_answer_that_ends_with_its_connection(served, answer):
    """The next request goes on another one."""
    server, connections = served(answer, answer, close=True)

    bodies = [connections.send("POST", "/", body=b"b", headers={}, seconds=5).body for _ in range(2)]

    assert bodies == [b"all of it"] * 2
    assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1",
        b"hello\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: -x\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: " + b"b" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 70_000 + b"\r\n",
    ],
)
def test_what_is_no_answer(served, answer):
    """Cut short, malformed, endless: NoAnswer, and nothing of it is left for the next request."""
    _, connections = served(answer, OK, close=True)

    with pytest.raises(NoAnswer):
        connections.send("POST", "/", body=b"b", headers={}, seconds=5)
    assert connections.send("POST", "/", body=b"b", headers={}, seconds=5).body == b"ok"


def test_a_kept_connection_that_has_ended_costs_nothing(served):
    """The request is sent again on a new one, body and all, in pieces or whole."""
    server, connections = served(OK, OK, OK, close=True)
    pieces = [b"a" * 70_000, b"", b"b"]

    for body in (b"x" * 200_000, pieces, b""):
        assert connections.send("POST", "/", body=body, headers={}, seconds=5).body == b"ok"

    assert server.asked[0].endswith(b"x" * 200_000)
    assert server.asked[1].endswith(b"\r\n\r\n11170\r\n" + pieces[0] + b"\r\n1\r\nb\r\n0\r\n\r\n")


def test_nobody_there_too_slow_and_a_line_break(served):
    """Three ways of failing, each by its own name."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connections = Connections(silent.getsockname()[1])
        with pytest.raises(TooSlow):
            connections.send("POST", "/", body=b"b", headers={}, seconds=0.1)
    with pytest.raises(NoAnswer):
        connections.send("POST", "/", body=b"b", headers={}, seconds=5)
    _, connections = served(OK)
    with pytest.raises(NoAnswer, match="line break"):
        connections.send("POST", "/", body=b"b", headers={"A": "b\r\nC: d"}, seconds=5)
