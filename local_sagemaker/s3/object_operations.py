"""Objects: put, get, head, delete, copy, tags, attributes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import parse_qsl, unquote

from local_sagemaker.s3 import checksums
from local_sagemaker.s3.checksums import HEADER, Check, Claims
from local_sagemaker.s3.conditions import byte_range, check_read, http_date, iso_date, write_condition
from local_sagemaker.s3.errors import S3Error
from local_sagemaker.s3.exchange import FileBody, Request, Response, xml_response
from local_sagemaker.s3.records import DEFAULT_CONTENT_TYPE, Attributes, StoredObject
from local_sagemaker.s3.staging import BLOCK
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.s3.xml_format import parse, text

Route = tuple[str, str, str]  # "service", "bucket" or "object"; method; sub-resource of the query
Operation = tuple[str, Callable[[Request], Response]]  # S3's name for it, and what does it

SMALL = 64 * 1024  # bytes up to which an object is sent in one piece with the answer's head
MAX_METADATA = 2 * 1024  # bytes, S3's limit
MAX_TAGS = 10  # S3's limit
META = "x-amz-meta-"

# Headers that are kept with an object and come back with it.
_kept = (
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
)
_encryption = tuple(name for name in _kept if name.startswith("x-amz-server-side"))


class ObjectOperations:
    """The operations on one object."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def routes(self) -> dict[Route, Operation]:
        """Which request means which operation."""
        return {
            ("object", "PUT", ""): ("PutObject", self.put),
            ("object", "PUT", "copy"): ("CopyObject", self.copy),
            ("object", "GET", ""): ("GetObject", self.get),
            ("object", "HEAD", ""): ("HeadObject", self.get),
            ("object", "DELETE", ""): ("DeleteObject", self.delete),
            ("object", "GET", "attributes"): ("GetObjectAttributes", self.get_attributes),
            ("object", "GET", "tagging"): ("GetObjectTagging", self.get_tagging),
            ("object", "PUT", "tagging"): ("PutObjectTagging", self.put_tagging),
            ("object", "DELETE", "tagging"): ("DeleteObjectTagging", self.delete_tagging),
        }

    def put(self, request: Request) -> Response:
        """PutObject."""
        self._store.check(request.bucket, request.key)
        attributes = attributes_of(request.headers)
        condition = write_condition(request.headers, request.bucket, request.key)
        with self._store.stage() as file:
            check = request.receive(file)
            attributes = replace(attributes, etag=check.md5, checksums=check.checksums)
            self._store.commit(file, request.bucket, request.key, attributes, condition)
        headers = {
            "ETag": f'"{attributes.etag}"',
            **checksum_headers(attributes),
            **_only(attributes, _encryption),
        }
        return Response(headers=headers)

    def get(self, request: Request) -> Response:
        """GetObject, and HeadObject: the same without the body."""
        stored, file = self._store.open(request.bucket, request.key)
        with ExitStack() as closing:
            closing.callback(file.close)
            check_read(request.headers, stored)
            wanted = _part(request, stored) or byte_range(request.headers.get("range"), stored.size)
            start, length = wanted or (0, stored.size)
            headers = self._object_headers(request, stored, whole=wanted is None)
            headers["Content-Length"] = str(length)
            if wanted:
                headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{stored.size}"
            status = 206 if wanted else 200
            if request.method == "HEAD":
                return Response(status, headers)
            if length <= SMALL:
                return Response(status, headers, os.pread(file.fileno(), length, start))
            closing.pop_all()  # whoever sends the body closes the file
            return Response(status, headers, FileBody(file, start, length))

    def delete(self, request: Request) -> Response:
        """DeleteObject; one that is not there is as good as deleted."""
        condition = write_condition(request.headers, request.bucket, request.key)
        self._store.delete(request.bucket, request.key, condition)
        return Response(204)

    def copy(self, request: Request) -> Response:
        """CopyObject."""
        bucket, key = copy_source(request.headers["x-amz-copy-source"])
        self._store.check(request.bucket, request.key)
        condition = write_condition(request.headers, request.bucket, request.key)
        source, body = self._store.open(bucket, key)
        with body, self._store.stage() as file:
            check_read(request.headers, source, prefix="x-amz-copy-source-")
            attributes = _copied_attributes(request, source)
            algorithm = request.headers.get(HEADER + "algorithm") or next(
                iter(source.attributes.checksums), None
            )
            check = Check(Claims(), checksums.algorithm_name(algorithm) if algorithm else None)
            while block := body.read(BLOCK):
                check.update(block)
                file.write(block)
            attributes = replace(attributes, etag=check.md5, checksums=check.checksums)
            copied = self._store.commit(file, request.bucket, request.key, attributes, condition)
        return xml_response(
            "CopyObjectResult",
            {
                "LastModified": iso_date(copied.modified),
                "ETag": f'"{copied.etag}"',
                **checksum_elements(attributes),
            },
        )

    def get_attributes(self, request: Request) -> Response:
        """GetObjectAttributes: those that ``x-amz-object-attributes`` names."""
        stored = self._store.get(request.bucket, request.key)
        elements = {
            "ETag": stored.etag,
            "Checksum": checksum_elements(stored.attributes) or None,
            "ObjectParts": {"TotalPartsCount": len(stored.attributes.parts)}
            if stored.attributes.parts
            else None,
            "StorageClass": stored.attributes.headers.get("x-amz-storage-class", "STANDARD"),
            "ObjectSize": stored.size,
        }
        wanted = [name.strip() for name in request.headers.get("x-amz-object-attributes", "").split(",")]
        if not set(wanted) <= set(elements):
            raise S3Error("InvalidArgument", f"x-amz-object-attributes takes {', '.join(elements)}")
        content = {name: elements[name] for name in wanted}
        return xml_response(
            "GetObjectAttributesResponse", content, {"Last-Modified": http_date(stored.modified)}
        )

    def get_tagging(self, request: Request) -> Response:
        """GetObjectTagging."""
        tags = self._store.get(request.bucket, request.key).attributes.tags
        return xml_response(
            "Tagging", {"TagSet": {"Tag": [{"Key": key, "Value": value} for key, value in tags.items()]}}
        )

    def put_tagging(self, request: Request) -> Response:
        """PutObjectTagging."""
        tagging = parse(request.document(), "Tagging")
        tags = [(text(tag, "Key"), text(tag, "Value")) for tag in tagging.findall("TagSet/Tag")]
        self._store.set_tags(request.bucket, request.key, _checked_tags(tags))
        return Response()

    def delete_tagging(self, request: Request) -> Response:
        """DeleteObjectTagging."""
        self._store.set_tags(request.bucket, request.key, {})
        return Response(204)

    def _object_headers(self, request: Request, stored: StoredObject, *, whole: bool) -> dict[str, str]:
        attributes = stored.attributes
        headers = {
            "Content-Type": DEFAULT_CONTENT_TYPE,
            **{name.title(): value for name, value in attributes.headers.items()},
            **{META + name: value for name, value in attributes.metadata.items()},
            "ETag": f'"{stored.etag}"',
            "Last-Modified": http_date(stored.modified),
            "Accept-Ranges": "bytes",
        }
        if attributes.tags:
            headers["x-amz-tagging-count"] = str(len(attributes.tags))
        if "partNumber" in request.query and attributes.parts:
            headers["x-amz-mp-parts-count"] = str(len(attributes.parts))
        if whole and request.headers.get(HEADER + "mode", "").upper() == "ENABLED":
            headers |= checksum_headers(attributes)
        for name, value in request.query.items():
            if name.startswith("response-"):
                headers[name.removeprefix("response-").title()] = _header_text(name, value)
        return headers


