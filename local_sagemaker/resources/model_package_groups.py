"""Model package groups: the shelves of the model registry, one for the versions of one model.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-model-group.html
"""

from __future__ import annotations

import time
from typing import Any

from local_sagemaker import records
from local_sagemaker.arns import caller, resource_name
from local_sagemaker.control_plane import Operation
from local_sagemaker.errors import ConflictException, ValidationException
from local_sagemaker.listing import page
from local_sagemaker.records import Records
from local_sagemaker.resources.failures import already_exists, not_found
from local_sagemaker.settings import Settings

KIND = "ModelPackageGroup"


class ModelPackageGroups:
    """Create, describe, list and delete model package groups, and their resource policies."""

    def __init__(self, settings: Settings, records: Records) -> None:
        self._settings = settings
        self._records = records

    def operations(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "CreateModelPackageGroup": self.create,
            "DescribeModelPackageGroup": self.describe,
            "ListModelPackageGroups": self.list,
            "DeleteModelPackageGroup": self.delete,
            "PutModelPackageGroupPolicy": self.put_policy,
            "GetModelPackageGroupPolicy": self.get_policy,
            "DeleteModelPackageGroupPolicy": self.delete_policy,
        }

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """Record a group. It is ready at once."""
        name = request["ModelPackageGroupName"]
        document = {
            **request,
            "ModelPackageGroupArn": self._settings.arn("model-package-group", name),
            "CreationTime": time.time(),
            "CreatedBy": caller(self._settings),
            "ModelPackageGroupStatus": "Completed",
            "_LastVersion": 0,  # of the packages in it; the number of a deleted version is not used again
        }
        try:
            self._records.create(KIND, name, document)
        except records.Exists:
            raise already_exists("CreateModelPackageGroup", KIND, document["ModelPackageGroupArn"]) from None
        return document

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        """The group, by name or ARN."""
        return self._get("DescribeModelPackageGroup", request)

    def list(self, request: dict[str, Any]) -> dict[str, Any]:
        """A page of groups."""
        return page("ListModelPackageGroups", self._records.list(KIND), request, kind=KIND)

    def delete(self, request: dict[str, Any]) -> None:
        """Delete an empty group. Raises ConflictException while it has packages."""
        with self._records.together():
            group = self._get("DeleteModelPackageGroup", request)
            name = group["ModelPackageGroupName"]
            packages = self._records.list("ModelPackage")
            count = sum(package.get("ModelPackageGroupName") == name for package in packages)
            if count:
                raise ConflictException(
                    f"Model Package Group {group['ModelPackageGroupArn']} cannot be deleted: "
                    f"it has {count} model package{'s' if count > 1 else ''}. Delete them first."
                )
            self._records.delete(KIND, name)

    def put_policy(self, request: dict[str, Any]) -> dict[str, Any]:
        """Attach a resource policy. It is kept, and not enforced."""
        name = self._get("PutModelPackageGroupPolicy", request)["ModelPackageGroupName"]
        return self._records.update(KIND, name, {"_Policy": request["ResourcePolicy"]})

    def get_policy(self, request: dict[str, Any]) -> dict[str, Any]:
        """The resource policy. Raises ValidationException where there is none."""
        group = self._get("GetModelPackageGroupPolicy", request)
        if group.get("_Policy") is None:
            arn = group["ModelPackageGroupArn"]
            raise ValidationException(f"Cannot find resource policy for: {arn}")
        return {"ResourcePolicy": group["_Policy"]}

    def delete_policy(self, request: dict[str, Any]) -> None:
        """Take the resource policy away."""
        name = self._get("DeleteModelPackageGroupPolicy", request)["ModelPackageGroupName"]
        self._records.update(KIND, name, {"_Policy": None})

    def _get(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        name = resource_name(request["ModelPackageGroupName"])
        group = self._records.get(KIND, name)
        if group is None:
            raise not_found(operation, KIND, self._settings.arn("model-package-group", name))
        return group
