"""What a stack creates is there for its own service, changes with the stack, and goes with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_sagemaker.stacks.kinds import KINDS
from local_sagemaker.stacks.templates import address

Client = Callable[[str], Any]
ACCOUNT = "123456789012"
STATEMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}],
}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/local-sagemaker-execution"


def listed(client: Client, service: str, operation: str, member: str, name: str) -> list[str]:
    return [each[name] for each in getattr(client(service), operation)()[member]]


def budgets(client: Client) -> list[str]:
    answer = client("budgets").describe_budgets(AccountId=ACCOUNT)
    return [each["BudgetName"] for each in answer.get("Budgets", [])]


def bucket_policy(client: Client) -> list[str]:
    try:
        return [
            json.loads(client("s3").get_bucket_policy(Bucket="kinds-policy")["Policy"])["Statement"][0][
                "Effect"
            ]
        ]
    except ClientError:
        return []


# One resource of each type: its properties, how its service tells that it is there, and the name that it tells.
CASES: dict[str, tuple[dict[str, Any], Callable[[Client], list[str]], str]] = {
    "AWS::S3::Bucket": (
        {"BucketName": "kinds-bucket"},
        lambda c: listed(c, "s3", "list_buckets", "Buckets", "Name"),
        "kinds-bucket",
    ),
    "AWS::S3::BucketPolicy": ({"Bucket": "kinds-policy", "PolicyDocument": STATEMENT}, bucket_policy, "Deny"),
    "AWS::SageMaker::ModelPackageGroup": (
        {"ModelPackageGroupName": "kinds-group"},
        lambda c: listed(
            c,
            "sagemaker",
            "list_model_package_groups",
            "ModelPackageGroupSummaryList",
            "ModelPackageGroupName",
        ),
        "kinds-group",
    ),
    "AWS::SageMaker::Pipeline": (
        {
            "PipelineName": "kinds-pipeline",
            "RoleArn": ROLE,
            "PipelineDefinition": {
                "PipelineDefinitionBody": json.dumps(
                    {
                        "Version": "2020-12-01",
                        "Steps": [{"Name": "F", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}],
                    }
                )
            },
        },
        lambda c: listed(c, "sagemaker", "list_pipelines", "PipelineSummaries", "PipelineName"),
        "kinds-pipeline",
    ),
    "AWS::IAM::Role": (
        {
            "RoleName": "kinds-role",
            "AssumeRolePolicyDocument": STATEMENT,
            "Policies": [{"PolicyName": "p", "PolicyDocument": STATEMENT}],
        },
        lambda c: [
            each["RoleName"]
            for each in c("iam").list_roles()["Roles"]
            if each["RoleName"].startswith("kinds-role")
            and c("iam").get_role_policy(RoleName=each["RoleName"], PolicyName="p")["PolicyDocument"]
            == STATEMENT
        ],
        "kinds-role",
    ),
    "AWS::KMS::Key": (
        {
            "Description": "kinds-key",
            "KeyPolicy": {},
            "EnableKeyRotation": True,
            "Tags": [{"Key": "a", "Value": "b"}],
        },
        lambda c: [
            key["Description"]
            for each in c("kms").list_keys()["Keys"]
            if (key := c("kms").describe_key(KeyId=each["KeyId"])["KeyMetadata"])["KeyState"] == "Enabled"
        ],
        "kinds-key",
    ),
    "AWS::CloudWatch::Alarm": (
        {
            "AlarmName": "kinds-alarm",
            "Namespace": "AWS/SageMaker",
            "MetricName": "Invocation5XXErrors",
            "Statistic": "Sum",
            "Period": "60",
            "EvaluationPeriods": 1,
            "Threshold": "0",
            "ComparisonOperator": "GreaterThanThreshold",
        },
        lambda c: listed(c, "cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        "kinds-alarm",
    ),
    "AWS::SNS::Subscription": (
        {
            "TopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:kinds-topic",
            "Protocol": "email",
            "Endpoint": "a@example.org",
        },
        lambda c: listed(c, "sns", "list_subscriptions", "Subscriptions", "Endpoint"),
        "a@example.org",
    ),
    "AWS::Scheduler::Schedule": (
        {
            "Name": "kinds-schedule",
            "ScheduleExpression": "rate(1 day)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": "arn:aws:sqs:us-east-1:1:q", "RoleArn": ROLE},
        },
        lambda c: listed(c, "scheduler", "list_schedules", "Schedules", "Name"),
        "kinds-schedule",
    ),
    "AWS::CodeBuild::Project": (
        {
            "Name": "kinds-build",
            "ServiceRole": ROLE,
            "Source": {"Type": "CODEPIPELINE"},
            "Artifacts": {"Type": "CODEPIPELINE"},
            "Environment": {
                "Type": "LINUX_CONTAINER",
                "ComputeType": "BUILD_GENERAL1_SMALL",
                "Image": "aws/x:1",
            },
        },
        lambda c: list(c("codebuild").list_projects()["projects"]),
        "kinds-build",
    ),
    "AWS::CodePipeline::Pipeline": (
        {
            "Name": "kinds-delivery",
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/kinds-delivery",
            "ArtifactStore": {"Type": "S3", "Location": "kinds-policy"},
            "Stages": [
                {
                    "Name": category,
                    "Actions": [
                        {
                            "Name": category,
                            "ActionTypeId": {
                                "Category": category,
                                "Owner": "AWS",
                                "Provider": provider,
                                "Version": 1,
                            },
                            "Configuration": {"ProjectName": "kinds-build"},
                        }
                    ],
                }
                for category, provider in (("Source", "CodeStarSourceConnection"), ("Build", "CodeBuild"))
            ],
        },
        lambda c: listed(c, "codepipeline", "list_pipelines", "pipelines", "name"),
        "kinds-delivery",
    ),
    "AWS::Budgets::Budget": (
        {
            "Budget": {
                "BudgetName": "kinds-budget",
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": 10, "Unit": "USD"},
            },
            "NotificationsWithSubscribers": [
                {
                    "Notification": {
                        "NotificationType": "ACTUAL",
                        "ComparisonOperator": "GREATER_THAN",
                        "Threshold": 80,
                    },
                    "Subscribers": [{"SubscriptionType": "EMAIL", "Address": "a@example.org"}],
                }
            ],
        },
        budgets,
        "kinds-budget",
    ),
    "AWS::CloudTrail::Trail": (
        {"TrailName": "kinds-trail", "S3BucketName": "kinds-policy", "IsLogging": True},
        lambda c: listed(c, "cloudtrail", "describe_trails", "trailList", "Name"),
        "kinds-trail",
    ),
    "AWS::Config::ConfigurationRecorder": (
        {"Name": "kinds-recorder", "RoleARN": ROLE, "RecordingGroup": {"AllSupported": True}},
        lambda c: listed(c, "config", "describe_configuration_recorders", "ConfigurationRecorders", "name"),
        "kinds-recorder",
    ),
    "AWS::IAM::OIDCProvider": (
        {
            "Url": "https://token.example.org",
            "ClientIdList": ["sts.amazonaws.com"],
            "ThumbprintList": ["a" * 40],
        },
        lambda c: [
            each["Arn"].rpartition("/")[2]
            for each in c("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
        ],
        "token.example.org",
    ),
    "AWS::ServiceCatalog::Portfolio": (
        {"DisplayName": "kinds-portfolio", "ProviderName": "us"},
        lambda c: listed(c, "servicecatalog", "list_portfolios", "PortfolioDetails", "DisplayName"),
        "kinds-portfolio",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def around(client: Client) -> Iterator[None]:
    """What some of the resources hang on."""
    client("s3").create_bucket(Bucket="kinds-policy")
    client("sns").create_topic(Name="kinds-topic")
    recorders = client("config")
    for channel in recorders.describe_delivery_channels()["DeliveryChannels"]:
        recorders.delete_delivery_channel(DeliveryChannelName=channel["name"])
    for recorder in recorders.describe_configuration_recorders()["ConfigurationRecorders"]:
        recorders.delete_configuration_recorder(
            ConfigurationRecorderName=recorder["name"]
        )  # a region has but one
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "codepipeline.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    client("iam").create_role(RoleName="kinds-delivery", AssumeRolePolicyDocument=document)
    yield
    client("sns").delete_topic(TopicArn=f"arn:aws:sns:us-east-1:{ACCOUNT}:kinds-topic")


@pytest.mark.parametrize("kind", CASES)
def test_a_resource_is_there_with_its_stack_and_gone_with_it(kind: str, client: Client) -> None:
    """Seen through its own service, not through what the stack says of itself."""
    properties, found, name = CASES[kind]
    stacks, stack = client("cloudformation"), kind.replace("::", "-")
    body = json.dumps({"Resources": {"It": {"Type": kind, "Properties": properties}}})
    before = found(client)
    stacks.create_stack(StackName=stack, TemplateBody=body)
    during = found(client)
    stacks.delete_stack(StackName=stack)

    assert name not in before
    assert name in during
    assert name not in found(client)


def test_every_kind_is_tried_or_needs_others_to_be_tried() -> None:
    """No type is in the table that nobody has seen created."""
    with_others = {  # in the tests below
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
        "AWS::Config::DeliveryChannel",
        "AWS::Config::ConfigRule",
        "AWS::ServiceCatalog::CloudFormationProduct",
    }

    assert {kind.type for kind in KINDS} == CASES.keys() | with_others


def test_a_bucket_has_everything_that_its_template_says(client: Client) -> None:
    """Versions, encryption, public access, lifecycle, tags, logging; and a change of the stack is a change of it."""
    properties: dict[str, Any] = {
        "BucketName": "kinds-whole",
        "VersioningConfiguration": {"Status": "Enabled"},
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {
                    "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"},
                    "BucketKeyEnabled": True,
                }
            ]
        },
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
        "LifecycleConfiguration": {
            "Rules": [
                {
                    "Id": "colder",
                    "Status": "Enabled",
                    "Prefix": "runs/",
                    "Transitions": [{"StorageClass": "STANDARD_IA", "TransitionInDays": 30}],
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
                }
            ]
        },
        "Tags": [{"Key": "stage", "Value": "test"}],
    }

    def body() -> str:
        return json.dumps(
            {
                "Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": properties}},
                "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["B", "Arn"]}}},
            }
        )

    stacks, s3 = client("cloudformation"), client("s3")
    stacks.create_stack(StackName="kinds-whole", TemplateBody=body())
    s3.put_object(Bucket="kinds-whole", Key="kept", Body=b"x")
    properties["Tags"] = [{"Key": "stage", "Value": "prod"}]
    stacks.update_stack(StackName="kinds-whole", TemplateBody=body())
    (described,) = stacks.describe_stacks(StackName="kinds-whole")["Stacks"]

    assert s3.get_bucket_versioning(Bucket="kinds-whole")["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket="kinds-whole")["PublicAccessBlockConfiguration"].values())
    rules = s3.get_bucket_lifecycle_configuration(Bucket="kinds-whole")["Rules"]
    assert rules[0]["Transitions"][0]["Days"] == 30
    assert s3.get_bucket_tagging(Bucket="kinds-whole")["TagSet"] == properties["Tags"]
    assert s3.get_object(Bucket="kinds-whole", Key="kept")["Body"].read() == b"x"
    assert described["Outputs"][0]["OutputValue"] == "arn:aws:s3:::kinds-whole"


def test_resources_that_hang_on_others_are_there_too(client: Client) -> None:
    """A topic's and a queue's policies, a rule with its recorder, a product with its template."""
    template = client("s3").put_object
    template(Bucket="kinds-policy", Key="t.json", Body=json.dumps({"Resources": {}}))
    recorder = {"Name": "kinds-with", "RoleARN": ROLE}
    managed = {"Owner": "AWS", "SourceIdentifier": "S3_BUCKET_VERSIONING_ENABLED"}
    artifact = {
        "Name": "v1",
        "Info": {"LoadTemplateFromURL": "https://kinds-policy.s3.us-east-1.amazonaws.com/t.json"},
    }
    resources = {
        "Topic": ("AWS::SNS::Topic", {"TopicName": "kinds-other"}, []),
        "Told": ("AWS::SNS::TopicPolicy", {"Topics": [{"Ref": "Topic"}], "PolicyDocument": STATEMENT}, []),
        "Queue": ("AWS::SQS::Queue", {"QueueName": "kinds-other"}, []),
        "Asked": ("AWS::SQS::QueuePolicy", {"Queues": [{"Ref": "Queue"}], "PolicyDocument": STATEMENT}, []),
        "Recorder": ("AWS::Config::ConfigurationRecorder", recorder, []),
        "Channel": (
            "AWS::Config::DeliveryChannel",
            {"Name": "c", "S3BucketName": "kinds-policy"},
            ["Recorder"],
        ),
        "Rule": ("AWS::Config::ConfigRule", {"ConfigRuleName": "kinds-rule", "Source": managed}, ["Channel"]),
        "Product": (
            "AWS::ServiceCatalog::CloudFormationProduct",
            {"Name": "kinds-product", "Owner": "us", "ProvisioningArtifactParameters": [artifact]},
            [],
        ),
    }
    body = {
        "Resources": {
            name: {"Type": kind, "Properties": properties, "DependsOn": after}
            for name, (kind, properties, after) in resources.items()
        }
    }
    client("cloudformation").create_stack(StackName="kinds-with", TemplateBody=json.dumps(body))
    topic = client("sns").get_topic_attributes(TopicArn=f"arn:aws:sns:us-east-1:{ACCOUNT}:kinds-other")
    url = client("sqs").get_queue_url(QueueName="kinds-other")["QueueUrl"]
    queue = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    rules = listed(client, "config", "describe_config_rules", "ConfigRules", "ConfigRuleName")
    product = client("servicecatalog").describe_product(Name="kinds-product")

    assert json.loads(topic["Attributes"]["Policy"])["Statement"][0]["Effect"] == "Deny"
    assert json.loads(queue["Attributes"]["Policy"])["Statement"][0]["Effect"] == "Deny"
    assert "kinds-rule" in rules
    assert product["ProductViewSummary"]["Name"] == "kinds-product"


def test_a_nested_stack_is_read_from_our_s3(client: Client) -> None:
    """By the address that AWS wants; what it creates is there, and its outputs reach the outer stack."""
    inner = {
        "Parameters": {"Name": {"Type": "String"}},
        "Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "Name"}}}},
        "Outputs": {"Bucket": {"Value": {"Ref": "B"}}},
    }
    client("s3").put_object(Bucket="kinds-policy", Key="nested/inner.json", Body=json.dumps(inner))
    url = "https://kinds-policy.s3.us-east-1.amazonaws.com/nested/inner.json"
    outer = {
        "Resources": {
            "Inner": {
                "Type": "AWS::CloudFormation::Stack",
                "Properties": {"TemplateURL": url, "Parameters": {"Name": "kinds-nested"}},
            }
        },
        "Outputs": {"Bucket": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Bucket"]}}},
    }
    stacks = client("cloudformation")
    stacks.create_stack(StackName="kinds-outer", TemplateBody=json.dumps(outer))
    (described,) = stacks.describe_stacks(StackName="kinds-outer")["Stacks"]

    assert "kinds-nested" in listed(client, "s3", "list_buckets", "Buckets", "Name")
    assert described["Outputs"][0]["OutputValue"] == "kinds-nested"


def test_what_the_service_refuses_fails_the_stack_in_its_words(client: Client) -> None:
    """Not a stack that only looks complete."""
    wrong = {"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "No_Bucket"}}}}
    with pytest.raises(ClientError, match="No_Bucket"):
        client("cloudformation").create_stack(StackName="kinds-wrong", TemplateBody=json.dumps(wrong))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://b.s3.eu-west-1.amazonaws.com/a/t.yaml", ("b", "a/t.yaml")),
        ("https://b.s3.amazonaws.com/t.yaml", ("b", "t.yaml")),
        ("https://s3.eu-west-1.amazonaws.com/b/a/t.yaml", ("b", "a/t.yaml")),
        ("https://my.b.s3.us-east-1.amazonaws.com/t%20u.yaml", ("my.b", "t u.yaml")),
        ("http://127.0.0.1:7077/b/t.yaml", ("b", "t.yaml")),
        ("https://b.s3.cn-north-1.amazonaws.com.cn/t.yaml", ("b", "t.yaml")),
    ],
)
def test_every_form_of_an_address_is_understood(url: str, expected: tuple[str, str]) -> None:
    """Bucket in the host or in the path, and where the local SageMaker serves S3."""
    assert address(url) == expected
