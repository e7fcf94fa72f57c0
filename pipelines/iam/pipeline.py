"""What the pipeline's own role needs to run its steps, and what people need to upsert, start and watch it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from local_sagemaker.pipelines.definition import Step
from pipelines.iam.addresses import bucket, objects, pattern
from pipelines.iam.jobs import of_jobs
from pipelines.iam.needs import Need
from pipelines.lint.subject import Subject

SAGEMAKER = "sagemaker.amazonaws.com"
# What SageMaker does in the pipeline's name for a step of a type: operations, and the resource type of each.
JOBS: Mapping[str, tuple[str, str]] = {
    "Processing": ("ProcessingJob", "processing-job"),
    "ClarifyCheck": ("ProcessingJob", "processing-job"),
    "QualityCheck": ("ProcessingJob", "processing-job"),
    "Training": ("TrainingJob", "training-job"),
    "Tuning": ("HyperParameterTuningJob", "hyper-parameter-tuning-job"),
    "Transform": ("TransformJob", "transform-job"),
}
REQUESTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "Model": (("CreateModel", "model"), ("DescribeModel", "model")),
    "RegisterModel": (
        ("CreateModelPackage", "model-package"),
        ("CreateModelPackage", "model-package-group"),
        ("CreateModelPackageGroup", "model-package-group"),
        ("DescribeModelPackageGroup", "model-package-group"),
        ("DescribeModelPackage", "model-package"),
    ),
    "ClarifyCheck": (("ListModelPackages", "model-package-group"), ("DescribeModelPackage", "model-package")),
    "QualityCheck": (("ListModelPackages", "model-package-group"), ("DescribeModelPackage", "model-package")),
    "EndpointConfig": (
        ("CreateEndpointConfig", "endpoint-config"),
        ("DescribeEndpointConfig", "endpoint-config"),
    ),
    "Endpoint": (
        ("CreateEndpoint", "endpoint"),
        ("UpdateEndpoint", "endpoint"),
        ("DescribeEndpoint", "endpoint"),
    ),
}
WATCHING = (
    "DescribePipeline",
    "StartPipelineExecution",
    "StopPipelineExecution",
    "DescribePipelineExecution",
    "DescribePipelineDefinitionForExecution",
    "ListPipelineExecutions",
    "ListPipelineExecutionSteps",
    "ListPipelineParametersForExecution",
    "ListTags",
)


def of_pipeline(subject: Subject) -> list[Need]:
    """What the role that the pipeline runs as needs: its steps' operations, and to hand the jobs' roles on."""
    found = [need for step in subject.steps for need in _of_step(subject, step)]
    passed = ("StringEquals", "iam:PassedToService", SAGEMAKER)
    found += [
        Need(
            "iam:PassRole", role if role.startswith("arn:") else "arn:aws:iam::*:role/*", "every job", passed
        )
        for role in of_jobs(subject)
    ]
    return found


def _of_step(subject: Subject, step: Step) -> Iterator[Need]:
    if step.type in JOBS:
        operation, kind = JOBS[step.type]
        for verb in ("Create", "Describe", "Stop"):
            yield Need(f"sagemaker:{verb}{operation}", _arn(kind), step.name)
        yield Need("sagemaker:AddTags", _arn(kind), step.name)
    if step.type == "Tuning":
        listed = "sagemaker:ListTrainingJobsForHyperParameterTuningJob"
        yield Need(listed, _arn("hyper-parameter-tuning-job"), step.name)
        yield Need("sagemaker:CreateTrainingJob", _arn("training-job"), step.name)
        yield Need("sagemaker:AddTags", _arn("training-job"), step.name)
        yield Need("sagemaker:DescribeTrainingJob", _arn("training-job"), step.name)
    for operation, kind in REQUESTS.get(step.type, ()):
        yield Need(f"sagemaker:{operation}", _arn(kind), step.name)
        if operation.startswith("Create"):
            yield Need("sagemaker:AddTags", _arn(kind), step.name)
    if step.type == "Lambda":
        function = pattern(subject, step.settings.get("FunctionArn"))
        where = function if function.startswith("arn:") else "arn:aws:lambda:*:*:function:*"
        yield Need("lambda:InvokeFunction", where, step.name)
    outputs = step.arguments.get("ProcessingOutputConfig") if isinstance(step.arguments, Mapping) else None
    if step.property_files and isinstance(outputs, Mapping):  # SageMaker reads them in the pipeline's name
        for output in outputs.get("Outputs") or []:
            uri = output.get("S3Output", {}).get("S3Uri")
            yield Need("s3:GetObject", objects(subject, uri), step.name)


def of_people(subject: Subject, name: str, role: str, root: str, functions: str = "") -> list[Need]:
    """What whoever publishes, upserts, starts and watches the pipeline ``name`` needs.

    ``role`` is the pipeline's, ``root`` the S3 address below which code and settings are published, and
    ``functions`` the ARN pattern of the function that deploys, where there is one.
    """
    pipeline = f"arn:aws:sagemaker:*:*:pipeline/{name}"
    executions = f"{pipeline}/execution/*"
    found = [
        Need("s3:PutObject", objects(subject, root), "publish"),
        Need("s3:GetObject", objects(subject, root), "status"),
        Need("s3:ListBucket", bucket(subject, root), "publish"),
        *(
            Need(f"sagemaker:{each}", pipeline, "upsert")
            for each in ("CreatePipeline", "UpdatePipeline", "AddTags")
        ),
        *(Need(f"sagemaker:{each}", where, "start") for each in WATCHING for where in (pipeline, executions)),
        Need("iam:PassRole", role, "upsert", ("StringEquals", "iam:PassedToService", SAGEMAKER)),
        *(
            Need(f"logs:{each}", "arn:aws:logs:*:*:log-group:/aws/sagemaker/*", "logs")
            for each in ("FilterLogEvents", "DescribeLogStreams")
        ),
    ]
    described = {JOBS[step.type] for step in subject.steps if step.type in JOBS}
    found += [
        Need(f"sagemaker:Describe{operation}", _arn(kind), "status") for operation, kind in sorted(described)
    ]
    found += [
        Need("sagemaker:ListModelPackages", _arn("model-package-group"), "packages"),
        Need("sagemaker:DescribeModelPackage", _arn("model-package"), "packages"),
        Need("sagemaker:UpdateModelPackage", _arn("model-package"), "approve"),
    ]
    if functions:
        found += [Need(f"lambda:{each}", functions, "upsert") for each in _FUNCTION]
        rules = functions.replace(":lambda:", ":events:").replace(":function:", ":rule/")
        found += [Need(f"events:{each}", rules, "upsert") for each in _RULE]
    return found


_FUNCTION = (
    "AddPermission",
    "CreateFunction",
    "GetFunction",
    "GetFunctionConfiguration",
    "GetPolicy",
    "InvokeFunction",
    "RemovePermission",
    "TagResource",
    "UpdateFunctionCode",
    "UpdateFunctionConfiguration",
)
_RULE = ("DescribeRule", "ListTargetsByRule", "PutRule", "PutTargets", "TagResource")


def _arn(kind: str) -> str:
    return f"arn:aws:sagemaker:*:*:{kind}/*"
