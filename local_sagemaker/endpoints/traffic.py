"""How the traffic moves from an old fleet to a new one: at once, a canary first, or step by step.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """A share of the requests goes to the new fleet for so many seconds, in which an alarm takes it all back."""

    share: float
    seconds: float


def steps(deployment: Document, instances: int) -> list[Step]:
    """The way to all traffic, for a fleet of so many instances; an empty one where nothing is baked."""
    if "RollingUpdatePolicy" in deployment:
        rolling = deployment["RollingUpdatePolicy"]
        size = _share(rolling["MaximumBatchSize"], instances)
        return _linear(size, rolling["WaitIntervalInSeconds"])
    if "BlueGreenUpdatePolicy" not in deployment:
        return []
    policy = deployment["BlueGreenUpdatePolicy"]
    routing = policy["TrafficRoutingConfiguration"]
    seconds = routing["WaitIntervalInSeconds"]
    last = Step(1.0, seconds + policy.get("TerminationWaitInSeconds", 0))
    if routing["Type"] == "CANARY":
        return [Step(_share(routing.get("CanarySize", _WHOLE), instances), seconds), last]
    if routing["Type"] == "LINEAR":
        size = _share(routing.get("LinearStepSize", _WHOLE), instances)
        return [*_linear(size, seconds)[:-1], last]
    return [last]


def alarms(deployment: Document) -> list[str]:
    """The alarms that take an update back."""
    return [each["AlarmName"] for each in deployment.get("AutoRollbackConfiguration", {}).get("Alarms", [])]


_WHOLE = {"Type": "CAPACITY_PERCENT", "Value": 100}


def _linear(size: float, seconds: float) -> list[Step]:
    number = math.ceil(round(1 / size, 6))  # the last step is what is left
    return [Step(min(1.0, size * (done + 1)), seconds) for done in range(number)]


def _share(size: Document, instances: int) -> float:
    whole = 100 if size["Type"] == "CAPACITY_PERCENT" else max(1, instances)
    return min(1.0, float(size["Value"]) / whole)
