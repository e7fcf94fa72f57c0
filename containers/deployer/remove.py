"""Take a deployment down: the endpoint and everything that was made for it. The packages stay in the registry."""

from __future__ import annotations

import time

from botocore.exceptions import ClientError

from containers.deployer import alarms, owned, scaling
from containers.deployer.clients import Clients
from containers.deployer.endpoint import look
from containers.deployer.settings import Deployment

_LOOK = 0.2  # seconds


def remove(deployment: Deployment, clients: Clients, seconds: float = 900) -> bool:
    """Delete what is there, and wait for the endpoint's end; whether there was an endpoint.

    Running it again does what is left. Raises TimeoutError where the endpoint takes longer than ``seconds``.
    """
    scaling.keep_only(clients.autoscaling, deployment, (), clients.say)
    there = look(clients.sagemaker, deployment.endpoint) is not None
    if there:
        _delete(deployment.endpoint, clients, seconds)
    owned.sweep(clients, deployment.endpoint, kept=())
    alarms.delete(clients.cloudwatch, deployment, set(), clients.say)
    return there


def _delete(endpoint: str, clients: Clients, seconds: float) -> None:
    try:
        clients.sagemaker.delete_endpoint(EndpointName=endpoint)
    except ClientError:
        now = look(clients.sagemaker, endpoint)
        if now is not None and now.status != "Deleting":  # else somebody else is deleting it
            raise
    clients.say(f"deleting the endpoint {endpoint}")
    deadline = time.monotonic() + seconds
    while look(clients.sagemaker, endpoint) is not None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"The endpoint {endpoint} is still being deleted after {seconds:g} seconds.")
        time.sleep(_LOOK)
