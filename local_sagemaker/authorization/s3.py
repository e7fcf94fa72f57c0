"""Which permissions a request to S3 needs.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations

from urllib.parse import unquote

from local_sagemaker.authorization.evaluation import Need
from local_sagemaker.s3.exchange import Request

# Operations whose permission has another name; ``s3:<Operation>`` is that of all others.
_ACTIONS = {
    "ListBuckets": "ListAllMyBuckets",
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "HeadObject": "GetObject",
    "GetObjectAttributes": "GetObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "ListParts": "ListMultipartUploadParts",
}
# Parts of the names of configurations that permissions leave out or call otherwise.
_SHORTER = {
    "BucketEncryption": "EncryptionConfiguration",
    "BucketLifecycleConfiguration": "LifecycleConfiguration",
    "BucketReplication": "ReplicationConfiguration",
    "BucketAccelerateConfiguration": "AccelerateConfiguration",
    "BucketCors": "BucketCORS",
    "BucketNotificationConfiguration": "BucketNotification",
    "ObjectLockConfiguration": "BucketObjectLockConfiguration",
    "PublicAccessBlock": "BucketPublicAccessBlock",
}
# To delete a configuration is to put none; these are the exceptions.
_DELETED = ("DeleteBucketPolicy", "DeleteBucketWebsite")
_OF_QUERY = ("prefix", "delimiter", "max-keys")
_OF_HEADERS = (
    "x-amz-acl",
    "x-amz-copy-source",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-storage-class",
    "x-amz-content-sha256",
)


def needs(operation: str, request: Request, account: str) -> list[Need]:
    """Every permission that a request needs. What DeleteObjects deletes is asked for key by key, as it deletes."""
    if operation == "DeleteObjects":
        return []
    context = _context(request, account)
    found = [Need(_action(operation), arn(request.bucket, request.key), context)]
    source = request.headers.get("x-amz-copy-source")
    if source and operation in ("CopyObject", "UploadPartCopy"):
        bucket, _, key = unquote(source.partition("?")[0]).removeprefix("/").partition("/")
        found.insert(0, of("s3:GetObject", bucket, key, account))
    if request.headers.get("x-amz-tagging") and operation in (
        "PutObject",
        "CreateMultipartUpload",
        "CopyObject",
    ):
        found.append(Need("s3:PutObjectTagging", arn(request.bucket, request.key), context))
    return found


def of(action: str, bucket: str, key: str, account: str) -> Need:
    """A permission for what happens without a request; of ListBucket, ``key`` is the prefix."""
    listing = action == "s3:ListBucket"
    more = {"s3:prefix": [key]} if listing else {}
    return Need(action, arn(bucket, "" if listing else key), {**_everywhere(account), **more})


def arn(bucket: str, key: str = "") -> str:
    """The ARN of an object or a bucket; of all buckets, ``*``."""
    return f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}" if bucket else "*"


def _action(operation: str) -> str:
    for long, short in _SHORTER.items():
        operation = operation.replace(long, short)
    if operation.startswith("Delete") and operation.endswith(_CONFIGURED) and operation not in _DELETED:
        operation = operation.replace("Delete", "Put", 1)
    return f"s3:{_ACTIONS.get(operation, operation)}"


_CONFIGURED = (*_SHORTER.values(), "BucketTagging", "BucketOwnershipControls")


def _context(request: Request, account: str) -> dict[str, list[str]]:
    listed = {f"s3:{name}": [request.query[name]] for name in _OF_QUERY if name in request.query}
    headers = {f"s3:{name}": [request.headers[name]] for name in _OF_HEADERS if name in request.headers}
    return {**_everywhere(account), **listed, **headers}


def _everywhere(account: str) -> dict[str, list[str]]:
    # Loopback stands for TLS: policies that ask for it would let nobody in.
    return {
        "aws:securetransport": ["true"],
        "aws:resourceaccount": [account],
        "s3:resourceaccount": [account],
    }
