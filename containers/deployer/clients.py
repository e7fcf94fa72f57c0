"""The services that a deployment talks to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Clients:
    """boto3's clients, and where to say what is done."""

    sagemaker: Any
    cloudwatch: Any
    autoscaling: Any
    say: Callable[[str], None]


def clients(make: Callable[[str], Any], say: Callable[[str], None]) -> Clients:
    """All of them; ``make`` makes one by boto3's name for the service."""
    return Clients(make("sagemaker"), make("cloudwatch"), make("application-autoscaling"), say)
