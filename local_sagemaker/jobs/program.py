"""What a training container starts, decided from the request by one module for each way there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_sagemaker.jobs.container import BASE
from local_sagemaker.jobs.images import Runtime

CODE = str(BASE / "code")  # the working directory of AWS's framework images


@dataclass(frozen=True)
class Container:
    """A training container that is about to start: its inputs and configuration are in ``folder``."""

    folder: Path
    runtime: Runtime
    hyperparameters: Mapping[str, str]
    environment: Mapping[str, str]
    channels: Mapping[str, Mapping[str, Any]]  # as inputdataconfig.json has them
    resources: Mapping[str, Any]  # as resourceconfig.json has them
    cores: int
    name: str  # of the job


@dataclass(frozen=True)
class Program:
    """A command, what it finds in its environment, and what SageMaker would say if it failed."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: str = CODE
    failure: str = ""  # where the program leaves no failure file; ``{code}`` is its exit code
