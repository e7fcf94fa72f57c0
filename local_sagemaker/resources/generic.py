"""Resources that are nothing but records: their operations follow from botocore's service model alone.

Create keeps the request; Describe answers it with an ARN, times and a status that says ready; Update replaces
what it is given; List and Delete do what they say. ``FAMILIES`` names every kind that this is true of. Kinds
that run something (jobs, endpoints, apps, clusters) are not among them, and must not be: an operation that
nobody offers is refused by name, which is better than a job that pretends to have run.
"""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local_sagemaker import arns, records
from local_sagemaker.control_plane import Operation
from local_sagemaker.errors import ValidationException
from local_sagemaker.listing import Filter, page
from local_sagemaker.records import Records
from local_sagemaker.resources.failures import already_exists, not_found
from local_sagemaker.service_model import Shape, input_shape, operation_names, output_shape
from local_sagemaker.settings import Settings

Document = dict[str, Any]

_READY = ("Created", "CREATED", "InService", "Completed")  # what a status can be that means: use it


@dataclass(frozen=True)
class Family:
    """One kind of resource, where it differs from the rule."""

    key: tuple[str, ...] = ()  # the members that name it; by rule <Kind>Name
    made: Mapping[str, str] = field(default_factory=dict)  # members that the service makes up: name -> prefix
    version: str = ""  # a member that counts the updates, from 1; only the latest version is kept
    also: Mapping[str, Any] = field(default_factory=dict)  # what Describe must answer besides
    lists: str = ""  # its List operation, where that is not List<Kind>s
    filters: Mapping[str, Filter] = field(default_factory=dict)


def _source(document: Document, uri: str) -> bool:
    return bool(document["Source"].get("SourceUri") == uri)


_LINEAGE: dict[str, Filter] = {"SourceUri": _source}
_IN_DOMAIN: dict[str, Filter] = {"DomainIdEquals": lambda document, domain: document["DomainId"] == domain}

