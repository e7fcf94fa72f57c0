"""The doctor finds what would make the pipeline fail, says what to do, and lets a healthy account pass."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from pipelines import config
from pipelines.config import Config
from pipelines.doctor import Finding, _quotas, examine
from pipelines.errors import RunError
from pipelines.service import Service
from steps.deployment import Deployment

ACCOUNT = "123456789012"
REGION = "us-east-1"
SERVICES = ("s3", "sagemaker.api", "sagemaker.runtime", "sts", "logs", "ecr.api", "ecr.dkr", "kms")


@pytest.fixture(scope="module")
def account(client: Callable[[str], Any]) -> dict[str, str]:
    """An account with everything that a pipeline in a VPC needs."""
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    for name in SERVICES:
        ec2.create_vpc_endpoint(
            VpcId=vpc, ServiceName=f"com.amazonaws.{REGION}.{name}", VpcEndpointType="Interface"
        )
    bare = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    others = {**trust, "Principal": {"Service": ["ec2.amazonaws.com"]}}
    iam = client("iam")
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    but_keys = {"Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*"}
    for name, statement in (("doctor-ready", trust), ("doctor-other", others)):
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
        policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
        iam.put_role_policy(RoleName=name, PolicyName="everything", PolicyDocument=policy)
    iam.create_role(
        RoleName="doctor-narrow",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everything, but_keys]})
    iam.put_role_policy(RoleName="doctor-narrow", PolicyName="narrow", PolicyDocument=policy)
    s3 = client("s3")
    s3.create_bucket(Bucket="doctor-ready")
    s3.put_bucket_versioning(Bucket="doctor-ready", VersioningConfiguration={"Status": "Enabled"})
    blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(
        Bucket="doctor-ready", PublicAccessBlockConfiguration=dict.fromkeys(blocks, True)
    )
    ecr = client("ecr")
    ecr.create_repository(repositoryName="doctor-image")
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}
    ecr.put_image(repositoryName="doctor-image", imageManifest=json.dumps(manifest), imageTag="1")
    return {
        "subnet": subnet,
        "bare": ec2.create_subnet(VpcId=bare, CidrBlock="10.8.1.0/24")["Subnet"]["SubnetId"],
        "key": client("kms").create_key()["KeyMetadata"]["Arn"],
        "closed": client("kms").create_key()["KeyMetadata"]["Arn"],
    }


@pytest.fixture
def ready(account: dict[str, str], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Config:
    """Settings that fit that account."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, environment[name])
    local = config.load("local", "adult")
    return changed(
        local,
        endpoint=None,
        deploy=Deployment(),
        role=f"arn:aws:iam::{ACCOUNT}:role/doctor-ready",
        bucket="doctor-ready",
        images=local.environment.images.model_copy(
            update={"processing": "{account}.dkr.ecr.{region}.amazonaws.com/doctor-image:1"}
        ),
        keys=replace(local.environment.keys, volume=account["key"]),
        network=replace(local.environment.network, subnets=(account["subnet"],), security_groups=("sg-1",)),
    )


def changed(settings: Config, **update: Any) -> Config:
    environment = settings.environment.model_copy(update=update)
    return settings.model_copy(update={"environment": environment})


def found(settings: Config, only: str = "") -> list[Finding]:
    return list(examine(Service(settings), only))


def test_a_healthy_account_has_nothing_bad(ready: Config) -> None:
    """Everything that can be asked here is ok; only the quotas, which nobody keeps here, are a note."""
    states = {each.about: each.state for each in found(ready)}

    assert states == {
        "credentials": "ok",
        "role": "ok",
        "permissions": "ok",
        "bucket": "ok",
        "keys": "ok",
        "images": "ok",
        "quotas": "note",
        "network": "ok",
    }


