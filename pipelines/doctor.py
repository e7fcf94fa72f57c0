"""Is the account ready for the pipeline? Each check says ok, or what to do, before anything is created.

    ok      as it should be
    note    could not be asked, or is worth knowing; nothing fails because of it
    bad     the pipeline would fail, or what it writes would not be safe

A check asks AWS and answers with findings; one that may not ask says so instead of ending the others.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from pipelines.config import Environment
from pipelines.iam.command import DEPLOYER, PEOPLE, PIPELINE, needs_of
from pipelines.iam.needs import Need
from pipelines.service import Service

PROJECT_ID, PROJECT_NAME = (
    "sagemaker:project-id",
    "sagemaker:project-name",
)  # tags that a SageMaker Project gives
State = Literal["ok", "note", "bad"]
GONE = ("404", "NoSuchBucket", "NoSuchEntity", "RepositoryNotFoundException", "ImageNotFoundException")


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    about: str
    state: State
    said: str
    fix: str = ""  # what to do, where there is something to do


def examine(service: Service, only: str = "") -> Iterator[Finding]:
    """Every check, or that of one name, one after another; each is told as soon as it is known."""
    for check in CHECKS:
        about = check.__name__.strip("_")
        if only not in ("", about):
            continue
        try:
            yield from check(service)
        except ClientError as error:
            found = error.response["Error"]
            yield Finding(about, "note", f"could not be asked: {found['Code']}: {found['Message']}")
        except BotoCoreError as error:
            yield Finding(about, "note", f"could not be asked: {error}")


def _credentials(service: Service) -> Iterator[Finding]:
    environment = service.config.environment
    identity = service.client("sts").get_caller_identity()
    if identity["Account"] != environment.account:
        yield Finding(
            "credentials",
            "bad",
            f"you are {identity['Arn']}, and the settings are for account {environment.account}",
            f"take credentials of {environment.account}, or correct 'account' in {_settings(service)}",
        )
    else:
        yield Finding("credentials", "ok", f"{identity['Arn']}, region {environment.region}")


def _role(service: Service) -> Iterator[Finding]:
    """The pipeline's own, and that of each kind of job."""
    environment = service.config.environment
    roles = environment.roles.or_else(environment.role)
    jobs = {environment.role, roles.processing, roles.training, roles.model}
    for arn in sorted(jobs):
        yield from _one_role(service, arn, "sagemaker.amazonaws.com", "SageMaker")
    if environment.deploy.form == "guarded":
        yield from _one_role(service, roles.deployer, "lambda.amazonaws.com", "Lambda")


