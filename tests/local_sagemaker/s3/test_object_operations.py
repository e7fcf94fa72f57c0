import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

BODY = b"0123456789"
EPOCH = datetime(2001, 1, 1, tzinfo=UTC)
LATER = datetime.now(UTC) + timedelta(days=1)
# What XML 1.0 can carry, since DeleteObjects names keys in XML; others are tested on the store.
KEYS = st.text(
    st.one_of(
        st.sampled_from("/.%~+ &<é"), st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="￾￿")
    ),
    min_size=1,
    max_size=40,
)


def fails(code: str, call: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """The answer to a call that has to fail with ``code``."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code
    return caught.value.response


@pytest.fixture
def stored(client: Any) -> dict[str, str]:
    """An object, as arguments that name it."""
    client.put_object(Bucket="bucket", Key="k", Body=BODY)
    return {"Bucket": "bucket", "Key": "k"}


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=KEYS)
def test_any_key_travels_unchanged(client: Any, key: str) -> None:
    """Whatever the key, an object is put, found in the listing, read and deleted under exactly that key."""
    client.put_object(Bucket="bucket", Key=key, Body=key.encode())

    assert client.get_object(Bucket="bucket", Key=key)["Body"].read() == key.encode()
    assert [each["Key"] for each in client.list_objects_v2(Bucket="bucket")["Contents"]] == [key]

    client.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": key}]})
    assert client.list_objects_v2(Bucket="bucket")["KeyCount"] == 0


def test_what_is_stored_comes_back(client: Any) -> None:
    """Content type, the other kept headers, metadata, tags' number and encryption settings return with the object."""
    kept = {
        "ContentType": "text/csv",
        "CacheControl": "no-store",
        "ContentDisposition": 'attachment; filename="a.csv"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "Metadata": {"rows": "10", "by": "me"},
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": "alias/key",
        "StorageClass": "STANDARD_IA",
    }
    put = client.put_object(Bucket="bucket", Key="k", Body=BODY, Tagging="a=1&b=2", **kept)
    head = client.head_object(Bucket="bucket", Key="k")

    assert {name: head[name] for name in kept} == kept
    assert (head["ETag"], head["ContentLength"], head["TagCount"]) == (put["ETag"], 10, 2)
    assert put["ETag"] == '"781e5e245d69b566979b86e28d23f2c7"'
    assert put["SSEKMSKeyId"] == "alias/key"
    assert abs(head["LastModified"] - datetime.now(UTC)) < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("asked", "status", "body", "content_range"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-30", 206, BODY, "bytes 0-9/10"),
        ("bytes=8-100", 206, b"89", "bytes 8-9/10"),
        ("bytes=4-2", 200, BODY, None),
        ("bytes=0-1,3-4", 200, BODY, None),
        ("lines=1-2", 200, BODY, None),
    ],
)
def test_ranges(
    client: Any, stored: dict[str, str], asked: str, status: int, body: bytes, content_range: str | None
) -> None:
    """A range gives those bytes with 206; what is not a single valid range gives the whole object."""
    answer = client.get_object(**stored, Range=asked)

    assert answer["Body"].read() == body
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer.get("ContentRange")) == (
        status,
        content_range,
    )


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=-0", "bytes=100-200"])
def test_a_range_outside_of_the_object(client: Any, stored: dict[str, str], asked: str) -> None:
    """A range of which the object has nothing is answered with 416 and the object's size."""
    answer = fails("InvalidRange", client.get_object, **stored, Range=asked)

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 416
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-range"] == "bytes */10"


def test_large_objects_have_ranges_too(client: Any) -> None:
    """A range of an object that is sent from its file begins and ends where it should."""
    body = bytes(range(256)) * 4096
    client.put_object(Bucket="bucket", Key="k", Body=body)

    answer = client.get_object(Bucket="bucket", Key="k", Range="bytes=1000-900000")

    assert answer["Body"].read() == body[1000:900001]


