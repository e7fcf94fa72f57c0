"""What a request for a transform job may ask for, where its shape does not say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local_sagemaker.errors import AwsError, ValidationException
from local_sagemaker.s3 import names
from local_sagemaker.transform.association import Association

_MOST_MEGABYTES = 100


def check(request: Mapping[str, Any]) -> None:
    """Raise ValidationException, naming what is wrong."""
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise ValidationException(
            f"S3DataType {source['S3DataType']} is not supported in transform jobs: use S3Prefix or ManifestFile."
        )
    for member, uri in (
        ("TransformInput.DataSource.S3DataSource.S3Uri", source["S3Uri"]),
        ("TransformOutput.S3OutputPath", request["TransformOutput"]["S3OutputPath"]),
    ):
        try:
            names.split_uri(uri)
        except AwsError as error:
            raise ValidationException(f"{member}: {error.message}.") from None
    for where, member in (("TransformInput", "ContentType"), ("TransformOutput", "Accept")):
        kind = request[where].get(member, "")
        if not (kind.isascii() and kind.isprintable()):  # it becomes a header of a request
            raise ValidationException(
                f"{where}.{member} is {kind!r}; it must be a MIME type such as text/csv."
            )
    _check_payload(request.get("MaxPayloadInMB"), request.get("MaxConcurrentTransforms"))
    Association(request)


def check_containers(definitions: Sequence[Mapping[str, Any]]) -> None:
    """Raise ValidationException for a model that only an endpoint can have."""
    if any(each.get("Mode") == "MultiModel" for each in definitions):
        raise ValidationException(
            "A transform job cannot use a multi-model container: no request would name its model."
        )


def _check_payload(megabytes: int | None, concurrent: int | None) -> None:
    if megabytes is None:
        return
    if megabytes > _MOST_MEGABYTES:
        raise ValidationException(f"MaxPayloadInMB is {megabytes}; it cannot be more than {_MOST_MEGABYTES}.")
    if megabytes * (concurrent or 1) > _MOST_MEGABYTES:
        raise ValidationException(
            f"MaxConcurrentTransforms * MaxPayloadInMB is {megabytes * (concurrent or 1)} MB; it cannot be more than "
            f"{_MOST_MEGABYTES}."
        )
