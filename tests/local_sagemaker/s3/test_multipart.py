import hashlib
import io
from functools import partial
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from local_sagemaker.s3.store import ObjectStore

md5 = partial(hashlib.md5, usedforsecurity=False)

MIB = 1024 * 1024
FIRST, LAST = b"a" * (5 * MIB), b"the rest"


def begin(client: Any, key: str = "k", **arguments: Any) -> dict[str, Any]:
    """A new upload, as arguments that name it."""
    upload = client.create_multipart_upload(Bucket="bucket", Key=key, **arguments)
    return {"Bucket": "bucket", "Key": key, "UploadId": upload["UploadId"]}


def put(client: Any, upload: dict[str, Any], number: int, body: bytes, **arguments: Any) -> dict[str, Any]:
    """A part, as CompleteMultipartUpload wants to hear of it."""
    answer = client.upload_part(**upload, PartNumber=number, Body=body, **arguments)
    found = {name: value for name, value in answer.items() if name == "ETag" or name.startswith("Checksum")}
    return {"PartNumber": number, **found}


def complete(
    client: Any, upload: dict[str, Any], parts: list[dict[str, Any]], **arguments: Any
) -> dict[str, Any]:
    answer: dict[str, Any] = client.complete_multipart_upload(
        **upload, MultipartUpload={"Parts": parts}, **arguments
    )
    return answer


def fails_with(code: str) -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\)")


def test_parts_become_one_object(client: Any) -> None:
    """Parts, uploaded in any order and replaced at will, are joined by number, with the attributes from the start."""
    upload = begin(client, ContentType="text/plain", Metadata={"by": "me"})
    last = put(client, upload, 7, LAST)
    put(client, upload, 2, b"replaced")
    first = put(client, upload, 2, FIRST)
    answer = complete(client, upload, [first, last])
    stored = client.get_object(Bucket="bucket", Key="k")

    digests = md5(FIRST).digest() + md5(LAST).digest()
    assert stored["Body"].read() == FIRST + LAST
    assert stored["ETag"] == answer["ETag"] == f'"{md5(digests).hexdigest()}-2"'
    assert (stored["ContentType"], stored["Metadata"]) == ("text/plain", {"by": "me"})
    assert client.list_multipart_uploads(Bucket="bucket").get("Uploads") is None
    assert client.get_object(Bucket="bucket", Key="k", PartNumber=2)["Body"].read() == LAST


def test_what_is_wrong_with_a_list_of_parts(client: Any) -> None:
    """Parts that are unknown, out of order or too small are refused, and the upload goes on."""
    upload = begin(client)
    small, last = put(client, upload, 1, b"small"), put(client, upload, 2, LAST)

    with fails_with("InvalidPart"):
        complete(client, upload, [{"PartNumber": 3, "ETag": small["ETag"]}])
    with fails_with("InvalidPart"):
        complete(client, upload, [{"PartNumber": 1, "ETag": last["ETag"]}])
    with fails_with("InvalidPartOrder"):
        complete(client, upload, [last, small])
    with fails_with("EntityTooSmall"):
        complete(client, upload, [small, last])
    with fails_with("InvalidArgument"):
        put(client, upload, 10_001, b"")

    complete(client, upload, [last])
    assert client.get_object(Bucket="bucket", Key="k")["Body"].read() == LAST


def test_uploads_are_listed_and_aborted(client: Any, store: ObjectStore) -> None:
    """Uploads under way and their parts can be listed; an aborted one is gone, files and all."""
    upload = begin(client, "a/b")
    part = put(client, upload, 1, LAST)
    uploads = client.list_multipart_uploads(Bucket="bucket", Prefix="a/")["Uploads"]
    parts = client.list_parts(**upload)

    assert [(each["Key"], each["UploadId"]) for each in uploads] == [("a/b", upload["UploadId"])]
    assert [(each["PartNumber"], each["ETag"], each["Size"]) for each in parts["Parts"]] == [
        (1, part["ETag"], 8)
    ]

    client.abort_multipart_upload(**upload)
    with fails_with("NoSuchUpload"):
        put(client, upload, 2, b"")
    assert list((store.uploads / "bucket").iterdir()) == []


@pytest.mark.parametrize("upload_id", ["unknown", "../bucket", "..", "", "a/b"])
def test_upload_ids_are_not_paths(client: Any, upload_id: str) -> None:
    """An upload id that was not given out here is unknown, whatever it looks like."""
    with pytest.raises(ClientError):
        client.list_parts(Bucket="bucket", Key="k", UploadId=upload_id)