ETAG = '"781e5e245d69b566979b86e28d23f2c7"'


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({"IfMatch": ETAG}, 200),
        ({"IfMatch": "*"}, 200),
        ({"IfMatch": '"other"'}, 412),
        ({"IfNoneMatch": ETAG}, 304),
        ({"IfNoneMatch": '"other"'}, 200),
        ({"IfModifiedSince": EPOCH}, 200),
        ({"IfModifiedSince": LATER}, 304),
        ({"IfUnmodifiedSince": EPOCH}, 412),
        ({"IfUnmodifiedSince": LATER}, 200),
        ({"IfMatch": ETAG, "IfUnmodifiedSince": EPOCH}, 200),  # If-Match counts for more
        ({"IfNoneMatch": '"other"', "IfModifiedSince": LATER}, 200),  # If-None-Match too
    ],
)
@pytest.mark.parametrize("operation", ["get_object", "head_object"])
def test_conditional_reads(
    client: Any, stored: dict[str, str], operation: str, condition: dict[str, Any], status: int
) -> None:
    """A read applies its conditions as S3's table of combinations says."""
    call = getattr(client, operation)
    if status == 200:
        assert call(**stored, **condition)["ETag"] == ETAG
    else:
        with pytest.raises(ClientError) as caught:
            call(**stored, **condition)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_conditional_writes(client: Any, stored: dict[str, str]) -> None:
    """If-None-Match: * writes only what is new, If-Match only over the object that the writer knows."""
    fails("PreconditionFailed", client.put_object, **stored, Body=b"", IfNoneMatch="*")
    fails("PreconditionFailed", client.put_object, **stored, Body=b"", IfMatch='"other"')
    fails("NoSuchKey", client.put_object, Bucket="bucket", Key="absent", Body=b"", IfMatch=ETAG)
    client.put_object(Bucket="bucket", Key="new", Body=b"", IfNoneMatch="*")

    assert client.get_object(**stored)["Body"].read() == BODY
    assert client.put_object(**stored, Body=b"new", IfMatch=ETAG)["ETag"] != ETAG


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_are_kept_and_returned(client: Any, algorithm: str) -> None:
    """The checksum that came with an object returns when the reader wants it, and only then."""
    put = client.put_object(Bucket="bucket", Key="k", Body=BODY, ChecksumAlgorithm=algorithm)
    name = f"Checksum{algorithm}"

    assert client.head_object(Bucket="bucket", Key="k", ChecksumMode="ENABLED")[name] == put[name]
    assert name not in client.head_object(Bucket="bucket", Key="k")
    assert client.get_object(Bucket="bucket", Key="k", ChecksumMode="ENABLED")["Body"].read() == BODY


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("ChecksumCRC32", "poTGng=="),
        ("ChecksumCRC32C", "KAwGng=="),
        ("ChecksumCRC64NVME", "NdySq20uBRo="),
        ("ChecksumSHA1", "h6y+yb7WtUuSn9rScoQ43HVP80M="),
        ("ChecksumSHA256", "hNiYd/DUBB77a/kaFqAkjy/VcwavGcryqVYgR6XwF/s="),
    ],
)
def test_a_wrong_checksum_is_rejected(client: Any, stored: dict[str, str], name: str, other: str) -> None:
    """A body that does not have the checksum it came with is not stored."""
    fails("BadDigest", client.put_object, **stored, Body=b"changed on the way", **{name: other})
    assert client.get_object(**stored)["Body"].read() == BODY


def test_a_wrong_md5_is_rejected(client: Any, stored: dict[str, str]) -> None:
    """Content-MD5 is compared, and refused where it cannot be an MD5."""
    fails("BadDigest", client.put_object, **stored, Body=b"x", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    fails("InvalidDigest", client.put_object, **stored, Body=b"x", ContentMD5="AAAA")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-amz-checksum-crc32": "!"}, b"InvalidRequest"),
        ({"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-sha1": "x"}, b"InvalidRequest"),
        ({"x-amz-checksum-xxhash3": "AAAAAA=="}, b"InvalidRequest"),
        ({"x-amz-content-sha256": "0" * 64}, b"XAmzContentSHA256Mismatch"),
        ({"x-amz-tagging": "a=1&a=2"}, b"InvalidTag"),
        ({"x-amz-meta-a": "x" * 3000}, b"MetadataTooLarge"),
        ({"x-amz-server-side-encryption-customer-algorithm": "AES256"}, b"NotImplemented"),
        ({"if-none-match": '"x"'}, b"NotImplemented"),
    ],
)
def test_requests_that_contradict_themselves(
    send: Callable[..., Any], headers: dict[str, str], code: bytes
) -> None:
    """A header that cannot be right is answered with S3's error, and nothing is stored."""
    answer = send("PUT", "/bucket/k", b"x", headers)

    assert b"<Code>%b</Code>" % code in answer.body
    assert send("GET", "/bucket/k").status == 404


def test_copies(client: Any, stored: dict[str, str]) -> None:
    """A copy has the bytes and attributes of its source, or new attributes where asked."""
    client.put_object(**stored, Body=BODY, Metadata={"a": "1"}, ContentType="text/csv", Tagging="t=1")
    source = {"Bucket": "bucket", "Key": "k"}
    result = client.copy_object(Bucket="bucket", Key="copy/ä +%", CopySource=source)
    client.copy_object(
        Bucket="bucket", Key="new", CopySource=source, Metadata={"b": "2"}, MetadataDirective="REPLACE"
    )
    same = client.head_object(Bucket="bucket", Key="copy/ä +%")
    new = client.head_object(Bucket="bucket", Key="new")

    assert (same["ETag"], same["Metadata"], same["ContentType"], same["TagCount"]) == (
        result["CopyObjectResult"]["ETag"],
        {"a": "1"},
        "text/csv",
        1,
    )
    assert (new["Metadata"], new["ContentType"]) == ({"b": "2"}, "binary/octet-stream")
    fails("InvalidRequest", client.copy_object, **stored, CopySource=source)
    fails("NoSuchKey", client.copy_object, **stored, CopySource="bucket/absent")
    fails(
        "PreconditionFailed",
        client.copy_object,
        Bucket="bucket",
        Key="x",
        CopySource=source,
        CopySourceIfMatch="x",
    )


