"""EndpointConfig and Endpoint steps: a pipeline that puts its model into service, and the next run that replaces it."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_sagemaker.endpoints.conftest import Host, echo


@pytest.fixture
def host(local: Any, client: Any) -> Any:
    made = Host(client, local.settings.bucket, local.settings.role_arn)
    yield made
    for name in made.made:
        made.sagemaker.delete_endpoint(EndpointName=name)
        made.gone(name)


def definition(endpoint: str, container: dict[str, Any], **changed: dict[str, Any]) -> str:
    """Model -> EndpointConfig -> Endpoint."""
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": {"Get": "Steps.Create.ModelName"},
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    arguments: dict[str, dict[str, Any]] = {
        "Model": {
            "PrimaryContainer": container,
            "ExecutionRoleArn": "arn:aws:iam::123456789012:role/local-sagemaker-execution",
        },
        "EndpointConfig": {"ProductionVariants": [variant]},
        "Endpoint": {
            "EndpointName": endpoint,
            "EndpointConfigName": {"Get": "Steps.Config.EndpointConfigName"},
        },
    }
    steps = [
        {"Name": name, "Type": kind, "Arguments": {**arguments[kind], **changed.get(kind, {})}}
        for name, kind in (("Create", "Model"), ("Config", "EndpointConfig"), ("Deploy", "Endpoint"))
    ]
    return json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": steps})


def run(host: Host, text: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """A pipeline's only execution and its steps by name, once it has ended."""
    sagemaker, name = host.sagemaker, f"p-{uuid.uuid4().hex[:8]}"
    sagemaker.create_pipeline(
        PipelineName=name, PipelineDefinition=text, RoleArn=host.role, ClientRequestToken="t" * 32
    )
    arn = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    deadline = time.monotonic() + 120
    while (execution := sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn))[
        "PipelineExecutionStatus"
    ] == "Executing":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    return execution, {step["StepName"]: step for step in steps}


def test_a_pipeline_deploys_and_the_next_one_updates(host):
    """The step creates the endpoint where there is none, and updates it where there is one; it ends in service."""
    endpoint = f"e-{uuid.uuid4().hex[:8]}"
    host.made.append(endpoint)

    answers = []
    for model in ("one", "two"):
        execution, steps = run(host, definition(endpoint, host.container(echo(model))))
        assert execution["PipelineExecutionStatus"] == "Succeeded", steps
        answers.append(host.ask(endpoint, "x"))

    assert answers == ["one:x", "two:x"]
    assert steps["Deploy"]["Metadata"]["Endpoint"]["Arn"].endswith(f":endpoint/{endpoint}")
    assert ":endpoint-config/pipelines-" in steps["Config"]["Metadata"]["EndpointConfig"]["Arn"]
    description = host.sagemaker.describe_endpoint(EndpointName=endpoint)
    assert steps["Config"]["Metadata"]["EndpointConfig"]["Arn"].endswith(description["EndpointConfigName"])


def test_a_model_that_cannot_serve_fails_the_step(host):
    """Whether it is created or updated; an endpoint that was in service stays as it was."""
    endpoint = f"e-{uuid.uuid4().hex[:8]}"
    host.made.append(endpoint)
    broken = host.container(echo("x", "import nowhere"))

    first, steps = run(host, definition(endpoint, broken))
    host.sagemaker.delete_endpoint(EndpointName=endpoint)
    host.gone(endpoint)
    run(host, definition(endpoint, host.container(echo("good"))))
    second, again = run(host, definition(endpoint, broken))

    for execution, deployed in ((first, steps["Deploy"]), (second, again["Deploy"])):
        assert execution["PipelineExecutionStatus"] == "Failed"
        assert "did not pass the ping health check" in deployed["FailureReason"]
    assert host.ask(endpoint, "x") == "good:x"


@pytest.mark.parametrize(
    ("kind", "member", "value"),
    [
        (
            "EndpointConfig",
            "DataCaptureConfig",
            {
                "InitialSamplingPercentage": 100,
                "DestinationS3Uri": "s3://b/p",
                "CaptureOptions": [{"CaptureMode": "Input"}],
            },
        ),
        ("Endpoint", "DeploymentConfig", {}),
    ],
)
def test_what_the_steps_refuse_is_refused_when_the_pipeline_is_stored(host, kind, member, value):
    """As on AWS; the message says what to do instead."""
    text = definition("e", host.container(echo("x")), **{kind: {member: value}})

    with pytest.raises(ClientError, match=f"{member} is not supported in an {kind} step"):
        host.sagemaker.create_pipeline(
            PipelineName="refused", PipelineDefinition=text, RoleArn=host.role, ClientRequestToken="t" * 32
        )