def test_parts_may_be_copied(client: Any) -> None:
    """A part may be a range of another object."""
    client.put_object(Bucket="bucket", Key="source", Body=FIRST + LAST)
    upload = begin(client)
    source = {"CopySource": "bucket/source"}
    first = client.upload_part_copy(
        **upload, PartNumber=1, CopySourceRange=f"bytes=0-{5 * MIB - 1}", **source
    )
    last = client.upload_part_copy(
        **upload, PartNumber=2, CopySourceRange=f"bytes={5 * MIB}-{5 * MIB + 7}", **source
    )
    results = [first["CopyPartResult"], last["CopyPartResult"]]
    complete(
        client, upload, [{"PartNumber": n, "ETag": part["ETag"]} for n, part in enumerate(results, start=1)]
    )

    assert client.get_object(Bucket="bucket", Key="k")["Body"].read() == FIRST + LAST


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        ("CRC32", "FULL_OBJECT"),
        ("CRC32", "COMPOSITE"),
        ("SHA256", "COMPOSITE"),
    ],
)
def test_checksums_of_parts_become_the_objects(client: Any, algorithm: str, kind: str) -> None:
    """The object's checksum is joined from its parts': of the whole, or of their checksums with their number."""
    upload = begin(client, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    parts = [put(client, upload, n, body, ChecksumAlgorithm=algorithm) for n, body in ((1, FIRST), (2, LAST))]
    complete(client, upload, parts)
    head = client.head_object(Bucket="bucket", Key="k", ChecksumMode="ENABLED")

    client.put_object(Bucket="bucket", Key="whole", Body=FIRST + LAST, ChecksumAlgorithm=algorithm)
    whole = client.head_object(Bucket="bucket", Key="whole", ChecksumMode="ENABLED")
    name = f"Checksum{algorithm}"
    assert head["ChecksumType"] == kind
    assert (head[name] == whole[name]) == (kind == "FULL_OBJECT")
    assert head[name].endswith("-2") == (kind == "COMPOSITE")


def test_a_wrong_checksum_of_the_whole_is_rejected(client: Any) -> None:
    """The checksum given at the end is compared; a wrong one leaves the upload as it was."""
    upload = begin(client, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    part = put(client, upload, 1, LAST, ChecksumAlgorithm="CRC32")

    with fails_with("BadDigest"):
        complete(client, upload, [part], ChecksumCRC32="AAAAAA==", ChecksumType="FULL_OBJECT")
    complete(client, upload, [part], ChecksumCRC32=part["ChecksumCRC32"], ChecksumType="FULL_OBJECT")


def test_combinations_that_s3_does_not_have(client: Any) -> None:
    """A hash has no joined form, CRC64NVME only that, and a part needs the upload's own algorithm."""
    with fails_with("InvalidRequest"):
        begin(client, ChecksumAlgorithm="SHA256", ChecksumType="FULL_OBJECT")
    with fails_with("InvalidRequest"):
        begin(client, ChecksumAlgorithm="CRC64NVME", ChecksumType="COMPOSITE")
    with fails_with("InvalidRequest"):
        put(client, begin(client, ChecksumAlgorithm="SHA256"), 1, b"", ChecksumAlgorithm="SHA1")


def test_uploads_survive_a_restart(client: Any, store: ObjectStore) -> None:
    """An upload that was begun before the store was opened again can be completed after."""
    upload = begin(client)
    part = put(client, upload, 1, LAST)
    ObjectStore(store.root)

    complete(client, upload, [part])
    assert store.read("s3://bucket/k") == LAST


def test_managed_transfers_in_parts(client: Any) -> None:
    """boto3's managed upload and download, several parts at a time, give back the same bytes."""
    body = bytes(range(256)) * 45_000
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    client.upload_fileobj(io.BytesIO(body), "bucket", "k", Config=config)
    target = io.BytesIO()
    client.download_fileobj("bucket", "k", target, Config=config)

    assert target.getvalue() == body
    assert client.head_object(Bucket="bucket", Key="k")["ETag"].endswith('-3"')


def test_conditions_hold_for_the_joined_object(client: Any) -> None:
    """If-None-Match: * holds when the parts are joined, not when they are begun."""
    upload = begin(client)
    part = put(client, upload, 1, LAST)
    client.put_object(Bucket="bucket", Key="k", Body=b"faster")

    with fails_with("PreconditionFailed"):
        complete(client, upload, [part], IfNoneMatch="*")
