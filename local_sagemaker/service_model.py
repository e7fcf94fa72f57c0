"""SageMaker's API as botocore describes it: operations, and the shapes of what they take and answer."""

from __future__ import annotations

import difflib
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from local_sagemaker.errors import AwsError

Shape = Any  # botocore.model.Shape and its subclasses; botocore carries no types


@cache
def service_model() -> ServiceModel:
    """The model that the installed botocore carries: read at first use (0.1 s), then kept."""
    return ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")


@cache
def operation_names() -> frozenset[str]:
    """Every operation that AWS has."""
    return frozenset(service_model().operation_names)


def operation_model(operation: str) -> OperationModel:
    """The model of one operation. Raises AwsError(UnknownOperationException)."""
    if operation not in operation_names():
        near = difflib.get_close_matches(operation, operation_names(), 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise AwsError(
            f"SageMaker has no operation {operation!r}.{hint}", code="UnknownOperationException", status=404
        )
    return service_model().operation_model(operation)


def input_shape(operation: str) -> Shape | None:
    """What the operation takes; None where it takes nothing."""
    return operation_model(operation).input_shape


def output_shape(operation: str) -> Shape | None:
    """What the operation answers; None where it answers nothing."""
    return operation_model(operation).output_shape
