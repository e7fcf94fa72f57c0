import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sagemaker.s3.aws_chunked import AwsChunkedBody
from local_sagemaker.s3.errors import S3Error


def encode(pieces: list[bytes], trailers: dict[str, str] | None = None, extension: bytes = b"") -> bytes:
    """A body as clients send it."""
    chunks = [b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces if piece]
    lines = [f"{name}:{value}\r\n".encode() for name, value in (trailers or {}).items()]
    return b"".join([*chunks, b"0", extension, b"\r\n", *lines, b"\r\n"])


def body_of(encoded: bytes) -> AwsChunkedBody:
    return AwsChunkedBody(io.BufferedReader(io.BytesIO(encoded)))


@given(st.lists(st.binary(max_size=300)), st.sampled_from([b"", b";chunk-signature=" + b"0" * 64]))
def test_decoding_undoes_encoding(pieces: list[bytes], extension: bytes) -> None:
    """However the body was cut, it comes out whole, and its trailers are there at the end."""
    body = body_of(encode(pieces, {"X-Amz-Checksum-Crc32": "AAAAAA=="}, extension))

    assert body.read() == b"".join(pieces)
    assert body.trailers == {"x-amz-checksum-crc32": "AAAAAA=="}


@pytest.mark.parametrize(
    ("encoded", "code"),
    [
        (b"", "IncompleteBody"),
        (b"5\r\nabc", "IncompleteBody"),
        (b"3\r\nabc", "IncompleteBody"),
        (b"3\r\nabcdef\r\n", "InvalidRequest"),
        (b"no size\r\n", "InvalidRequest"),
        (b"-1\r\n", "InvalidRequest"),
    ],
)
def test_what_is_not_aws_chunked(encoded: bytes, code: str) -> None:
    """A body that ends early or is coded otherwise is refused, never stored as it stands."""
    with pytest.raises(S3Error) as caught:
        body_of(encoded).read()

    assert caught.value.code == code


HEADERS = {
    "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "content-encoding": "aws-chunked",
    "x-amz-trailer": "x-amz-checksum-crc32",
    "x-amz-decoded-content-length": "10",
}


@pytest.mark.parametrize(
    ("checksum", "extension"),
    [("poTHxg==", b""), ("poTHxg==", b";chunk-signature=" + b"a" * 64)],
)
def test_a_trailer_inside_a_chunked_transfer(
    send: Callable[..., Any], client: Any, checksum: str, extension: bytes
) -> None:
    """The form in which newer clients stream: checksum as trailer, aws-chunked within Transfer-Encoding chunked."""
    encoded = encode([b"01234", b"56789"], {"x-amz-checksum-crc32": checksum}, extension)
    headers = {**HEADERS, "Transfer-Encoding": "chunked", "content-encoding": "gzip,aws-chunked"}
    pieces = iter([encoded[:7], encoded[7:30], encoded[30:]])

    assert send("PUT", "/bucket/k", pieces, headers, encode_chunked=True).status == 200
    stored = client.get_object(Bucket="bucket", Key="k", ChecksumMode="ENABLED")
    assert (stored["Body"].read(), stored["ContentEncoding"]) == (b"0123456789", "gzip")
    assert stored["ChecksumCRC32"] == checksum


@pytest.mark.parametrize(
    ("pieces", "trailers", "code"),
    [
        ([b"0123456789"], {"x-amz-checksum-crc32": "AAAAAA=="}, b"BadDigest"),
        ([b"0123456789"], {}, b"MalformedTrailerError"),
        ([b"0123456789"], {"x-amz-checksum-crc32": "?"}, b"InvalidRequest"),
        ([b"012345678"], {"x-amz-checksum-crc32": "AAAAAA=="}, b"IncompleteBody"),
        ([b"0123456789A"], {"x-amz-checksum-crc32": "AAAAAA=="}, b"IncompleteBody"),
    ],
)
def test_a_body_that_is_not_what_was_announced(
    send: Callable[..., Any], pieces: list[bytes], trailers: dict[str, str], code: bytes
) -> None:
    """A wrong, missing or impossible trailer, or another length, stores nothing."""
    answer = send("PUT", "/bucket/k", encode(pieces, trailers), HEADERS)

    assert b"<Code>%b</Code>" % code in answer.body
    assert send("GET", "/bucket/k").status == 404
