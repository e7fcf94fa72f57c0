"""What guards an update, and what scales the endpoint: settings become AWS's requests."""

from __future__ import annotations

from typing import Any

import pytest

from containers.deployer import alarms, scaling
from containers.deployer.plan import plan
from containers.deployer.traffic import deployment_config
from tests.containers.deployer.conftest import DOCUMENT, ERRORS, deployment
from tests.containers.deployer.test_plan import TWO

HALF = {"Type": "CAPACITY_PERCENT", "Value": 50}
LATENCY = {"metric": "ModelLatency", "statistic": "p99", "above": 250000, "period_seconds": 60}


def traffic(shift: str) -> dict[str, Any]:
    return {"shift": shift, "size_percent": 50, "wait_seconds": 30, "bake_seconds": 90, "max_minutes": 20}


@pytest.mark.parametrize(
    ("shift", "routing"),
    [
        ("all_at_once", {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 30}),
        ("canary", {"Type": "CANARY", "WaitIntervalInSeconds": 30, "CanarySize": HALF}),
        ("linear", {"Type": "LINEAR", "WaitIntervalInSeconds": 30, "LinearStepSize": HALF}),
    ],
)
def test_a_shift_becomes_a_policy(shift: str, routing: dict[str, Any]) -> None:
    """With the time that the old fleet stays, and the time that it all may take."""
    assert deployment_config(deployment(traffic=traffic(shift))) == {
        "DeploymentConfig": {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": routing,
                "TerminationWaitInSeconds": 90,
                "MaximumExecutionTimeoutInSeconds": 1200,
            }
        }
    }


def test_alarms_of_ours_and_of_others_take_an_update_back() -> None:
    """Both are named in the request."""
    config = deployment_config(deployment(alarms=[ERRORS], existing_alarms=["theirs"]))
    named = config["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert named == [{"AlarmName": "fraud-Invocation5XXErrors"}, {"AlarmName": "theirs"}]


def test_a_serverless_endpoint_has_no_fleets_to_shift_between() -> None:
    """AWS has no deployment guardrails there."""
    serverless = {"memory_mb": 2048, "max_concurrency": 5}
    assert deployment_config(deployment(serverless=serverless, alarms=[ERRORS])) == {}


def test_an_alarm_looks_at_the_variant_that_is_new() -> None:
    """On the endpoint's own metric, above its bar, silent where nobody asks."""
    (alarm,) = alarms.requests(deployment(alarms=[ERRORS]), "Challenger")
    assert alarm == {
        "AlarmName": "fraud-Invocation5XXErrors",
        "AlarmDescription": "Takes an update of the endpoint fraud back.",
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "Dimensions": [
            {"Name": "EndpointName", "Value": "fraud"},
            {"Name": "VariantName", "Value": "Challenger"},
        ],
        "Statistic": "Sum",
        "Period": 10,
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "Tags": [{"Key": "usecase", "Value": "a-usecase"}, {"Key": "endpoint", "Value": "fraud"}],
    }


def test_a_percentile_is_an_extended_statistic() -> None:
    """CloudWatch takes it in another member."""
    (alarm,) = alarms.requests(deployment(alarms=[LATENCY]), "AllTraffic")
    assert alarm["ExtendedStatistic"] == "p99"
    assert "Statistic" not in alarm


def test_every_variant_scales() -> None:
    """Between the two numbers, by the requests a minute of one instance."""
    settings = {
        "autoscaling": {"minimum": 1, "maximum": 4, "invocations_per_instance": 600},
        "compare": {"kind": "ab", "share": 0.5},
    }
    known = deployment(**settings)
    champion, challenger = scaling.requests(known, plan(known, TWO))
    assert champion.target["ResourceId"] == "endpoint/fraud/variant/Champion"
    assert challenger.target == {
        "ServiceNamespace": "sagemaker",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "ResourceId": "endpoint/fraud/variant/Challenger",
        "MinCapacity": 1,
        "MaxCapacity": 4,
        "Tags": {"usecase": "a-usecase", "endpoint": "fraud"},
    }
    tracking = challenger.policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking == {
        "TargetValue": 600,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    }


def test_without_the_setting_nothing_scales() -> None:
    """The number of instances stays what the configuration says."""
    assert scaling.requests(deployment(), plan(deployment(), TWO)) == []
    assert DOCUMENT["autoscaling"] is None
