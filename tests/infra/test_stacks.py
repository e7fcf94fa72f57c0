"""A project's stacks, created on the local endpoint: each resource is looked for through its own service.

What a stack says of itself proves nothing here, so nothing of it is believed.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from local_sagemaker.policies import decide
from local_sagemaker.stacks.check import creatable
from pipelines import config
from pipelines.iam.command import needs_of
from pipelines.iam.needs import Need
from tests.infra.test_templates import INFRA, ROOT, TEMPLATES, read

Client = Callable[[str], Any]
BUCKET, PREFIX = "infra-templates", "sagemaker/v1"
PROJECT, ID, ACCOUNT = "fraud", "p-test0001", "123456789012"
PARAMETERS = {
    "SageMakerProjectName": PROJECT,
    "SageMakerProjectId": ID,
    "Repository": "owner/repository",
    "ConnectionArn": f"arn:aws:codeconnections:us-east-1:{ACCOUNT}:connection/1",
    "Email": "team@example.org",
    "RecordConfiguration": "true",
}


def ec2(operation: str, member: str) -> Callable[[Client, str], bool]:
    """Whether one of EC2's lists has the id in any of its values."""
    return lambda client, id_: id_ in json.dumps(getattr(client("ec2"), operation)()[member], default=str)


# How each service says that a resource with this physical id is there.
LOOKS: dict[str, Callable[[Client, str], Any]] = {
    "AWS::Budgets::Budget": lambda c, id_: c("budgets").describe_budget(AccountId=ACCOUNT, BudgetName=id_),
    "AWS::CloudFormation::Stack": lambda c, id_: c("cloudformation").describe_stacks(StackName=id_),
    "AWS::CloudTrail::Trail": lambda c, id_: c("cloudtrail").get_trail_status(Name=id_)["IsLogging"],
    "AWS::CloudWatch::Alarm": lambda c, id_: c("cloudwatch").describe_alarms(AlarmNames=[id_])[
        "MetricAlarms"
    ],
    "AWS::CodeBuild::Project": lambda c, id_: c("codebuild").batch_get_projects(names=[id_])["projects"],
    "AWS::CodePipeline::Pipeline": lambda c, id_: c("codepipeline").get_pipeline(name=id_),
    "AWS::Config::ConfigRule": lambda c, id_: c("config").describe_config_rules(ConfigRuleNames=[id_])[
        "ConfigRules"
    ],
    "AWS::Config::ConfigurationRecorder": lambda c, id_: c("config").describe_configuration_recorders(
        ConfigurationRecorderNames=[id_]
    )["ConfigurationRecorders"],
    "AWS::Config::DeliveryChannel": lambda c, id_: c("config").describe_delivery_channels(
        DeliveryChannelNames=[id_]
    )["DeliveryChannels"],
    "AWS::EC2::FlowLog": ec2("describe_flow_logs", "FlowLogs"),
    "AWS::EC2::RouteTable": ec2("describe_route_tables", "RouteTables"),
    "AWS::EC2::SecurityGroup": ec2("describe_security_groups", "SecurityGroups"),
    "AWS::EC2::Subnet": ec2("describe_subnets", "Subnets"),
    "AWS::EC2::SubnetRouteTableAssociation": ec2("describe_route_tables", "RouteTables"),
    "AWS::EC2::VPC": ec2("describe_vpcs", "Vpcs"),
    "AWS::EC2::VPCEndpoint": ec2("describe_vpc_endpoints", "VpcEndpoints"),
    "AWS::ECR::Repository": lambda c, id_: c("ecr").describe_repositories(repositoryNames=[id_])[
        "repositories"
    ],
    "AWS::Events::Rule": lambda c, id_: c("events").list_targets_by_rule(Rule=id_)["Targets"],
    "AWS::IAM::ManagedPolicy": lambda c, id_: c("iam").get_policy(PolicyArn=id_),
    "AWS::IAM::Role": lambda c, id_: c("iam").get_role(RoleName=id_),
    "AWS::KMS::Alias": lambda c, id_: (
        id_ in [each["AliasName"] for each in c("kms").list_aliases()["Aliases"]]
    ),
    "AWS::KMS::Key": lambda c, id_: c("kms").get_key_rotation_status(KeyId=id_)["KeyRotationEnabled"],
    "AWS::Lambda::Function": lambda c, id_: c("lambda").get_function(FunctionName=id_),
    "AWS::Logs::LogGroup": lambda c, id_: c("logs").describe_log_groups(logGroupNamePrefix=id_)["logGroups"],
    "AWS::S3::Bucket": lambda c, id_: c("s3").head_bucket(Bucket=id_),
    "AWS::S3::BucketPolicy": lambda c, id_: (
        "aws:SecureTransport" in c("s3").get_bucket_policy(Bucket=id_)["Policy"]
    ),
    "AWS::SNS::Subscription": lambda c, id_: (
        id_ in json.dumps(c("sns").list_subscriptions()["Subscriptions"])
    ),
    "AWS::SNS::Topic": lambda c, id_: c("sns").get_topic_attributes(TopicArn=id_),
    "AWS::SSM::Parameter": lambda c, id_: c("ssm").get_parameter(Name=id_),
    "AWS::SageMaker::ModelPackageGroup": lambda c, id_: c("sagemaker").describe_model_package_group(
        ModelPackageGroupName=id_
    ),
}
# These have no id of their own to ask for; the tests below look at what they do.
SEEN_BELOW = {"AWS::EC2::SecurityGroupIngress", "AWS::Lambda::Permission", "AWS::SNS::TopicPolicy"}


