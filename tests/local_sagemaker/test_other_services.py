"""moto behind the front, and what it lacks."""

import json
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

UNSUPPORTED = [
    # service, method, arguments, what the error names; one for each protocol
    (
        "iam",
        "simulate_custom_policy",
        {"PolicyInputList": ["{}"], "ActionNames": ["a:b"]},
        "iam SimulateCustomPolicy",
    ),
    ("ec2", "describe_ipams", {}, "ec2 DescribeIpams"),
    ("lambda", "get_runtime_management_config", {"FunctionName": "f"}, "lambda GetRuntimeManagementConfig"),
    ("route53", "list_cidr_collections", {}, "route53 ListCidrCollections"),
    ("codeartifact", "list_domains", {}, "codeartifact ListDomains"),
    ("ecr", "get_account_setting", {"name": "n"}, "ecr GetAccountSetting"),
]


@pytest.mark.parametrize(("service", "method", "arguments", "name"), UNSUPPORTED)
def test_an_operation_that_moto_lacks_is_an_error_that_names_it(front, service, method, arguments, name):
    """In the service's own protocol, so that boto3 raises it like any other; not moto's page of HTML."""
    with pytest.raises(ClientError, match=f"does not support {name}") as error:
        getattr(front.client(service), method)(**arguments)

    assert error.value.response["Error"]["Code"] == "UnsupportedOperation"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_a_crash_inside_moto_is_an_error_that_names_the_operation(front):
    """Whatever moto stumbles over, the answer is AWS-shaped."""
    scope = "AWS4-HMAC-SHA256 Credential=AKIA/20261121/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=x"
    headers = {"Authorization": scope, "X-Amz-Target": "Logs_20140328.StartLiveTail"}
    _, _, body = front.send("/", {**headers, "Content-Type": "application/x-amz-json-1.1"}, b"{}")
    document = json.loads(body)

    assert document["__type"] == "InternalFailure"
    assert "logs StartLiveTail" in document["message"]


def test_errors_of_moto_itself_come_through(front):
    """An error that moto models keeps its code."""
    with pytest.raises(ClientError) as error:
        front.client("secretsmanager").get_secret_value(SecretId="nobody-made-this")

    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("service", "create", "arguments", "read"),
    [
        ("sqs", "create_queue", {"QueueName": "other-queue"}, "list_queues"),
        ("events", "create_event_bus", {"Name": "other-bus"}, "list_event_buses"),
        ("kms", "create_key", {}, "list_keys"),
        ("ecr", "create_repository", {"repositoryName": "other-repository"}, "describe_repositories"),
        ("cloudwatch", "put_dashboard", {"DashboardName": "other", "DashboardBody": "{}"}, "list_dashboards"),
    ],
)
def test_the_other_services_keep_what_they_are_given(front, service, create, arguments, read):
    """Made through one request, seen through the next."""
    client = front.client(service)
    getattr(client, create)(**arguments)
    listed = getattr(client, read)()
    (items,) = [value for key, value in listed.items() if isinstance(value, list)]

    assert items


def test_moto_is_not_imported_until_it_is_needed():
    """Its import takes longer than everything else that serving needs."""
    script = (
        "import sys, local_sagemaker.application; sys.exit('moto' in sys.modules or 'boto3' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
