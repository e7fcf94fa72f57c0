"""What SageMaker answers when a resource is not there, or is there already: words that its users match on."""

from __future__ import annotations

from local_sagemaker.errors import (
    AwsError,
    ConflictException,
    ResourceInUse,
    ResourceNotFound,
    ValidationException,
)
from local_sagemaker.service_model import operation_model

_NOT_FOUND = {
    "Model": 'Could not find model "{arn}".',
    "EndpointConfig": 'Could not find endpoint configuration "{arn}".',
    "ModelPackage": "ModelPackage {arn} does not exist.",
    "ModelPackageGroup": "ModelPackageGroup {arn} does not exist.",
}
_EXISTS = {
    "Model": 'Cannot create already existing model "{arn}".',
    "EndpointConfig": 'Cannot create already existing endpoint configuration "{arn}".',
    "ModelPackage": "Model Package already exists: {arn}",
    "ModelPackageGroup": "Model Package Group already exists: {arn}",
}


def not_found(operation: str, kind: str, arn: str) -> AwsError:
    """The error of ``operation`` for a resource that is not there, under the code that AWS declares."""
    declared = {shape.name for shape in operation_model(operation).error_shapes}
    error = ResourceNotFound if "ResourceNotFound" in declared else ValidationException
    return error(_NOT_FOUND.get(kind, f"{kind} {{arn}} does not exist.").format(arn=arn))


def already_exists(operation: str, kind: str, arn: str) -> AwsError:
    """The error of a Create operation for a name that is taken, under the code that AWS declares."""
    declared = {shape.name for shape in operation_model(operation).error_shapes}
    error: type[AwsError] = ValidationException
    if "ResourceInUse" in declared:
        error = ResourceInUse
    elif "ConflictException" in declared:
        error = ConflictException
    return error(_EXISTS.get(kind, f"{kind} {{arn}} already exists.").format(arn=arn))