@pytest.mark.parametrize(
    ("update", "about", "said"),
    [
        ({"account": "999999999999"}, "credentials", "the settings are for account 999999999999"),
        ({"role": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, "role", "there is no role nobody"),
        ({"role": f"arn:aws:iam::{ACCOUNT}:role/path/doctor-ready"}, "role", "doctor-ready is arn:aws:iam"),
        (
            {"role": f"arn:aws:iam::{ACCOUNT}:role/doctor-other"},
            "role",
            "trusts ec2.amazonaws.com, and not SageMaker",
        ),
        (
            {"role": f"arn:aws:iam::{ACCOUNT}:role/doctor-narrow"},
            "permissions",
            "doctor-narrow may not kms:Decrypt",
        ),
        ({"bucket": "doctor-no-such-bucket"}, "bucket", "there is no bucket doctor-no-such-bucket"),
        ({"region": "eu-west-1"}, "bucket", "doctor-ready lies in us-east-1, the pipeline in eu-west-1"),
    ],
    ids=[
        "another account",
        "no role",
        "another path",
        "another trust",
        "one action less",
        "no bucket",
        "another region",
    ],
)
def test_what_would_fail_is_bad_and_says_what_to_do(
    update: dict[str, str], about: str, said: str, ready: Config
) -> None:
    """One thing changed in a healthy account is found by the check that is there for it."""
    (bad,) = [each for each in found(changed(ready, **update), about) if each.state == "bad"]

    assert said in bad.said
    assert bad.fix


def test_an_image_that_was_not_pushed_is_bad(ready: Config) -> None:
    """With the command that pushes it; where the endpoint is not AWS's own, it is a note."""
    images = ready.environment.images.model_copy(
        update={"processing": "{account}.dkr.ecr.{region}.amazonaws.com/doctor-image:2"}
    )
    (bad,) = list(found(changed(ready, images=images), "images"))
    (note,) = [
        each
        for each in found(changed(ready, images=images, endpoint="http://127.0.0.1:1"))
        if each.about == "images"
    ]

    assert (bad.state, note.state) == ("bad", "note")
    assert "docker push" in bad.fix


def test_a_key_that_cannot_be_used_is_bad(
    ready: Config, account: dict[str, str], client: Callable[[str], Any]
) -> None:
    """Disabled, or not there."""
    client("kms").disable_key(KeyId=account["closed"].rpartition("/")[2])
    keys = replace(ready.environment.keys, volume=account["closed"], output=f"{account['key'][:-4]}0000")
    said = [each.said for each in found(changed(ready, keys=keys), "keys") if each.state == "bad"]

    assert len(said) == 2
    assert any("is Disabled" in each for each in said)
    assert any("there is no key" in each for each in said)


def test_a_network_without_a_way_names_the_endpoints_that_it_lacks(
    ready: Config, account: dict[str, str], client: Callable[[str], Any]
) -> None:
    """A subnet that is not there, or that leads nowhere, is bad; one with a route to everywhere is a note."""

    def network(subnet: str) -> Finding:
        settings = replace(ready.environment.network, subnets=(subnet,))
        (one,) = list(found(changed(ready, network=settings), "network"))
        return one

    absent, closed = network("subnet-00000000"), network(account["bare"])
    ec2 = client("ec2")
    vpc = ec2.describe_subnets(SubnetIds=[account["bare"]])["Subnets"][0]["VpcId"]
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    opened = network(account["bare"])

    assert (absent.state, closed.state, opened.state) == ("bad", "bad", "note")
    assert "sagemaker.api" in closed.said
    assert "kms" in closed.said


def test_a_quota_below_what_is_needed_is_bad(ready: Config) -> None:
    """As the account's quotas say it; one that AWS does not tell is a note."""
    service = Service(ready)
    quotas = service.client("service-quotas")
    stub = Stubber(quotas)
    answer = {"Quotas": [{"QuotaName": "ml.m5.large for processing job usage", "Value": 0.0}]}
    stub.add_response("list_service_quotas", answer, {"ServiceCode": "sagemaker"})
    service.client = lambda _: quotas  # type: ignore[method-assign]
    with stub:
        said = {each.said: each.state for each in _quotas(service)}

    assert said == {
        "ml.m5.large for processing job usage: 0 allowed, 1 needed": "bad",
        "ml.m5.large for training job usage: AWS tells none": "note",
    }


def test_native_checks_are_told_that_clarify_is_closed_to_new_customers(ready: Config) -> None:
    """An account that has never run it learns of the other form before its first run fails."""
    checks = replace(ready.environment.checks, data_bias="native")
    (note,) = list(found(changed(ready, checks=checks), "checks"))

    assert note.state == "note"
    assert "closed to new customers" in note.said
    assert "'processing'" in note.fix


def test_the_command_ends_with_one_where_something_is_bad(environment: dict[str, str]) -> None:
    """So that a script can ask."""
    done = subprocess.run(
        [sys.executable, "-m", "pipelines", "doctor", "--env", "prod"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )

    assert done.returncode == 1, done.stderr
    assert "✘ role         there is no role ml-prod-pipeline-execution" in done.stdout
    assert "→ create it" in done.stdout


def project(settings: Config, stacks: list[dict[str, Any]], connection: str) -> dict[str, str]:
    """What the doctor says of a project with such stacks and such a connection, as the services would tell of them."""
    tags = {"sagemaker:project-id": "p-1", "sagemaker:project-name": "fraud"}
    service = Service(changed(settings, tags=tags))
    own = [{"Key": key, "Value": value} for key, value in tags.items()]
    arn = f"arn:aws:codeconnections:us-east-1:{ACCOUNT}:connection/11111111-2222-3333-4444-555555555555"
    action = {
        "name": "Repository",
        "actionTypeId": {
            "category": "Source",
            "owner": "AWS",
            "provider": "CodeStarSourceConnection",
            "version": "1",
        },
        "configuration": {"ConnectionArn": arn, "FullRepositoryId": "owner/repository"},
    }
    pipeline = {
        "name": "fraud-p-1",
        "roleArn": ROLE,
        "stages": [{"name": "Source", "actions": [action]}],
    }
    created = datetime(2026, 1, 1, tzinfo=UTC)
    answers = {
        "cloudformation": (
            "describe_stacks",
            {"Stacks": [{"CreationTime": created, "Tags": own, **s} for s in stacks]},
        ),
        "codepipeline": ("get_pipeline", {"pipeline": pipeline}),
        "codeconnections": ("get_connection", {"Connection": {"ConnectionStatus": connection}}),
    }
    clients = {name: service.client(name) for name in answers}
    for name, (operation, answer) in answers.items():
        stub = Stubber(clients[name])
        stub.add_response(operation, answer)
        stub.activate()
    service.client = lambda name: clients[name]  # type: ignore[method-assign]
    return {each.said: each.state for each in examine(service, "project")}


ROLE = f"arn:aws:iam::{ACCOUNT}:role/doctor-ready"


@pytest.mark.parametrize(
    ("status", "connection", "bad"),
    [
        ("CREATE_COMPLETE", "AVAILABLE", []),
        ("UPDATE_ROLLBACK_COMPLETE", "AVAILABLE", []),
        ("ROLLBACK_COMPLETE", "AVAILABLE", ["the stack fraud is ROLLBACK_COMPLETE"]),
        ("UPDATE_ROLLBACK_FAILED", "AVAILABLE", ["the stack fraud is UPDATE_ROLLBACK_FAILED"]),
        ("CREATE_COMPLETE", "PENDING", ["the connection to owner/repository is PENDING"]),
    ],
)
def test_a_project_that_cannot_deliver_is_told(
    status: str, connection: str, bad: list[str], ready: Config
) -> None:
    """A stack that was rolled back, and a connection that nobody has confirmed, each in a line."""
    said = project(ready, [{"StackName": "fraud", "StackStatus": status}], connection)
    found = [each for each, state in said.items() if state == "bad"]

    assert len(said) == 2
    assert [each.partition(": arn")[0] for each in found] == bad


def test_a_definition_that_is_too_long_is_refused_before_anything_is_sent(ready: Config) -> None:
    """With both lengths, and what to do."""
    with pytest.raises(
        RunError, match="has 1,048,577 characters, and SageMaker takes 1,048,576: move long texts"
    ):
        Service(ready).upsert("x" * 1_048_577, [])
