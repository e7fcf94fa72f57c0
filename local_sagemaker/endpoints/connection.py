"""Requests to one container: connections that are kept, and what can go wrong on them.

The few lines of HTTP that this takes are our own: every request to every endpoint goes through here, in the one process
that does everything else, and ``http.client`` costs a tenth of a millisecond more, a third of all that the proxy does.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

# What is not bytes is sent in chunks, and may be sent again: it begins anew whenever it is iterated.
Body = bytes | Iterable[bytes]


@dataclass(frozen=True)
class Answer:
    """What a container answered."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case


class NoAnswer(Exception):
    """The connection ended before an answer: the container has died, or never was there."""


class TooSlow(Exception):
    """No answer within the time there is."""


_MOST_OF_A_HEAD = 64 * 1024  # bytes
_AT_ONCE = 64 * 1024  # bytes of a body that are sent with the head


class Connections:
    """Connections to a port of loopback, each used by one request at a time and then kept for the next."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._idle: list[_Connection] = []
        self._closed = False

    def send(
        self, method: str, path: str, *, body: Body = b"", headers: Mapping[str, str], seconds: float
    ) -> Answer:
        """One request. Raises NoAnswer, TooSlow."""
        kept = self._take()
        if kept is not None:
            try:
                return self._exchange(kept, method, path, body, headers, seconds)
            except NoAnswer:  # it closed a connection that nobody used, which is its right
                pass
        return self._exchange(self._new(seconds), method, path, body, headers, seconds)

    def close(self) -> None:
        """Give up what is idle, and keep nothing from now on."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _new(self, seconds: float) -> _Connection:
        try:
            return _Connection(self._port, seconds)
        except TimeoutError:
            raise TooSlow from None
        except OSError as error:
            raise NoAnswer(str(error)) from error

    def _take(self) -> _Connection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _keep(self, connection: _Connection) -> None:
        with self._lock:
            if not self._closed and connection.open:
                self._idle.append(connection)
                return
        connection.close()

    def _exchange(
        self,
        connection: _Connection,
        method: str,
        path: str,
        body: Body,
        headers: Mapping[str, str],
        seconds: float,
    ) -> Answer:
        try:
            answer = connection.exchange(method, path, body, headers, seconds)
        except TimeoutError:
            connection.close()
            raise TooSlow from None
        except (OSError, ValueError) as error:
            connection.close()
            raise NoAnswer(str(error)) from error
        except BaseException:
            connection.close()
            raise
        self._keep(connection)
        return answer


class _Connection:
    """One connection, with HTTP/1.1 spoken on it. A malformed answer is a ValueError."""

    def __init__(self, port: int, seconds: float) -> None:
        self.open = True  # whether another request may follow
        self._host = f"127.0.0.1:{port}"
        self._socket = socket.create_connection(("127.0.0.1", port), seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self._socket.makefile("rb")

    def close(self) -> None:
        self.open = False
        self._stream.close()
        self._socket.close()

    def exchange(
        self, method: str, path: str, body: Body, headers: Mapping[str, str], seconds: float
    ) -> Answer:
        """Send a request and read its answer; every read and write has so many seconds."""
        self._socket.settimeout(seconds)
        self._send(method, path, body, headers)
        version, status = self._status()
        answered = self._headers()
        while status < 200:  # 100 Continue and its like
            version, status = self._status()
            answered = self._headers()
        wish = answered.get("connection", "").lower()
        self.open = "close" not in wish if version == b"HTTP/1.1" else "keep-alive" in wish
        return Answer(status, self._body(status, answered), answered)

    def _send(self, method: str, path: str, body: Body, headers: Mapping[str, str]) -> None:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}", "Accept-Encoding: identity"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines.append(
            f"Content-Length: {len(body)}" if isinstance(body, bytes) else "Transfer-Encoding: chunked"
        )
        head = "\r\n".join(lines)
        if head.count("\n") != len(lines) - 1:
            raise ValueError("a header of the request has a line break in it")
        start = f"{head}\r\n\r\n".encode("latin-1")
        if not isinstance(body, bytes):
            self._socket.sendall(start)
            for piece in body:
                if piece:
                    self._socket.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            self._socket.sendall(b"0\r\n\r\n")
        elif len(body) <= _AT_ONCE:
            self._socket.sendall(start + body)
        else:
            self._socket.sendall(start)
            self._socket.sendall(body)

    def _status(self) -> tuple[bytes, int]:
        line = self._line()
        version, _, rest = line.partition(b" ")
        if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
            raise ValueError(f"not an HTTP status line: {line[:80]!r}")
        return version, int(rest[:3])

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        left = _MOST_OF_A_HEAD
        while line := self._line().rstrip(b"\r\n"):
            left -= len(line)
            if left < 0:
                raise ValueError(f"more than {_MOST_OF_A_HEAD} bytes of headers")
            name, _, value = line.partition(b":")
            headers[name.strip().decode("latin-1").lower()] = value.strip().decode("latin-1")
        return headers

    def _body(self, status: int, headers: Mapping[str, str]) -> bytes:
        if status in (204, 304):
            return b""
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return b"".join(self._chunks())
        if "content-length" in headers:
            return self._exactly(int(headers["content-length"]))
        self.open = False
        return self._stream.read()

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._line().split(b";", 1)[0], 16):
            yield self._exactly(size)
            self._line()
        self._headers()  # trailers

    def _exactly(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise ConnectionError("the connection ended in the middle of an answer")
        return data

    def _line(self) -> bytes:
        line = self._stream.readline(_MOST_OF_A_HEAD)
        if not line.endswith(b"\n"):
            raise ConnectionError("the connection ended without an answer")
        return line
