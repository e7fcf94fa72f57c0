"""Which objects a job transforms, and what their outputs are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local_sagemaker.errors import AwsError
from local_sagemaker.jobs.failure import JobFailure
from local_sagemaker.jobs.staging import nothing_found, read_manifest
from local_sagemaker.s3 import names, transfer
from local_sagemaker.s3.store import ObjectStore


@dataclass(frozen=True)
class InputObject:
    """One object of the input."""

    bucket: str
    key: str
    name: str  # its path below the prefix, and its output's below S3OutputPath without ``.out``

    def __str__(self) -> str:
        return f"{self.bucket}/{self.key}"


def find(store: ObjectStore, source: Mapping[str, Any], role: str) -> list[InputObject]:
    """The objects that an S3DataSource means, in order. Raises JobFailure where there are none."""
    uri = source["S3Uri"]
    look = _of_manifest if source["S3DataType"] == "ManifestFile" else _below_prefix
    try:
        found = list(look(store, uri))
    except AwsError as error:
        if error.code not in ("NoSuchBucket", "NoSuchKey"):
            raise
        found = []
    if not found:
        raise JobFailure(f"ClientError: {nothing_found(uri, role)}")
    _check_outputs(uri, found)
    return found


def _check_outputs(uri: str, found: list[InputObject]) -> None:
    seen: dict[str, InputObject] = {}
    for each in found:
        other = seen.setdefault(each.name, each)
        if other is not each:
            raise JobFailure(
                f"ClientError: {other} and {each} below {uri} would both have the output {each.name}.out. End the "
                "prefix in a slash where it is a folder, and name each object once."
            )


def output_key(prefix: str, each: InputObject) -> str:
    """Where the output of an object goes, given the key in S3OutputPath."""
    return f"{prefix}/{each.name}.out".lstrip("/") if prefix else f"{each.name}.out"


def _below_prefix(store: ObjectStore, uri: str) -> Iterator[InputObject]:
    bucket, prefix = names.split_uri(uri)
    for key in store.keys(bucket, prefix):
        if not key.endswith("/"):  # consoles make such objects to show empty folders
            yield InputObject(bucket, key, transfer.relative(key, prefix))


def _of_manifest(store: ObjectStore, uri: str) -> Iterator[InputObject]:
    prefix, *paths = read_manifest(uri, store.read(uri))
    for path in paths:
        bucket, key = names.split_uri(prefix + path)
        try:
            store.get(bucket, key)
        except AwsError as error:
            raise JobFailure(
                f"ClientError: The manifest {uri} names {prefix}{path}: {error.message}"
            ) from None
        yield InputObject(bucket, key, path)
