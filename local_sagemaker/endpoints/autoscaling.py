"""Application Auto Scaling of variants: moto keeps targets and policies; here it is checked that the variant is there.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from enum import Enum
from typing import TYPE_CHECKING, Any

from local_sagemaker import aws_request
from local_sagemaker.errors import AwsError, ValidationException
from local_sagemaker.other_services import OtherServices
from local_sagemaker.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"
Document = dict[str, Any]


class Autoscaling:
    """Application Auto Scaling as a WSGI application."""

    def __init__(
        self, settings: Settings, describe: Callable[[Document], Document], others: OtherServices
    ) -> None:
        self._settings = settings
        self._describe = describe
        self._others = others
        self._ready = False
        self._checks: dict[str, Callable[[Document], None]] = {
            "RegisterScalableTarget": self._check_target,
            "PutScalingPolicy": self._check_policy,
            "PutScheduledAction": self._check_registered,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Refuse what SageMaker would; hand on the rest."""
        if not self._ready:
            self._others.load()
            _know_serverless()
            self._ready = True
        check = self._checks.get(environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2])
        request = _request(environ) if check else {}
        if check and request.get("ServiceNamespace") == "sagemaker":
            check(request)
        return self._others(environ, start_response)

    def _check_target(self, request: Document) -> None:
        """Raises ValidationException."""
        dimension, resource = request.get("ScalableDimension"), str(request.get("ResourceId"))
        if dimension not in (INSTANCES, CONCURRENCY):
            return  # moto says what it has instead
        serverless = "CurrentServerlessConfig" in self._variant(resource)
        if serverless != (dimension == CONCURRENCY):
            raise ValidationException(
                f"{resource} is {'serverless' if serverless else 'not serverless'}: its scalable dimension is "
                f"{CONCURRENCY if serverless else INSTANCES}, not {dimension}."
            )
        known = self._registered(request)
        least = request.get("MinCapacity", known.min_capacity if known else None)
        most = request.get("MaxCapacity", known.max_capacity if known else None)
        if least is None or most is None:
            raise ValidationException(
                "Both MinCapacity and MaxCapacity are required to register a scalable target that does not exist yet."
            )
        if most < least:
            raise ValidationException("Maximum capacity cannot be less than minimum capacity")

    def _check_policy(self, request: Document) -> None:
        self._check_registered(request)
        kind = request.get("PolicyType", "StepScaling")
        if f"{kind.removesuffix('Scaling')}ScalingPolicyConfiguration" not in request:
            raise ValidationException(f"A policy of type {kind} needs its {kind}PolicyConfiguration.")

    def _check_registered(self, request: Document) -> None:
        """Raises AwsError(ObjectNotFoundException)."""
        if self._registered(request) is None:
            raise AwsError(
                f"No scalable target registered for service namespace: sagemaker, resource ID: "
                f"{request.get('ResourceId')}, scalable dimension: {request.get('ScalableDimension')}",
                code="ObjectNotFoundException",
            )

    def _registered(self, request: Document) -> Any:
        """moto's scalable target, or None."""
        from moto.applicationautoscaling.models import applicationautoscaling_backends

        targets = applicationautoscaling_backends[self._settings.account][self._settings.region].targets
        return targets.get(request.get("ScalableDimension"), {}).get(request.get("ResourceId"))

    def _variant(self, resource: str) -> Document:
        """The variant of ``endpoint/<name>/variant/<name>``. Raises ValidationException."""
        parts = resource.split("/")
        if len(parts) != 4 or (parts[0], parts[2]) != ("endpoint", "variant"):
            raise ValidationException(
                f"The resource ID {resource!r} must be endpoint/<endpoint name>/variant/<variant name>."
            )
        endpoint = self._describe({"EndpointName": parts[1]})
        variants = {each["VariantName"]: each for each in endpoint.get("ProductionVariants", [])}
        if parts[3] not in variants:
            raise ValidationException(
                f"The endpoint {parts[1]}, which is {endpoint['EndpointStatus']}, has no variant {parts[3]!r}; "
                f"it has {', '.join(variants) or 'none yet'}."
            )
        variant: Document = variants[parts[3]]
        return variant


def _know_serverless() -> None:
    """Teach moto the dimension that it lacks: provisioned concurrency."""
    from moto.applicationautoscaling import models, responses

    known: dict[str, str] = {each.name: each.value for each in models.ScalableDimensionValueSet}
    known["SAGEMAKER_VARIANT_DESIRED_PROVISIONED_CONCURRENCY"] = CONCURRENCY
    models.ScalableDimensionValueSet = responses.ScalableDimensionValueSet = Enum("Dimensions", known)


def _request(environ: WSGIEnvironment) -> Document:
    try:
        request = json.loads(aws_request.body(environ) or b"{}")
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}
