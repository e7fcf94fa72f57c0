"""An object cut into what one request carries: records, as many as fit, read as they are needed.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformInput.html
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import IO, cast

from local_sagemaker.transform.failed import Failed

_BLOCK = 1024 * 1024
_MAGIC = struct.pack("<I", 0xCED7230A)  # begins every part of a RecordIO record
_TOO_SHORT = "ends in the middle of a record"

Opened = Callable[[], AbstractContextManager[IO[bytes]]]


class Streamed:
    """A body of any size: its bytes from the beginning, each time that somebody iterates."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    def __iter__(self) -> Iterator[bytes]:
        with self._opened() as file:
            while block := file.read(_BLOCK):
                yield block


@dataclass(frozen=True)
class Payload:
    """What one request carries."""

    body: bytes | Streamed
    first: int = 1  # the number of its first record in the object
    records: int = 0  # 0: the object as a whole

    @property
    def where(self) -> str:
        """Which part of the object it is."""
        if not self.records:
            return ""
        last = self.first + self.records - 1
        return f"record {self.first}" if self.records == 1 else f"records {self.first} to {last}"


@dataclass(frozen=True)
class Splitter:
    """Cuts objects, each the same way.

    ``kind`` is SplitType; ``single`` a request for each record; ``limit`` the bytes of a request, 0 for no limit.
    """

    kind: str
    single: bool
    limit: int
    gzip: bool = False

    def payloads(self, opened: Opened) -> Iterator[Payload]:
        """The payloads of an object, in order. Raises Failed where it cannot be read or a record is too large."""
        opened = _unpacked(opened) if self.gzip else opened
        if self.limit == 0 and not (self.single and self.kind != "None"):
            yield from _streamed(opened)
            return
        with opened() as file:
            yield from self._cut(file)

    def _cut(self, file: IO[bytes]) -> Iterator[Payload]:
        if self.kind == "None":
            body = file.read(self.limit + 1)
            self._check(len(body), "The object")
            if body:
                yield Payload(body)
            return
        framed, bare = {"Line": (_lines, _lines), "RecordIO": (_recordio, _bare_recordio)}.get(
            self.kind, (_tfrecords, _bare_tfrecords)
        )
        if self.single:
            for number, record in enumerate(bare(file, self.limit), 1):
                self._check(len(record), f"Record {number}")
                yield Payload(record, number, 1)
        else:
            yield from self._batches(framed(file, self.limit))

    def _batches(self, records: Iterator[bytes]) -> Iterator[Payload]:
        batch: list[bytes] = []
        size, first = 0, 1
        for number, record in enumerate(records, 1):
            self._check(len(record), f"Record {number}")
            if batch and size + len(record) > self.limit:
                yield Payload(b"".join(batch), first, len(batch))
                batch, size, first = [], 0, number
            batch.append(record)
            size += len(record)
        if batch:
            yield Payload(b"".join(batch), first, len(batch))

    def _check(self, size: int, what: str) -> None:
        if self.limit and size > self.limit:
            raise Failed(
                f"{what} is larger than MaxPayloadInMB, which is {self.limit // _BLOCK} MB. "
                "Set it to more, or split the input into smaller records."
            )


def _unpacked(opened: Opened) -> Opened:
    @contextmanager
    def unpacked() -> Iterator[IO[bytes]]:
        try:
            with opened() as packed, gzip.GzipFile(fileobj=packed) as file:
                yield cast("IO[bytes]", file)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise Failed(f"Unable to decompress the object: {error}") from None

    return unpacked


def _streamed(opened: Opened) -> Iterator[Payload]:
    with opened() as file:
        empty = not file.read(1)
    if not empty:
        yield Payload(Streamed(opened))


def _lines(file: IO[bytes], limit: int) -> Iterator[bytes]:
    """Lines with their ends; of one that is too long, only as much as shows it."""
    while line := file.readline(limit + 1 if limit else -1):
        yield line


def _tfrecords(file: IO[bytes], limit: int) -> Iterator[bytes]:
    """https://www.tensorflow.org/tutorials/load_data/tfrecord: length, its checksum, data, its checksum."""
    while head := file.read(12):
        (length,) = struct.unpack("<Q", _all(head, 12)[:8])
        yield head + _read(file, length + 4, limit)


def _bare_tfrecords(file: IO[bytes], limit: int) -> Iterator[bytes]:
    return (record[12:-4] for record in _tfrecords(file, limit))


def _recordio_parts(file: IO[bytes], limit: int) -> Iterator[tuple[int, bytes, bytes]]:
    """https://mxnet.apache.org/versions/1.9.1/api/faq/recordio: magic number, length with a flag, data, padding."""
    while head := file.read(8):
        if not head.startswith(_MAGIC):
            raise Failed(
                "The object is not in RecordIO format: a record does not begin with its magic number."
            )
        (word,) = struct.unpack("<I", _all(head, 8)[4:])
        flag, length = word >> 29, word & ((1 << 29) - 1)
        data = _read(file, length + -length % 4, limit)
        yield flag, head + data, data[:length]


def _recordio(file: IO[bytes], limit: int) -> Iterator[bytes]:
    whole = b""
    for flag, part, _ in _recordio_parts(file, limit):
        whole += part
        if flag in (0, 3):  # a record of one part, or the last part of one
            yield whole
            whole = b""
    _finished(whole)


def _bare_recordio(file: IO[bytes], limit: int) -> Iterator[bytes]:
    """Records without their frames. One that holds the magic number itself was cut there into parts."""
    parts: list[bytes] = []
    for flag, _, data in _recordio_parts(file, limit):
        parts.append(data)
        if flag in (0, 3):
            yield _MAGIC.join(parts)
            parts = []
    _finished(b"".join(parts))


def _read(file: IO[bytes], size: int, limit: int) -> bytes:
    if limit and size > limit + 16:
        raise Failed(
            f"A record is larger than MaxPayloadInMB, which is {limit // _BLOCK} MB, or the object is not in the "
            "format of its SplitType."
        )
    return _all(file.read(size), size)


def _all(data: bytes, size: int) -> bytes:
    if len(data) < size:
        raise Failed(f"The object {_TOO_SHORT}, or is not in the format of its SplitType.")
    return data


def _finished(rest: bytes) -> None:
    if rest:
        raise Failed(f"The object {_TOO_SHORT}.")
