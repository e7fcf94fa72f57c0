"""S3's errors, by the codes that clients know.

Codes, statuses and (where known) texts follow
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html. ``NoSuchKey`` and ``NoSuchBucket`` have
classes of their own because callers catch them; the others are ``S3Error`` with a code from the table.
"""

from __future__ import annotations

from local_sagemaker.errors import AwsError

STATUS = {
    "AccessDenied": 403,
    "BadDigest": 400,
    "BucketAlreadyOwnedByYou": 409,
    "BucketNotEmpty": 409,
    "EntityTooSmall": 400,
    "IncompleteBody": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidDigest": 400,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidRange": 416,
    "InvalidRequest": 400,
    "InvalidTag": 400,
    "InvalidURI": 400,
    "KeyTooLongError": 400,
    "MalformedPolicy": 400,
    "MalformedTrailerError": 400,
    "MalformedXML": 400,
    "MetadataTooLarge": 400,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchUpload": 404,
    "NotImplemented": 501,
    "NotModified": 304,
    "PreconditionFailed": 412,
    "XAmzContentSHA256Mismatch": 400,
}


class S3Error(AwsError):
    """An error of the S3 API; ``details`` become elements of the error document beside Code and Message."""

    def __init__(self, code: str, message: str, *, status: int | None = None, **details: str) -> None:
        super().__init__(message, code=code, status=status or STATUS[code])
        self.details = details


class NoSuchBucket(S3Error):
    """The bucket does not exist."""

    def __init__(self, bucket: str) -> None:
        message = f"The specified bucket does not exist: {bucket}"
        super().__init__("NoSuchBucket", message, status=404, BucketName=bucket)


class NoSuchKey(S3Error):
    """The object does not exist."""

    def __init__(self, bucket: str, key: str) -> None:
        message = f"The specified key does not exist: {key} (bucket {bucket})"
        super().__init__("NoSuchKey", message, status=404, Key=key)
