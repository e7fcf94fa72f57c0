"""Reading HTTP/1.x requests from a connection: head, then body, nothing of the next request."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

MAX_HEAD = 64 * 1024  # bytes of request line and headers together
BUFFER = 64 * 1024  # bytes read at a time

_token = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class MalformedRequestError(Exception):
    """What arrived is not an HTTP/1.x request that can be answered; the connection ends."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class DisconnectedError(Exception):
    """The client left in the middle of a request or an answer; there is nobody to tell."""


@contextmanager
def client_may_leave() -> Iterator[None]:
    """Tell failures of the client's connection from those of connections that an application makes."""
    try:
        yield
    except (ConnectionError, TimeoutError) as error:
        raise DisconnectedError(str(error)) from error


@dataclass(frozen=True)
class RequestHead:
    """A request line and its headers."""

    method: str
    target: str  # as sent, quoted; path and query
    version: str  # HTTP/1.1 or HTTP/1.0
    headers: dict[str, str]  # names in lower case; repeated ones joined with a comma

    @property
    def keeps_open(self) -> bool:
        """Whether the client wants to send another request on this connection."""
        wish = self.headers.get("connection", "").lower()
        return "close" not in wish if self.version == "HTTP/1.1" else "keep-alive" in wish

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for ``100 Continue`` before it sends the body."""
        return self.version == "HTTP/1.1" and self.headers.get("expect", "").lower() == "100-continue"

    def body_length(self) -> int | None:
        """Bytes that follow the head; None where they come in chunks."""
        transfer, length = self.headers.get("transfer-encoding"), self.headers.get("content-length")
        if transfer is not None:
            if length is not None:
                raise MalformedRequestError(
                    HTTPStatus.BAD_REQUEST, "Transfer-Encoding and Content-Length exclude each other"
                )
            if transfer.lower() != "chunked":
                raise MalformedRequestError(
                    HTTPStatus.NOT_IMPLEMENTED, "the only Transfer-Encoding here is 'chunked'"
                )
            return None
        if length is None:
            return 0
        if not (length.isascii() and length.isdigit()):
            raise MalformedRequestError(HTTPStatus.BAD_REQUEST, "Content-Length is not a number")
        return int(length)


def read_head(stream: io.BufferedReader[Any]) -> RequestHead | None:
    """The next request's head; None where the client has closed."""
    line = stream.readline(MAX_HEAD)
    while line == b"\r\n":  # some clients send one too many after a body
        line = stream.readline(MAX_HEAD)
    if not line:
        return None
    words = line.decode("latin-1").split()
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise MalformedRequestError(HTTPStatus.BAD_REQUEST, "this is not an HTTP/1.1 request line")
    headers: dict[str, str] = {}
    left = MAX_HEAD - len(line)
    while (line := stream.readline(max(left, 0))) not in (b"\r\n", b"\n"):
        left -= len(line)
        if left <= 0:
            raise MalformedRequestError(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"more than {MAX_HEAD} bytes of headers"
            )
        name, colon, value = line.partition(b":")
        if not line.endswith(b"\n") or not colon or not _token.fullmatch(name):
            raise MalformedRequestError(HTTPStatus.BAD_REQUEST, "malformed header line")
        key, text = name.decode("latin-1").lower(), value.strip().decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return RequestHead(words[0], words[1], words[2], headers)


class RequestBody(io.RawIOBase):
    """The body of one request, which ends where the request ends."""

    def __init__(
        self,
        stream: io.BufferedReader[Any],
        length: int | None,
        before_reading: Callable[[], None] | None = None,
    ) -> None:
        self._stream = stream
        self._chunked = length is None
        self._left = length or 0  # of the body, or of the present chunk
        self._before_reading = before_reading
        self._ended = length == 0

    @property
    def waiting(self) -> bool:
        """Whether the client still waits to be told that it may send the body."""
        return self._before_reading is not None and not self._ended

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` as far as one read does; 0 at the end.

        Raises:
            DisconnectedError: the client went away in the middle.
            MalformedRequestError: the chunks are malformed.
        """
        if self._before_reading:
            self._before_reading()
            self._before_reading = None
        if self._chunked and not self._left and not self._ended:
            self._next_chunk()
        if self._ended or not len(buffer):
            return 0
        with client_may_leave():
            count = self._stream.readinto1(memoryview(buffer)[: self._left])
        if not count:
            raise DisconnectedError(f"the client left with {self._left} bytes of the body unsent")
        self._left -= count
        if not self._left:
            if self._chunked:
                self._expect_line_end()
            else:
                self._ended = True
        return count

    def drain(self) -> None:
        """Read the rest away, so that the connection can carry the next request."""
        buffer = bytearray(BUFFER)
        while self.readinto(buffer):
            pass

    def _next_chunk(self) -> None:
        line = self._stream.readline(MAX_HEAD)
        size = line.split(b";", 1)[0].strip()
        if not re.fullmatch(rb"[0-9a-fA-F]{1,15}", size):
            raise MalformedRequestError(HTTPStatus.BAD_REQUEST, "malformed chunk size")
        self._left = int(size, 16)
        if not self._left:
            self._ended = True
            while self._stream.readline(MAX_HEAD).strip():  # trailers of the transfer: nobody asks for them
                pass

    def _expect_line_end(self) -> None:
        if self._stream.readline(3) != b"\r\n":
            raise MalformedRequestError(HTTPStatus.BAD_REQUEST, "a chunk is longer than it said")