@pytest.fixture(scope="module")
def packaged() -> Path:
    """The templates as they are offered."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: the seed that goes with them is what is committed")
    subprocess.run(
        [ROOT / "scripts" / "package-template", f"s3://{BUCKET}/{PREFIX}"], check=True, capture_output=True
    )
    return ROOT / "dist" / "template"


@pytest.fixture(scope="module")
def stacks(packaged: Path, client: Client) -> Iterator[list[tuple[str, str, str]]]:
    """The project, created: type, logical and physical id of every resource of all its stacks."""
    client("s3").create_bucket(Bucket=BUCKET)
    recorders = client("config")
    for channel in recorders.describe_delivery_channels()["DeliveryChannels"]:
        recorders.delete_delivery_channel(DeliveryChannelName=channel["name"])
    for recorder in recorders.describe_configuration_recorders()["ConfigurationRecorders"]:
        recorders.delete_configuration_recorder(
            ConfigurationRecorderName=recorder["name"]
        )  # a region has but one
    for file in packaged.glob("*.yaml"):
        client("s3").upload_file(str(file), BUCKET, f"{PREFIX}/{file.name}")
    cloudformation = client("cloudformation")
    cloudformation.create_stack(
        StackName="infra-project",
        TemplateURL=f"https://{BUCKET}.s3.us-east-1.amazonaws.com/{PREFIX}/project-template.yaml",
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in PARAMETERS.items()],
    )
    names = [each["StackName"] for each in cloudformation.describe_stacks()["Stacks"]]
    yield [
        (each["ResourceType"], each["LogicalResourceId"], each.get("PhysicalResourceId", ""))
        for name in names
        if name.startswith("infra-project")
        for each in cloudformation.list_stack_resources(StackName=name)["StackResourceSummaries"]
    ]
    cloudformation.delete_stack(StackName="infra-project")


def test_each_resource_is_there_for_its_own_service(
    stacks: list[tuple[str, str, str]], client: Client
) -> None:
    """All eighty-five of them, in eleven stacks."""
    missing = []
    for kind, logical, physical in stacks:
        if kind in SEEN_BELOW:
            continue
        try:
            there = bool(LOOKS[kind](client, physical))
        except Exception as error:  # noqa: BLE001 - whatever the service says is the finding
            there = False
            physical = f"{physical} ({error})"
        if not there:
            missing.append(f"{kind} {logical} {physical}")

    assert missing == []
    assert len(stacks) == 85


def test_what_the_stacks_hold_is_what_the_templates_say(stacks: list[tuple[str, str, str]]) -> None:
    """No resource got lost on the way: each template's are in the list."""
    found = {(kind, logical) for kind, logical, _ in stacks}
    nested = {
        "keys",
        "storage",
        "network",
        "identity",
        "monitoring",
        "cost",
        "governance",
        "environment",
        "delivery",
    }
    wanted = {
        (resource["Type"], logical)
        for file in TEMPLATES
        if file.stem in nested
        for logical, resource in read(file)["Resources"].items()
    }

    assert wanted - found == set()


def test_types_that_nothing_creates_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """They are checked by their schema only, which cfn-lint does; the output says which."""
    schema_only = sorted(
        {
            f"{resource['Type']} ({file.name})"
            for file in TEMPLATES
            for resource in read(file)["Resources"].values()
            if resource["Type"] not in creatable()
        }
    )
    with capsys.disabled():
        sys.stdout.write(f"\nchecked by schema only: {', '.join(schema_only)}\n")

    assert schema_only == [
        "AWS::ServiceCatalog::LaunchRoleConstraint (service-catalog.yaml)",
        "AWS::ServiceCatalog::PortfolioPrincipalAssociation (service-catalog.yaml)",
        "AWS::ServiceCatalog::PortfolioProductAssociation (service-catalog.yaml)",
    ]


