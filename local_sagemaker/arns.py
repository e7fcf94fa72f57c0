"""ARNs of SageMaker resources, and the records they name.

``arn:aws:sagemaker:<region>:<account>:<segment>/<rest>``: the segment is the kind in lower case with hyphens,
as the patterns in botocore's model have it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from local_sagemaker import execution_role
from local_sagemaker.records import Records
from local_sagemaker.service_model import operation_names
from local_sagemaker.settings import Settings

# Kinds whose segment is not their name.
_SEGMENTS = {
    "AutoMLJob": "automl-job",
    "Trial": "experiment-trial",
    "TrialComponent": "experiment-trial-component",
}
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def segment(kind: str) -> str:
    """The ARN segment of a kind: ``TrainingJob`` -> ``training-job``."""
    return _SEGMENTS.get(kind) or _WORD.sub("-", kind).lower()


def kind_of(arn: str) -> str | None:
    """The kind of resource an ARN names, or None: ``...:pipeline/p/execution/e`` -> ``PipelineExecution``."""
    resource = arn.split(":", 5)[-1]
    head, _, rest = resource.partition("/")
    if head == "pipeline" and "/execution/" in rest:
        return "PipelineExecution"
    return _kinds().get(head)


def resource_name(arn_or_name: str) -> str:
    """What comes after the segment of an ARN; a plain name is itself."""
    if not arn_or_name.startswith("arn:"):
        return arn_or_name
    return arn_or_name.split(":", 5)[-1].partition("/")[2]


def find(records: Records, arn: str) -> tuple[str, str] | None:
    """The kind and name of the record that an ARN names, or None.

    Most records are called what the ARN ends in. For the others every record of the kind is compared, without
    regard to case: SageMaker writes some names in lower case in their ARNs.
    """
    kind = kind_of(arn)
    if kind is None:
        return None
    for name in (resource_name(arn), arn):
        document = records.get(kind, name)
        if document is not None and same(document.get(f"{kind}Arn", arn), arn):
            return kind, name
    for name, document in records.items(kind):
        if same(document.get(f"{kind}Arn", ""), arn):
            return kind, name
    return None


def same(one: str, other: str) -> bool:
    """Whether two ARNs name one resource."""
    return one.lower() == other.lower()


def caller(settings: Settings) -> dict[str, Any]:
    """Who made a resource (``CreatedBy``): everybody here is the execution role."""
    principal = f"{execution_role.ROLE_ID}:{execution_role.SESSION}"
    return {"IamIdentity": {"Arn": execution_role.session_arn(settings), "PrincipalId": principal}}


@cache
def _kinds() -> dict[str, str]:
    created = {name.removeprefix("Create") for name in operation_names() if name.startswith("Create")}
    return {segment(kind): kind for kind in created}