def test_tags(client: Any, stored: dict[str, str]) -> None:
    """Tags are set, read and removed without the object changing otherwise."""
    tags = [{"Key": "team", "Value": "a & b"}, {"Key": "empty", "Value": ""}]
    before = client.head_object(**stored)["LastModified"]
    client.put_object_tagging(**stored, Tagging={"TagSet": tags})

    assert client.get_object_tagging(**stored)["TagSet"] == tags
    assert client.head_object(**stored)["LastModified"] == before

    client.delete_object_tagging(**stored)
    assert client.get_object_tagging(**stored)["TagSet"] == []


def test_object_attributes(client: Any, stored: dict[str, str]) -> None:
    """GetObjectAttributes gives those that were asked for."""
    answer = client.get_object_attributes(**stored, ObjectAttributes=["ETag", "ObjectSize", "Checksum"])

    assert (answer["ETag"], answer["ObjectSize"]) == (ETAG.strip('"'), 10)
    assert answer["Checksum"]["ChecksumCRC32"] == "poTHxg=="


def test_what_is_missing(client: Any) -> None:
    """A missing object is NoSuchKey, or 404 where there can be no document; deleting it succeeds."""
    fails("NoSuchKey", client.get_object, Bucket="bucket", Key="absent")
    fails("404", client.head_object, Bucket="bucket", Key="absent")
    fails("NoSuchBucket", client.get_object, Bucket="absent", Key="absent")
    fails("NoSuchBucket", client.put_object, Bucket="absent", Key="k", Body=b"x")
    fails("KeyTooLongError", client.put_object, Bucket="bucket", Key="x" * 1025, Body=b"")
    client.delete_object(Bucket="bucket", Key="absent")


def test_presigned_urls_work(client: Any, send: Callable[..., Any]) -> None:
    """A presigned URL puts and gets without any other header, and may rename the answer's content type."""
    names = {"Bucket": "bucket", "Key": "a b/ü"}
    put = urlsplit(client.generate_presigned_url("put_object", Params=names))
    get = urlsplit(
        client.generate_presigned_url("get_object", Params={**names, "ResponseContentType": "text/x"})
    )

    assert send("PUT", f"{put.path}?{put.query}", BODY).status == 200
    answer = send("GET", f"{get.path}?{get.query}")
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, BODY, "text/x")


def test_headers_cannot_be_smuggled_in(send: Callable[..., Any], stored: dict[str, str]) -> None:
    """A header that the query asks for may have any text but not a line of its own."""
    smuggled = send("GET", "/bucket/k?response-content-type=a%0D%0AX-Evil:%20yes")
    named = send("GET", "/bucket/k?response-content-disposition=attachment;%20filename=%C3%A4")

    assert (smuggled.status, "X-Evil" in smuggled.headers) == (400, False)
    assert named.headers["Content-Disposition"].encode("latin-1").decode() == "attachment; filename=ä"


def test_streams_without_a_length(send: Callable[..., Any]) -> None:
    """A body in chunked transfer, whose length nobody says, is an object."""
    pieces = iter([b"01234", b"56789"])
    chunked = send("PUT", "/bucket/k", pieces, {"Transfer-Encoding": "chunked"}, encode_chunked=True)

    assert chunked.status == 200
    assert send("GET", "/bucket/k").body == BODY


def test_the_virtual_host_style_names_the_bucket(send: Callable[..., Any], stored: dict[str, str]) -> None:
    """A Host that begins with the bucket's name stands for it."""
    for host in ("bucket.s3.us-east-1.amazonaws.com", "bucket.localhost:7077", "bucket.s3.localhost"):
        assert send("GET", "/k", headers={"Host": host}).body == BODY


def test_a_short_body_is_not_stored(client: Any, stored: dict[str, str]) -> None:
    """A client that leaves in the middle of a PUT leaves the old object."""
    import socket

    host = urlsplit(client.meta.endpoint_url)
    with socket.create_connection((host.hostname, host.port)) as connection:
        connection.sendall(b"PUT /bucket/k HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")

    assert client.get_object(**stored)["Body"].read() == BODY


def test_upload_and_download_of_streams(client: Any) -> None:
    """boto3's managed transfers work, also for a stream that cannot be rewound past its checksum."""
    client.upload_fileobj(io.BytesIO(BODY), "bucket", "k")
    target = io.BytesIO()
    client.download_fileobj("bucket", "k", target)

    assert target.getvalue() == BODY
