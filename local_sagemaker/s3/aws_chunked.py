r"""The aws-chunked content coding, in which clients sign or checksum a body while they send it.

::

    400;chunk-signature=…\r\n  <0x400 bytes>  \r\n
    0;chunk-signature=…\r\n
    x-amz-checksum-crc32:sOO8/Q==\r\n
    \r\n

Signatures are not verified, as nowhere in the local S3. See
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html.
"""

from __future__ import annotations

import io
import re
from typing import Any

from local_sagemaker.s3.errors import S3Error

_MAX_LINE = 8 * 1024
_size = re.compile(rb"([0-9a-fA-F]{1,15})(;[^\r\n]*)?\r\n")


class AwsChunkedBody(io.RawIOBase):
    """The decoded body; ``trailers`` (names in lower case) are complete once it was read to its end.

    Raises, while reading:
        S3Error: IncompleteBody, where it ends early; InvalidRequest, where it is not aws-chunked.
    """

    def __init__(self, encoded: io.BufferedIOBase) -> None:
        self.trailers: dict[str, str] = {}
        self._encoded = encoded
        self._left = 0  # of the present chunk
        self._ended = False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` as far as one chunk does; 0 at the end."""
        if not self._left and not self._ended:
            self._next_chunk()
        if self._ended:
            return 0
        count = self._encoded.readinto(memoryview(buffer)[: self._left])
        if not count:
            raise _incomplete()
        self._left -= count
        if not self._left:
            self._line_end()
        return count

    def _next_chunk(self) -> None:
        line = self._line()
        match = _size.fullmatch(line)
        if not match:
            raise S3Error(
                "InvalidRequest", "The body is not aws-chunked: a chunk does not begin with its size."
            )
        self._left = int(match[1], 16)
        if not self._left:
            self._ended = True
            self._read_trailers()

    def _read_trailers(self) -> None:
        while line := self._encoded.readline(_MAX_LINE).strip():
            name, _, value = line.decode("latin-1").partition(":")
            self.trailers[name.strip().lower()] = value.strip()

    def _line_end(self) -> None:
        if self._line() != b"\r\n":
            raise S3Error("InvalidRequest", "The body is not aws-chunked: a chunk is longer than its size.")

    def _line(self) -> bytes:
        line = self._encoded.readline(_MAX_LINE)
        if not line:
            raise _incomplete()
        return line


def _incomplete() -> S3Error:
    return S3Error("IncompleteBody", "The request body terminated unexpectedly")
