"""What a deployment is told: ``deployment.json``, which lies beside this program in the function's archive.

Plain records; who writes the file has checked what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

FILE = "deployment.json"


@dataclass(frozen=True)
class Serverless:
    """An endpoint without instances."""

    memory_mb: int
    max_concurrency: int


@dataclass(frozen=True)
class Traffic:
    """How an update takes over: at once, a canary first, or step by step."""

    shift: Literal["all_at_once", "canary", "linear"]
    size_percent: int  # of the capacity: the canary, or each step
    wait_seconds: int  # at each step
    bake_seconds: int  # with all traffic moved, before the old fleet ends
    max_minutes: int  # for the whole of it


@dataclass(frozen=True)
class Alarm:
    """A metric of the endpoint that takes an update back once it is ``above``."""

    metric: str
    statistic: str  # Sum, Average … or a percentile such as p99
    above: float  # in the metric's unit; of latencies, microseconds
    period_seconds: int


@dataclass(frozen=True)
class Capture:
    """A share of requests and answers is kept."""

    percent: int
    uri: str


@dataclass(frozen=True)
class Autoscaling:
    """How many instances a variant may have, and how many requests a minute one of them is for."""

    minimum: int
    maximum: int
    invocations_per_instance: float


@dataclass(frozen=True)
class Compare:
    """The two newest approved packages side by side."""

    kind: Literal["ab", "shadow"]
    share: float  # of the requests that the newer one answers (ab), or gets a copy of (shadow)


@dataclass(frozen=True)
class Keys:
    """KMS keys of the instances' volumes and of what is captured."""

    volume: str | None
    output: str | None


@dataclass(frozen=True)
class Network:
    """Where the containers live."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    isolated: bool


@dataclass(frozen=True)
class Deployment:
    """All of it: the endpoint, whose packages it serves, and how."""

    group: str
    endpoint: str
    role: str
    instance_type: str
    instance_count: int
    serverless: Serverless | None
    traffic: Traffic
    alarms: tuple[Alarm, ...]
    existing_alarms: tuple[str, ...]
    capture: Capture | None
    autoscaling: Autoscaling | None
    keys: Keys
    network: Network
    tags: Mapping[str, str]
    compare: Compare | None


def read(document: Mapping[str, Any]) -> Deployment:
    """The settings as ``deployment.json`` has them. Raises KeyError, TypeError for another shape."""
    network = document["network"]
    return Deployment(
        group=document["group"],
        endpoint=document["endpoint"],
        role=document["role"],
        instance_type=document["instance_type"],
        instance_count=document["instance_count"],
        serverless=_optional(Serverless, document["serverless"]),
        traffic=Traffic(**document["traffic"]),
        alarms=tuple(Alarm(**each) for each in document["alarms"]),
        existing_alarms=tuple(document["existing_alarms"]),
        capture=_optional(Capture, document["capture"]),
        autoscaling=_optional(Autoscaling, document["autoscaling"]),
        keys=Keys(**document["keys"]),
        network=Network(tuple(network["subnets"]), tuple(network["security_groups"]), network["isolated"]),
        tags=dict(document["tags"]),
        compare=_optional(Compare, document["compare"]),
    )


def _optional(record: Any, table: Mapping[str, Any] | None) -> Any:
    return None if table is None else record(**table)
