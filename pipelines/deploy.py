"""Deploy and roll back by hand: start it, and watch the endpoint until the traffic has moved or was taken back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from containers.deployer import names, registry
from containers.deployer.ask import Ask
from containers.deployer.clients import Clients
from containers.deployer.endpoint import CHANGING
from containers.deployer.reconcile import reconcile
from containers.deployer.result import Result
from pipelines.deployments import Overview
from pipelines.errors import RunError, UsageError
from pipelines.packages import Package, decide
from pipelines.service import Service

_LOOK = 0.5  # seconds between two looks


def deploy(service: Service, found: Overview, package: Package | None, console: Console) -> None:
    """Bring the endpoint to ``package``, or to the newest approved one, and watch.

    Raises:
        UsageError: the package is not approved, a newer one is, or the endpoint is in the middle of another change.
        RunError: the endpoint took it back, or could not be created.
    """
    who = _clients(service)
    result = reconcile(
        found.deployment, Ask("somebody deploys", package.arn if package else "", insist=True), who
    )
    match result.status:
        case "NotApproved":
            raise UsageError(
                f"Version {result.version} is not approved. First: python -m pipelines approve {result.version}"
            )
        case "NothingApproved" | "Superseded":
            raise UsageError(f"{result.message}.")
        case "Busy":
            raise UsageError(f"{result.message}: python -m pipelines deployments")
        case _:
            _watch(service, found, result, console)


def rollback(service: Service, found: Overview, reason: str, console: Console) -> None:
    """Reject what serves, and bring the endpoint back to the approved version before it.

    Raises:
        UsageError: there is nothing to go back from or to, or the endpoint is in the middle of a change.
        RunError: the endpoint took the version back to which it was to go.
    """
    current, target = _from_and_to(found)
    decide(service, current, "Rejected", reason or "rolled back on the command line")
    console.print(
        f"version {current.version} is Rejected; the endpoint goes back to version {target.version}"
    )
    result = reconcile(found.deployment, Ask("somebody rolls back", insist=True), _clients(service))
    _watch(service, found, result, console)


def _from_and_to(found: Overview) -> tuple[Package, Package]:
    name, version = found.deployment.endpoint, found.version
    if found.endpoint is None:
        raise UsageError(f"There is no endpoint '{name}' yet, so there is nothing to roll back.")
    if found.endpoint.status in CHANGING:
        pending = names.version(name, found.endpoint.pending)
        instead = f"; to stop version {pending}: python -m pipelines reject {pending}" if pending else ""
        raise UsageError(
            f"The endpoint '{name}' is {found.endpoint.status}: a rollback can begin when that has ended{instead}."
        )
    current = next((each for each in found.packages if each.version == version), None)
    if current is None:
        raise UsageError(f"The endpoint '{name}' serves no version of the group '{found.deployment.group}'.")
    newer = [
        each.version
        for each in found.packages
        if each.status == "Approved" and each.version > current.version
    ]
    if newer:
        raise UsageError(
            f"Version {max(newer)} is approved and newer than {current.version}, which serves: the endpoint would go "
            f"there. First: python -m pipelines reject {max(newer)}"
        )
    if found.previous is None:
        raise UsageError(
            f"There is no approved version before {current.version} to go back to. "
            "python -m pipelines packages lists them."
        )
    return current, found.previous


def _watch(service: Service, found: Overview, result: Result, console: Console) -> None:
    """Say what happens to the endpoint until nothing does any more. Raises RunError where the goal was missed."""
    name, goal = found.deployment.endpoint, result.version
    console.print(result.message, markup=False, soft_wrap=True)
    began, said = time.monotonic(), ""
    with console.status(f"endpoint {name}") as status:
        while True:
            described = service.sagemaker.describe_endpoint(EndpointName=name)
            state = _progress(described)
            seconds = time.monotonic() - began
            status.update(f"endpoint {name}: {state} {seconds:.0f} s")
            if state != said:
                console.print(f"{name}  {state:<20} {seconds:.1f} s", markup=False, soft_wrap=True)
                said = state
            if described["EndpointStatus"] not in CHANGING:
                break
            time.sleep(_LOOK)
    # As the event of its end does: a version that was taken back is rejected, what is not needed any more goes.
    end = reconcile(found.deployment, Ask("the change has ended"), _clients(service))
    if end.status != "InService" or end.version != goal:
        raise RunError(_missed(service, found, goal, end))
    console.print(f"version {goal} serves at {name}")


def _progress(described: Mapping[str, Any]) -> str:
    """The status, and where AWS tells it, how far the new fleet is: Creating, ActivatingTraffic, Baking …"""
    pending = described.get("PendingDeploymentSummary", {}).get("ProductionVariants", [])
    stages = sorted({stage["Status"] for each in pending for stage in each.get("VariantStatus", [])[:1]})
    return ", ".join([described["EndpointStatus"], *(stage for stage in stages if stage != "Creating")])


def _missed(service: Service, found: Overview, goal: int | None, end: Result) -> str:
    """Why the goal was missed: what the registry says of it, for the function may have been faster than we."""
    if end.status == "RolledBack" or goal is None:
        return f"{end.message}."
    arn = next((each.arn for each in found.packages if each.version == goal), "")
    described = service.sagemaker.describe_model_package(ModelPackageName=arn) if arn else {}
    reason = described.get("ApprovalDescription", "")
    if described.get("ModelApprovalStatus") == registry.REJECTED and reason:
        return f"version {goal} is Rejected: {reason}"
    return f"version {goal} does not serve: {end.message}."


def _clients(service: Service) -> Clients:
    return Clients(service.client, lambda _: None)
