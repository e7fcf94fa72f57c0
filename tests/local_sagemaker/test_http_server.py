import http.client
import io
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from local_sagemaker.http_server import HttpServer

App = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]


def echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with the body that it got."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Path", environ["PATH_INFO"])])
    return [environ["wsgi.input"].read()]


@pytest.fixture
def serve() -> Iterator[Callable[[App], HttpServer]]:
    servers: list[HttpServer] = []

    def serve(app: App) -> HttpServer:
        servers.append(HttpServer(app))
        servers[-1].start()
        return servers[-1]

    yield serve
    for server in servers:
        server.stop()


class Raw:
    """A connection on which a test writes and reads bytes as it likes."""

    def __init__(self, server: HttpServer) -> None:
        self._socket = socket.create_connection((server.host, server.port), timeout=10)
        self._stream = self._socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def head(self) -> tuple[int, dict[str, str]]:
        """Status and headers of the next answer."""
        status = int(self._stream.readline().split()[1])
        headers = http.client.parse_headers(self._stream)
        return status, {name.lower(): value for name, value in headers.items()}

    def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer, which has a length."""
        status, headers = self.head()
        return status, self._stream.read(int(headers["content-length"]))

    def rest(self) -> bytes:
        """Everything until the server closes."""
        return self._stream.read()

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


@pytest.fixture
def connect() -> Iterator[Callable[[HttpServer], Raw]]:
    connections: list[Raw] = []

    def connect(server: HttpServer) -> Raw:
        connections.append(Raw(server))
        return connections[-1]

    yield connect
    for connection in connections:
        connection.close()


def test_many_requests_share_a_connection(serve: Any) -> None:
    """A connection is kept, also after bodies that the application did not read."""
    server = serve(lambda environ, start: start("204 No Content", []) and [])
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    connection.connect()
    kept = connection.sock
    for method, body in [("PUT", b"x" * 300_000), ("GET", None), ("POST", iter([b"a", b"b"])), ("GET", None)]:
        connection.request(method, "/", body)
        response = connection.getresponse()

        assert (response.status, response.read()) == (204, b"")
    assert connection.sock is kept
    connection.close()


def test_requests_may_be_sent_ahead(serve: Any, connect: Any) -> None:
    """Requests that arrive together are answered in their order, and none is lost in a buffer."""
    raw = connect(serve(echo))
    raw.send(
        b"PUT /1 HTTP/1.1\r\nContent-Length: 3\r\n\r\none\r\nPUT /2 HTTP/1.1\r\nContent-Length: 3\r\n\r\ntwo"
    )

    assert [raw.answer(), raw.answer()] == [(200, b"one"), (200, b"two")]


def test_chunked_bodies_in_any_pieces(serve: Any, connect: Any) -> None:
    """A chunked body is decoded whatever the packets, with extensions and trailers, and the connection goes on."""
    raw = connect(serve(echo))
    encoded = b"4;x=y\r\nabcd\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
    raw.send(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    for position in range(len(encoded)):
        raw.send(encoded[position : position + 1])

    assert raw.answer() == (200, b"abcd0123456789")
    raw.send(b"GET / HTTP/1.1\r\n\r\n")
    assert raw.answer() == (200, b"")


def test_a_client_is_told_to_continue_when_its_body_is_wanted(serve: Any, connect: Any) -> None:
    """100 Continue comes when the application begins to read."""
    raw = connect(serve(echo))
    raw.send(b"PUT / HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")

    assert raw.head() == (100, {})
    raw.send(b"body")
    assert raw.answer() == (200, b"body")


def test_a_client_is_not_told_to_continue_in_vain(serve: Any, connect: Any) -> None:
    """An application that answers at once gets no body; the connection ends, since nobody knows what follows."""
    raw = connect(serve(lambda environ, start: start("403 Forbidden", [("Content-Length", "0")]) and []))
    raw.send(b"PUT / HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    status, headers = raw.head()

    assert (status, headers["connection"], raw.rest()) == (403, "close", b"")


def test_answers_of_unknown_length_are_chunked(serve: Any, connect: Any) -> None:
    """What an application yields without a length goes out in chunks, or, to HTTP/1.0, until the end."""

    def stream(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        yield b"one"
        yield b""
        yield b"three"

    server = serve(stream)
    new, old = connect(server), connect(server)
    new.send(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    old.send(b"GET / HTTP/1.0\r\n\r\n")

    assert new.head()[1]["transfer-encoding"] == "chunked"
    assert new.rest() == b"3\r\none\r\n5\r\nthree\r\n0\r\n\r\n"
    assert "transfer-encoding" not in old.head()[1]
    assert old.rest() == b"onethree"


def test_answers_arrive_as_they_are_made(serve: Any, connect: Any) -> None:
    """Each piece is sent when the application gives it, not at the end."""
    go_on = threading.Event()

    def stream(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "2")])
        yield b"1"
        go_on.wait(10)
        yield b"2"

    raw = connect(serve(stream))
    raw.send(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    raw.head()
    first = raw._stream.read(1)
    go_on.set()

    assert (first, raw.rest()) == (b"1", b"2")


def test_head_has_no_body(serve: Any, connect: Any) -> None:
    """HEAD is answered with the head that GET has, and the connection goes on."""
    raw = connect(serve(lambda environ, start: start("200 OK", []) and [b"body"]))
    raw.send(b"HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")

    assert raw.head()[1]["content-length"] == "4"
    assert raw.answer() == (200, b"body")


def test_files_are_sent_from_where_they_stand(serve: Any, tmp_path: Path) -> None:
    """A wrapped file is sent from its position for as long as Content-Length says, and closed."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789" * 100_000)
    opened: list[io.BufferedReader] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        file = path.open("rb")
        opened.append(file)
        file.seek(5)
        start_response("200 OK", [("Content-Length", "500000")])
        return environ["wsgi.file_wrapper"](file)  # type: ignore[no-any-return]

    server = serve(app)
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    for _ in range(2):
        connection.request("GET", "/")
        assert connection.getresponse().read() == path.read_bytes()[5:500_005]
    connection.close()
    assert all(file.closed for file in opened)


