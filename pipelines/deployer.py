"""The function that deploys, and what makes it run: created or brought up to date, as often as one likes.

It runs when the pipeline's step asks, when somebody approves or rejects a version of the group, and when the endpoint
has changed its state: two EventBridge rules reach it. Its archive holds its program and what it deploys,
``deployment.json``, and is the same bytes for the same settings.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import ClientError

from containers.deployer import names
from containers.deployer.ask import ENDPOINT_EVENT, PACKAGE_EVENT
from containers.deployer.settings import FILE, Deployment
from pipelines.errors import RunError
from pipelines.publish import PACKAGE, closure
from pipelines.service import Service

HANDLER = "containers.deployer.handler.handle"
SCRIPT = f"{PACKAGE}/deployer/handler.py"
RUNTIME = "python3.12"  # its boto3 and the standard library are all that the function needs
TIMEOUT = 300  # seconds; it waits for nothing but the deletion of an endpoint that has failed
MEMORY = 256  # megabytes
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file in the archive: the first time that a zip knows
_TARGET = "deployer"
# States in which there is nothing to do but to wait; AWS writes them now in the one way and now in the other.
_ON_THE_WAY = (
    *("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"),
    *("CREATING", "UPDATING", "SYSTEM_UPDATING", "ROLLING_BACK", "DELETING"),
)

# What the function asks of AWS, in IAM's words; beside it iam:PassRole for the role of the models, and leave to log.
ACTIONS = (
    "application-autoscaling:DeleteScalingPolicy",
    "application-autoscaling:DeregisterScalableTarget",
    "application-autoscaling:DescribeScalingPolicies",
    "application-autoscaling:PutScalingPolicy",
    "application-autoscaling:RegisterScalableTarget",
    "cloudwatch:DeleteAlarms",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:PutMetricAlarm",
    "sagemaker:AddTags",
    "sagemaker:CreateEndpoint",
    "sagemaker:CreateEndpointConfig",
    "sagemaker:CreateModel",
    "sagemaker:DeleteEndpoint",
    "sagemaker:DeleteEndpointConfig",
    "sagemaker:DeleteModel",
    "sagemaker:DescribeEndpoint",
    "sagemaker:DescribeEndpointConfig",
    "sagemaker:DescribeModel",
    "sagemaker:DescribeModelPackage",
    "sagemaker:ListEndpointConfigs",
    "sagemaker:ListModelPackages",
    "sagemaker:ListModels",
    "sagemaker:ListTags",
    "sagemaker:UpdateEndpoint",
    "sagemaker:UpdateModelPackage",
)
# Tags in a request need an action of their own.
TAGGING = ("application-autoscaling:TagResource", "cloudwatch:TagResource")


@dataclass(frozen=True)
class Rule:
    """When the function runs by itself."""

    name: str
    description: str
    pattern: Mapping[str, Any]


def name(deployment: Deployment) -> str:
    """The function's name."""
    return names.function(deployment.endpoint)


def archive(deployment: Deployment) -> bytes:
    """The function's zip file: the handler, all that it imports, and the settings."""
    settings = json.dumps(asdict(deployment), indent=1, sort_keys=True).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in sorted({**closure(SCRIPT), FILE: settings}.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, content)
    return buffer.getvalue()


def rules(deployment: Deployment) -> list[Rule]:
    """The events of this group and of this endpoint, and of no other."""
    function = name(deployment)
    return [
        Rule(
            f"{function}-packages",
            f"Somebody has approved or rejected a version of {deployment.group}.",
            {
                "source": ["aws.sagemaker"],
                "detail-type": [PACKAGE_EVENT],
                "detail": {
                    "ModelPackageGroupName": [deployment.group],
                    "ModelApprovalStatus": ["Approved", "Rejected"],
                },
            },
        ),
        Rule(
            f"{function}-endpoint",
            f"A change of the endpoint {deployment.endpoint} has ended.",
            {
                "source": ["aws.sagemaker"],
                "detail-type": [ENDPOINT_EVENT],
                "detail": {
                    "EndpointName": [deployment.endpoint],
                    "EndpointStatus": [{"anything-but": list(_ON_THE_WAY)}],
                },
            },
        ),
    ]