def test_the_bucket_is_versioned_encrypted_closed_and_gets_colder(stacks: object, client: Client) -> None:
    """As its own API tells it."""
    s3, name = client("s3"), f"sagemaker-{ID}-{ACCOUNT}-us-east-1"
    rule = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    lifecycle = {each["ID"]: each for each in s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]}

    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    assert [each["StorageClass"] for each in lifecycle["RunsGetColder"]["Transitions"]] == [
        "STANDARD_IA",
        "GLACIER_IR",
    ]
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
    assert tags == {"sagemaker:project-name": PROJECT, "sagemaker:project-id": ID}


def test_the_network_has_no_way_out_and_an_endpoint_for_each_service(stacks: object, client: Client) -> None:
    """The doctor asks for the same ones."""
    services = client("ec2")
    vpcs = services.describe_vpcs(Filters=[{"Name": "tag:sagemaker:project-id", "Values": [ID]}])["Vpcs"]
    here = [{"Name": "vpc-id", "Values": [vpcs[0]["VpcId"]]}]
    endpoints = services.describe_vpc_endpoints(Filters=here)["VpcEndpoints"]
    found = {each["ServiceName"].removeprefix("com.amazonaws.us-east-1.") for each in endpoints}
    routes = [
        route.get("DestinationCidrBlock")
        for table in services.describe_route_tables(Filters=here)["RouteTables"]
        for route in table["Routes"]
    ]

    assert found >= {"s3", "sagemaker.api", "sagemaker.runtime", "sts", "logs", "ecr.api", "ecr.dkr", "kms"}
    assert "0.0.0.0/0" not in routes


@pytest.mark.parametrize("stage", ["staging", "production"])
def test_the_settings_of_a_stage_are_an_environment_of_the_pipeline(
    stage: str, stacks: object, client: Client, tmp_path: Path
) -> None:
    """What the stack has written is read by --env, and its roles, network, key and bucket are those of the stacks."""
    text = client("ssm").get_parameter(Name=f"/sagemaker-projects/{ID}/{stage}")["Parameter"]["Value"]
    file = tmp_path / "environment.toml"
    file.write_text(text, encoding="utf-8")
    settings = config.load(str(file), "roaming")
    environment = settings.environment

    assert tomllib.loads(text)["bucket"] == f"sagemaker-{ID}-{ACCOUNT}-us-east-1"
    assert settings.pipeline_name == f"{PROJECT}-{stage}-roaming-training"
    assert len(environment.network.subnets) == 2
    assert environment.registry.approval == "PendingManualApproval"
    for role in (environment.role, *vars(environment.roles).values()):
        assert client("iam").get_role(RoleName=role.rpartition("/")[2])["Role"]["Arn"] == role
    client("sagemaker").describe_model_package_group(ModelPackageGroupName=settings.group)


def test_the_monitoring_matches_what_the_pipeline_is_called(stacks: object, client: Client) -> None:
    """Pipeline, group and endpoint of the rules are those of the staging settings."""
    rules = client("events").list_rules(NamePrefix=f"{PROJECT}-{ID}")["Rules"]
    patterns = {rule["Name"].removeprefix(f"{PROJECT}-{ID}-"): rule.get("EventPattern", "") for rule in rules}

    assert f"pipeline/{PROJECT}-staging-roaming-training" in patterns["execution-ended"]
    assert f'"{PROJECT}-staging-roaming"' in patterns["package"]
    assert f'"{PROJECT}-staging-roaming"' in patterns["endpoint"]


def test_idle_endpoints_are_found_told_of_and_deleted_if_told_to(stacks: object, client: Client) -> None:
    """The function runs as its stack created it: first it only tells, then it deletes."""
    name = "infra-idle"
    made(client, name)
    functions, function = client("lambda"), f"{PROJECT}-{ID}-idle-endpoints"
    variables = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    queue = heard(client, variables["TOPIC_ARN"])

    def ask(**changes: str) -> dict[str, Any]:
        functions.update_function_configuration(
            FunctionName=function, Environment={"Variables": {**variables, **changes}}
        )
        answer = functions.invoke(FunctionName=function)
        body: dict[str, Any] = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, body
        return body

    young = ask(IDLE_HOURS="24")
    time.sleep(0.1)
    told = ask(IDLE_HOURS="0")
    there = client("sagemaker").describe_endpoint(EndpointName=name)["EndpointStatus"]
    deleted = ask(IDLE_HOURS="0", DELETE="true")

    assert young == {"idle": [], "deleted": []}
    assert told == {"idle": [name], "deleted": []}
    assert there == "InService"
    assert deleted == {"idle": [name], "deleted": [name]}
    assert f"Not asked in 0 hours: {name}" in messages(client, queue)


