"""Which permissions a request to SageMaker needs, read from its members.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from local_sagemaker import arns
from local_sagemaker.authorization.evaluation import Need
from local_sagemaker.records import Records
from local_sagemaker.service_model import Shape, input_shape, operation_names
from local_sagemaker.settings import Settings

# Members, wherever in a request, and the condition keys that are about them.
_KEYS = {
    "InstanceType": "sagemaker:InstanceTypes",
    "Subnets": "sagemaker:VpcSubnets",
    "SecurityGroupIds": "sagemaker:VpcSecurityGroupIds",
    "VolumeKmsKeyId": "sagemaker:VolumeKmsKey",
    "KmsKeyId": "sagemaker:OutputKmsKey",
    "EnableNetworkIsolation": "sagemaker:NetworkIsolation",
    "EnableInterContainerTrafficEncryption": "sagemaker:InterContainerTrafficEncryption",
    "MaxRuntimeInSeconds": "sagemaker:MaxRuntimeInSeconds",
    "ModelApprovalStatus": "sagemaker:ModelApprovalStatus",
    "TargetModel": "sagemaker:TargetModel",
}
# Operations that touch a second resource.
_ALSO = {"CreateEndpoint": "EndpointConfig", "UpdateEndpoint": "EndpointConfig"}
_PASSING = ("Create", "Update", "Start")

Request = Mapping[str, Any]


def needs(settings: Settings, records: Records, operation: str, request: Request) -> list[Need]:
    """Every permission that a valid request needs: the operation's own, those to hand roles on, and to tag."""
    shape = input_shape(operation) if operation in operation_names() else None
    members = [*_members(shape, request)]
    resources = _resources(settings, operation, request) or ["*"]
    context = _context(settings, members)
    own = [
        Need(f"sagemaker:{operation}", resource, {**context, **_resource_tags(_tags_of(records, resource))})
        for resource in resources
    ]
    passing = [
        Need("iam:PassRole", role, {"iam:passedtoservice": ["sagemaker.amazonaws.com"]})
        for role in dict.fromkeys(roles(operation, request))
    ]
    if operation.startswith("Create") and request.get("Tags"):
        # What is created with tags counts as having them.
        made = {**context, **_resource_tags(request["Tags"]), "sagemaker:taggingaction": [operation]}
        return [*own, *passing, Need("sagemaker:AddTags", resources[0], made)]
    return [*own, *passing]


def roles(operation: str, request: Request) -> list[str]:
    """The roles that a request hands on to SageMaker."""
    if not operation.startswith(_PASSING):
        return []
    members = _members(input_shape(operation), request)
    return [value for name, value in members if name.endswith("RoleArn") and isinstance(value, str)]


def _members(shape: Shape, value: Any) -> Iterator[tuple[str, Any]]:
    """The members of a structure, at any depth; the keys of a map are the user's own, and no members."""
    kind = getattr(shape, "type_name", "")
    if kind == "structure" and isinstance(value, Mapping):
        for name, item in value.items():
            yield name, item
            yield from _members(shape.members.get(name), item)
    elif kind == "list" and isinstance(value, list):
        for item in value:
            yield from _members(shape.member, item)
    elif not kind and isinstance(value, Mapping):  # of the runtime, whose model is another
        yield from value.items()


def _resources(settings: Settings, operation: str, request: Request) -> list[str]:
    if "ResourceArn" in request:
        return [request["ResourceArn"]]
    if operation == "CreateModelPackage" and "ModelPackageGroupName" in request:
        # The version is not known yet; its ARN begins with the group's name.
        group = arns.resource_name(request["ModelPackageGroupName"])
        return [settings.arn("model-package", f"{group}/*")]
    # The operation's own kind first, the longest name: an EndpointConfig is no Endpoint. Where a request does not
    # name one (ListPipelineExecutions), it is about what it does name.
    own = next(
        (kind for kind in _kinds() if kind in operation and _arn(settings, kind, request) is not None), None
    )
    kind = own or next((kind for kind in _kinds() if _arn(settings, kind, request) is not None), None)
    named = [kind, _ALSO.get(operation)]
    return [arn for each in named if each and (arn := _arn(settings, each, request)) is not None]


def _arn(settings: Settings, kind: str, request: Request) -> str | None:
    for member in (f"{kind}Arn", f"{kind}Name"):
        value = request.get(member)
        if isinstance(value, str):
            return value if value.startswith("arn:") else settings.arn(arns.segment(kind), value)
    return None


@cache
def _kinds() -> tuple[str, ...]:
    created = {name.removeprefix("Create") for name in operation_names() if name.startswith("Create")}
    return tuple(sorted(created | {"PipelineExecution"}, key=lambda kind: (-len(kind), kind)))


def _context(settings: Settings, members: list[tuple[str, Any]]) -> dict[str, list[str]]:
    known = {"aws:requestedregion": [settings.region], "aws:resourceaccount": [settings.account]}
    known |= {"aws:securetransport": ["true"]}  # loopback stands for TLS
    for name, value in members:
        if name in _KEYS:
            values = value if isinstance(value, list) else [value]
            known.setdefault(_KEYS[name].lower(), []).extend(_text(each) for each in values)
        elif name == "Tags" and isinstance(value, list):
            known.setdefault("aws:tagkeys", []).extend(tag["Key"] for tag in value)
            known |= {f"aws:requesttag/{tag['Key'].lower()}": [tag["Value"]] for tag in value}
        elif name == "TagKeys":
            known.setdefault("aws:tagkeys", []).extend(value)
    return known


def _resource_tags(tags: list[dict[str, str]]) -> dict[str, list[str]]:
    spaces = ("aws", "sagemaker")
    return {f"{space}:resourcetag/{tag['Key'].lower()}": [tag["Value"]] for space in spaces for tag in tags}


def _tags_of(records: Records, arn: str) -> list[dict[str, str]]:
    found = arns.find(records, arn) if arn != "*" else None
    document = records.get(*found) if found else None
    tags: list[dict[str, str]] = (document or {}).get("Tags") or []
    return tags


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
