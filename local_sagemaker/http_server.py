"""An HTTP/1.1 server for one WSGI application on loopback: a thread for each connection.

    listener thread ── accept ──► connection thread: head ─► environ ─► app ─► answer ─► next head …

Made for local clients that keep their connections and wait for each answer (boto3, jobs): a request is read
and answered without a hand-over between threads, a small answer leaves in one packet (TCP_NODELAY), a file
leaves by ``sendfile``. Request bodies stream, with a length or chunked; ``100 Continue`` is sent when the
application first reads. There is no idle timeout: on loopback a client that is gone has closed its
connection, and closing a kept one only makes its next request fail.

What the application finds in its environ beyond PEP 3333: ``RAW_URI`` (the path as it was sent, still quoted;
S3 keys need it) and ``wsgi.input_terminated`` (reading ends at the end of the body, chunked or not).
"""

from __future__ import annotations

import contextlib
import io
import logging
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote_to_bytes

from local_sagemaker.http_request import (
    BUFFER,
    DisconnectedError,
    MalformedRequestError,
    RequestBody,
    RequestHead,
    client_may_leave,
    read_head,
)

if TYPE_CHECKING:
    from types import TracebackType
    from wsgiref.types import WSGIApplication, WSGIEnvironment

NO_BODY = frozenset({204, 304})  # statuses whose answers end with their head

Headers = list[tuple[str, str]]

_log = logging.getLogger(__name__)


class FileWrapper:
    """``wsgi.file_wrapper``: a file that is sent from where it stands, as far as Content-Length says."""

    def __init__(self, file: BinaryIO, block_size: int = BUFFER) -> None:
        self.file = file
        self._block_size = block_size

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.file.read(self._block_size), b"")

    def close(self) -> None:
        """Close the file."""
        self.file.close()


class HttpServer:
    """Serves ``app`` on ``host``:``port`` from ``start()`` to ``stop()``; port 0 takes a free one.

    ``listener`` is a socket that listens already, for a server that has something to do before it can answer.
    """

    def __init__(
        self,
        app: WSGIApplication,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        listener: socket.socket | None = None,
    ) -> None:
        self.app = app
        self.host = host
        self.port = port
        self.stopping = False
        self._shared = listener
        self._listener: socket.socket | None = None
        self._wake: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._connections: set[_Connection] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where it is served: ``http://127.0.0.1:7077``; with port 0, known once it has started."""
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Listen, and serve in the background. Connections are accepted as soon as this returns.

        Raises:
            OSError: the port is taken, or the address is not one of this machine's.
        """
        listener = self._shared or self._listen()
        self.port = listener.getsockname()[1]
        self.stopping = False
        self._listener = listener
        self._wake, woken = socket.socketpair()
        self._thread = threading.Thread(target=self._accept, args=(listener, woken), name="http", daemon=True)
        self._thread.start()

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, self.port))
            listener.listen(1024)
        except OSError as error:
            listener.close()
            raise OSError(error.errno, f"cannot serve on {self.host}:{self.port}: {error.strerror}") from None
        return listener

    def stop(self, grace: float = 5.0) -> None:
        """Stop listening, let requests under way finish for ``grace`` seconds, then cut them off."""
        if self._thread is None or self._wake is None:
            return
        self.stopping = True
        self._wake.close()
        self._thread.join()
        self._thread = self._wake = None
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            if not connection.busy:
                connection.cut()
        deadline = time.monotonic() + grace
        for connection in connections:
            connection.join(max(0.0, deadline - time.monotonic()))
            if connection.is_alive():
                connection.cut()
                connection.join(1.0)

    def __enter__(self) -> HttpServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def forget(self, connection: _Connection) -> None:
        """The connection has ended."""
        with self._lock:
            self._connections.discard(connection)

    def _accept(self, listener: socket.socket, woken: socket.socket) -> None:
        # Closing a socket does not wake an accept() everywhere, so the end of 'woken' does.
        with listener, woken, selectors.DefaultSelector() as selector:
            listener.setblocking(False)
            selector.register(listener, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while not self.stopping:
                ready = selector.select()
                if any(key.fileobj is listener for key, _ in ready):
                    self._accept_one(listener)

    def _accept_one(self, listener: socket.socket) -> None:
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError:  # out of file descriptors: wait for some to come back rather than spin
            _log.exception("cannot accept a connection")
            time.sleep(0.05)
            return
        client.setblocking(True)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(self, client, str(address[0]))
        with self._lock:
            self._connections.add(connection)
        connection.start()


class _Connection(threading.Thread):
    """One client's connection: its requests, one after the other."""

    def __init__(self, server: HttpServer, client: socket.socket, address: str) -> None:
        super().__init__(name=f"http {address}", daemon=True)
        self.busy = False
        self._server = server
        self._socket = client
        self._address = address

    def cut(self) -> None:
        """End the connection from another thread; whatever it waits for fails."""
        with contextlib.suppress(OSError):  # the client may have been faster
            self._socket.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        with self._socket, io.BufferedReader(socket.SocketIO(self._socket, "rb"), BUFFER) as stream:
            try:
                while not self._server.stopping and self._one_request(stream):
                    self.busy = False
            except MalformedRequestError as error:
                self._refuse(error)
            except (DisconnectedError, ConnectionError) as reason:
                _log.debug("%s left: %s", self._address, reason)
            finally:
                self._server.forget(self)

    def _one_request(self, stream: io.BufferedReader[Any]) -> bool:
        """Read and answer one request; False where no other can follow."""
        head = read_head(stream)
        if head is None:
            return False
        self.busy = True
        body = RequestBody(
            stream, head.body_length(), self._tell_to_continue if head.expects_continue else None
        )
        answer = _Answer(self._socket, head, body, closing=self._server.stopping or not head.keeps_open)
        try:
            answer.send(self._server.app, self._environ(head, body))
        except (DisconnectedError, MalformedRequestError):
            raise
        except Exception:  # noqa: BLE001 - whatever the application does, the connection answers
            _log.exception("%s %s", head.method, head.target)
            if answer.started:
                return False  # too late to say so: a cut connection is the only honest sign
            answer.fail()
        if answer.cut_short or body.waiting:
            return False
        body.drain()  # even before closing: unread bytes would reset the connection and lose the answer
        return not answer.closing

    def _tell_to_continue(self) -> None:
        with client_may_leave():
            self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _environ(self, head: RequestHead, body: RequestBody) -> WSGIEnvironment:
        target = head.target
        if not target.startswith(("/", "*")):  # absolute form, as sent to proxies
            target = "/" + target.partition("://")[2].partition("/")[2]
        path, _, query = target.partition("?")
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": head.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "RAW_URI": target,
            "REQUEST_URI": target,
            "SERVER_PROTOCOL": head.version,
            "SERVER_NAME": self._server.host,
            "SERVER_PORT": str(self._server.port),
            "REMOTE_ADDR": self._address,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BufferedReader(body, BUFFER),
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
        }
        for name, value in head.headers.items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if (value := environ.pop("HTTP_" + name, None)) is not None:
                environ[name] = value
        return environ

    def _refuse(self, error: MalformedRequestError) -> None:
        text = f"{error}\n".encode()
        head = _head(
            f"{error.status.value} {error.status.phrase}", [("Content-Length", str(len(text)))], closing=True
        )
        with contextlib.suppress(OSError):  # it may not be listening for an answer either
            self._socket.sendall(head + text)


