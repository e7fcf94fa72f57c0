"""Versions of Studio images: projects keep the URI of their containers here, and ask for the latest.

Nothing is copied to a registry: a version's container image is the base image that it was made from.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/studio-byoi.html
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from local_sagemaker.arns import resource_name
from local_sagemaker.control_plane import Operation
from local_sagemaker.listing import page
from local_sagemaker.records import Records
from local_sagemaker.resources.failures import not_found
from local_sagemaker.settings import Settings

KIND = "ImageVersion"


class ImageVersions:
    """Create, describe, list and delete the versions of an image."""

    def __init__(self, settings: Settings, records: Records) -> None:
        self._settings = settings
        self._records = records

    def operations(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "CreateImageVersion": self.create,
            "DescribeImageVersion": self.describe,
            "ListImageVersions": self.list,
            "DeleteImageVersion": self.delete,
        }

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """Record the next version of an image. It is ready at once."""
        with self._records.together():
            image = self._image("CreateImageVersion", request)
            name, number = image["ImageName"], image.get("_LastVersion", 0) + 1
            self._records.update("Image", name, {"_LastVersion": number})
            now = time.time()
            document = {
                **request,
                "ImageName": name,
                "ImageArn": image["ImageArn"],
                "ImageVersionArn": self._arn(name, number),
                "Version": number,
                "ContainerImage": request["BaseImage"],
                "ImageVersionStatus": "CREATED",
                "CreationTime": now,
                "LastModifiedTime": now,
            }
            self._records.create(KIND, f"{name}/{number}", document)
        return document

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        """The version that is asked for by number or alias; else the latest."""
        return self._get("DescribeImageVersion", request)

    def list(self, request: dict[str, Any]) -> dict[str, Any]:
        """A page of an image's versions."""
        name = self._image("ListImageVersions", request)["ImageName"]
        return page("ListImageVersions", self._of(name), {**request, "ImageName": name}, kind=KIND)

    def delete(self, request: dict[str, Any]) -> None:
        """Forget a version. Its number is not used again."""
        with self._records.together():
            version = self._get("DeleteImageVersion", request)
            self._records.delete(KIND, f"{version['ImageName']}/{version['Version']}")

    def _get(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        name = self._image(operation, request)["ImageName"]
        number, alias = request.get("Version"), request.get("Alias")
        found = [
            version
            for version in self._of(name)
            if number in (None, version["Version"]) and (alias is None or alias in version.get("Aliases", ()))
        ]
        if not found:
            raise not_found(operation, KIND, self._arn(name, number or alias or 1))
        return found[-1]

    def _of(self, name: str) -> Sequence[dict[str, Any]]:
        return [version for version in self._records.list(KIND) if version["ImageName"] == name]

    def _image(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        name = resource_name(request["ImageName"])
        image = self._records.get("Image", name)
        if image is None:
            raise not_found(operation, "Image", self._settings.arn("image", name))
        return image

    def _arn(self, name: str, version: int | str) -> str:
        return self._settings.arn("image-version", f"{name}/{version}")
