"""What one local SageMaker is: where it keeps its state, and which account it pretends to be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


def available_cores() -> int:
    """The cores that this process may use; all of the machine's where the system has no affinity (macOS)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Settings:
    """One local SageMaker. Every path lies below ``folder``."""

    folder: Path  # the state folder; absolute
    host: str = "127.0.0.1"  # an address, not a name: boto3 then uses path-style S3 addressing
    port: int = 7077  # 0 takes a free one
    region: str = "us-east-1"
    account: str = "123456789012"  # AWS's example account, and moto's
    cores: int = field(default_factory=available_cores)  # what all jobs together may use
    loaded_models: int = 16  # of a multi-model container at a time
    images: Mapping[str, str] = field(
        default_factory=dict
    )  # image pattern -> runtime, beside the built-in ones
    serving: Mapping[str, str] = field(default_factory=dict)  # image pattern -> what runs for ``serve``
    enforce_iam: bool = False  # whether IAM's policies decide about requests to S3 and SageMaker
    project: Path | None = None  # where those commands find their modules

    @property
    def objects(self) -> Path:
        """The S3 store: plain files, ``<bucket>/<key>``."""
        return self.folder / "s3"

    @property
    def database(self) -> Path:
        """The control plane's records."""
        return self.folder / "records.sqlite"

    @property
    def jobs(self) -> Path:
        """One folder for each job that ran: what it saw as ``/opt/ml``."""
        return self.folder / "jobs"

    @property
    def logs(self) -> Path:
        """The jobs' logs: ``<log group>/<log stream>.log``."""
        return self.folder / "logs"

    @property
    def bucket(self) -> str:
        """The default bucket, named as the SDK names it."""
        return f"sagemaker-{self.region}-{self.account}"

    @property
    def role_arn(self) -> str:
        """The execution role that exists from the start and trusts SageMaker."""
        return f"arn:aws:iam::{self.account}:role/local-sagemaker-execution"

    def arn(self, resource: str, name: str) -> str:
        """The ARN of a SageMaker resource: ``arn("pipeline", "p")`` ends in ``:pipeline/p``."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{resource}/{name}"
