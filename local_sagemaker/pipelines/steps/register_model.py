"""RegisterModel: adds a model package to a group, which is made where there is none of that name."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from local_sagemaker.errors import AwsError
from local_sagemaker.pipelines.definition import Step
from local_sagemaker.pipelines.expressions import Scope
from local_sagemaker.pipelines.steps.base import Attempt, Document, StepType, Success


@dataclass(frozen=True, kw_only=True)
class RegisterModelStep(StepType):
    """A step that is done as soon as the request is answered: there is nothing to validate the model with."""

    def prepare(self, step: Step, scope: Scope) -> Document:
        """The request, without the empty structures that the SDK leaves where there is no metric or file."""
        resolved: Document = _without_empty(super().prepare(step, scope))
        return resolved

    def run(self, attempt: Attempt) -> Success:
        """Create the package, and record which execution it comes from."""
        request = dict(attempt.arguments)
        metadata = {"GeneratedBy": attempt.execution_arn, **request.get("MetadataProperties", {})}
        group = request.get("ModelPackageGroupName")
        if group and not group.startswith("arn:"):
            _ensure_group(attempt, group)
        answer = attempt.call("CreateModelPackage", {**request, "MetadataProperties": metadata})
        arn = answer["ModelPackageArn"]
        described = attempt.call("DescribeModelPackage", {"ModelPackageName": arn})
        return Success(described, {"RegisterModel": {"Arn": arn}})


def _ensure_group(attempt: Attempt, group: str) -> None:
    with suppress(AwsError):
        attempt.send("DescribeModelPackageGroup", {"ModelPackageGroupName": group})
        return
    with suppress(
        AwsError
    ):  # another step made it at the same moment, or CreateModelPackage will say why not
        attempt.send("CreateModelPackageGroup", {"ModelPackageGroupName": group})


def _without_empty(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not None and item != {}}
    if isinstance(value, list):
        return [_without_empty(item) for item in value]
    return value


REGISTER_MODEL = RegisterModelStep(
    name="RegisterModel",
    fields=("RetryPolicies",),
    create="CreateModelPackage",
    describe="DescribeModelPackage",
)
