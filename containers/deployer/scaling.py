"""Autoscaling of the variants in service: registered as the settings say, deregistered when the setting goes away.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from containers.deployer import names
from containers.deployer.plan import Plan, tags
from containers.deployer.settings import Deployment

_NAMESPACE = {"ServiceNamespace": "sagemaker"}
_DIMENSION = {"ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}


@dataclass(frozen=True)
class Scaling:
    """One variant's: RegisterScalableTarget and PutScalingPolicy."""

    target: dict[str, Any]
    policy: dict[str, Any]


def requests(deployment: Deployment, plan: Plan) -> list[Scaling]:
    """For every variant; none where the settings ask for no autoscaling. Pure."""
    scaling = deployment.autoscaling
    if scaling is None:
        return []
    made = []
    for variant in plan.variants:
        about = {
            **_NAMESPACE,
            **_DIMENSION,
            "ResourceId": _resource(deployment, variant["VariantName"]),
        }
        tagged = {each["Key"]: each["Value"] for each in tags(deployment)}
        target = {
            **about,
            "MinCapacity": scaling.minimum,
            "MaxCapacity": scaling.maximum,
            "Tags": tagged,
        }
        policy = {
            **about,
            "PolicyName": names.scaling_policy(deployment.endpoint),
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": scaling.invocations_per_instance,
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
                },
            },
        }
        made.append(Scaling(target, policy))
    return made


def put(autoscaling: Any, deployment: Deployment, plan: Plan) -> None:
    """Register the variants; the endpoint must be in service with them."""
    there = _ours(autoscaling, deployment)
    for each in requests(deployment, plan):
        # A target that is there cannot be tagged by registering it again: AWS refuses that.
        known = each.target["ResourceId"] in there
        told = {key: value for key, value in each.target.items() if not (known and key == "Tags")}
        autoscaling.register_scalable_target(**told)
        autoscaling.put_scaling_policy(**each.policy)


def keep_only(
    autoscaling: Any, deployment: Deployment, variants: Collection[str], say: Callable[[str], None]
) -> None:
    """Deregister what we have registered, but for these variants; what somebody else has registered stays."""
    kept = {_resource(deployment, variant) for variant in variants}
    for resource in sorted(_ours(autoscaling, deployment) - kept):
        about = {**_NAMESPACE, **_DIMENSION, "ResourceId": resource}
        # The policy last: it says that the target is ours, should we be killed in between.
        _unless_gone(autoscaling.deregister_scalable_target, **about)
        policy = names.scaling_policy(deployment.endpoint)
        _unless_gone(autoscaling.delete_scaling_policy, **about, PolicyName=policy)
        say(f"deregistered {resource} from autoscaling")


def _unless_gone(delete: Any, **about: str) -> None:
    """AWS deletes a target's policies with it; and another run may be faster."""
    try:
        delete(**about)
    except ClientError as error:
        if "No scal" not in error.response["Error"]["Message"]:  # No scalable target, no scaling policy found
            raise


def _resource(deployment: Deployment, variant: str) -> str:
    return f"endpoint/{deployment.endpoint}/variant/{variant}"


def _ours(autoscaling: Any, deployment: Deployment) -> set[str]:
    """The endpoint's variants that carry our policy."""
    pages = autoscaling.get_paginator("describe_scaling_policies").paginate(**_NAMESPACE)
    name, prefix = names.scaling_policy(deployment.endpoint), _resource(deployment, "")
    return {
        each["ResourceId"]
        for page in pages
        for each in page["ScalingPolicies"]
        if each["PolicyName"] == name and each["ResourceId"].startswith(prefix)
    }
