"""The environment that points a client at a local SageMaker and nowhere else."""

import json
import shutil
import subprocess
import sys

import pytest

from local_sagemaker.environment import (
    applied,
    environment,
    exports,
    past_proxies,
    sdk_config,
    to_unset,
    write_files,
)
from local_sagemaker.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(tmp_path / "it's here", region="eu-west-1")


@pytest.fixture
def variables(settings):
    return environment(settings, "http://127.0.0.1:7077")


def test_endpoint_region_and_credentials_are_set(variables):
    """Everything that boto3 needs, and nothing of the user's."""
    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:7077"
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert variables["AWS_ACCESS_KEY_ID"] == "local-sagemaker"
    assert "SAGEMAKER_VALIDATE_ROLE" not in variables


def test_what_would_lead_elsewhere_is_taken_out(variables):
    """A profile, a session token, an endpoint of one service."""
    current = {
        "AWS_PROFILE": "prod",
        "AWS_ENDPOINT_URL_S3": "http://elsewhere",
        "AWS_SESSION_TOKEN": "t",
        "HOME": "/",
    }

    assert to_unset(current) == ["AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_SESSION_TOKEN"]
    assert applied(current, variables) == {"HOME": "/", **variables}


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        ({}, {}),
        ({"http_proxy": "http://p"}, "127.0.0.1,localhost"),
        ({"HTTP_PROXY": "http://p", "NO_PROXY": "corp"}, "corp,127.0.0.1,localhost"),
        ({"HTTP_PROXY": "http://p", "NO_PROXY": "corp,127.0.0.1,localhost"}, "corp,127.0.0.1,localhost"),
    ],
)
def test_loopback_is_reached_past_a_proxy(current, expected):
    """A company's proxy cannot serve 127.0.0.1; what it is told already stays."""
    assert past_proxies(current) == ({"NO_PROXY": expected, "no_proxy": expected} if expected else {})


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh", "fish"])
def test_a_real_shell_reads_the_exports(shell, variables):
    """Values with quotes and spaces survive."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    lines = exports(variables, ["AWS_PROFILE"], "fish" if shell == "fish" else "sh")
    script = f'{lines}\nprintf %s "$SAGEMAKER_USER_CONFIG_OVERRIDE|$AWS_PROFILE"'
    got = subprocess.run(
        [shell, "-c", script],
        env={"AWS_PROFILE": "prod", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert got.stdout == f"{variables['SAGEMAKER_USER_CONFIG_OVERRIDE']}|"


def test_json_says_null_for_what_must_be_unset(variables):
    """For editors and notebooks."""
    document = json.loads(exports(variables, ["AWS_PROFILE"], "json"))

    assert document == {**variables, "AWS_PROFILE": None}


def test_the_sdks_configuration_has_the_bucket_and_no_telemetry(settings):
    """It is YAML, which JSON is too, and the SDK's own schema accepts it."""
    yaml = pytest.importorskip("yaml")
    document = yaml.safe_load(sdk_config(settings))
    modules = document["SageMaker"]["PythonSDK"]["Modules"]

    assert document["SchemaVersion"] == "1.0"
    assert modules == {
        "Session": {"DefaultS3Bucket": "sagemaker-eu-west-1-123456789012"},
        "TelemetryOptOut": True,
    }


@pytest.mark.parametrize(("service", "operation"), [("sts", "get_caller_identity"), ("sqs", "list_queues")])
def test_a_service_is_asked_here_even_by_its_own_address(settings, variables, service, operation):
    """The SDK hands the real STS's address to boto3, the CLI SQS's; the rules in ``AWS_DATA_PATH`` win over it."""
    settings.folder.mkdir()
    write_files(settings, variables["AWS_ENDPOINT_URL"])
    program = (
        f"import boto3; client = boto3.client({service!r}, endpoint_url='https://{service}.amazonaws.com');"
        f"print(client.generate_presigned_url({operation!r}))"
    )
    got = subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, check=True)

    assert got.stdout.startswith(b"http://127.0.0.1:7077/")
