"""How a job reaches AWS: patient with a service that is busy, and not with one that nobody can reach."""

from __future__ import annotations

from typing import Any

PATIENCE = 10  # seconds to connect: in a network without a way to the API there is no answer at all


def client(service: str) -> Any:
    """boto3's client of ``service``; what is refused for a while is tried four times more."""
    import boto3
    from botocore.config import Config

    patient = Config(
        connect_timeout=PATIENCE, read_timeout=60, retries={"mode": "standard", "max_attempts": 4}
    )
    return boto3.client(service, config=patient)