def _one_role(service: Service, arn: str, principal: str, whom: str) -> Iterator[Finding]:
    name = arn.rpartition("/")[2]
    try:
        role = service.client("iam").get_role(RoleName=name)["Role"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
        fix = f"create it (infra/ has a template), or correct 'role' in {_settings(service)}"
        yield Finding("role", "bad", f"there is no role {name}", fix)
        return
    if role["Arn"] != arn:
        yield Finding("role", "bad", f"{name} is {role['Arn']}", f"correct 'role' in {_settings(service)}")
        return
    trusted = _principals(role["AssumeRolePolicyDocument"])
    if principal in trusted:
        yield Finding("role", "ok", f"{arn} trusts {whom}")
    else:
        said = f"{arn} trusts {', '.join(sorted(trusted)) or 'nobody'}, and not {whom}"
        yield Finding("role", "bad", said, f"let its trust policy name {principal}")


def _permissions(service: Service) -> Iterator[Finding]:
    """Whether each role may do what the definition asks of it, as IAM itself judges."""
    os.environ.setdefault("AWS_DEFAULT_REGION", service.config.environment.region)
    from pipelines.training import definition

    environment = service.config.environment
    needs = needs_of(json.loads(definition(service.config)), service.config)
    people = needs.pop(PEOPLE)
    del people  # they are whoever runs this; what they may not do, they will be told at once
    roles = {PIPELINE: environment.role, DEPLOYER: environment.roles.deployer or environment.role}
    for who, asked in needs.items():
        role = roles.get(who, who)
        try:
            refused = sorted(_refused(service.client("iam"), role, asked))
        except ClientError as error:
            if error.response["Error"]["Code"] not in GONE:
                raise
            continue  # that it is not there is said above
        name = role.rpartition("/")[2]
        if refused:
            named = ", ".join(refused[:5]) + (f" and {len(refused) - 5} more" if len(refused) > 5 else "")
            whom = name if who == role else who
            fix = f"python -m pipelines iam --env {service.config.environment_name} --for {whom}"
            yield Finding("permissions", "bad", f"{name} may not {named}", fix)
        else:
            yield Finding(
                "permissions", "ok", f"{name} may do what its {'jobs ask' if who == role else 'work asks'}"
            )


def _refused(iam: Any, role: str, needs: Iterable[Need]) -> set[str]:
    """The actions that IAM's simulation refuses; those with one resource and condition are asked for together."""
    together: dict[tuple[str, tuple[str, str, str] | None], set[str]] = {}
    for need in needs:
        together.setdefault((need.resource, need.condition), set()).add(need.action)
    found: set[str] = set()
    for (resource, condition), actions in together.items():
        context = [] if condition is None else [_context(condition)]
        answer = iam.simulate_principal_policy(
            PolicySourceArn=role,
            ActionNames=sorted(actions),
            ResourceArns=[resource],
            ContextEntries=context,
        )
        found |= {
            each["EvalActionName"]
            for each in answer["EvaluationResults"]
            if each["EvalDecision"] != "allowed"
        }
    return found


def _context(condition: tuple[str, str, str]) -> dict[str, Any]:
    operator, key, value = condition
    kind = "boolean" if operator == "Bool" else "string"
    return {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": kind}


def _bucket(service: Service) -> Iterator[Finding]:
    name, region = service.config.environment.bucket, service.config.environment.region
    try:
        service.s3.head_bucket(Bucket=name)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "403":
            fix = "let your policy and the bucket's own allow s3:ListBucket, or correct 'bucket'"
            yield Finding("bucket", "bad", f"you may not look into {name}", fix)
        elif code in GONE:
            fix = f"create it (infra/ has a template), or correct 'bucket' in {_settings(service)}"
            yield Finding("bucket", "bad", f"there is no bucket {name}", fix)
        else:
            raise
        return
    where = service.s3.get_bucket_location(Bucket=name).get("LocationConstraint") or "us-east-1"
    if where != region:
        fix = "jobs and their bucket belong into one region"
        yield Finding("bucket", "bad", f"{name} lies in {where}, the pipeline in {region}", fix)
    else:
        yield Finding("bucket", "ok", f"s3://{name} in {where}")
    yield from _safe(service.s3, name)


def _safe(s3: Any, name: str) -> Iterator[Finding]:
    """What protects the bucket: nothing stops the pipeline without it, and everybody will ask for it."""
    missing = []
    if s3.get_bucket_versioning(Bucket=name).get("Status") != "Enabled":
        missing.append("versions of its objects are not kept")
    try:
        blocked = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    except ClientError:
        blocked = {}
    if len(blocked) < 4 or not all(blocked.values()):
        missing.append("public access is not blocked")
    if missing:
        yield Finding("bucket", "note", f"{name}: {'; '.join(missing)}", "infra/storage.yaml sets both")


def _images(service: Service) -> Iterator[Finding]:
    environment = service.config.environment
    host, _, path = environment.processing_image.partition("/")
    repository, _, tag = path.partition(":")
    if ".dkr.ecr." not in host:
        yield Finding("images", "note", f"{environment.processing_image} is not in ECR: not looked up")
        return
    try:
        service.client("ecr").describe_images(
            registryId=host.partition(".")[0],
            repositoryName=repository,
            imageIds=[{"imageTag": tag or "latest"}],
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
        fix = f"docker build -f containers/processing/Dockerfile -t {environment.processing_image} . && docker push"
        if environment.endpoint:
            said = (
                f"{environment.endpoint} has no registry with {path}, and runs it by its own table of images"
            )
            yield Finding("images", "note", said, f"on AWS: {fix} {environment.processing_image}")
        else:
            yield Finding(
                "images", "bad", f"{path} has not been pushed", f"{fix} {environment.processing_image}"
            )
        return
    yield Finding("images", "ok", environment.processing_image)


def _keys(service: Service) -> Iterator[Finding]:
    keys = service.config.environment.keys
    for key in sorted({key for key in (keys.volume, keys.output) if key}):
        try:
            found = service.client("kms").describe_key(KeyId=key)["KeyMetadata"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NotFoundException":
                raise
            yield Finding("keys", "bad", f"there is no key {key}", f"correct [keys] in {_settings(service)}")
            continue
        if found["KeyState"] == "Enabled":
            yield Finding("keys", "ok", key)
        else:
            yield Finding("keys", "bad", f"{key} is {found['KeyState']}", "enable it, or take another")


def _quotas(service: Service) -> Iterator[Finding]:
    wanted = _machines(service.config.environment)
    pages = service.client("service-quotas").get_paginator("list_service_quotas")
    allowed = {
        quota["QuotaName"]: quota["Value"]
        for page in pages.paginate(ServiceCode="sagemaker")
        for quota in page["Quotas"]
    }
    for name, count in sorted(wanted.items()):
        if name not in allowed:
            yield Finding("quotas", "note", f"{name}: AWS tells none")
        elif allowed[name] < count:
            said = f"{name}: {allowed[name]:g} allowed, {count} needed"
            yield Finding(
                "quotas", "bad", said, "ask for more in Service Quotas, or take another instance_type"
            )
        else:
            yield Finding("quotas", "ok", f"{name}: {allowed[name]:g}")


def _network(service: Service) -> Iterator[Finding]:
    environment = service.config.environment
    if not environment.network.subnets:
        return
    ec2 = service.client("ec2")
    try:
        subnets = ec2.describe_subnets(SubnetIds=list(environment.network.subnets))["Subnets"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidSubnetID.NotFound":
            raise
        said = error.response["Error"]["Message"]
        yield Finding("network", "bad", said, f"correct [network] in {_settings(service)}")
        return
    vpcs = {subnet["VpcId"] for subnet in subnets}
    if len(vpcs) > 1:
        yield Finding(
            "network", "bad", f"the subnets lie in {', '.join(sorted(vpcs))}", "take those of one VPC"
        )
        return
    (vpc,) = vpcs
    here = [{"Name": "vpc-id", "Values": [vpc]}]
    endpoints = ec2.describe_vpc_endpoints(Filters=here)["VpcEndpoints"]
    there = {
        endpoint["ServiceName"].removeprefix(f"com.amazonaws.{environment.region}.") for endpoint in endpoints
    }
    missing = [name for name in _services(environment) if name not in there]
    if not missing:
        yield Finding("network", "ok", f"{vpc} has an endpoint for every service that jobs ask")
    elif _reaches_out(ec2.describe_route_tables(Filters=here)["RouteTables"], environment.network.subnets):
        yield Finding("network", "note", f"{vpc} reaches the internet, so it needs no endpoints")
    else:
        said = f"{vpc} has neither a way out nor an endpoint for {', '.join(missing)}"
        yield Finding("network", "bad", said, "create them: infra/network.yaml does")


def _checks(service: Service) -> Iterator[Finding]:
    native = service.config.environment.checks.native
    if not native:
        return
    jobs = service.sagemaker.list_processing_jobs(
        NameContains="clarify", StatusEquals="Completed", MaxResults=1
    )
    if jobs["ProcessingJobSummaries"]:
        yield Finding(
            "checks", "ok", f"{', '.join(native)} as AWS's own steps: this account has run Clarify before"
        )
        return
    yield Finding(
        "checks",
        "note",
        f"{', '.join(native)} ask for Clarify or Model Monitor, which AWS has closed to new customers;"
        " this account has not run them yet",
        f"if it may not, say 'processing' under [checks] in {_settings(service)}: the same analysis as a job of ours",
    )


def _project(service: Service) -> Iterator[Finding]:
    """The stacks of the SageMaker Project that the environment belongs to, and the way to its repository."""
    tags = service.config.environment.tags
    project, name = tags.get(PROJECT_ID), tags.get(PROJECT_NAME)
    if not project:
        return
    pages = service.client("cloudformation").get_paginator("describe_stacks").paginate()
    stacks = [
        stack
        for page in pages
        for stack in page["Stacks"]
        if {"Key": PROJECT_ID, "Value": project} in stack.get("Tags", [])
    ]
    for stack in stacks:
        status = stack["StackStatus"]
        if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"):
            fix = (
                "its events say what failed; delete it, for nothing else can be done with it, and begin again"
            )
            yield Finding("project", "bad", f"the stack {stack['StackName']} is {status}", fix)
        elif status.endswith("FAILED"):
            fix = f"aws cloudformation continue-update-rollback --stack-name {stack['StackName']}"
            yield Finding("project", "bad", f"the stack {stack['StackName']} is {status}", fix)
        else:
            yield Finding("project", "ok", f"the stack {stack['StackName']} is {status}")
    yield from _connection(service, f"{name}-{project}")


def _connection(service: Service, delivery: str) -> Iterator[Finding]:
    """Whether the delivery's source can be reached: a connection is PENDING until somebody has confirmed it."""
    codepipeline = service.client("codepipeline")
    try:
        stages = codepipeline.get_pipeline(name=delivery)["pipeline"]["stages"]
    except codepipeline.exceptions.PipelineNotFoundException:
        yield Finding("project", "note", f"there is no delivery pipeline {delivery}")
        return
    sources = [action.get("configuration", {}) for stage in stages for action in stage["actions"]]
    for source in sources:
        if "ConnectionArn" not in source:
            continue
        arn, repository = source["ConnectionArn"], source.get("FullRepositoryId", "the repository")
        status = service.client("codeconnections").get_connection(ConnectionArn=arn)["Connection"][
            "ConnectionStatus"
        ]
        if status == "AVAILABLE":
            yield Finding("project", "ok", f"{repository} is reached through {arn}")
        else:
            fix = (
                "finish it in the console: Developer Tools, Settings, Connections, Update pending connection"
            )
            yield Finding("project", "bad", f"the connection to {repository} is {status}: {arn}", fix)


CHECKS: tuple[Callable[[Service], Iterator[Finding]], ...] = (
    _credentials,
    _role,
    _permissions,
    _bucket,
    _keys,
    _images,
    _quotas,
    _network,
    _checks,
    _project,
)


def _settings(service: Service) -> str:
    return f"{service.config.environment_name}.toml"


def _principals(document: str | Mapping[str, Any]) -> set[str]:
    """The services that a trust policy names."""
    policy = json.loads(document) if isinstance(document, str) else document
    found: set[str] = set()
    for statement in policy.get("Statement", []):
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, Mapping) else []
        if statement.get("Effect") == "Allow":
            found |= {services} if isinstance(services, str) else set(services)
    return found


def _machines(environment: Environment) -> dict[str, int]:
    """How many instances of which type the pipeline takes at a time at least, by the name of their quota."""
    training = "spot training job" if environment.training.spot else "training job"
    return {
        f"{environment.processing.instance_type} for processing job usage": environment.processing.instance_count,
        f"{environment.training.instance_type} for {training} usage": environment.training.instance_count,
    }


def _services(environment: Environment) -> list[str]:
    """What jobs in a VPC ask: their data, SageMaker, who they are, their logs, their images and their keys."""
    needed = ["s3", "sagemaker.api", "sagemaker.runtime", "sts", "logs", "ecr.api", "ecr.dkr"]
    return [*needed, "kms"] if environment.keys.volume or environment.keys.output else needed


def _reaches_out(tables: list[dict[str, Any]], subnets: tuple[str, ...]) -> bool:
    """Whether every subnet has a route to everywhere; one without a table of its own has the VPC's main one."""

    def of(subnet: str) -> dict[str, Any]:
        own = [table for table in tables if any(a.get("SubnetId") == subnet for a in table["Associations"])]
        main = [table for table in tables if any(a.get("Main") for a in table["Associations"])]
        return next(iter([*own, *main]), {"Routes": []})

    return all(
        any(route.get("DestinationCidrBlock") == "0.0.0.0/0" for route in of(subnet)["Routes"])
        for subnet in subnets
    )
