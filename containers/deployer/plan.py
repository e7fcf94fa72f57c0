"""What an endpoint is to be made of: the requests for its models and its configuration. Pure.

Nothing of it depends on what is there already, so the same packages and settings give the same names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from containers.deployer import names
from containers.deployer.registry import Package
from containers.deployer.settings import Capture, Deployment

Request = dict[str, Any]

ALL, CHALLENGER, CHAMPION = "AllTraffic", "Challenger", "Champion"
ENDPOINT_TAG, PACKAGE_TAG = "endpoint", "model-package"


@dataclass(frozen=True)
class Plan:
    """Packages in service, the newest first: one, or the challenger and its champion."""

    packages: tuple[Package, ...]
    models: tuple[Request, ...]  # CreateModel, one for each package
    configuration: Request  # CreateEndpointConfig

    @property
    def name(self) -> str:
        """The endpoint configuration's."""
        return str(self.configuration["EndpointConfigName"])

    @property
    def names(self) -> frozenset[str]:
        """The models' and the configuration's."""
        return frozenset({self.name, *(model["ModelName"] for model in self.models)})

    @property
    def newest(self) -> Package:
        """What this deployment is about."""
        return self.packages[0]

    @property
    def newest_variant(self) -> str:
        """The variant that serves it: what alarms look at."""
        return CHALLENGER if len(self.packages) > 1 else ALL

    @property
    def variants(self) -> list[Request]:
        """All of them, the shadow too."""
        shadows = self.configuration.get("ShadowProductionVariants", [])
        return [*self.configuration["ProductionVariants"], *shadows]


def plan(deployment: Deployment, approved: Sequence[Package]) -> Plan:
    """For the newest of the approved packages, which come the newest first; at least one."""
    both = deployment.compare is not None and len(approved) > 1
    packages = tuple(approved[:2] if both else approved[:1])
    models = tuple(_model(deployment, package) for package in packages)
    return Plan(
        packages, models, _configuration(deployment, packages, [each["ModelName"] for each in models])
    )


def tags(deployment: Deployment, package: Package | None = None) -> list[dict[str, str]]:
    """The settings' tags, and whose a resource is."""
    ours = {ENDPOINT_TAG: deployment.endpoint, **({PACKAGE_TAG: package.arn} if package else {})}
    return [{"Key": key, "Value": value} for key, value in {**deployment.tags, **ours}.items()]


def _model(deployment: Deployment, package: Package) -> Request:
    network = deployment.network
    asked: Request = {
        "ExecutionRoleArn": deployment.role,
        "PrimaryContainer": {"ModelPackageName": package.arn},
        "EnableNetworkIsolation": network.isolated,
    }
    if network.subnets:
        asked["VpcConfig"] = {
            "Subnets": list(network.subnets),
            "SecurityGroupIds": list(network.security_groups),
        }
    name = names.named(deployment.endpoint, package.version, asked)
    return {"ModelName": name, **asked, "Tags": tags(deployment, package)}


def _configuration(deployment: Deployment, packages: Sequence[Package], models: Sequence[str]) -> Request:
    asked = _variants(deployment, models)
    if deployment.capture is not None:
        asked["DataCaptureConfig"] = _capture(deployment.capture, deployment.keys.output)
    if deployment.keys.volume is not None:
        asked["KmsKeyId"] = deployment.keys.volume
    name = names.named(deployment.endpoint, packages[0].version, asked)
    return {"EndpointConfigName": name, **asked, "Tags": tags(deployment, packages[0])}


def _variants(deployment: Deployment, models: Sequence[str]) -> Request:
    """The variants, by the models of the newest package and, where two are compared, the one before it."""
    if len(models) == 1 or deployment.compare is None:
        return {"ProductionVariants": [_variant(deployment, ALL, models[0], 1.0)]}
    challenger, champion = models
    share = deployment.compare.share
    if deployment.compare.kind == "shadow":  # its weight is relative to the production variant's
        return {
            "ProductionVariants": [_variant(deployment, CHAMPION, champion, 1.0)],
            "ShadowProductionVariants": [_variant(deployment, CHALLENGER, challenger, share)],
        }
    return {
        "ProductionVariants": [
            _variant(deployment, CHAMPION, champion, round(1 - share, 6)),
            _variant(deployment, CHALLENGER, challenger, share),
        ]
    }


def _variant(deployment: Deployment, name: str, model: str, weight: float) -> Request:
    variant: Request = {"VariantName": name, "ModelName": model, "InitialVariantWeight": weight}
    if deployment.serverless is not None:
        return {
            **variant,
            "ServerlessConfig": {
                "MemorySizeInMB": deployment.serverless.memory_mb,
                "MaxConcurrency": deployment.serverless.max_concurrency,
            },
        }
    return {
        **variant,
        "InstanceType": deployment.instance_type,
        "InitialInstanceCount": deployment.instance_count,
    }


def _capture(capture: Capture, key: str | None) -> Request:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": capture.percent,
        "DestinationS3Uri": capture.uri,
        **({"KmsKeyId": key} if key else {}),
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        # As text, which is what Model Monitor reads; anything else is kept in base 64.
        "CaptureContentTypeHeader": {
            "CsvContentTypes": ["text/csv"],
            "JsonContentTypes": ["application/json", "application/jsonlines"],
        },
    }
