"""Requests to one container: connections that are kept, and what can go wrong on them."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterable, Mapping
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


class Connections:
    """Connections to a port of loopback, each used by one request at a time and then kept for the next."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
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
        return self._exchange(self._new(), method, path, body, headers, seconds)

    def close(self) -> None:
        """Give up what is idle, and keep nothing from now on."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _new(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port)

    def _take(self) -> http.client.HTTPConnection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if not self._closed and connection.sock is not None:
                self._idle.append(connection)
                return
        connection.close()

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: Body,
        headers: Mapping[str, str],
        seconds: float,
    ) -> Answer:
        try:
            connection.timeout = seconds
            if connection.sock is not None:
                connection.sock.settimeout(seconds)
            connection.request(method, path, body=body, headers=dict(headers))
            response = connection.getresponse()
            answer = Answer(
                response.status,
                response.read(),
                {name.lower(): value for name, value in response.getheaders()},
            )
        except TimeoutError:
            connection.close()
            raise TooSlow from None
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise NoAnswer(str(error)) from error
        except BaseException:  # the body's own
            connection.close()
            raise
        self._keep(connection)
        return answer
