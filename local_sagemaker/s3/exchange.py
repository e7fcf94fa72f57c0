"""A request to the S3 API and its answer, free of WSGI."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import parse_qsl, unquote
from wsgiref.types import WSGIEnvironment

from local_sagemaker.s3.aws_chunked import AwsChunkedBody
from local_sagemaker.s3.checksums import Check, claims
from local_sagemaker.s3.errors import S3Error
from local_sagemaker.s3.staging import BLOCK
from local_sagemaker.s3.xml_format import document

MAX_DOCUMENT = 8 * 1024 * 1024  # bytes; the longest documents name 10,000 parts or 1,000 keys

# bucket.s3.us-east-1.amazonaws.com, bucket.s3.localhost, bucket.localhost
_virtual_host = re.compile(r"(?P<bucket>[a-z0-9.-]+?)\.(?:s3[.-].*|localhost)(?::\d+)?")


@dataclass(frozen=True)
class Request:
    """What a client asks for. Names of headers are in lower case; bucket and key are empty where not given."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: io.BufferedIOBase
    # Asked before something is done to one of the objects that a body names; raises S3Error(AccessDenied).
    permit: Callable[[str, str], None] = lambda _action, _key: None

    @staticmethod
    def of(environ: WSGIEnvironment) -> Request:
        """Read it from a WSGI environ; the path from RAW_URI, since a key is more than PATH_INFO can tell.

        Raises:
            S3Error: InvalidURI.
        """
        raw = environ.get("RAW_URI", "").partition("?")[0]
        try:
            path = unquote(raw, errors="strict") if raw else environ["PATH_INFO"].encode("latin-1").decode()
            query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True, errors="strict"))
        except (UnicodeDecodeError, ValueError):
            raise S3Error("InvalidURI", "Couldn't parse the specified URI.") from None
        headers = {
            name[5:].lower().replace("_", "-"): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if environ.get(name):
                headers[name.lower().replace("_", "-")] = environ[name]
        host = _virtual_host.fullmatch(headers.get("host", ""))
        if host and host["bucket"] != "s3":
            path = f"/{host['bucket']}{path}"
        bucket, _, key = path.removeprefix("/").partition("/")
        return Request(environ["REQUEST_METHOD"], bucket, key, query, headers, environ["wsgi.input"])

    def receive(self, target: BinaryIO, algorithm: str | None = None) -> Check:
        """Copy the body to ``target``, decoded and checked; ``algorithm`` is digested in any case.

        Raises:
            S3Error: IncompleteBody, BadDigest and the like.
        """
        check = Check(claims(self.headers), algorithm)
        body, expected = self._decoded_body()
        buffer = memoryview(bytearray(min(BLOCK, BLOCK if expected is None else expected + 1)))
        size = 0
        while count := body.readinto(buffer):
            check.update(buffer[:count])
            target.write(buffer[:count])
            size += count
        if expected is not None and size != expected:
            raise S3Error(
                "IncompleteBody", f"The request's body has {size} bytes, not the {expected} it announced"
            )
        check.finish(body.trailers if isinstance(body, AwsChunkedBody) else {})
        return check

    def document(self, *, checked: bool = True) -> bytes:
        """The whole body, for those that are documents. Unchecked where the headers speak of something else.

        Raises:
            S3Error: as ``receive``; MalformedXML for one that is too long.
        """
        if int(self.headers.get("content-length", "0")) > MAX_DOCUMENT:
            raise S3Error("MalformedXML", f"The document has more than {MAX_DOCUMENT} bytes")
        target = io.BytesIO()
        if checked:
            self.receive(target)
        else:
            target.write(self._decoded_body()[0].read(MAX_DOCUMENT) or b"")
        return target.getvalue()

    def number(self, name: str, default: int, highest: int) -> int:
        """A number of the query, cut at ``highest``.

        Raises:
            S3Error: InvalidArgument.
        """
        text = self.query.get(name) or str(default)
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise S3Error("InvalidArgument", f"{name} must be a number from 0 to {highest}, not {text!r}")
        return min(int(text), highest)

    def _decoded_body(self) -> tuple[io.BufferedIOBase | AwsChunkedBody, int | None]:
        """The body without aws-chunked, and how long it says to be (None: until its end)."""
        length = self.headers.get("content-length")
        chunked = self.headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
        if chunked or "aws-chunked" in self.headers.get("content-encoding", ""):
            decoded = self.headers.get("x-amz-decoded-content-length", "")
            return AwsChunkedBody(self.body), int(decoded) if decoded.isdigit() else None
        if length is None and "transfer-encoding" not in self.headers:
            raise S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.")
        return self.body, int(length) if length is not None else None


@dataclass(frozen=True)
class FileBody:
    """Part of a file, to be sent as it is."""

    file: BinaryIO
    start: int
    length: int


@dataclass(frozen=True)
class Response:
    """What a client is answered."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | FileBody = b""


def xml_response(
    root: str, content: Mapping[str, object] | str, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer that is a document."""
    return Response(200, {"Content-Type": "application/xml", **(headers or {})}, document(root, content))
