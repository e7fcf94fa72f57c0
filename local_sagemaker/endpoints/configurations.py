"""Endpoint configurations: which models, in which proportions, with what around them. Records; endpoints read them.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html
"""

from __future__ import annotations

import time
from typing import Any

from local_sagemaker import records
from local_sagemaker.control_plane import Operation
from local_sagemaker.errors import AwsError, UnsupportedOperation, ValidationException
from local_sagemaker.listing import page
from local_sagemaker.records import Records
from local_sagemaker.resources.failures import already_exists, not_found
from local_sagemaker.settings import Settings

Document = dict[str, Any]

KIND = "EndpointConfig"
# What changes how requests are answered, and is not here: to accept and ignore it would be a lie.
_ABSENT = {
    "AsyncInferenceConfig": "asynchronous inference",
    "ExplainerConfig": "online explanations",
}


class EndpointConfigs:
    """Create, describe, list and delete endpoint configurations."""

    def __init__(self, settings: Settings, records: Records) -> None:
        self._settings = settings
        self._records = records

    def operations(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "CreateEndpointConfig": self.create,
            "DescribeEndpointConfig": self.describe,
            "ListEndpointConfigs": self.list,
            "DeleteEndpointConfig": self.delete,
        }

    def create(self, request: Document) -> Document:
        """Record a configuration. Raises ValidationException: names that repeat, models that are not there."""
        for member, what in _ABSENT.items():
            if member in request:
                raise UnsupportedOperation(f"The local SageMaker does not do {what} ({member}); AWS does.")
        self._check_variants(request)
        name = request["EndpointConfigName"]
        arn = self._settings.arn("endpoint-config", name)
        document = {**request, "EndpointConfigArn": arn, "CreationTime": time.time()}
        try:
            self._records.create(KIND, name, document)
        except records.Exists:
            raise already_exists("CreateEndpointConfig", KIND, arn) from None
        return document

    def describe(self, request: Document) -> Document:
        """The configuration."""
        return get(self._records, self._settings, "DescribeEndpointConfig", request["EndpointConfigName"])

    def list(self, request: Document) -> Document:
        """A page of configurations."""
        return page("ListEndpointConfigs", self._records.list(KIND), request, kind=KIND)

    def delete(self, request: Document) -> None:
        """Forget it. Endpoints that were made of it go on."""
        name = request["EndpointConfigName"]
        if not self._records.delete(KIND, name):
            raise missing(self._settings, "DeleteEndpointConfig", name)

    def _check_variants(self, request: Document) -> None:
        production = request["ProductionVariants"]
        shadows = request.get("ShadowProductionVariants", [])
        names = [variant["VariantName"] for variant in [*production, *shadows]]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValidationException(f"Each variant needs a name of its own; {twice!r} comes twice.")
        if shadows and len(production) != 1:
            raise ValidationException(
                f"Shadow variants are for one production variant; this configuration has {len(production)}."
            )
        for variant in [*production, *shadows]:
            self._check_variant(variant)
        if not any(weight(variant) for variant in production):
            raise ValidationException("At least one production variant must have a weight greater than 0.")

    def _check_variant(self, variant: Document) -> None:
        name = variant["VariantName"]
        if "ModelName" not in variant:
            raise UnsupportedOperation(
                f"The variant {name!r} has no ModelName: the local SageMaker has no inference components; AWS does."
            )
        if self._records.get("Model", variant["ModelName"]) is None:
            raise not_found_in_create(self._settings, variant["ModelName"])
        if "ServerlessConfig" in variant:
            extra = sorted(variant.keys() & {"InstanceType", "InitialInstanceCount"})
            if extra:
                raise ValidationException(
                    f"The variant {name!r} has a ServerlessConfig, which excludes {' and '.join(extra)}."
                )
            return
        if "InstancePools" in variant:
            return
        absent = [member for member in ("InstanceType", "InitialInstanceCount") if member not in variant]
        if absent:
            raise ValidationException(
                f"The variant {name!r} needs {' and '.join(absent)}, or a ServerlessConfig."
            )


def weight(variant: Document) -> float:
    """A variant's share of the traffic, relative to the others'; 1 where the request says nothing."""
    return float(variant.get("InitialVariantWeight", 1.0))


def get(records_: Records, settings: Settings, operation: str, name: str) -> Document:
    """The configuration of that name. Raises what the operation declares for one that is not there."""
    document = records_.get(KIND, name)
    if document is None:
        raise missing(settings, operation, name)
    return document


def missing(settings: Settings, operation: str, name: str) -> AwsError:
    """The error for a configuration that is not there."""
    return not_found(operation, KIND, settings.arn("endpoint-config", name))


def not_found_in_create(settings: Settings, model: str) -> AwsError:
    """The error for a configuration of a model that is not there."""
    return ValidationException(f'Could not find model "{settings.arn("model", model.lower())}".')