class _Answer:
    """The answer to one request, sent as the application gives it."""

    def __init__(self, client: socket.socket, head: RequestHead, body: RequestBody, *, closing: bool) -> None:
        self.closing = closing  # the connection ends with this answer
        self.started = False
        self._socket = client
        self._request_body = body
        self._has_body = head.method != "HEAD"
        self._may_chunk = head.version == "HTTP/1.1"
        self._chunked = False
        self._status = ""
        self._headers: Headers = []
        self._promised: int | None = None  # Content-Length
        self._sent = 0

    def send(self, app: WSGIApplication, environ: WSGIEnvironment) -> None:
        """Run the application and send what it answers."""
        parts = app(environ, self._start_response)
        try:
            if isinstance(parts, FileWrapper) and self._length_header() is not None:
                self._send_file(parts)
            else:
                self._send_parts(parts)
        finally:
            close = getattr(parts, "close", None)
            if close:
                close()

    @property
    def cut_short(self) -> bool:
        """Whether less than the promised length was sent, which only the connection's end can show."""
        return self._has_body and self._promised is not None and self._sent != self._promised

    def fail(self) -> None:
        """Answer for an application that raised before it answered."""
        text = b"Internal Server Error: the server's log says why\n"
        self._start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
        self._send_parts([text])

    def _start_response(
        self, status: str, headers: Headers, exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        if exc_info and self.started:
            raise exc_info[1].with_traceback(exc_info[2])
        self._status, self._headers = status, headers
        return self._write

    def _length_header(self) -> int | None:
        return next((int(value) for name, value in self._headers if name.lower() == "content-length"), None)

    def _start(self, first: bytes, whole: int | None = None) -> None:
        """Send the head, in one packet with the first piece of the body."""
        self.started = True
        if self._request_body.waiting:  # nobody knows whether the client will still send it
            self.closing = True
        self._promised = self._length_header()
        headers = self._headers
        if int(self._status[:3]) in NO_BODY:
            self._has_body = False
        elif self._promised is None:
            headers = [*headers, *self._framing(whole)]
        self._send(_head(self._status, headers, closing=self.closing) + self._framed(first))

    def _framing(self, whole: int | None) -> Headers:
        """How the client will know where the body ends, if the application does not say."""
        if whole is not None and (whole or self._has_body):  # HEAD's empty body says nothing of GET's
            self._promised = whole
            return [("Content-Length", str(whole))]
        if not self._has_body:
            return []
        if self._may_chunk:
            self._chunked = True
            return [("Transfer-Encoding", "chunked")]
        self.closing = True
        return []

    def _framed(self, data: bytes) -> bytes:
        if not data or not self._has_body:
            return b""
        self._sent += len(data)
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data

    def _write(self, data: bytes) -> None:
        if not self.started:
            self._start(data)
        elif framed := self._framed(data):
            self._send(framed)

    def _send_parts(self, parts: Iterable[bytes]) -> None:
        if isinstance(parts, (list, tuple)):
            data = b"".join(parts)
            self._start(data, whole=len(data))
            return
        for part in parts:
            if part:
                self._write(part)
        if not self.started:
            self._start(b"", whole=0)
        if self._chunked:
            self._send(b"0\r\n\r\n")

    def _send_file(self, wrapper: FileWrapper) -> None:
        self._start(b"")
        if self._has_body and self._promised:
            with client_may_leave():
                self._sent = self._socket.sendfile(wrapper.file, wrapper.file.tell(), self._promised)

    def _send(self, data: bytes) -> None:
        with client_may_leave():
            self._socket.sendall(data)


def _head(status: str, headers: Headers, *, closing: bool) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Date: {formatdate(usegmt=True)}", "Server: local-sagemaker"]
    lines += [f"{name}: {value}" for name, value in headers]
    if any("\n" in line or "\r" in line for line in lines):
        raise ValueError("a header of the answer has a line break in it")
    lines.append("Connection: close" if closing else "Connection: keep-alive")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
