"""What an endpoint will run, taken from its configuration, the models and the packages behind these.

It is written down with the endpoint: configuration and model may be deleted while the endpoint serves, and are not
needed again when it is started anew.
"""

from __future__ import annotations

from typing import Any

from local_sagemaker import arns
from local_sagemaker.endpoints import configurations
from local_sagemaker.endpoints.program import ROLE, Programs
from local_sagemaker.errors import ValidationException
from local_sagemaker.records import Records
from local_sagemaker.settings import Settings

Document = dict[str, Any]

_TIMEOUTS = "ContainerStartupHealthCheckTimeoutInSeconds"
# The first container's Image as CreateModel has it, or those that a package's specification has.
_OF_PACKAGE = ("Image", "ModelDataUrl", "ModelDataSource", "Environment", "ContainerHostname")


class Plans:
    """Makes plans of endpoint configurations."""

    def __init__(self, settings: Settings, records: Records, programs: Programs) -> None:
        self._settings = settings
        self._records = records
        self._programs = programs

    def of(self, configuration: Document) -> list[Document]:
        """One entry a variant, shadows last. Raises ValidationException, naming what is missing or cannot be run."""
        shadows = configuration.get("ShadowProductionVariants", [])
        return [
            *(self._variant(variant) for variant in configuration["ProductionVariants"]),
            *({**self._variant(variant), "Shadow": True} for variant in shadows),
        ]

    def _variant(self, variant: Document) -> Document:
        model, containers = self.model(variant["ModelName"])
        if model.get("InferenceExecutionConfig", {}).get("Mode") == "Direct" and len(containers) < 2:
            raise ValidationException("InferenceExecutionConfig Direct is for models of several containers.")
        return {
            "VariantName": variant["VariantName"],
            "ModelName": variant["ModelName"],
            "Weight": configurations.weight(variant),
            "InstanceCount": variant.get("InitialInstanceCount", 1),
            "Containers": containers,
            "Direct": model.get("InferenceExecutionConfig", {}).get("Mode") == "Direct",
            **{name: variant[name] for name in (_TIMEOUTS, "ServerlessConfig") if name in variant},
        }

    def model(self, name: str) -> tuple[Document, list[Document]]:
        """A model, and its containers, those of model packages looked up. Raises ValidationException."""
        model = self._records.get("Model", name)
        if model is None:
            raise configurations.not_found_in_create(self._settings, name)
        definitions = [model["PrimaryContainer"]] if "PrimaryContainer" in model else model["Containers"]
        role = {ROLE: model.get("ExecutionRoleArn", "")}
        containers = [made | role for definition in definitions for made in self._containers(definition)]
        for each in containers:
            self._programs.check(each)
        return model, containers

    def _containers(self, definition: Document) -> list[Document]:
        if "ModelPackageName" not in definition:
            return [definition]
        package = self._package(definition["ModelPackageName"])
        made = [
            {name: each[name] for name in _OF_PACKAGE if name in each}
            for each in package.get("InferenceSpecification", {}).get("Containers", [])
        ]
        if not made:
            raise ValidationException(
                f"The model package {definition['ModelPackageName']} has no container to serve."
            )
        first = made[0]
        first["Environment"] = {**first.get("Environment", {}), **definition.get("Environment", {})}
        return made

    def _package(self, name: str) -> Document:
        found = arns.find(self._records, name) if name.startswith("arn:") else ("ModelPackage", name)
        package = self._records.get(*found) if found else None
        if package is None:
            raise ValidationException(f"ModelPackage {name} does not exist.")
        return package
