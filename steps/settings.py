"""Where and how a step's job runs: plain records that an environment's settings fill in. No SDK import."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, get_args

Form = Literal["native", "processing", "off"]
ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")
CheckName = Literal["data_quality", "data_bias", "model_bias", "explainability", "model_quality"]


@dataclass(frozen=True)
class Machine:
    """What a job runs on, and for how long at most."""

    instance_type: str = "ml.m5.large"
    instance_count: int = 1
    volume_gb: int = 30  # the attached volume; inputs, outputs and scratch share it
    max_minutes: int = 60  # the job is stopped after that
    spot: bool = False  # training only: cheaper, may be interrupted, resumes from its checkpoint
    max_wait_minutes: int = 120  # spot only: waiting and running together

    def __post_init__(self) -> None:
        if not self.instance_type.startswith("ml."):
            raise ValueError(
                f"instance_type must start with 'ml.' (as in ml.m5.large), got {self.instance_type!r}"
            )
        for name in ("instance_count", "volume_gb", "max_minutes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.spot and self.max_wait_minutes < self.max_minutes:
            raise ValueError(
                f"max_wait_minutes ({self.max_wait_minutes}) must not be below max_minutes ({self.max_minutes}):"
                " it counts waiting and running together"
            )


@dataclass(frozen=True)
class BatchTransform:
    """What batch scoring runs on, and how rows are sent to the model."""

    instance_type: str = "ml.m5.large"
    instance_count: int = 1  # each takes whole objects, of 100,000 rows
    max_payload_mb: int = 6  # rows that go together in one request
    max_concurrent: int | None = (
        None  # requests at a time to one instance; the container's own number where not given
    )
    timeout_seconds: int = 600  # that one request may take
    glue_database: str = ""  # of the catalogue in which the scores become a table; none where not given

    def __post_init__(self) -> None:
        if not self.instance_type.startswith("ml."):
            raise ValueError(
                f"instance_type must start with 'ml.' (as in ml.m5.large), got {self.instance_type!r}"
            )
        for name, low, high in (
            ("instance_count", 1, 100),
            ("max_payload_mb", 1, 100),
            ("timeout_seconds", 1, 3600),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be between {low} and {high}, got {getattr(self, name)}")


@dataclass(frozen=True)
class Network:
    """The network that jobs see."""

    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    isolated: bool = (
        False  # no network at all inside the container (ingest, which reads its source, keeps it)
    )
    encrypted: bool = False  # between the containers of one job

    def __post_init__(self) -> None:
        if bool(self.subnets) != bool(self.security_groups):
            raise ValueError("subnets and security_groups go together: a VPC needs both")


@dataclass(frozen=True)
class Roles:
    """The roles of the jobs, one for each kind; where one is empty, the pipeline's own."""

    processing: str = ""
    training: str = ""  # and tuning
    model: str = ""  # endpoints and transform jobs
    deployer: str = ""  # the function that deploys

    def __post_init__(self) -> None:
        for kind, role in vars(self).items():
            if role and not ROLE.fullmatch(role):
                raise ValueError(f"{kind} must be the ARN of an IAM role, got {role!r}")

    def or_else(self, role: str) -> Roles:
        """The same, with ``role`` for every kind that has none of its own."""
        return Roles(**{kind: own or role for kind, own in vars(self).items()})


@dataclass(frozen=True)
class Keys:
    """KMS keys (id or ARN); without one, AWS's own keys encrypt."""

    volume: str | None = None
    output: str | None = None


@dataclass(frozen=True)
class Cache:
    """Whether a step's earlier result may stand for a new run."""

    enabled: bool = True
    expire_after: str = "P30D"  # ISO 8601 duration


@dataclass(frozen=True)
class Retry:
    """How often a step is tried again after a fault that is not its own (throttling, capacity, service errors)."""

    attempts: int = 3
    interval_seconds: int = 10
    backoff_rate: float = 2.0

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= 20:
            raise ValueError(f"attempts must be between 1 and 20, got {self.attempts}")


@dataclass(frozen=True)
class Code:
    """Where a step's code and settings were published; the addresses are made of their contents' hashes."""

    package: str  # s3 prefix: the package as files, for processing jobs
    settings: str  # s3 prefix: what the job must know of the use case


@dataclass(frozen=True)
class Tags:
    """Cost and ownership tags that every job, package and the pipeline itself carry."""

    values: dict[str, str] = field(default_factory=dict)

    def request(self) -> list[dict[str, str]]:
        """The tags as AWS's requests take them."""
        return [{"Key": key, "Value": value} for key, value in sorted(self.values.items())]


@dataclass(frozen=True)
class Checks:
    """How data and model are compared with what the approved model was made of; each check by itself.

    ``native`` is AWS's own step (ClarifyCheck, QualityCheck), whose containers AWS has closed to new customers;
    ``processing`` the same analysis as a processing job of ours.
    """

    data_quality: Form = "processing"
    data_bias: Form = "processing"
    model_bias: Form = "processing"
    explainability: Form = "processing"
    model_quality: Form = "processing"
    # Of which checks a violation fails the run: all, none, or those named. A run can override each by a parameter.
    fail_on_violation: bool | tuple[CheckName, ...] = False

    @property
    def native(self) -> list[str]:
        """The settings' names of the checks that are AWS's own steps."""
        return [name for name in get_args(CheckName) if self.form(name) == "native"]

    def form(self, check: str) -> Form:
        """The form of the check whose setting has this name."""
        form: Form = getattr(self, check)
        return form

    def fails(self, check: str) -> bool:
        """Whether a violation of this check fails the run, unless the run says otherwise."""
        named = self.fail_on_violation
        return named if isinstance(named, bool) else check in named