def made(client: Client, name: str) -> None:
    """An endpoint of the project whose model answers."""
    rows = np.array([[0.0], [1.0]] * 4)
    booster = xgb.train({"max_depth": 1}, xgb.DMatrix(rows, rows[:, 0]), 1)
    file, archive = booster.save_raw("ubj"), io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        entry = tarfile.TarInfo("xgboost-model")
        entry.size = len(file)
        tar.addfile(entry, io.BytesIO(file))
    client("s3").put_object(Bucket=BUCKET, Key="model.tar.gz", Body=archive.getvalue())
    sagemaker = client("sagemaker")
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/{PROJECT}-{ID}-model",
        PrimaryContainer={"Image": image, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"},
    )
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    tags = [{"Key": "sagemaker:project-id", "Value": ID}]
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=tags)
    waiter = sagemaker.get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 90})


def heard(client: Client, topic: str) -> str:
    """A queue that gets what the topic is told."""
    url: str = client("sqs").create_queue(QueueName="infra-heard")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:infra-heard"
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


def messages(client: Client, queue: str) -> str:
    got = client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return "\n".join(each["Body"] for each in got)


def test_the_archive_is_the_same_for_the_same_commit(packaged: Path) -> None:
    """Byte for byte, seed and templates."""
    before = {file.name: file.read_bytes() for file in packaged.iterdir()}
    subprocess.run(
        [ROOT / "scripts" / "package-template", f"s3://{BUCKET}/{PREFIX}"], check=True, capture_output=True
    )

    assert {file.name: file.read_bytes() for file in packaged.iterdir()} == before
    assert set(before) == {"seed.zip", *(file.name for file in INFRA.glob("*.yaml"))}


# Statements that nothing in a definition speaks of, and what they are for.
BESIDE_THE_DEFINITION = {
    "pipeline": {
        "Deploy": "[deploy] form = 'native'",
        "LookIntoTheBucket": "definitions that lie in S3",
        "WriteTheBucket": "definitions that lie in S3",
        "UseTheKey": "everything in the bucket is encrypted",
    },
    "processing": {
        "ReplaceScores": "the batch pipeline",
    },
    "training": {},
}


@pytest.fixture(scope="module")
def staging(stacks: object, client: Client, tmp_path_factory: pytest.TempPathFactory) -> config.Config:
    """The settings that the project's stack has written for staging."""
    text = client("ssm").get_parameter(Name=f"/sagemaker-projects/{ID}/staging")["Parameter"]["Value"]
    file = tmp_path_factory.mktemp("staging") / "environment.toml"
    file.write_text(text, encoding="utf-8")
    return config.load(str(file), "roaming")


@pytest.fixture(scope="module")
def needs(staging: config.Config) -> dict[str, list[Need]]:
    """What the pipeline of those settings needs, by the last part of a role's name."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # for which the SDK looks while it is imported
    from pipelines.training import definition

    found = needs_of(json.loads(definition(staging)), staging)
    roles = vars(staging.environment.roles)
    named = {role.rpartition("/")[2]: kind for kind, role in roles.items()}
    return {named.get(who.rpartition("/")[2], who): asked for who, asked in found.items()}


def policies(client: Client, role: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The statements of a role's inline policies, and those of its boundary."""
    iam, name = client("iam"), f"{PROJECT}-{ID}-{role}"
    inline = [
        statement
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
        for statement in iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]["Statement"]
    ]
    boundary = iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    version = iam.get_policy(PolicyArn=boundary)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=boundary, VersionId=version)["PolicyVersion"]["Document"]
    return inline, document["Statement"]


def refused(statements: list[dict[str, Any]], asked: list[Need]) -> list[str]:
    """The needs that these statements do not grant, in a request that carries the project's tags."""
    context = {f"aws:{kind}tag/sagemaker:project-id": [ID] for kind in ("request", "resource")}
    found = []
    for need in asked:
        own = {need.condition[1].lower(): [need.condition[2]]} if need.condition else {}
        resource = need.resource.replace(":*:*:", f":us-east-1:{ACCOUNT}:")
        if decide([{"Statement": statements}], need.action, resource, {**context, **own}) != "allowed":
            found.append(f"{need.action} on {resource} ({need.why})")
    return found


@pytest.mark.parametrize("role", ["pipeline", "processing", "training"])
def test_the_roles_suffice_for_the_pipeline(role: str, needs: dict[str, list[Need]], client: Client) -> None:
    """Everything that its steps need is granted by the role, and not taken away by the boundary."""
    statements, boundary = policies(client, role)

    assert refused(statements, needs[role]) == []
    assert refused(boundary, needs[role]) == []


@pytest.mark.parametrize("role", ["pipeline", "processing", "training"])
def test_without_any_one_statement_something_is_refused(
    role: str, needs: dict[str, list[Need]], client: Client
) -> None:
    """So none is there for nothing; those that serve what no definition speaks of are named above."""
    statements, _ = policies(client, role)
    idle = {
        statement["Sid"]
        for statement in statements
        if not refused([each for each in statements if each is not statement], needs[role])
    }

    assert idle == BESIDE_THE_DEFINITION[role].keys()
