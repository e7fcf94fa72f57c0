"""One door to every SageMaker operation: check the request, run it, shape the answer.

Clients come through HTTP (``wire.py``); what runs in process, such as a pipeline that creates jobs, calls the
same method and so meets the same rules.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from local_sagemaker import validation
from local_sagemaker.errors import UnsupportedOperation
from local_sagemaker.output import shaped
from local_sagemaker.service_model import operation_model
from local_sagemaker.settings import Settings

Guard = Callable[[str, str, Mapping[str, Any]], None]  # access key, operation, valid request; raises AwsError
Operation = Callable[[dict[str, Any]], dict[str, Any] | None]  # a valid request -> a Describe-shaped answer


class ControlPlane:
    """The operations of one local SageMaker, by AWS's names."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._operations: dict[str, Operation] = {}
        self.guard: Guard | None = None  # who may do what; without one, everybody everything

    @property
    def operations(self) -> frozenset[str]:
        """The names of the operations that are there."""
        return frozenset(self._operations)

    def add(self, operations: Mapping[str, Operation]) -> None:
        """Offer more operations. One that AWS does not have, or that is there already, is a mistake."""
        for name in operations:
            operation_model(name)
            if name in self._operations:
                raise ValueError(f"operation {name} was added twice")
        self._operations.update(operations)

    def call(self, operation: str, request: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """Run one operation, like any client. Request and answer are wire JSON, and copies.

        ``by`` is the access key of whoever calls; without one it is SageMaker itself, which may do anything.

        Raises AwsError: UnknownOperationException where AWS has no such operation, UnsupportedOperation where
        this SageMaker has not, ValidationException with every problem of the request, AccessDeniedException where
        the guard says so, and what the operation itself raises.
        """
        model = operation_model(operation)
        run = self._operations.get(operation)
        if run is None:
            raise UnsupportedOperation(
                f"The local SageMaker does not support {operation}; AWS does. "
                "docs/guide/compatibility.md says what it has."
            )
        # Clients make idempotency tokens up before they send, and so does a call in process.
        tokens = {token: uuid.uuid4().hex for token in model.idempotent_members}
        complete = {**tokens, **request}
        if model.input_shape is not None:
            validation.require(model.input_shape, complete)
        complete = _without_nulls(complete)
        if self.guard is not None and by is not None:
            self.guard(by, operation, complete)
        answer = run(complete)
        return shaped(model.output_shape, answer or {}) if model.output_shape is not None else {}


def _without_nulls(value: Any) -> Any:
    """A deep copy in which members that are null, which AWS reads as absent, are absent."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_nulls(item) for item in value]
    return value
