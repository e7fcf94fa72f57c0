"""What the role of each job needs: images, inputs, outputs, keys, network, logs, and what our own jobs ask."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local_sagemaker.pipelines.definition import Step
from pipelines.iam.addresses import bucket, objects, pattern, repository
from pipelines.iam.needs import EVERYWHERE, Need
from pipelines.lint.subject import Subject

LOG_GROUPS = {
    "Processing": "ProcessingJobs",
    "ClarifyCheck": "ProcessingJobs",
    "QualityCheck": "ProcessingJobs",
    "Training": "TrainingJobs",
    "Tuning": "TrainingJobs",
    "Transform": "TransformJobs",
    "Model": "Endpoints",
}
# What our own jobs ask of the API, by the module that they run.
CALLS: Mapping[str, Sequence[str]] = {
    "champion": ("ListModelPackages", "DescribeModelPackage"),
    "check": ("ListModelPackages", "DescribeModelPackage"),
    "model_card": (
        "DescribeModelPackage",
        "UpdateModelPackage",
        "CreateModelCard",
        "DescribeModelCard",
        "UpdateModelCard",
    ),
    "prepare_rows": ("ListModelPackages", "DescribeModelPackage"),
    "smoke_test": (
        "ListModelPackages",
        "DescribeModelPackage",
        "UpdateModelPackage",
        "DescribeEndpoint",
        "DescribeEndpointConfig",
        "DescribeModel",
        "InvokeEndpoint",
    ),
    "tuning_report": (
        "DescribeHyperParameterTuningJob",
        "ListTrainingJobsForHyperParameterTuningJob",
    ),
}
_RESOURCES = {  # the resource type that an operation's name speaks of
    "ModelPackages": "model-package-group",
    "ModelPackage": "model-package",
    "ModelCard": "model-card",
    "TrainingJobsForHyperParameterTuningJob": "hyper-parameter-tuning-job",
    "HyperParameterTuningJob": "hyper-parameter-tuning-job",
    "EndpointConfig": "endpoint-config",
    "Endpoint": "endpoint",
    "Model": "model",
}
_OURS = re.compile(r"containers\.(?:processing|analyzer)\.(\w+)")
_NETWORK = (
    *(f"ec2:{verb}NetworkInterface{what}" for verb in ("Create", "Delete") for what in ("", "Permission")),
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)


def of_jobs(subject: Subject) -> dict[str, list[Need]]:
    """The needs of every role that some step runs a job as."""
    found: dict[str, list[Need]] = defaultdict(list)
    for step in subject.steps:
        role, request = _role(step)
        if role is not None:
            found[pattern(subject, role)] += _of_job(subject, step, request)
    return dict(found)


def _role(step: Step) -> tuple[Any, Mapping[str, Any]]:
    """The role of a step's job, and the request that holds it."""
    arguments = step.arguments if isinstance(step.arguments, Mapping) else {}
    inner = arguments.get("TrainingJobDefinition")
    request = inner if isinstance(inner, Mapping) else arguments
    return request.get("RoleArn", request.get("ExecutionRoleArn")), request


def _of_job(subject: Subject, step: Step, request: Mapping[str, Any]) -> Iterator[Need]:
    def need(action: str, resource: str, condition: tuple[str, str, str] | None = None) -> Need:
        return Need(action, resource, step.name, condition)

    for uri in _inputs(request):
        yield need("s3:GetObject", objects(subject, uri))
        yield need("s3:ListBucket", bucket(subject, uri))
    for uri in _outputs(request):
        yield need("s3:PutObject", objects(subject, uri))
        yield need("s3:AbortMultipartUpload", objects(subject, uri))
    for key in sorted({pattern(subject, key) for key in _members(request, "KmsKeyId", "VolumeKmsKeyId")}):
        where = key if key.startswith("arn:") else "arn:aws:kms:*:*:key/*"
        yield from (need(f"kms:{each}", where) for each in ("Decrypt", "DescribeKey", "GenerateDataKey"))
        yield need("kms:CreateGrant", where, ("Bool", "kms:GrantIsForAWSResource", "true"))
    for image in sorted(
        {pattern(subject, each) for each in _members(request, "ImageUri", "TrainingImage", "Image")}
    ):
        yield from (
            need(f"ecr:{each}", repository(image))
            for each in ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
        )
        yield need("ecr:GetAuthorizationToken", EVERYWHERE)
    group = LOG_GROUPS.get(step.type, "ProcessingJobs")
    streams = f"arn:aws:logs:*:*:log-group:/aws/sagemaker/{group}*"
    yield from (
        need(f"logs:{each}", streams)
        for each in ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents")
    )
    namespace = ("StringEquals", "cloudwatch:namespace", f"/aws/sagemaker/{group}")
    yield need("cloudwatch:PutMetricData", EVERYWHERE, namespace)
    if any(_members(request, "Subnets")):
        yield from (need(action, EVERYWHERE) for action in _NETWORK)
    for module in _modules(request):
        for call in CALLS.get(module, ()):
            yield need(f"sagemaker:{call}", _resource(call))


def _inputs(request: Mapping[str, Any]) -> Iterator[Any]:
    """Every address that a job reads: inputs, channels, models, code, checkpoints."""
    yield from (
        uri
        for each in request.get("ProcessingInputs") or []
        for uri in _members(each.get("S3Input"), "S3Uri")
    )
    yield from (uri for each in request.get("InputDataConfig") or [] for uri in _members(each, "S3Uri"))
    yield from _members(request, "ModelDataUrl", "SAGEMAKER_SUBMIT_DIRECTORY", "sagemaker_submit_directory")
    if isinstance(checkpoints := request.get("CheckpointConfig"), Mapping):
        yield from _members(checkpoints, "S3Uri")
    if isinstance(transformed := request.get("TransformInput"), Mapping):
        yield from _members(transformed, "S3Uri")


def _outputs(request: Mapping[str, Any]) -> Iterator[Any]:
    outputs = request.get("ProcessingOutputConfig")
    if isinstance(outputs, Mapping):
        yield from _members(outputs, "S3Uri")
    yield from _members(request, "S3OutputPath")
    if isinstance(checkpoints := request.get("CheckpointConfig"), Mapping):
        yield from _members(checkpoints, "S3Uri")


def _members(value: Any, *keys: str) -> Iterator[Any]:
    """Every member with one of these names, at any depth."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name in keys:
                yield item
            else:
                yield from _members(item, *keys)
    elif isinstance(value, list):
        for item in value:
            yield from _members(item, *keys)


def _modules(request: Mapping[str, Any]) -> list[str]:
    entry = (request.get("AppSpecification") or {}).get("ContainerEntrypoint") or []
    return [found[1] for each in entry if isinstance(each, str) and (found := _OURS.fullmatch(each))]


def _resource(call: str) -> str:
    return f"arn:aws:sagemaker:*:*:{_RESOURCES[re.sub('^(List|Describe|Create|Update|Invoke)', '', call)]}/*"