FAMILIES: dict[str, Family] = {
    "Action": Family(filters=_LINEAGE),
    "AIWorkloadConfig": Family(),
    "Algorithm": Family(also={"AlgorithmStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []}}),
    "AppImageConfig": Family(),
    "Artifact": Family(key=("ArtifactArn",), filters=_LINEAGE),
    "CodeRepository": Family(lists="ListCodeRepositories"),
    "Context": Family(filters=_LINEAGE),
    "Domain": Family(key=("DomainId",), made={"DomainId": "d-"}),
    "Experiment": Family(),
    "FeatureGroup": Family(also={"NextToken": ""}),
    "Image": Family(),
    "ModelCard": Family(version="ModelCardVersion"),
    "NotebookInstanceLifecycleConfig": Family(),
    "Space": Family(key=("DomainId", "SpaceName"), filters=_IN_DOMAIN),
    "StudioLifecycleConfig": Family(
        filters={"AppTypeEquals": lambda document, app: document["StudioLifecycleConfigAppType"] == app}
    ),
    "Trial": Family(),
    "TrialComponent": Family(),
    "UserProfile": Family(key=("DomainId", "UserProfileName"), filters=_IN_DOMAIN),
}


class GenericResources:
    """Every family that is pure records."""

    def __init__(self, settings: Settings, records: Records) -> None:
        self._resources = [Resources(settings, records, kind) for kind in FAMILIES]

    def operations(self) -> dict[str, Operation]:
        """The operations by name."""
        return {name: run for one in self._resources for name, run in one.operations().items()}


class Resources:
    """The operations of one family."""

    def __init__(self, settings: Settings, records: Records, kind: str) -> None:
        self._settings = settings
        self._records = records
        self._kind = kind
        self._family = FAMILIES[kind]
        self._key = self._family.key or (f"{kind}Name",)
        self._list = self._family.lists or f"List{kind}s"

    def operations(self) -> dict[str, Operation]:
        """The operations that AWS has for the family."""
        offered: dict[str, Operation] = {
            f"Create{self._kind}": self.create,
            f"Describe{self._kind}": self.describe,
            f"Update{self._kind}": self.update,
            f"Delete{self._kind}": self.delete,
            self._list: self.list,
        }
        return {name: run for name, run in offered.items() if name in operation_names()}

    def create(self, request: Document) -> Document:
        """Record a resource; it is ready at once."""
        now, made_by = time.time(), arns.caller(self._settings)
        document = {
            **request,
            **{member: prefix + _random(12) for member, prefix in self._family.made.items()},
            **self._family.also,
            **_ready(self._kind),
            **({self._family.version: 1} if self._family.version else {}),
            "CreationTime": now,
            "LastModifiedTime": now,
            "CreatedBy": made_by,
            "LastModifiedBy": made_by,
        }
        document[f"{self._kind}Arn"] = arn = self._new_arn(document)
        name = self._name(document)
        try:
            self._records.create(self._kind, name, document)
        except records.Exists:
            raise already_exists(f"Create{self._kind}", self._kind, arn) from None
        return document

    def describe(self, request: Document) -> Document:
        """The resource."""
        return self._get(f"Describe{self._kind}", request)

    def list(self, request: Document) -> Document:
        """A page of resources."""
        documents = self._records.list(self._kind)
        return page(self._list, documents, request, kind=self._kind, filters=self._family.filters)

    def update(self, request: Document) -> Document:
        """Replace the members that are given; those to be removed go."""
        operation = f"Update{self._kind}"
        with self._records.together():
            document = self._get(operation, request)
            modified = {"LastModifiedTime": time.time(), "LastModifiedBy": arns.caller(self._settings)}
            given = {member: value for member, value in request.items() if member not in self._key}
            changed = _updated(operation, document, given) | modified
            if self._family.version:
                changed[self._family.version] = document[self._family.version] + 1
            return self._records.update(self._kind, self._name(document), lambda _: changed)

    def delete(self, request: Document) -> Document:
        """Forget the resource."""
        with self._records.together():
            document = self._get(f"Delete{self._kind}", request)
            self._records.delete(self._kind, self._name(document))
        return document

    def _get(self, operation: str, request: Document) -> Document:
        absent = [member for member in self._key if member not in request]
        if absent:
            raise ValidationException(f"{operation} needs {' and '.join(absent)}.")
        name = self._name(request)
        document = self._records.get(self._kind, name)
        version = self._family.version
        if document is None or request.get(version, document.get(version)) != document.get(version):
            arn = name if name.startswith("arn:") else self._settings.arn(arns.segment(self._kind), name)
            raise not_found(operation, self._kind, arn)
        return document

    def _name(self, document: Document) -> str:
        if self._key == (f"{self._kind}Arn",):
            return str(document[self._key[0]])
        return "/".join(arns.resource_name(document[member]) for member in self._key)

    def _new_arn(self, document: Document) -> str:
        """A new resource's ARN; one that is named by its ARN gets a random one."""
        named = self._key != (f"{self._kind}Arn",)
        return self._settings.arn(arns.segment(self._kind), self._name(document) if named else _random(32))


def _ready(kind: str) -> Document:
    """The status member that Describe answers and nobody sets, at the value that means: use it."""
    described, given = _members(output_shape(f"Describe{kind}")), _members(input_shape(f"Create{kind}"))
    for member in (f"{kind}Status", "Status"):
        values = getattr(described.get(member), "enum", ())
        ready = next((value for value in _READY if value in values), None)
        if ready and member not in given:
            return {member: ready}
    return {}


def _updated(operation: str, document: Document, request: Document) -> Document:
    """A document after an update: maps and lists are replaced, structures merged, as AWS does."""
    changed = dict(document)
    for member, value in request.items():
        if member.endswith("ToRemove"):
            of = member.removesuffix("ToRemove")
            changed[of] = {key: kept for key, kept in changed.get(of, {}).items() if key not in value}
        elif member == "DeleteProperties":
            changed = {key: kept for key, kept in changed.items() if key not in value}
        elif member == "FeatureAdditions":
            changed["FeatureDefinitions"] = [*changed["FeatureDefinitions"], *value]
        elif _members(input_shape(operation))[member].type_name == "structure":
            changed[member] = {**changed.get(member, {}), **value}
        else:
            changed[member] = value
    return changed


def _members(shape: Shape | None) -> Mapping[str, Shape]:
    return {} if shape is None else shape.members


def _random(length: int) -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(length))