def attributes_of(headers: Mapping[str, str]) -> Attributes:
    """What a request wants to be kept with an object's bytes.

    Raises:
        S3Error: MetadataTooLarge, InvalidTag, NotImplemented (keys of the client's own).
    """
    if "x-amz-server-side-encryption-customer-algorithm" in headers:
        raise S3Error("NotImplemented", "The local S3 does not encrypt: SSE-C is not implemented")
    kept = {name: headers[name] for name in _kept if headers.get(name)}
    if coding := kept.pop("content-encoding", None):
        codings = [name for name in re.split(r"\s*,\s*", coding) if name and name != "aws-chunked"]
        if codings:
            kept["content-encoding"] = ",".join(codings)
    metadata = {name[len(META) :]: value for name, value in headers.items() if name.startswith(META)}
    if sum(len(name) + len(value) for name, value in metadata.items()) > MAX_METADATA:
        raise S3Error("MetadataTooLarge", f"Your metadata headers exceed {MAX_METADATA} bytes")
    tags = parse_qsl(headers.get("x-amz-tagging", ""), keep_blank_values=True)
    return Attributes(headers=kept, metadata=metadata, tags=_checked_tags(tags))


def checksum_headers(attributes: Attributes) -> dict[str, str]:
    """An object's checksum as headers."""
    found = {HEADER + name.lower(): value for name, value in attributes.checksums.items()}
    return {**found, HEADER + "type": attributes.checksum_type} if found else {}


