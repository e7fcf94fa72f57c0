"""The services that a deployment talks to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Clients:
    """boto3's clients, each made when it is first needed: most events need the first one only."""

    make: Callable[[str], Any]  # by boto3's name for a service
    say: Callable[[str], None]  # what is seen and done

    @cached_property
    def sagemaker(self) -> Any:
        """Registry, models and endpoints."""
        return self.make("sagemaker")

    @cached_property
    def cloudwatch(self) -> Any:
        """Alarms."""
        return self.make("cloudwatch")

    @cached_property
    def autoscaling(self) -> Any:
        """Application Auto Scaling."""
        return self.make("application-autoscaling")
