"""Models: an image, its artifact, and the role it runs as. A record; endpoints and transforms give it life.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html
"""

from __future__ import annotations

import time
from typing import Any

from local_sagemaker import records
from local_sagemaker.control_plane import Operation
from local_sagemaker.errors import ValidationException
from local_sagemaker.listing import page
from local_sagemaker.records import Records
from local_sagemaker.resources.failures import already_exists, not_found
from local_sagemaker.settings import Settings


class Models:
    """Create, describe, list and delete models."""

    def __init__(self, settings: Settings, records: Records) -> None:
        self._settings = settings
        self._records = records

    def operations(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "CreateModel": self.create,
            "DescribeModel": self.describe,
            "ListModels": self.list,
            "DeleteModel": self.delete,
        }

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """Record a model."""
        _check_containers(request)
        name = request["ModelName"]
        arn = self._arn(name)
        document = {**request, "ModelArn": arn, "CreationTime": time.time()}
        document.setdefault("EnableNetworkIsolation", False)
        try:
            self._records.create("Model", name, document)
        except records.Exists:
            raise already_exists("CreateModel", "Model", arn) from None
        return document

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        """The model."""
        name = request["ModelName"]
        document = self._records.get("Model", name)
        if document is None:
            raise not_found("DescribeModel", "Model", self._arn(name))
        return document

    def list(self, request: dict[str, Any]) -> dict[str, Any]:
        """A page of models."""
        return page("ListModels", self._records.list("Model"), request, kind="Model")

    def delete(self, request: dict[str, Any]) -> None:
        """Forget a model. Its artifact stays where it is."""
        if not self._records.delete("Model", request["ModelName"]):
            raise not_found("DeleteModel", "Model", self._arn(request["ModelName"]))

    def _arn(self, name: str) -> str:
        return self._settings.arn("model", name.lower())


def _check_containers(request: dict[str, Any]) -> None:
    """What the shape cannot say: how containers may be given. Raises ValidationException."""
    primary, containers = request.get("PrimaryContainer"), request.get("Containers", [])
    if primary and containers:
        raise ValidationException(
            "Both PrimaryContainer and Containers cannot be set. Specify only one of them."
        )
    if not primary and not containers:
        raise ValidationException("A model needs a PrimaryContainer or Containers.")
    if len(containers) < 2 and "InferenceExecutionConfig" in request:
        raise ValidationException("InferenceExecutionConfig is only for models with more than one container.")
    hosts = [container["ContainerHostname"] for container in containers if "ContainerHostname" in container]
    if len(hosts) != len(set(hosts)):
        raise ValidationException("Each container in Containers needs a ContainerHostname of its own.")
    for container in [primary] if primary else containers:
        if not container.keys() & {"Image", "ModelPackageName"}:
            raise ValidationException("A container needs an Image or a ModelPackageName.")
        if container.keys() >= {"ModelDataUrl", "ModelDataSource"}:
            raise ValidationException("A container has a ModelDataUrl or a ModelDataSource, not both.")