def checksum_elements(attributes: Attributes) -> dict[str, str]:
    """An object's checksum as elements of a document."""
    found = {f"Checksum{name}": value for name, value in attributes.checksums.items()}
    return {**found, "ChecksumType": attributes.checksum_type} if found else {}


def copy_source(header: str) -> tuple[str, str]:
    """Bucket and key of ``x-amz-copy-source``.

    Raises:
        S3Error: InvalidArgument.
    """
    path, _, version = header.partition("?versionId=")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    if not bucket or not key or version not in ("", "null"):
        raise S3Error("InvalidArgument", f"Copy Source must mention the source bucket and key: {header!r}")
    return bucket, key


def _copied_attributes(request: Request, source: StoredObject) -> Attributes:
    own = attributes_of(request.headers)
    replaces = {
        name: request.headers.get(f"x-amz-{name}-directive", "COPY").upper() == "REPLACE"
        for name in ("metadata", "tagging")
    }
    changes = replaces["metadata"] or any(name in own.headers for name in _kept if name.startswith("x-amz-"))
    if (source.bucket, source.key) == (request.bucket, request.key) and not changes:
        raise S3Error(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes.",
        )
    theirs = source.attributes
    service = {name: value for name, value in own.headers.items() if name.startswith("x-amz-")}
    return Attributes(
        headers=own.headers if replaces["metadata"] else {**theirs.headers, **service},
        metadata=own.metadata if replaces["metadata"] else theirs.metadata,
        tags=own.tags if replaces["tagging"] else theirs.tags,
    )


def _header_text(name: str, value: str) -> str:
    if any(ord(character) < 32 for character in value):
        raise S3Error("InvalidArgument", f"{name} cannot be a header: it has control characters")
    return value.encode().decode("latin-1")  # WSGI's form of bytes


def _part(request: Request, stored: StoredObject) -> tuple[int, int] | None:
    """First byte and length of the part that ``partNumber`` names."""
    if "partNumber" not in request.query:
        return None
    number = request.number("partNumber", 1, 10_000)
    parts = stored.attributes.parts or (stored.size,)
    if not 1 <= number <= len(parts):
        raise S3Error("InvalidPartNumber", "The requested partnumber is not satisfiable", status=416)
    return sum(parts[: number - 1]), parts[number - 1]


def _checked_tags(tags: list[tuple[str, str]]) -> dict[str, str]:
    if len(tags) > MAX_TAGS:
        raise S3Error("BadRequest", f"Object tags cannot be greater than {MAX_TAGS}", status=400)
    for key, value in tags:
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise S3Error("InvalidTag", f"A tag has 1 to 128 characters, its value at most 256: {key!r}")
    if len(dict(tags)) < len(tags):
        raise S3Error("InvalidTag", "Cannot provide multiple Tags with the same key")
    return dict(tags)


def _only(attributes: Attributes, names: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in attributes.headers.items() if name in names}