def upsert(service: Service, deployment: Deployment, role: str) -> str:
    """Function, permissions and rules as they should be; returns what was done to the function."""
    arn, done = _function(service.client("lambda"), deployment, role)
    events = service.client("events")
    for rule in rules(deployment):
        told = events.put_rule(
            Name=rule.name,
            Description=rule.description,
            EventPattern=json.dumps(rule.pattern),
            State="ENABLED",
            Tags=_tags(deployment),
        )
        _permit(service.client("lambda"), arn, rule.name, told["RuleArn"])
        refused = events.put_targets(Rule=rule.name, Targets=[{"Id": _TARGET, "Arn": arn}])
        if refused.get("FailedEntryCount"):
            raise RunError(f"rule {rule.name}: {refused['FailedEntries'][0]['ErrorMessage']}")
    return done


def let_go(service: Service, deployment: Deployment) -> str:
    """Delete function and rules where the settings want none, so that an approval deploys no more; what was done."""
    try:
        return "deleted, for nothing is deployed by itself any more" if remove(service, deployment) else ""
    except ClientError as error:
        if _denied(error):
            return ""
        raise


def put_back(service: Service, deployment: Deployment, role: str) -> str:
    """Make function and rules where they are missing, as they are after a local SageMaker has stopped; what was done.

    Who may not look, for whom starting an execution must be enough, leaves it to those who may.
    """
    try:
        return "" if is_there(service, deployment) else upsert(service, deployment, role)
    except ClientError as error:
        if _denied(error):
            return ""
        raise


def is_there(service: Service, deployment: Deployment) -> bool:
    """Whether the function is there, and its rules with it: without them nothing is deployed by itself."""
    try:
        service.client("lambda").get_function(FunctionName=name(deployment))
        for rule in rules(deployment):
            service.client("events").describe_rule(Name=rule.name)
    except ClientError as error:
        if _missing(error):
            return False
        raise
    return True


def remove(service: Service, deployment: Deployment) -> bool:
    """Delete function and rules, as far as they are there; whether the function was. The endpoint stays."""
    events = service.client("events")
    for rule in rules(deployment):
        try:
            events.remove_targets(Rule=rule.name, Ids=[_TARGET])
            events.delete_rule(Name=rule.name)
        except ClientError as error:
            if not _missing(error):
                raise
    try:
        service.client("lambda").delete_function(FunctionName=name(deployment))
    except ClientError as error:
        if not _missing(error):
            raise
        return False
    return True


def _function(client: Any, deployment: Deployment, role: str) -> tuple[str, str]:
    """The function's ARN, and what was done."""
    function, code = name(deployment), archive(deployment)
    wanted: dict[str, Any] = {
        "Role": role,
        "Runtime": RUNTIME,
        "Handler": HANDLER,
        "Timeout": TIMEOUT,
        "MemorySize": MEMORY,
        "Description": f"Keeps {deployment.endpoint} at the newest approved package of {deployment.group}.",
    }
    try:
        found = client.get_function(FunctionName=function)["Configuration"]
    except ClientError as error:
        if not _missing(error):
            raise
        tags = {each["Key"]: each["Value"] for each in _tags(deployment)}
        made = client.create_function(FunctionName=function, Code={"ZipFile": code}, Tags=tags, **wanted)
        client.get_waiter("function_active_v2").wait(FunctionName=function)
        return str(made["FunctionArn"]), "created"
    done = []
    if found["CodeSha256"] != base64.b64encode(hashlib.sha256(code).digest()).decode():
        client.update_function_code(FunctionName=function, ZipFile=code)
        client.get_waiter("function_updated_v2").wait(FunctionName=function)  # one change at a time
        done.append("code")
    if any(found.get(key) != value for key, value in wanted.items()):
        client.update_function_configuration(FunctionName=function, **wanted)
        client.get_waiter("function_updated_v2").wait(FunctionName=function)
        done.append("configuration")
    return str(found["FunctionArn"]), f"updated ({' and '.join(done)})" if done else "unchanged"


def _permit(client: Any, function: str, statement: str, source: str) -> None:
    """Let a rule invoke the function, unless it may already."""
    try:
        policy = json.loads(client.get_policy(FunctionName=function)["Policy"])
    except ClientError as error:
        if not _missing(error):
            raise
        policy = {"Statement": []}
    if any(each.get("Sid") == statement for each in policy["Statement"]):
        return
    client.add_permission(
        FunctionName=function,
        StatementId=statement,
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=source,
    )


def _tags(deployment: Deployment) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in deployment.tags.items()]


def _denied(error: ClientError) -> bool:
    """Whether somebody may not do this, who may well do the rest."""
    return "AccessDenied" in error.response["Error"]["Code"]


def _missing(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"] == "ResourceNotFoundException")
