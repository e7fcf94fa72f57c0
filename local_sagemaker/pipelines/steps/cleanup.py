"""Cleanup: deletes from S3 what upstream steps of the same execution have written, and nothing else.

Of a training job that is its archives, at the place that its description names; of a processing or transform job the
objects that the step lists, each below one of the job's outputs and written while the job ran. A step whose result was
taken from the cache or from another execution has written nothing here: it is skipped, as is one without a job.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from local_sagemaker.errors import AwsError
from local_sagemaker.pipelines.definition import Step
from local_sagemaker.pipelines.expressions import expression
from local_sagemaker.pipelines.problem import hint
from local_sagemaker.pipelines.steps.base import Attempt, StepFailure, StepType, Success
from local_sagemaker.s3 import names
from local_sagemaker.s3.errors import NoSuchKey

log = logging.getLogger(__name__)

FOUND = ("Training",)  # types of step whose outputs are found
LISTED = ("Processing", "Transform")  # and those whose objects must be listed
_CLOCKS = 0.1  # seconds by which a file's time may differ from the clock
_TAKEN_OVER = ("CacheHitResult", "SelectiveExecutionResult")
_ARCHIVES = (
    "model.tar.gz",
    "output.tar.gz",
    "model/",
    "output/",
)  # with CompressionType NONE they are folders


class _Refused(Exception):
    """What is not this step's to delete."""


@dataclass(frozen=True, kw_only=True)
class CleanupStep(StepType):
    """One source after the other; what went wrong with one keeps no other from being cleaned up."""

    def mistakes(self, step: Step) -> Iterable[str]:
        """Sources that are none. ``cleanups`` looks at those that are."""
        resources = step.arguments.get("Resources")
        yield from _unknown("", step.arguments, ("Resources",))
        if not isinstance(resources, Mapping) or not isinstance(resources.get("S3"), list):
            yield "Resources is an object with S3, a list of the steps to clean up after."
            return
        yield from _unknown("Resources: ", resources, ("S3",))
        if not resources["S3"]:
            yield "Resources.S3 is empty: there is nothing to clean up."
        for index, source in enumerate(resources["S3"]):
            yield from _source(f"Resources.S3[{index}]", source)

    def run(self, attempt: Attempt) -> Success:
        """Delete; the metadata says after which steps, and after which not."""
        cleaned: list[str] = []
        skipped: list[str] = []
        failed: list[dict[str, str]] = []
        for source in attempt.arguments["Resources"]["S3"]:
            name = source["StepName"]
            try:
                (cleaned if _clean(attempt, name, source.get("S3Uris")) else skipped).append(name)
            except (_Refused, AwsError) as error:
                text = error.message if isinstance(error, AwsError) else str(error)
                failed.append({"StepName": name, "ErrorCode": "ClientError", "ErrorMessage": text})
        outcome = {"CleanedSteps": cleaned, "FailedSteps": failed, "SkippedSteps": skipped}
        metadata = {"Cleanup": {key: value for key, value in outcome.items() if value}}
        if failed:
            reasons = " ".join(f"{each['StepName']}: {each['ErrorMessage']}" for each in failed)
            raise StepFailure(f"ClientError: Not everything could be deleted. {reasons}", metadata=metadata)
        return Success({}, metadata)


def sources(step: Step) -> Iterator[Mapping[str, Any]]:
    """The sources of a cleanup step that are well formed."""
    resources = step.arguments.get("Resources")
    listed = resources.get("S3") if isinstance(resources, Mapping) else None
    for source in listed if isinstance(listed, list) else ():
        if not list(_source("", source)):
            yield source


def outputs(type_: str, described: Mapping[str, Any]) -> list[Any]:
    """Where a processing or transform job writes to, of its request or its description."""
    try:
        if type_ == "Transform":
            return [described["TransformOutput"]["S3OutputPath"]]
        return [each["S3Output"]["S3Uri"] for each in described["ProcessingOutputConfig"]["Outputs"]]
    except (KeyError, TypeError):
        return []


def is_below(uri: str, places: Iterable[Any]) -> bool:
    """Whether an object lies below one of some output locations."""
    return any(uri.startswith(f"{str(place).rstrip('/')}/") for place in places)


def mistake_of(uri: str) -> str | None:
    """Why a text is not the URI of one object."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket or not key or key.endswith("/"):
        return f"{uri!r} is not the URI of one object, s3://<bucket>/<key>."
    return None


def _clean(attempt: Attempt, name: str, uris: Any) -> bool:
    """Delete what the step wrote; False where nothing says what that is. Raises _Refused and AwsError."""
    described, record = attempt.scope.steps.get(name), attempt.record(name)
    if not described or record is None or any(record.get(key) for key in _TAKEN_OVER):
        log.info("step %s has written nothing in this execution that can be found", name)
        return False
    type_ = attempt.scope.definition.steps[name].type
    found = list(_archives(attempt, described)) if uris is None else _checked(attempt, type_, described, uris)
    if not found:
        return False
    for uri in found:
        attempt.store.delete(*names.split_uri(uri))
    return True


def _archives(attempt: Attempt, described: Mapping[str, Any]) -> Iterator[str]:
    """What a training job has written as its model and its output, as far as it is there."""
    if not described.get("ModelArtifacts", {}).get("S3ModelArtifacts"):
        return
    place = described["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    bucket, prefix = names.split_uri(f"{place}/{described['TrainingJobName']}/output/")
    for stored in attempt.store.list(bucket, prefix):
        rest = stored.key.removeprefix(prefix)
        if any(rest.startswith(part) if part.endswith("/") else rest == part for part in _ARCHIVES):
            yield f"s3://{bucket}/{stored.key}"


def _checked(attempt: Attempt, type_: str, described: Mapping[str, Any], uris: list[Any]) -> list[str]:
    """The listed objects, all of which the job may have written. Raises _Refused."""
    places = outputs(type_, described)
    for uri in uris:
        mistake = mistake_of(str(uri))
        if mistake:
            raise _Refused(mistake)
        if not is_below(uri, places):
            raise _Refused(
                f"{uri} is below no output of the step: {', '.join(map(str, places)) or 'it has none'}."
            )
        with suppress(NoSuchKey):
            modified = attempt.store.get(*names.split_uri(uri)).modified
            if not described["CreationTime"] - _CLOCKS <= modified <= _end(described) + _CLOCKS:
                raise _Refused(f"{uri} was written before or after the job of the step ran, so not by it.")
    return uris


def _end(described: Mapping[str, Any]) -> float:
    """When the job had written everything; for ever where its description does not say."""
    return float(described.get("LastModifiedTime", math.inf))


def _source(where: str, source: Any) -> Iterator[str]:
    if not isinstance(source, Mapping) or not isinstance(source.get("StepName"), str):
        yield f"{where} is an object with StepName, and S3Uris for a step of type {' or '.join(LISTED)}."
        return
    yield from _unknown(f"{where}: ", source, ("StepName", "S3Uris"))
    uris = source.get("S3Uris")
    if uris is None:
        return
    if not isinstance(uris, list) or not uris:
        yield f"{where}.S3Uris is a list with at least one URI of an object."
        return
    for uri in uris:
        mistake = None if expression(uri) else mistake_of(uri if isinstance(uri, str) else repr(uri))
        if mistake:
            yield f"{where}.S3Uris: {mistake}"


def _unknown(where: str, written: Mapping[str, Any], known: tuple[str, ...]) -> Iterator[str]:
    for key in written:
        if key not in known:
            yield f"{where}Cannot parse object, unknown property {key!r}.{hint(key, known)}"


CLEANUP = CleanupStep(name="Cleanup")
