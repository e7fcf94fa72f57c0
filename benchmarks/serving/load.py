"""A bounded load: so many connections, each of which asks, waits for the answer, and asks again.

Raw sockets and a request that is written once, so that what is measured is the server: a request costs the client some
20 µs of the two cores that both share. A connection is kept as long as the server keeps it.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

CONNECTIONS = 4
SECONDS = 2.0


@dataclass(frozen=True)
class Load:
    """What came of it."""

    latencies: tuple[float, ...]  # seconds, rising
    seconds: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds

    @property
    def p99(self) -> float:
        """Seconds in which 99 of 100 requests were answered."""
        return self.latencies[int(len(self.latencies) * 0.99)]


@dataclass(frozen=True)
class Target:
    """Where a request goes."""

    port: int
    path: str = "/invocations"
    headers: Mapping[str, str] | None = None

    def request(self, body: bytes) -> bytes:
        """Every byte of it."""
        headers = {
            "Host": f"127.0.0.1:{self.port}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Content-Length": str(len(body)),
            **(self.headers or {}),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {self.path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def ask(target: Target, body: bytes) -> bytes:
    """One answer. Raises RuntimeError where it is not a good one."""
    return _Asker(target, body).once()


def run(target: Target, body: bytes) -> Load:
    """Ask for some seconds. Raises RuntimeError where an answer was not a good one."""
    stop = time.perf_counter() + SECONDS
    askers = [_Asker(target, body) for _ in range(CONNECTIONS)]
    threads = [threading.Thread(target=asker.until, args=(stop,)) for asker in askers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failed = [asker.problem for asker in askers if asker.problem]
    if failed:
        raise RuntimeError(failed[0])
    latencies = sorted(each for asker in askers for each in asker.latencies)
    return Load(tuple(latencies), SECONDS)


class _Asker:
    def __init__(self, target: Target, body: bytes) -> None:
        self.latencies: list[float] = []
        self.problem = ""
        self._port = target.port
        self._request = target.request(body)
        self._socket: socket.socket | None = None

    def until(self, stop: float) -> None:
        """Ask until then."""
        try:
            while (began := time.perf_counter()) < stop:
                self.once()
                self.latencies.append(time.perf_counter() - began)
        except (OSError, RuntimeError) as error:
            self.problem = f"port {self._port}: {error}"

    def once(self) -> bytes:
        """One answer's body."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), 60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(self._request)
        received = self._receive(b"")
        while b"\r\n\r\n" not in received:
            received = self._receive(received)
        head, _, body = received.partition(b"\r\n\r\n")
        lower = head.lower()
        length = int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body = self._receive(body)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{head.splitlines()[0]!r} {body[:300]!r}")
        if b"connection: close" in lower:
            self._socket.close()
            self._socket = None
        return body

    def _receive(self, so_far: bytes) -> bytes:
        assert self._socket is not None  # noqa: S101 - it was just made
        more = self._socket.recv(1 << 20)
        if not more:
            raise RuntimeError("the server closed the connection before its answer was whole")
        return so_far + more
