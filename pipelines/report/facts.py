"""What the API and the bucket know of an execution: read once, kept as plain records, so that drawing asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from containers import checks, contract
from containers.checks import CHECKS
from pipelines.config import Config
from pipelines.errors import RunError
from pipelines.service import Execution, Service, Step

# Which files of a step's output the page reads: step -> (output, files). What is not there is left out.
READ: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "Ingest": (contract.MANIFEST, (contract.MANIFEST_FILE,)),
    "Evaluate": (contract.EVALUATION, (contract.EVALUATION_FILE,)),
    "TuningReport": (contract.TUNING, (contract.TUNING_FILE,)),
    "Champion": (contract.CHAMPION, (contract.CHAMPION_FILE,)),
    **{
        name: (
            checks.OUTPUT,
            (checks.VERDICT_FILE, checks.VIOLATIONS_FILE, check.statistics_file or checks.ANALYSIS_FILE),
        )
        for name, check in CHECKS.items()
    },
}
REGISTER = "Register"


@dataclass(frozen=True)
class Picture:
    """A PNG that a step has left."""

    name: str  # of its file, without the ending
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Result:
    """What one step has left: documents by file name, pictures in the order of their names, and where all that lies."""

    address: str
    documents: Mapping[str, Any]
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Facts:
    """Everything that the page says."""

    config: Config
    pipeline: str
    execution: Execution
    definition: Mapping[str, Any]
    parameters: Mapping[str, str]
    results: Mapping[str, Result]  # by step
    package: Mapping[str, Any]  # DescribeModelPackage's answer; empty where none was registered

    def document(self, step: str, file: str) -> Any:
        """One document of a step; an empty one where it is not there."""
        result = self.results.get(step)
        return result.documents.get(file, {}) if result else {}


def collect(service: Service, execution: Execution) -> Facts:
    """Ask for everything, once."""
    sagemaker = service.sagemaker
    steps = {step.name: step for step in execution.steps}
    return Facts(
        service.config,
        service.name,
        execution,
        service.definition_of(execution.arn),
        service.parameters_of(execution.arn),
        {name: found for name in READ if name in steps and (found := _result(service, steps[name]))},
        _package(sagemaker, steps.get(REGISTER)),
    )


def _package(sagemaker: Any, step: Step | None) -> Mapping[str, Any]:
    if step is None or not step.job_arn:
        return {}
    try:
        found: Mapping[str, Any] = sagemaker.describe_model_package(ModelPackageName=step.job_arn)
    except ClientError:  # deleted since
        return {}
    return found


def _result(service: Service, step: Step) -> Result | None:
    output, files = READ[step.name]
    if not step.job_arn:
        return None
    try:
        address = service.outputs(step.job_arn)[output]
    except (ClientError, KeyError):  # a check of AWS's own says otherwise where its results lie
        return None
    documents = {}
    for file in files:
        try:
            documents[file] = service.read_json(f"{address}/{file}")
        except RunError:
            continue
    return Result(address, documents, _pictures(service, address))


def _pictures(service: Service, address: str) -> tuple[Picture, ...]:
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    pages = service.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    return tuple(
        Picture(
            key.rpartition("/")[2].removesuffix(".png"),
            service.s3.get_object(Bucket=bucket, Key=key)["Body"].read(),
        )
        for key in sorted(keys)
        if key.endswith(".png")
    )
