"""Whether, where and how a registered model is served: plain records that an environment's table [deploy] fills in.

Limits are those of CreateEndpointConfig, UpdateEndpoint and CloudWatch. No SDK import.
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from steps.settings import ROLE, Keys, Network, Tags

DeployForm = Literal["off", "native", "guarded"]
Metric = Literal["Invocation5XXErrors", "Invocation4XXErrors", "InvocationModelErrors", "ModelLatency"]

LONGEST_ENDPOINT = 45  # of AWS's 63 characters: the names of models and configurations begin with it
MOST_ALARMS = 10
_NAME = re.compile(r"[A-Za-z0-9](-?[A-Za-z0-9])*")


@dataclass(frozen=True)
class Serverless:
    """An endpoint without instances: paid by the request, slow at the first one."""

    memory_mb: int = 2048
    max_concurrency: int = 5

    def __post_init__(self) -> None:
        if self.memory_mb not in range(1024, 6145, 1024):
            raise ValueError(f"memory_mb must be 1024, 2048, 3072, 4096, 5120 or 6144, got {self.memory_mb}")
        _between(self, "max_concurrency", 1, 200)


@dataclass(frozen=True)
class Traffic:
    """How an update takes over from what is in service."""

    shift: Literal["all_at_once", "canary", "linear"] = "all_at_once"
    size_percent: int = 10  # of the capacity: the canary, or each linear step
    wait_seconds: int = 60  # after each step, in which an alarm takes all of it back
    bake_seconds: int = 60  # with all traffic moved, before the old fleet ends
    max_minutes: int = 60  # for the whole of it

    def __post_init__(self) -> None:
        # AWS: a canary is at most half of the fleet, a linear step a tenth to a half of it.
        smallest = {"canary": 1, "linear": 10}.get(self.shift)
        if smallest is not None:
            _between(self, "size_percent", smallest, 50)
        _between(self, "wait_seconds", 0, 3600)
        _between(self, "bake_seconds", 0, 3600)
        _between(self, "max_minutes", 10, 480)
        if self.seconds > self.max_minutes * 60:
            raise ValueError(
                f"waiting and baking come to {self.seconds} seconds, which max_minutes ({self.max_minutes}) cuts short"
            )

    @property
    def seconds(self) -> int:
        """How long the traffic moves, apart from the time that the new fleet takes to start."""
        steps = {"all_at_once": 1, "canary": 2, "linear": -(-100 // max(1, self.size_percent))}[self.shift]
        return steps * self.wait_seconds + self.bake_seconds


@dataclass(frozen=True)
class Alarm:
    """A metric of the endpoint that takes an update back once it is ``above``."""

    metric: Metric
    statistic: Literal["Sum", "Average", "p99"] = "Sum"
    above: float = 0.0  # in the metric's unit; of ModelLatency, microseconds
    period_seconds: int = 60

    def __post_init__(self) -> None:
        if self.period_seconds < 60 or self.period_seconds % 60:
            raise ValueError(
                f"period_seconds must be a multiple of 60, as often as SageMaker tells, got {self.period_seconds}"
            )
        if self.metric == "ModelLatency" and self.statistic == "Sum":
            raise ValueError("statistic: a sum of latencies says nothing; choose Average or p99")


@dataclass(frozen=True)
class Capture:
    """A share of requests and answers is kept, for monitoring."""

    percent: int = 100
    uri: str = ""  # where; a folder of the environment's where nothing is said

    def __post_init__(self) -> None:
        _between(self, "percent", 1, 100)
        if self.uri and not self.uri.startswith("s3://"):
            raise ValueError(f"uri must be an address in S3 (s3://bucket/prefix), got {self.uri!r}")


@dataclass(frozen=True)
class Autoscaling:
    """As many instances as the requests need."""

    minimum: int = 1
    maximum: int = 4
    invocations_per_instance: float = 1000.0  # a minute

    def __post_init__(self) -> None:
        if not 1 <= self.minimum <= self.maximum:
            raise ValueError(
                f"minimum ({self.minimum}) must be at least 1 and not above maximum ({self.maximum})"
            )
        if self.invocations_per_instance <= 0:
            raise ValueError(
                f"invocations_per_instance must be above 0, got {self.invocations_per_instance:g}"
            )


@dataclass(frozen=True)
class Compare:
    """The two newest approved packages side by side."""

    kind: Literal["ab", "shadow"] = "ab"
    share: float = 0.1  # of the requests that the newer one answers (ab), or gets a copy of (shadow)

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1 or (self.kind == "ab" and self.share == 1):
            raise ValueError(f"share must lie between 0 and 1, got {self.share:g}")


@dataclass(frozen=True)
class Deployment:
    """What serves the newest approved package of the group, and how a new one takes over.

    ``native`` is the SDK's EndpointConfig and Endpoint steps; ``guarded`` a Lambda step, whose function can ask for
    everything that AWS offers, and deploys by itself what somebody approves later.
    """

    form: DeployForm = "off"
    endpoint: str = "{usecase}"  # its name; {usecase} is filled in
    role: str = ""  # of the containers; the environment's role of models where nothing is said
    instance_type: str = "ml.m5.large"
    instance_count: int = 1
    isolated: bool = False  # no network inside the containers: their image must have the program in it
    serverless: Serverless | None = None
    traffic: Traffic | None = None  # all at once, where nothing is said
    alarms: tuple[Alarm, ...] = ()  # made with the endpoint
    existing_alarms: tuple[str, ...] = ()  # names of alarms that are there already
    capture: Capture | None = None
    autoscaling: Autoscaling | None = None
    compare: Compare | None = None

    def __post_init__(self) -> None:
        if not self.instance_type.startswith("ml."):
            raise ValueError(
                f"instance_type must start with 'ml.' (as in ml.m5.large), got {self.instance_type!r}"
            )
        if self.instance_count < 1:
            raise ValueError(f"instance_count must be at least 1, got {self.instance_count}")
        if self.role and not ROLE.fullmatch(self.role):
            raise ValueError(f"role must be the ARN of an IAM role, got {self.role!r}")

    def name(self, usecase: str) -> str:
        """The endpoint's name."""
        return self.endpoint.replace("{usecase}", usecase)

    @property
    def minutes(self) -> int:
        """How long an update may take, once the new fleet has started."""
        return (self.traffic or Traffic()).max_minutes

    def problems(self, usecase: str, network: Network) -> Iterator[str]:
        """What does not go together, and what would be right; each setting may be right by itself."""
        if self.form == "off":
            return
        yield from self._name_problems(usecase)
        if self.form == "native":
            yield from self._native_problems()
        if self.serverless is not None:
            yield from self._serverless_problems(network)
        yield from self._fleet_problems()
        twice = [
            metric for metric, times in Counter(each.metric for each in self.alarms).items() if times > 1
        ]
        if twice:
            yield f"alarms: {twice[0]} stands there twice; an endpoint has one alarm of ours on a metric"
        if len(self.alarms) + len(self.existing_alarms) > MOST_ALARMS:
            yield f"alarms: an update is guarded by at most {MOST_ALARMS}, with existing_alarms"

    def document(
        self, usecase: str, group: str, role: str, keys: Keys, network: Network, tags: Tags, root: str
    ) -> dict[str, Any]:
        """``deployment.json``, of which the function is told; ``role`` is the containers', ``root`` our S3 prefix."""
        capture = self.capture and replace(self.capture, uri=self.capture.uri or f"{root}/capture")
        return {
            "group": group,
            "endpoint": self.name(usecase),
            "role": role,
            "instance_type": self.instance_type,
            "instance_count": self.instance_count,
            "serverless": self.serverless and asdict(self.serverless),
            "traffic": asdict(self.traffic or Traffic()),
            "alarms": [asdict(each) for each in self.alarms],
            "existing_alarms": list(self.existing_alarms),
            "capture": capture and asdict(capture),
            "autoscaling": self.autoscaling and asdict(self.autoscaling),
            "keys": asdict(keys),
            "network": {
                "subnets": list(network.subnets),
                "security_groups": list(network.security_groups),
                "isolated": self.isolated,
            },
            "tags": dict(tags.values),
            "compare": self.compare and asdict(self.compare),
        }

    def _name_problems(self, usecase: str) -> Iterator[str]:
        name = self.name(usecase)
        if not _NAME.fullmatch(name):
            yield f"endpoint: '{name}' must be letters and digits, with single hyphens between them"
        if len(name) > LONGEST_ENDPOINT:
            yield f"endpoint: '{name}' has {len(name)} characters; at most {LONGEST_ENDPOINT} are possible"

    def _native_problems(self) -> Iterator[str]:
        """What EndpointConfigStep and EndpointStep of SDK 3.27 have no place for, or SageMaker refuses in them."""
        for setting, why in {
            "traffic": "an Endpoint step takes no DeploymentConfig",
            "alarms": "an Endpoint step takes no DeploymentConfig, and so no alarms",
            "existing_alarms": "an Endpoint step takes no DeploymentConfig, and so no alarms",
            "capture": "SageMaker refuses DataCaptureConfig in an EndpointConfig step",
            "autoscaling": "there is no step that registers a scalable target",
            "compare": "a definition cannot name the package that was approved before",
        }.items():
            if getattr(self, setting):
                yield f"{setting}: belongs to form 'guarded': {why}"

    def _serverless_problems(self, network: Network) -> Iterator[str]:
        """https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html (feature exclusions)."""
        for setting, why in {
            "traffic": "it has no fleets between which traffic moves",
            "alarms": "its updates cannot be taken back by alarms",
            "existing_alarms": "its updates cannot be taken back by alarms",
            "capture": "AWS captures no data there",
            "autoscaling": "it has no instances; max_concurrency limits it",
            "compare": "it has one variant",
            "isolated": "AWS does not isolate its network",
        }.items():
            if getattr(self, setting):
                yield f"{setting}: a serverless endpoint has none: {why}"
        if network.subnets:
            yield "serverless: a serverless endpoint cannot be in the VPC that [network] asks for"

    def _fleet_problems(self) -> Iterator[str]:
        shift = self.traffic.shift if self.traffic else "all_at_once"
        if shift != "all_at_once" and self.instance_count < 2 and not self.serverless:
            yield (
                f"traffic.shift: '{shift}' moves whole instances, at most half of them at first; "
                "it needs an instance_count of at least 2"
            )
        scaling = self.autoscaling
        if scaling and not scaling.minimum <= self.instance_count <= scaling.maximum:
            yield (
                f"instance_count: {self.instance_count} does not lie between autoscaling's "
                f"minimum ({scaling.minimum}) and maximum ({scaling.maximum})"
            )


def _between(record: Any, name: str, low: int, high: int) -> None:
    value = getattr(record, name)
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low} and {high}, got {value}")
