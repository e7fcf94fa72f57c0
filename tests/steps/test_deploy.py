"""Deploying in both forms: what the steps ask for, and that building them asks nobody anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sagemaker.core.lambda_helper import Lambda
from sagemaker.mlops.workflow.endpoint_step import EndpointStep

from containers.deployer.result import Result
from steps.context import StepContext
from steps.deploy import OUTPUTS, asked_of, deploy_step
from steps.deployment import Deployment, Serverless
from steps.endpoint import endpoint_steps
from steps.settings import Code, Keys, Machine, Network, Roles
from steps.smoke_test import smoke_test_step

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:e-deployer"
PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/group/1"
Compiled = Callable[..., dict[str, Any]]


def test_the_step_names_the_function_and_never_makes_it(
    context: StepContext, compiled: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Building must stay pure."""
    for method in ("create", "update", "upsert"):
        monkeypatch.setattr(Lambda, method, lambda *_: pytest.fail("building has changed a function"))

    step = compiled(deploy_step(context, FUNCTION, PACKAGE))

    assert step["FunctionArn"] == FUNCTION
    assert step["Arguments"] == {"ModelPackageArn": PACKAGE}


def test_the_step_reads_what_the_function_answers() -> None:
    """Each of its outputs, and no other."""
    assert Result("InService", "said", "e").document().keys() == set(OUTPUTS)


def test_the_smoke_test_is_told_what_the_function_has_begun(
    context: StepContext, code: Code, compiled: Compiled
) -> None:
    """It waits for that endpoint to serve that configuration."""
    deploy = deploy_step(context, FUNCTION, PACKAGE)
    test = smoke_test_step(
        context,
        "image",
        Machine(),
        code,
        Deployment("guarded"),
        asked_of(deploy),
        package=PACKAGE,
        holdout="s3://b/holdout",
        flow="s3://b/flow",
        predictions="s3://b/predictions",
    )

    arguments = compiled(deploy, test)["Arguments"]["AppSpecification"]["ContainerArguments"]

    told = dict(zip(arguments[::2], arguments[1::2], strict=True))
    assert told["--endpoint"] == {"Get": "Steps.Deploy.OutputParameters['EndpointName']"}
    assert told["--configuration"] == {"Get": "Steps.Deploy.OutputParameters['EndpointConfigName']"}
    assert told["--status"] == {"Get": "Steps.Deploy.OutputParameters['Status']"}
    assert told["--package"] == PACKAGE


def test_native_steps_carry_the_environments_guards(
    make_context: Callable[..., StepContext], compiled: Compiled
) -> None:
    """VPC, keys and tags, as far as the SDK's steps have a place for them."""
    network = Network(("subnet-1",), ("sg-1",), isolated=True)
    roles = Roles(model="arn:aws:iam::123456789012:role/serving")
    context = make_context(network=network, keys=Keys("volume-key"), roles=roles)
    deployment = Deployment("native", instance_count=3)
    (model, configuration, endpoint), asked = endpoint_steps(context, deployment, "e", PACKAGE)

    made, configured, served = (
        compiled(*steps)["Arguments"]
        for steps in ([model], [model, configuration], [model, configuration, endpoint])
    )

    assert made["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert made["ExecutionRoleArn"] == "arn:aws:iam::123456789012:role/serving"
    assert "EnableNetworkIsolation" not in made  # the container fetches its program
    assert configured["KmsKeyId"] == "volume-key"
    assert configured["ProductionVariants"][0]["InitialInstanceCount"] == 3
    tags = [{"Key": "stage", "Value": "test"}]
    assert made["Tags"] == configured["Tags"] == served["Tags"] == tags
    assert isinstance(endpoint, EndpointStep)
    assert asked.status == "InService"


def test_a_serverless_endpoint_has_no_instances(context: StepContext, compiled: Compiled) -> None:
    """Native steps can ask for one."""
    deployment = Deployment("native", serverless=Serverless(4096, 7))
    (model, configuration, _), _ = endpoint_steps(context, deployment, "e", PACKAGE)

    (variant,) = compiled(model, configuration)["Arguments"]["ProductionVariants"]

    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 4096, "MaxConcurrency": 7}
    assert "InstanceType" not in variant
