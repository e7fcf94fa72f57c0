"""Pipelines and their versions, as resources: create, update, describe, list, delete."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from local_sagemaker import records as stored
from local_sagemaker.arns import caller, resource_name
from local_sagemaker.control_plane import Operation
from local_sagemaker.errors import ConflictException, ResourceNotFound, ValidationException
from local_sagemaker.listing import page
from local_sagemaker.pipelines import state
from local_sagemaker.pipelines.cache import cache_kind
from local_sagemaker.pipelines.callbacks import CALLBACK
from local_sagemaker.pipelines.check import check
from local_sagemaker.pipelines.definition import unparsable
from local_sagemaker.records import Records
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.settings import Settings

PIPELINE = "Pipeline"
_VERSIONED = ("PipelineDefinition", "PipelineDefinitionS3Location", "PipelineVersionAliases")


def version_kind(pipeline: str) -> str:
    """The kind of the records that are the versions of one pipeline; they are named by number."""
    return f"PipelineVersion/{pipeline}"


def tokens_kind(pipeline: str) -> str:
    """The kind of the records that say which execution a client request token has started."""
    return f"PipelineExecutionToken/{pipeline}"


class StoredPipelines:
    """The pipelines of one local SageMaker. A definition that cannot run is refused when it is stored."""

    def __init__(self, settings: Settings, records: Records, store: ObjectStore) -> None:
        self._settings = settings
        self._records = records
        self._store = store

    def operations(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "CreatePipeline": self.create,
            "UpdatePipeline": self.update,
            "DescribePipeline": self.describe,
            "DeletePipeline": self.delete,
            "ListPipelines": self.list,
            "ListPipelineVersions": self.list_versions,
            "UpdatePipelineVersion": self.update_version,
        }

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """Store a new pipeline, as its version 1. The same token again answers what it answered before."""
        name = request["PipelineName"]
        present = self._records.get(PIPELINE, name)
        if present is not None:
            if present["_ClientRequestToken"] == request["ClientRequestToken"]:
                return present
            raise _taken(name)
        definition = self._definition(request)
        if definition is None:
            raise ValidationException(
                "Either PipelineDefinition or PipelineDefinitionS3Location must be given."
            )
        now = time.time()
        document = {
            **{key: value for key, value in request.items() if key not in _VERSIONED},
            "PipelineDisplayName": request.get("PipelineDisplayName", name),
            "PipelineArn": self._settings.arn("pipeline", name),
            "PipelineStatus": "Active",
            "CreationTime": now,
            "LastModifiedTime": now,
            "CreatedBy": caller(self._settings),
            "LastModifiedBy": caller(self._settings),
            "_ClientRequestToken": request["ClientRequestToken"],
            "_LatestVersion": 1,
        }
        try:
            with self._records.together():
                self._records.create(PIPELINE, name, document)
                self._add_version(document, definition, request)
        except stored.Exists:
            raise _taken(name) from None
        return document

    def update(self, request: dict[str, Any]) -> dict[str, Any]:
        """Change a pipeline; a new definition is a new version."""
        name = self.named(request["PipelineName"])["PipelineName"]
        definition = self._definition(request)
        changed = {
            **{key: value for key, value in request.items() if key not in _VERSIONED},
            "LastModifiedTime": time.time(),
            "LastModifiedBy": caller(self._settings),
        }

        def change(document: dict[str, Any]) -> dict[str, Any]:
            latest = document["_LatestVersion"] + (definition is not None)
            return {**document, **changed, "_LatestVersion": latest}

        with self._records.together():
            document = self._records.update(PIPELINE, name, change)
            if definition is not None:
                self._add_version(document, definition, request)
        return {**document, "PipelineVersionId": document["_LatestVersion"]}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        """The pipeline, in its latest version or the one that is asked for."""
        pipeline = self.named(request["PipelineName"])
        version = self.version(pipeline, request)
        return {**pipeline, **version, "CreationTime": pipeline["CreationTime"]}

    def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        """Forget a pipeline, its versions, its executions and their cached results."""
        with self._records.together():
            pipeline = self.named(request["PipelineName"])
            name = pipeline["PipelineName"]
            executions = [
                item for item in self._records.items(state.EXECUTION) if item[1]["_Pipeline"] == name
            ]
            for _, execution in executions:
                if execution["PipelineExecutionStatus"] not in state.EXECUTION_TERMINAL:
                    raise ConflictException(
                        f"Pipeline '{pipeline['PipelineArn']}' cannot be deleted while it has running executions: "
                        f"{execution['PipelineExecutionArn']}."
                    )
            self._records.delete(PIPELINE, name)
            for execution_name, _ in executions:
                self._clear(state.steps_kind(execution_name))
                self._records.delete(state.EXECUTION, execution_name)
            for token, callback in self._records.items(CALLBACK):
                if callback["_Execution"].startswith(f"{name}/"):
                    self._records.delete(CALLBACK, token)
            for kind in (version_kind(name), tokens_kind(name), cache_kind(name)):
                self._clear(kind)
        return pipeline

    def list(self, request: dict[str, Any]) -> dict[str, Any]:
        """A page of pipelines."""
        return page(
            "ListPipelines",
            self._records.list(PIPELINE),
            request,
            kind=PIPELINE,
            filters={"ManagedBy": lambda _, managed_by: bool(managed_by == "SELF")},
        )

    def list_versions(self, request: dict[str, Any]) -> dict[str, Any]:
        """A page of the pipeline's versions, newest first."""
        name = self.named(request["PipelineName"])["PipelineName"]
        return page(
            "ListPipelineVersions",
            self._records.list(version_kind(name)),
            request,
            kind="PipelineVersion",
            filters={"PipelineName": lambda *_: True},
        )

    def update_version(self, request: dict[str, Any]) -> dict[str, Any]:
        """Name, describe, or move aliases to and from one version."""
        pipeline = self.named(request["PipelineArn"])
        number = request["PipelineVersionId"]
        self.version(pipeline, request)
        operations = request.get("PipelineVersionAliasOperations", {})
        added, removed = operations.get("Add", []), operations.get("Remove", [])
        self._take_aliases(pipeline["PipelineName"], added)
        words = ("PipelineVersionDisplayName", "PipelineVersionDescription")

        def change(version: dict[str, Any]) -> dict[str, Any]:
            kept = [alias for alias in version["PipelineVersionAliases"] if alias not in removed]
            aliases = [*kept, *(alias for alias in added if alias not in kept)]
            new = {key: request[key] for key in words if key in request}
            return {**version, **new, "PipelineVersionAliases": aliases}

        return self._records.update(version_kind(pipeline["PipelineName"]), str(number), change)

    def named(self, name_or_arn: str) -> dict[str, Any]:
        """A pipeline by name or ARN. Raises ResourceNotFound."""
        name = resource_name(name_or_arn)
        document = self._records.get(PIPELINE, name)
        if document is None:
            raise ResourceNotFound(f"Pipeline '{self._settings.arn('pipeline', name)}' does not exist.")
        return document

    def version(self, pipeline: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
        """The version that a request names by id or alias; else the latest. Raises ResourceNotFound."""
        kind = version_kind(pipeline["PipelineName"])
        alias = request.get("PipelineVersionAlias")
        if alias is not None:
            for version in self._records.list(kind):
                if alias in version["PipelineVersionAliases"]:
                    return version
            raise ResourceNotFound(f"No version of '{pipeline['PipelineArn']}' has the alias {alias!r}.")
        number = request.get("PipelineVersionId", pipeline["_LatestVersion"])
        return self.numbered(pipeline["PipelineName"], number)

    def numbered(self, pipeline: str, number: int) -> dict[str, Any]:
        """One version of a pipeline. Raises ResourceNotFound."""
        found = self._records.get(version_kind(pipeline), str(number))
        if found is None:
            raise ResourceNotFound(
                f"Pipeline '{self._settings.arn('pipeline', pipeline)}' has no version {number}."
            )
        return found

    def _definition(self, request: Mapping[str, Any]) -> str | None:
        """The definition of a request, checked; None where it has none. Raises ValidationException."""
        text: str | None = request.get("PipelineDefinition")
        location = request.get("PipelineDefinitionS3Location")
        if location is not None:
            if text is not None:
                raise ValidationException(
                    "PipelineDefinition and PipelineDefinitionS3Location cannot both be given."
                )
            text = self._store.read(f"s3://{location['Bucket']}/{location['ObjectKey']}").decode(
                "utf-8", "replace"
            )
        if text is None:
            return None
        errors = [problem for problem in check(text) if problem.level == "error"]
        if errors:
            raise ValidationException(unparsable(errors))
        return text

    def _add_version(self, pipeline: Mapping[str, Any], definition: str, request: Mapping[str, Any]) -> None:
        name, number = pipeline["PipelineName"], pipeline["_LatestVersion"]
        aliases = request.get("PipelineVersionAliases", [])
        self._take_aliases(name, aliases)
        self._records.create(
            version_kind(name),
            str(number),
            {
                "PipelineArn": pipeline["PipelineArn"],
                "PipelineVersionArn": f"{pipeline['PipelineArn']}/version/{number:09}",  # for sorting only
                "PipelineVersionId": number,
                "PipelineDefinition": definition,
                "CreationTime": pipeline["LastModifiedTime"],
                "PipelineVersionAliases": aliases,
            },
        )

    def _take_aliases(self, pipeline: str, aliases: Sequence[str]) -> None:
        """An alias names one version: take those away from the versions that have them."""
        if not aliases:
            return
        for number, version in self._records.items(version_kind(pipeline)):
            kept = [alias for alias in version["PipelineVersionAliases"] if alias not in aliases]
            if kept != version["PipelineVersionAliases"]:
                self._records.update(version_kind(pipeline), number, {"PipelineVersionAliases": kept})

    def _clear(self, kind: str) -> None:
        for name, _ in self._records.items(kind):
            self._records.delete(kind, name)


def _taken(name: str) -> ValidationException:
    return ValidationException(
        "Pipeline names must be unique within an AWS account and region. "
        f"Pipeline with name ({name}) already exists."
    )
