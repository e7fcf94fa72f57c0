"""The errors that the local SageMaker answers with, in AWS's shape.

AwsError                         any service: code, message, HTTP status
 ├── ValidationException         the request is wrong (SageMaker also uses it for most missing resources)
 ├── ResourceNotFound            what the request names is not there
 ├── ResourceInUse               the name is taken, or the resource is busy
 ├── ConflictException           two writers disagree
 ├── ResourceLimitExceeded       a limit of the service or of this machine
 └── UnsupportedOperation        AWS has it, the local SageMaker does not
"""

from __future__ import annotations


class AwsError(Exception):
    """An error that a client receives: ``code`` is what boto3 shows in ``error.response['Error']['Code']``."""

    code = "InternalFailure"
    status = 400

    def __init__(self, message: str, *, code: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.status = status or self.status


class ValidationException(AwsError):
    """The request does not have the shape, or breaks a rule, that the operation documents."""

    code = "ValidationException"


class ResourceNotFound(AwsError):
    """The request names something that does not exist."""

    code = "ResourceNotFound"


class ResourceInUse(AwsError):
    """The name is taken, or the resource cannot change in its present state."""

    code = "ResourceInUse"


class ConflictException(AwsError):
    """There was a conflict with another request."""

    code = "ConflictException"


class ResourceLimitExceeded(AwsError):
    """A limit of the service, or of this machine, would be exceeded."""

    code = "ResourceLimitExceeded"


class UnsupportedOperation(AwsError):
    """AWS has this operation; the local SageMaker does not, and says so by name."""

    code = "UnsupportedOperation"
    status = 501
