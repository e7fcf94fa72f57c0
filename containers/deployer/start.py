"""Start what was decided: make models and configuration, then ask for the endpoint. Nothing half deployed stays.

Models and configuration bear names made of their contents, so what is there already is used: a run that was killed
goes on where it ended, and two at once make the same.
"""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import ClientError

from containers.deployer import alarms, owned, scaling
from containers.deployer.clients import Clients
from containers.deployer.endpoint import Endpoint, attempt, look
from containers.deployer.plan import Plan, tags
from containers.deployer.settings import Deployment
from containers.deployer.traffic import deployment_config

_GONE_WITHIN = 120.0  # seconds that a failed endpoint may take to be deleted; it has nothing to wait for
_LOOK = 0.5


def create(deployment: Deployment, plan: Plan, clients: Clients) -> None:
    """Ask for a new endpoint. Raises ClientError where that is refused; what was made for it is gone then."""
    about = [*tags(deployment), attempt(plan.name)]

    def ask() -> None:
        clients.sagemaker.create_endpoint(
            EndpointName=deployment.endpoint, EndpointConfigName=plan.name, Tags=about
        )

    _ask(deployment, plan, clients, ask)
    clients.say(f"asked for the endpoint {deployment.endpoint} of {plan.name}")


def recreate(deployment: Deployment, plan: Plan, clients: Clients) -> bool:
    """Delete a failed endpoint, and ask for it anew; whether it was gone in time. Raises as ``create``."""
    clients.sagemaker.delete_endpoint(EndpointName=deployment.endpoint)
    clients.say(f"deleted the endpoint {deployment.endpoint}, which had failed")
    deadline = time.monotonic() + _GONE_WITHIN
    while look(clients.sagemaker, deployment.endpoint) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK)
    create(deployment, plan, clients)
    return True


def update(deployment: Deployment, plan: Plan, endpoint: Endpoint, clients: Clients) -> None:
    """Ask for the change from what the endpoint serves. Raises ClientError, as ``create`` does."""
    sagemaker = clients.sagemaker
    config = deployment_config(deployment)

    def ask() -> None:
        _let_go_of_scaling(deployment, plan, endpoint, clients)
        sagemaker.update_endpoint(
            EndpointName=deployment.endpoint, EndpointConfigName=plan.name, **config, **_retained(deployment)
        )

    _ask(deployment, plan, clients, ask)
    # Only now: an update that was never accepted has not been tried. Killed in between, we try once more.
    sagemaker.add_tags(ResourceArn=endpoint.arn, Tags=[attempt(plan.name)])
    clients.say(
        f"asked the endpoint {deployment.endpoint} to go from {endpoint.configuration} to {plan.name}"
    )


def _ask(deployment: Deployment, plan: Plan, clients: Clients, ask: Any) -> None:
    try:
        _make(plan, clients)
        alarms.put(clients.cloudwatch, deployment, plan.newest_variant)
        ask()
    except Exception:
        now = look(clients.sagemaker, deployment.endpoint)
        heading_for = {now.configuration, now.pending} if now else set()
        if plan.name not in heading_for:  # else another run was faster, and needs what we made
            _unmake(deployment, plan, clients)
        raise


def _make(plan: Plan, clients: Clients) -> None:
    sagemaker = clients.sagemaker
    for model in plan.models:
        name = {"ModelName": model["ModelName"]}
        _make_one(clients, "model", name, sagemaker.describe_model, sagemaker.create_model, model)
    name = {"EndpointConfigName": plan.name}
    _make_one(
        clients,
        "endpoint configuration",
        name,
        sagemaker.describe_endpoint_config,
        sagemaker.create_endpoint_config,
        plan.configuration,
    )


def _make_one(
    clients: Clients, kind: str, name: dict[str, str], describe: Any, create: Any, request: dict[str, Any]
) -> None:
    """Create it unless it is there."""
    if _is_there(describe, name):
        return
    try:
        create(**request)
    except ClientError:
        if not _is_there(describe, name):  # it may be by now: another run has the same name for it
            raise
    else:
        clients.say(f"created the {kind} {next(iter(name.values()))}")


def _is_there(describe: Any, name: dict[str, str]) -> bool:
    try:
        describe(**name)
    except ClientError as error:
        if "Could not find" in error.response["Error"]["Message"]:
            return False
        raise
    return True


def _unmake(deployment: Deployment, plan: Plan, clients: Clients) -> None:
    """Delete what was made for an endpoint that was refused, as far as nothing else needs it."""
    owned.sweep(clients, deployment.endpoint, kept=(), only=plan.names)


def _let_go_of_scaling(deployment: Deployment, plan: Plan, endpoint: Endpoint, clients: Clients) -> None:
    """AWS refuses an update that takes a scaled variant away or gives it other instances."""
    current = _instances(clients.sagemaker, endpoint.configuration)
    stay = [
        each["VariantName"]
        for each in plan.variants
        if deployment.autoscaling and current.get(each["VariantName"]) == each.get("InstanceType")
    ]
    scaling.keep_only(clients.autoscaling, deployment, stay, clients.say)


def _instances(sagemaker: Any, configuration: str) -> dict[str, str | None]:
    """Variant -> instance type."""
    try:
        found = sagemaker.describe_endpoint_config(EndpointConfigName=configuration)
    except ClientError:  # somebody has deleted it; the endpoint does not mind
        return {}
    variants = [*found["ProductionVariants"], *found.get("ShadowProductionVariants", [])]
    return {each["VariantName"]: each.get("InstanceType") for each in variants}


def _retained(deployment: Deployment) -> dict[str, Any]:
    """An update must not take away the instances that autoscaling has added; all else is as configured."""
    if deployment.autoscaling is None:
        return {}
    others = [{"VariantPropertyType": each} for each in ("DesiredWeight", "DataCaptureConfig")]
    return {"RetainAllVariantProperties": True, "ExcludeRetainedVariantProperties": others}
