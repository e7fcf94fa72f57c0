"""The configurations of a bucket: kept as they come and given back, with AWS's answer where there is none.

The local S3 acts on none of them: it has one version of each object, lets everybody in and never deletes by
itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from local_sagemaker.s3.bucket_operations import OWNER
from local_sagemaker.s3.errors import S3Error
from local_sagemaker.s3.exchange import Request, Response
from local_sagemaker.s3.object_operations import Operation, Route
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.s3.xml_format import document, parse


@dataclass(frozen=True)
class Configuration:
    """One kind of configuration: its operations' common name, its document, and what there is without one."""

    name: str
    root: str  # of the XML document; empty for JSON
    error: tuple[str, str] | None = None  # code and text of the 404 when unset
    default: Mapping[str, object] | None = None  # content of the document when unset
    status: int = 200  # of a successful PUT


_grant = {"Grantee": OWNER, "Permission": "FULL_CONTROL"}
_encryption = {
    "Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
}

CONFIGURATIONS = {
    "accelerate": Configuration("BucketAccelerateConfiguration", "AccelerateConfiguration", default={}),
    "cors": Configuration(
        "BucketCors",
        "CORSConfiguration",
        error=("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    ),
    "encryption": Configuration(
        "BucketEncryption", "ServerSideEncryptionConfiguration", default=_encryption
    ),  # since 2023 every bucket has one
    "lifecycle": Configuration(
        "BucketLifecycleConfiguration",
        "LifecycleConfiguration",
        error=("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    ),
    "logging": Configuration("BucketLogging", "BucketLoggingStatus", default={}),
    "notification": Configuration("BucketNotificationConfiguration", "NotificationConfiguration", default={}),
    "object-lock": Configuration(
        "ObjectLockConfiguration",
        "ObjectLockConfiguration",
        error=(
            "ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket",
        ),
    ),
    "ownershipControls": Configuration(
        "BucketOwnershipControls",
        "OwnershipControls",
        error=("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
    ),
    "policy": Configuration(
        "BucketPolicy", "", error=("NoSuchBucketPolicy", "The bucket policy does not exist"), status=204
    ),
    "publicAccessBlock": Configuration(
        "PublicAccessBlock",
        "PublicAccessBlockConfiguration",
        error=(
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        ),
    ),
    "replication": Configuration(
        "BucketReplication",
        "ReplicationConfiguration",
        error=("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
    ),
    "requestPayment": Configuration(
        "BucketRequestPayment", "RequestPaymentConfiguration", default={"Payer": "BucketOwner"}
    ),
    "tagging": Configuration(
        "BucketTagging", "Tagging", error=("NoSuchTagSet", "The TagSet does not exist"), status=204
    ),
    "versioning": Configuration("BucketVersioning", "VersioningConfiguration", default={}),
    "website": Configuration(
        "BucketWebsite",
        "WebsiteConfiguration",
        error=(
            "NoSuchWebsiteConfiguration",
            "The specified bucket does not have a website configuration",
        ),
    ),
}


class ConfigurationOperations:
    """Get, put and delete for each kind of configuration."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def routes(self) -> dict[Route, Operation]:
        """Which request means which operation."""
        found: dict[Route, Operation] = {}
        verbs: dict[str, tuple[str, Callable[[str, Request], Response]]] = {
            "GET": ("Get", self._get),
            "PUT": ("Put", self._put),
            "DELETE": ("Delete", self._delete),
        }
        for kind, configuration in CONFIGURATIONS.items():
            for method, (verb, operation) in verbs.items():
                found["bucket", method, kind] = (verb + configuration.name, partial(operation, kind))
        acl: Operation = ("GetBucketAcl", self._get_acl)
        found["bucket", "GET", "acl"] = acl
        found["object", "GET", "acl"] = ("GetObjectAcl", self._get_acl)
        found["bucket", "PUT", "acl"] = ("PutBucketAcl", self._put_acl)
        found["object", "PUT", "acl"] = ("PutObjectAcl", self._put_acl)
        return found

    def _get(self, kind: str, request: Request) -> Response:
        configuration = CONFIGURATIONS[kind]
        self._store.bucket_folder(request.bucket)
        text = self._store.bucket_files.configuration(request.bucket, kind)
        if text is None and configuration.default is not None:
            text = document(configuration.root, configuration.default).decode()
        if text is None:
            code, message = configuration.error or ("NoSuchConfiguration", "There is no such configuration")
            raise S3Error(code, message, status=404, BucketName=request.bucket)
        content_type = "application/xml" if configuration.root else "application/json"
        return Response(200, {"Content-Type": content_type}, text.encode())

    def _put(self, kind: str, request: Request) -> Response:
        configuration = CONFIGURATIONS[kind]
        self._store.bucket_folder(request.bucket)
        body = request.document()
        if configuration.root:
            parse(body, configuration.root)
        else:
            _check_policy(body)
        self._store.bucket_files.configure(request.bucket, kind, body.decode())
        return Response(configuration.status)

    def _delete(self, kind: str, request: Request) -> Response:
        self._store.bucket_folder(request.bucket)
        self._store.bucket_files.configure(request.bucket, kind, None)
        return Response(204)

    def _get_acl(self, request: Request) -> Response:
        if request.key:
            self._store.get(request.bucket, request.key)
        else:
            self._store.bucket_folder(request.bucket)
        owner = f"<Owner><ID>{OWNER['ID']}</ID></Owner>"
        grantee = (
            '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">'
            f"<ID>{OWNER['ID']}</ID></Grantee>"
        )
        grants = f"<AccessControlList><Grant>{grantee}<Permission>FULL_CONTROL</Permission></Grant></AccessControlList>"
        text = f"<AccessControlPolicy>{owner}{grants}</AccessControlPolicy>"
        return Response(200, {"Content-Type": "application/xml"}, text.encode())

    def _put_acl(self, request: Request) -> Response:
        self._store.bucket_folder(request.bucket)
        if request.headers.get("x-amz-acl") in ("private", "bucket-owner-full-control"):
            return Response()  # as it is anyway
        raise S3Error("AccessControlListNotSupported", "The bucket does not allow ACLs", status=400)


def _check_policy(body: bytes) -> None:
    try:
        if isinstance(json.loads(body), dict):
            return
    except ValueError:
        pass
    raise S3Error("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")