def fail(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    raise ConnectionError("some other server did not answer")


def fail_late(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "10")])
    yield b"half"
    raise ValueError


def test_an_application_that_fails(serve: Any, connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A failure before the answer is a 500 that tells nothing of the inside; the connection goes on."""
    raw = connect(serve(fail))
    raw.send(b"GET /x HTTP/1.1\r\n\r\n")
    status, body = raw.answer()
    raw.send(b"GET /x HTTP/1.1\r\n\r\n")

    assert (status, body) == raw.answer() == (500, b"Internal Server Error: the server's log says why\n")
    assert caplog.records[0].getMessage() == "GET /x"


@pytest.mark.parametrize(
    "app", [fail_late, lambda environ, start: start("200 OK", [("Content-Length", "10")]) and [b"half"]]
)
def test_an_answer_that_breaks_off_is_seen_to_do_so(serve: Any, connect: Any, app: App) -> None:
    """An answer shorter than it promised ends the connection, so that nobody takes it for whole."""
    raw = connect(serve(app))
    raw.send(b"GET / HTTP/1.1\r\n\r\n")
    raw.head()

    assert raw.rest() == b"half"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000, 431),
        (b"GET /" + b"x" * 70_000, 400),
    ],
)
def test_what_is_not_http_is_refused(serve: Any, connect: Any, request_: bytes, status: int) -> None:
    """A malformed request gets a status that says so and the end of its connection; the server goes on."""
    server = serve(echo)
    raw = connect(server)
    raw.send(request_)

    assert raw.head()[0] == status
    other = connect(server)
    other.send(b"GET / HTTP/1.1\r\n\r\n")
    assert other.answer() == (200, b"")


def test_a_body_that_never_comes_does_not_reach_the_end(serve: Any, connect: Any) -> None:
    """A client that leaves in the middle of its body: the application's reading fails, and nobody is answered."""
    outcome: list[BaseException] = []
    left = threading.Event()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return echo(environ, start_response)
        except Exception as error:
            outcome.append(error)
            raise
        finally:
            left.set()

    raw = connect(serve(app))
    raw.send(b"PUT / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
    raw.close()

    assert left.wait(10)
    assert "96 bytes of the body unsent" in str(outcome[0])


@pytest.mark.parametrize(
    ("target", "path", "raw"),
    [
        ("/a%2Fb/%C3%A4?x=1", "/a/b/Ã¤", "/a%2Fb/%C3%A4?x=1"),  # PEP 3333: bytes as Latin-1
        ("http://host/a?x=1", "/a", "/a?x=1"),
        ("/", "/", "/"),
    ],
)
def test_what_the_application_is_told(serve: Any, connect: Any, target: str, path: str, raw: str) -> None:
    """The environ has the path decoded and as it was sent, the query, and the headers."""
    seen: dict[str, Any] = {}
    connection = connect(serve(lambda environ, start: seen.update(environ) or (start("200 OK", []) and [])))
    connection.send(
        f"GET {target} HTTP/1.1\r\nX-Twice: 1\r\nX-Twice: 2\r\nContent-Type: a/b\r\n\r\n".encode()
    )
    connection.answer()

    assert (seen["PATH_INFO"], seen["RAW_URI"]) == (path, raw)
    assert (seen["HTTP_X_TWICE"], seen["CONTENT_TYPE"]) == ("1,2", "a/b")
    assert "HTTP_CONTENT_TYPE" not in seen


def test_clients_do_not_wait_for_each_other(serve: Any) -> None:
    """As many requests as there are clients run at the same time."""
    all_there = threading.Barrier(20)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        all_there.wait(10)
        return echo(environ, start_response)

    server = serve(app)
    statuses: list[int] = []

    def ask() -> None:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
        connection.request("GET", "/")
        statuses.append(connection.getresponse().status)
        connection.close()

    clients = [threading.Thread(target=ask) for _ in range(20)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()

    assert statuses == [200] * 20


def test_stopping_waits_for_requests_under_way(serve: Any, connect: Any) -> None:
    """A request that is being answered when the server stops is answered; idle connections just end."""
    begun, go_on = threading.Event(), threading.Event()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        begun.set()
        go_on.wait(10)
        return echo(environ, start_response)

    server = serve(app)
    idle, busy = connect(server), connect(server)
    busy.send(b"GET / HTTP/1.1\r\n\r\n")
    assert begun.wait(10)
    stopping = threading.Thread(target=server.stop)
    stopping.start()

    assert idle.rest() == b""
    go_on.set()
    assert busy.answer() == (200, b"")
    stopping.join()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, server.port))


def test_stopping_cuts_what_takes_too_long(serve: Any, connect: Any) -> None:
    """A request that outlasts the grace is cut off."""
    begun = threading.Event()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        begun.set()
        return echo(environ, start_response)

    raw = connect(server := serve(app))
    raw.send(b"PUT / HTTP/1.1\r\nContent-Length: 10\r\n\r\n")
    assert begun.wait(10)
    server.stop(grace=0.05)

    assert raw.rest() == b""


def test_a_stopped_server_starts_again(serve: Any, connect: Any) -> None:
    """The same server serves again, on the same port; stopping twice does no harm."""
    server = serve(echo)
    url = server.url
    server.stop()
    server.stop()
    server.start()
    raw = connect(server)
    raw.send(b"GET / HTTP/1.1\r\n\r\n")

    assert (server.url, raw.answer()) == (url, (200, b""))


def test_a_taken_port_is_named(serve: Any) -> None:
    """Starting on a port that is taken says which, and leaves no socket open."""
    taken = serve(echo)

    with pytest.raises(OSError, match=f"cannot serve on 127.0.0.1:{taken.port}: Address already in use"):
        HttpServer(echo, port=taken.port).start()
