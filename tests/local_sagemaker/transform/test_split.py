"""Objects cut into payloads: nothing is lost, nothing is added, nothing is too large, nothing is read too early."""

from __future__ import annotations

import gzip
import io
import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sagemaker.transform.failed import Failed
from local_sagemaker.transform.split import Payload, Splitter, Streamed

MAGIC = struct.pack("<I", 0xCED7230A)


def cut(splitter: Splitter, data: bytes) -> list[Payload]:
    """All payloads of an object of these bytes."""
    return list(splitter.payloads(lambda: io.BytesIO(data)))


def whole(payload: Payload) -> bytes:
    """The bytes of a payload, however it holds them."""
    return payload.body if isinstance(payload.body, bytes) else b"".join(payload.body)


def tfrecord(data: bytes) -> bytes:
    """One record of a TFRecord file, its checksums made up: nothing here looks at them."""
    return struct.pack("<Q", len(data)) + b"crc1" + data + b"crc2"


def recordio(data: bytes) -> bytes:
    """One record of a RecordIO file as MXNet's writer cuts it: into parts, wherever the data holds the magic number."""
    parts = data.split(MAGIC)
    flags = [0] if len(parts) == 1 else [1, *[2] * (len(parts) - 2), 3]
    return b"".join(
        MAGIC + struct.pack("<I", flag << 29 | len(part)) + part + b"\0" * (-len(part) % 4)
        for flag, part in zip(flags, parts, strict=True)
    )


FRAMES = {"TFRecord": tfrecord, "RecordIO": recordio}
texts = st.lists(st.sampled_from([b"a", b"bb", b",", b"\n", b"\r\n", b"\xff", b"ccc"])).map(b"".join)
blobs = st.lists(st.sampled_from([b"a", MAGIC, b"\n", b"xyz"]), max_size=6).map(b"".join)


@given(texts, st.booleans(), st.sampled_from([0, 8, 50, 6 << 20]), st.booleans())
def test_payloads_put_together_are_the_object(data, single, limit, packed):
    """Whatever the strategy, the limit and the compression; numbers of records go on from one payload to the next."""
    stored = gzip.compress(data) if packed else data
    try:
        payloads = cut(Splitter("Line", single, limit, gzip=packed), stored)
    except Failed:
        assert 0 < limit < max(map(len, data.splitlines(keepends=True)))
        return

    assert b"".join(map(whole, payloads)) == data
    assert all(len(whole(each)) <= limit for each in payloads if limit)
    if limit or single:
        lines = io.BytesIO(data).readlines()
        assert sum(each.records for each in payloads) == len(lines)
        assert [each.first for each in payloads] == [
            1 + sum(each.records for each in payloads[:number]) for number in range(len(payloads))
        ]
        assert not single or [whole(each) for each in payloads] == lines


@given(texts, st.sampled_from([8, 50]))
def test_as_many_records_as_fit(data, limit):
    """MultiRecord never sends two payloads that would have fit into one."""
    try:
        payloads = cut(Splitter("Line", False, limit), data)
    except Failed:
        return
    for one, next_ in itertools.pairwise(payloads):
        first = io.BytesIO(whole(next_)).readline()
        assert len(whole(one)) + len(first) > limit


@given(st.sampled_from(sorted(FRAMES)), st.lists(blobs, max_size=6), st.sampled_from([60, 6 << 20]))
def test_binary_records(kind, records, limit):
    """One at a time they come without their frames, several together with them."""
    data = b"".join(map(FRAMES[kind], records))
    try:
        single = cut(Splitter(kind, True, limit), data)
        several = cut(Splitter(kind, False, limit), data)
    except Failed:
        assert max(len(FRAMES[kind](each)) for each in records) > limit
        return

    assert [whole(each) for each in single] == records
    assert b"".join(map(whole, several)) == data


@pytest.mark.parametrize("kind", sorted(FRAMES))
@pytest.mark.parametrize("single", [True, False])
def test_a_binary_object_that_is_cut_short(kind, single):
    """Is an error wherever it is cut, but for between two records."""
    one = FRAMES[kind](b"some" + MAGIC + b"data")
    for end in range(1, len(one)):
        with pytest.raises(Failed, match=r"in the middle of a record|not in"):
            cut(Splitter(kind, single, 6 << 20), one + one[:end])


@pytest.mark.parametrize("kind", sorted(FRAMES))
def test_text_that_is_said_to_be_binary(kind):
    """Is an error, and not a length of exabytes."""
    with pytest.raises(Failed, match="not in"):
        cut(Splitter(kind, True, 6 << 20), b"1,2,3\n" * 100)


def test_a_record_that_is_too_large():
    """Is named by its number, with the limit; those before it have been handed out."""
    payloads = Splitter("Line", True, 1 << 20).payloads(lambda: io.BytesIO(b"a\n" + b"b" * (2 << 20)))

    assert next(payloads) == Payload(b"a\n", 1, 1)
    with pytest.raises(Failed, match="Record 2 is larger than MaxPayloadInMB, which is 1 MB"):
        next(payloads)


def test_an_object_that_is_too_large():
    """Without a split it goes as a whole, or not at all."""
    assert cut(Splitter("None", False, 8), b"12345678") == [Payload(b"12345678")]
    with pytest.raises(Failed, match="The object is larger than MaxPayloadInMB"):
        cut(Splitter("None", False, 8), b"123456789")


@pytest.mark.parametrize("kind", ["None", "Line", "RecordIO", "TFRecord"])
@pytest.mark.parametrize("limit", [0, 8])
def test_an_empty_object_makes_no_request(kind, limit):
    """There is nothing to ask."""
    assert cut(Splitter(kind, False, limit), b"") == []


def test_without_a_limit_the_object_is_streamed():
    """As one body that can be sent again, block by block."""
    (payload,) = cut(Splitter("None", False, 0), b"x" * (3 << 20))

    assert isinstance(payload.body, Streamed)
    for _ in range(2):
        assert [len(block) for block in payload.body] == [1 << 20] * 3


PACKED = {
    "never was gzip": b"not gzip at all",
    "ends too early": gzip.compress(b"1\n" * 9999)[:-20],
    "has other bytes": gzip.compress(b"1\n" * 9)[:-3] + b"abc",
}


@pytest.mark.parametrize("which", PACKED)
@pytest.mark.parametrize("limit", [0, 6 << 20])
def test_what_cannot_be_decompressed(which, limit):
    """Is said to be so, whatever is wrong with it."""
    splitter = Splitter("Line", False, limit, gzip=True)

    def read() -> list[bytes]:
        return [whole(payload) for payload in cut(splitter, PACKED[which])]

    with pytest.raises(Failed, match="Unable to decompress the object"):
        read()


def test_lines_are_read_as_they_are_needed():
    """A first payload comes before the rest of the object has been read."""

    class Watched(io.BytesIO):
        lines = 0

        def readline(self, *arguments):
            self.lines += 1
            return super().readline(*arguments)

    file = Watched(b"row\n" * 1000)
    next(Splitter("Line", True, 100).payloads(lambda: file))
    assert file.lines == 1
