"""The DeploymentConfig of an update: how the traffic moves, and what takes it back. Pure.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from __future__ import annotations

from typing import Any

from containers.deployer import names
from containers.deployer.settings import Deployment

_TYPES = {"all_at_once": "ALL_AT_ONCE", "canary": "CANARY", "linear": "LINEAR"}
_SIZES = {"canary": "CanarySize", "linear": "LinearStepSize"}


def deployment_config(deployment: Deployment) -> dict[str, Any]:
    """``{"DeploymentConfig": …}``; empty for a serverless endpoint, which has no fleets."""
    if deployment.serverless is not None:
        return {}
    traffic = deployment.traffic
    routing: dict[str, Any] = {
        "Type": _TYPES[traffic.shift],
        "WaitIntervalInSeconds": traffic.wait_seconds,
    }
    if traffic.shift in _SIZES:
        routing[_SIZES[traffic.shift]] = {"Type": "CAPACITY_PERCENT", "Value": traffic.size_percent}
    config: dict[str, Any] = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": traffic.bake_seconds,
            "MaximumExecutionTimeoutInSeconds": traffic.max_minutes * 60,
        }
    }
    ours = [names.alarm(deployment.endpoint, each.metric) for each in deployment.alarms]
    if guards := [*ours, *deployment.existing_alarms]:
        config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in guards]}
    return {"DeploymentConfig": config}
