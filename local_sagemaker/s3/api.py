"""The S3 REST API over an object store, as a WSGI application.

``https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html``. Path style
(``/bucket/key``) and virtual-host style (``bucket.s3.…``, ``bucket.localhost``). Signatures, and so presigned
URLs, are accepted unread: whoever reaches the loopback address may use it, unless a ``guard`` says otherwise.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import BinaryIO
from wsgiref.types import StartResponse, WSGIEnvironment

from local_sagemaker.aws_request import caller
from local_sagemaker.s3.bucket_operations import BucketOperations
from local_sagemaker.s3.configuration_operations import ConfigurationOperations
from local_sagemaker.s3.errors import S3Error
from local_sagemaker.s3.exchange import FileBody, Request, Response
from local_sagemaker.s3.multipart_operations import MultipartOperations
from local_sagemaker.s3.object_operations import ObjectOperations, Operation
from local_sagemaker.s3.staging import BLOCK, storage_errors
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.s3.xml_format import document

# Sub-resources of S3 that are not here, so that a request for one is not taken for a plain GET or PUT.
NOT_HERE = {
    "abac": "BucketAbac",
    "analytics": "BucketAnalyticsConfiguration",
    "annotation": "ObjectAnnotation",
    "intelligent-tiering": "BucketIntelligentTieringConfiguration",
    "inventory": "BucketInventoryConfiguration",
    "legal-hold": "ObjectLegalHold",
    "metadataConfiguration": "BucketMetadataConfiguration",
    "metadataTable": "BucketMetadataTableConfiguration",
    "metrics": "BucketMetricsConfiguration",
    "policyStatus": "BucketPolicyStatus",
    "renameObject": "RenameObject",
    "restore": "RestoreObject",
    "retention": "ObjectRetention",
    "select": "SelectObjectContent",
    "session": "CreateSession",
    "torrent": "ObjectTorrent",
}


Guard = Callable[
    [str, str, Request], Request
]  # access key, operation, request -> the request, or AccessDenied


class S3Api:
    """S3 for ``store``; ``region`` is that of buckets created without one, ``guard`` decides who may do what."""

    def __init__(self, store: ObjectStore, region: str = "us-east-1", guard: Guard | None = None) -> None:
        self._guard = guard
        self._routes = {
            **ObjectOperations(store).routes(),
            **BucketOperations(store, region).routes(),
            **MultipartOperations(store).routes(),
            **ConfigurationOperations(store).routes(),
        }
        self._subresources = {subresource for _, _, subresource in self._routes} | set(NOT_HERE)
        self._numbers = itertools.count(1)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        number = f"{next(self._numbers):016X}"
        try:
            request = Request.of(environ)
            with storage_errors():
                name, operation = self._operation(request)
                if self._guard is not None:
                    request = self._guard(caller(environ).access_key, name, request)
                response = operation(request)
        except S3Error as error:
            response = _error_response(error, environ, number)
        status = HTTPStatus(response.status)
        headers = [(name, value) for name, value in response.headers.items()]
        headers += [("x-amz-request-id", number), ("x-amz-id-2", number)]
        body = response.body
        if isinstance(body, FileBody):
            start_response(f"{status.value} {status.phrase}", headers)
            body.file.seek(body.start)
            wrapper = environ.get("wsgi.file_wrapper")
            return wrapper(body.file) if wrapper else _Blocks(body.file, body.length)
        if "Content-Length" not in response.headers and status not in (
            HTTPStatus.NO_CONTENT,
            HTTPStatus.NOT_MODIFIED,
        ):
            headers.append(("Content-Length", str(len(body))))
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    def _operation(self, request: Request) -> Operation:
        level = "object" if request.key else "bucket" if request.bucket else "service"
        subresource = next((name for name in request.query if name in self._subresources), "")
        if request.method == "PUT" and "x-amz-copy-source" in request.headers:
            subresource = f"{subresource} copy".strip()
        operation = self._routes.get((level, request.method, subresource))
        if operation is None:
            name = NOT_HERE.get(subresource, subresource)
            raise S3Error(
                "NotImplemented",
                f"The local S3 does not implement {request.method} {level}{'?' + subresource if subresource else ''}"
                f"{f' ({name})' if name != subresource else ''}.",
            )
        return operation


class _Blocks:
    """A file's next ``length`` bytes, for servers that have no ``wsgi.file_wrapper``."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._left = length

    def __iter__(self) -> Iterator[bytes]:
        while block := self._file.read(min(BLOCK, self._left)):
            self._left -= len(block)
            yield block

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _error_response(error: S3Error, environ: WSGIEnvironment, number: str) -> Response:
    if error.status == HTTPStatus.NOT_MODIFIED or environ["REQUEST_METHOD"] == "HEAD":
        return Response(error.status)  # these have no body; the status is all that a client gets
    content = {
        "Code": error.code,
        "Message": error.message,
        **error.details,
        "Resource": environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace"),
        "RequestId": number,
        "HostId": number,
    }
    headers = {"Content-Type": "application/xml"}
    if error.code == "InvalidRange":
        headers["Content-Range"] = f"bytes */{error.details['ActualObjectSize']}"
    return Response(error.status, headers, document("Error", content, namespace=None))
