"""Scalable targets and policies of variants."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_sagemaker.endpoints.conftest import Host, echo

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"
TRACKING = {
    "TargetValue": 70.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
}


@pytest.fixture
def name(host: Host) -> str:
    return host.deploy(host.container(echo("a")))


def target(name: str, dimension: str = INSTANCES) -> dict[str, Any]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/v0",
        "ScalableDimension": dimension,
    }


def test_a_variant_is_registered_and_has_a_policy(name, client):
    """Both are described as they were given; registering again changes what it says; both can be taken back."""
    scaling, ours = client("application-autoscaling"), target(name)

    arn = scaling.register_scalable_target(**ours, MinCapacity=1, MaxCapacity=4)["ScalableTargetARN"]
    scaling.register_scalable_target(**ours, MaxCapacity=2)
    policy = {"PolicyName": "p", "PolicyType": "TargetTrackingScaling", **ours}
    scaling.put_scaling_policy(**policy, TargetTrackingScalingPolicyConfiguration=TRACKING)
    [kept] = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[ours["ResourceId"]]
    )["ScalableTargets"]
    [tracked] = scaling.describe_scaling_policies(
        ServiceNamespace="sagemaker", ResourceId=ours["ResourceId"]
    )["ScalingPolicies"]
    scaling.delete_scaling_policy(PolicyName="p", **ours)
    scaling.deregister_scalable_target(**ours)

    assert arn.startswith("arn:aws:application-autoscaling:")
    assert (kept["MinCapacity"], kept["MaxCapacity"]) == (1, 2)
    assert tracked["TargetTrackingScalingPolicyConfiguration"] == TRACKING


def test_a_serverless_variant_has_provisioned_concurrency(host, client):
    """Which is its dimension, and the only one."""
    model = host.model(host.container(echo("a")))
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 4, "ProvisionedConcurrency": 1}
    variant = {"VariantName": "v0", "ModelName": model, "ServerlessConfig": serverless}
    host.sagemaker.create_endpoint_config(EndpointConfigName=f"c-{model}", ProductionVariants=[variant])
    name = host.create(f"c-{model}")
    host.settled(name)
    scaling = client("application-autoscaling")

    scaling.register_scalable_target(**target(name, CONCURRENCY), MinCapacity=1, MaxCapacity=3)
    with pytest.raises(ClientError, match="is serverless: its scalable dimension is"):
        scaling.register_scalable_target(**target(name), MinCapacity=1, MaxCapacity=3)

    described = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ScalableDimension=CONCURRENCY, ResourceIds=[target(name)["ResourceId"]]
    )
    assert len(described["ScalableTargets"]) == 1


WRONG = [
    ({"ResourceId": "endpoint/none/variant/v0"}, "Could not find endpoint"),
    ({"ResourceId": "endpoint/{name}/variant/none"}, "has no variant 'none'; it has v0"),
    ({"ResourceId": "{name}"}, "must be endpoint/<endpoint name>/variant/<variant name>"),
    ({"MinCapacity": 3, "MaxCapacity": 2}, "cannot be less than minimum"),
    ({"ScalableDimension": CONCURRENCY}, "is not serverless"),
    ({"ScalableDimension": "ecs:service:DesiredCount"}, "Unsupported service namespace"),
]


def test_what_cannot_be_scaled_is_refused(name, client):
    """Each with a ValidationException that says what would be right; nothing is registered."""
    scaling = client("application-autoscaling")
    good = {**target(name), "MinCapacity": 1, "MaxCapacity": 2}

    for changed, message in WRONG:
        said = {
            key: value.replace("{name}", name) if isinstance(value, str) else value
            for key, value in {**good, **changed}.items()
        }
        with pytest.raises(ClientError, match=message) as raised:
            scaling.register_scalable_target(**said)
        assert raised.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError, match="Both MinCapacity and MaxCapacity"):
        scaling.register_scalable_target(**target(name), MinCapacity=1)
    policy = {"PolicyName": "p", "PolicyType": "TargetTrackingScaling", **target(name)}
    with pytest.raises(scaling.exceptions.ObjectNotFoundException, match="No scalable target registered"):
        scaling.put_scaling_policy(**policy, TargetTrackingScalingPolicyConfiguration=TRACKING)
    scaling.register_scalable_target(**good)
    with pytest.raises(ClientError, match="needs its TargetTrackingScalingPolicyConfiguration"):
        scaling.put_scaling_policy(**policy)
