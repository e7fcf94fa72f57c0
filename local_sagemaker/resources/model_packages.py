"""Model packages: the versions in a model package group, and packages without versions.

A versioned package has no ModelPackageName; its ARN ends in ``model-package/<group>/<n>``, n from 1.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-version.html
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from local_sagemaker import records
from local_sagemaker.arns import caller, resource_name
from local_sagemaker.control_plane import Operation
from local_sagemaker.errors import AwsError, UnsupportedOperation, ValidationException
from local_sagemaker.listing import page
from local_sagemaker.records import Records
from local_sagemaker.resources.failures import already_exists, not_found
from local_sagemaker.settings import Settings

KIND = "ModelPackage"
_GROUP = "ModelPackageGroup"

Document = dict[str, Any]

_TYPES: dict[str, Callable[[Document], bool]] = {
    "Versioned": lambda package: "ModelPackageVersion" in package,
    "Unversioned": lambda package: "ModelPackageVersion" not in package,
    "Both": lambda _: True,
}
# What UpdateModelPackage replaces as a whole.
_REPLACED = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "InferenceSpecification",
    "SourceUri",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
)


class ModelPackages:
    """Create, describe, list, update and delete model packages."""

    def __init__(self, settings: Settings, records: Records) -> None:
        self._settings = settings
        self._records = records

    def operations(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "CreateModelPackage": self.create,
            "DescribeModelPackage": self.describe,
            "BatchDescribeModelPackage": self.batch_describe,
            "ListModelPackages": self.list,
            "UpdateModelPackage": self.update,
            "DeleteModelPackage": self.delete,
        }

    def create(self, request: Document) -> Document:
        """Record a package; in a group, as its next version. It is ready at once."""
        _check(request)
        document = {
            **request,
            "CreationTime": time.time(),
            "CreatedBy": caller(self._settings),
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        }
        if "ModelPackageGroupName" in request:
            return self._create_version(resource_name(request["ModelPackageGroupName"]), document)
        name = request["ModelPackageName"]
        document["ModelPackageArn"] = self._settings.arn("model-package", name)
        try:
            self._records.create(KIND, name, document)
        except records.Exists:
            raise already_exists("CreateModelPackage", KIND, document["ModelPackageArn"]) from None
        return document

    def describe(self, request: Document) -> Document:
        """The package, by name or ARN."""
        return self._get("DescribeModelPackage", request["ModelPackageName"])

    def batch_describe(self, request: Document) -> Document:
        """Several packages by ARN: what was found, and an error for each that was not."""
        found, errors = {}, {}
        for arn in request["ModelPackageArnList"]:
            try:
                found[arn] = self._get("BatchDescribeModelPackage", arn)
            except AwsError as error:
                errors[arn] = {"ErrorCode": error.code, "ErrorResponse": error.message}
        return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": errors}

    def list(self, request: Document) -> Document:
        """A page of packages: those without versions unless a group or ModelPackageType says otherwise."""
        if "ModelPackageGroupName" in request:
            group = resource_name(request["ModelPackageGroupName"])
            if self._records.get(_GROUP, group) is None:
                raise not_found("ListModelPackages", _GROUP, self._settings.arn("model-package-group", group))
            request = {"ModelPackageType": "Versioned", **request}
        filters = {
            "ModelPackageType": lambda package, kind: _TYPES[kind](package),
            "ModelPackageGroupName": lambda package, group: (
                package.get("ModelPackageGroupName") == resource_name(group)
            ),
            "NameContains": lambda package, part: part in resource_name(package["ModelPackageArn"]),
        }
        asked = {"ModelPackageType": "Unversioned", **request}
        return page("ListModelPackages", self._records.list(KIND), asked, kind=KIND, filters=filters)

    def update(self, request: Document) -> Document:
        """Approve or reject a version, or change what is known about a package."""
        modified = {"LastModifiedTime": time.time(), "LastModifiedBy": caller(self._settings)}
        with self._records.together():
            package = self._get("UpdateModelPackage", request["ModelPackageArn"])
            if "ModelApprovalStatus" in request and "ModelPackageVersion" not in package:
                raise ValidationException("ModelApprovalStatus is only for packages that belong to a group.")
            name = resource_name(package["ModelPackageArn"])
            return self._records.update(KIND, name, {**_changed(package, request), **modified})

    def delete(self, request: Document) -> None:
        """Forget a package. Its artifacts stay where they are."""
        package = self._get("DeleteModelPackage", request["ModelPackageName"])
        self._records.delete(KIND, resource_name(package["ModelPackageArn"]))

    def _create_version(self, group: str, document: Document) -> Document:
        with self._records.together():
            try:
                shelf = self._records.update(
                    _GROUP, group, lambda found: {**found, "_LastVersion": found["_LastVersion"] + 1}
                )
            except records.Missing:
                arn = self._settings.arn("model-package-group", group)
                raise not_found("CreateModelPackage", _GROUP, arn) from None
            version = shelf["_LastVersion"]
            document = {
                "ModelApprovalStatus": "PendingManualApproval",
                **document,
                "ModelPackageGroupName": group,
                "ModelPackageVersion": version,
                "ModelPackageArn": self._settings.arn("model-package", f"{group}/{version}"),
            }
            self._records.create(KIND, f"{group}/{version}", document)
        return document

    def _get(self, operation: str, name_or_arn: str) -> Document:
        name = resource_name(name_or_arn)
        package = self._records.get(KIND, name)
        if package is None:
            raise not_found(operation, KIND, self._settings.arn("model-package", name))
        return package


def _check(request: Document) -> None:
    """What the shape cannot say. Raises ValidationException, UnsupportedOperation."""
    if ("ModelPackageName" in request) == ("ModelPackageGroupName" in request):
        raise ValidationException(
            "A model package needs a ModelPackageGroupName (a version of the group) "
            "or a ModelPackageName (a package without versions), and not both."
        )
    if "ModelApprovalStatus" in request and "ModelPackageName" in request:
        raise ValidationException("ModelApprovalStatus is only for packages that belong to a group.")
    if "ValidationSpecification" in request:
        raise UnsupportedOperation(
            "The local SageMaker does not run the jobs of a ValidationSpecification yet: leave it out."
        )


def _changed(package: Document, request: Document) -> Document:
    """What an update makes different in a package."""
    changes = {member: request[member] for member in _REPLACED if member in request}
    removed = request.get("CustomerMetadataPropertiesToRemove", [])
    if removed or "CustomerMetadataProperties" in request:
        properties = {
            **package.get("CustomerMetadataProperties", {}),
            **request.get("CustomerMetadataProperties", {}),
        }
        kept = {key: value for key, value in properties.items() if key not in removed}
        changes["CustomerMetadataProperties"] = kept
    if "ModelCard" in request:
        changes["ModelCard"] = {**package.get("ModelCard", {}), **request["ModelCard"]}
    if "AdditionalInferenceSpecificationsToAdd" in request:
        changes["AdditionalInferenceSpecifications"] = [
            *package.get("AdditionalInferenceSpecifications", []),
            *request["AdditionalInferenceSpecificationsToAdd"],
        ]
    return changes
