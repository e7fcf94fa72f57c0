"""The commands about what serves: deployments, deploy, rollback, delete-endpoint; and what a decision leads to."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from containers.deployer.settings import read
from pipelines.errors import RunError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.packages import Package, Status
    from pipelines.service import Service

Run = Callable[[argparse.Namespace], int]
Add = Callable[[str, Run, str], argparse.ArgumentParser]
Open = Callable[[argparse.Namespace], "tuple[Service, Console]"]

_DEPLOYMENTS = """examples:
  python -m pipelines deployments
  python -m pipelines deployments --env prod --usecase adult
"""
_DEPLOY = """examples:
  python -m pipelines deploy                 the newest approved version; also after a change of [deploy]
  python -m pipelines deploy 7               version 7, which must be approved, and the newest that is
"""
_ROLLBACK = """examples:
  python -m pipelines rollback --reason "complaints from branch 12"

The version in service becomes Rejected, so that no later run compares itself with it; the endpoint goes back to the
approved version before it, guarded as any update is.
"""
_DELETE = """examples:
  python -m pipelines delete-endpoint
  python -m pipelines delete-endpoint --yes --env dev

Deletes the endpoint, and the models, endpoint configurations, alarms and scaling targets that were made for it. The
packages stay in the registry, and the function that deploys stays: the next approval creates the endpoint again.
"""


def add(command: Add, opened: Open) -> None:
    """Add the commands to the command line; ``opened`` gives the service and the screen that the options mean."""

    def with_help(name: str, run: Run, text: str, examples: str) -> argparse.ArgumentParser:
        parser = command(name, run, text)
        parser.epilog, parser.formatter_class = examples, argparse.RawDescriptionHelpFormatter
        return parser

    with_help(
        "deployments",
        lambda options: _deployments(*opened(options)),
        "Show what serves: the endpoint, its versions and alarms, and the history of versions.",
        _DEPLOYMENTS,
    )
    deploy = with_help(
        "deploy",
        lambda options: _deploy(*opened(options), options.version),
        "Bring the endpoint to the newest approved version, and watch.",
        _DEPLOY,
    )
    deploy.add_argument("version", metavar="VERSION", nargs="?", help="its number, its ARN, or 'latest'")
    rollback = with_help(
        "rollback",
        lambda options: _rollback(*opened(options), options.reason),
        "Reject the version in service and go back to the approved one before it.",
        _ROLLBACK,
    )
    rollback.add_argument("--reason", default="", metavar="TEXT", help="why; kept on the package")
    delete = with_help(
        "delete-endpoint",
        lambda options: _delete(*opened(options), yes=options.yes),
        "Delete the endpoint and all that was made for it; the packages stay.",
        _DELETE,
    )
    delete.add_argument("--yes", action="store_true", help="do not ask")


def keep_function(service: Service, console: Console) -> None:
    """Bring the function that deploys to what the settings say: made, brought up to date, or deleted."""
    from pipelines import deployer

    environment, deployment = service.config.environment, read(service.config.deployment)
    if environment.deploy.form == "guarded":
        done = deployer.upsert(service, deployment, _role(service))
    else:
        done = deployer.let_go(service, deployment)
    if done:
        console.print(f"function {deployer.name(deployment)}: {done}", soft_wrap=True)


def put_function_back(service: Service, console: Console) -> None:
    """Make the function where it is missing and should be there."""
    from pipelines import deployer

    if service.config.environment.deploy.form != "guarded":
        return
    deployment = read(service.config.deployment)
    if done := deployer.put_back(service, deployment, _role(service)):
        console.print(f"function {deployer.name(deployment)}: {done}", soft_wrap=True)


def _role(service: Service) -> str:
    """Whom the function runs as."""
    environment = service.config.environment
    return environment.roles.deployer or environment.role


def what_follows(service: Service, package: Package, status: Status) -> str:
    """What the deployment does about a decision, in a sentence; empty where the environment deploys nothing."""
    from pipelines.deployments import overview

    form = service.config.environment.deploy.form
    if form == "off":
        return ""
    if form == "native":
        return "nothing is deployed by that: [deploy] form = 'native' deploys within a run of the pipeline"
    found = overview(service)
    name = found.deployment.endpoint
    if not found.function:
        return (
            f"nothing is deployed by itself, for the function of the endpoint '{name}' is missing. Put it back with "
            "python -m pipelines upsert; or deploy now: python -m pipelines deploy"
        )
    approved = [each.version for each in found.packages if each.status == "Approved"]
    newest = max(approved, default=None)
    if newest is None:
        stays = f"; the endpoint '{name}' stays as it is" if found.endpoint else ""
        return f"no version is approved now{stays}"
    if status == "Approved" and package.version < newest:
        return f"version {newest} is approved too and newer: the endpoint '{name}' serves that one"
    if newest != found.version:
        goes = f"goes to version {newest}" if found.endpoint else f"is created with version {newest}"
        if status != "Approved" and found.endpoint is None:
            return f"there is no endpoint '{name}'; nothing changes"
        return f"the endpoint '{name}' {goes} by itself: python -m pipelines deployments"
    return f"the endpoint '{name}' goes on with version {newest}"


def _deployments(service: Service, console: Console) -> int:
    from pipelines.deployments import overview, show

    show(overview(service), console)
    return 0


def _deploy(service: Service, console: Console, version: str | None) -> int:
    from pipelines.deploy import deploy
    from pipelines.deployments import overview
    from pipelines.packages import find

    found = overview(service)
    deploy(service, found, find(service, version) if version else None, console)
    return 0


def _rollback(service: Service, console: Console, reason: str) -> int:
    from pipelines.deploy import rollback
    from pipelines.deployments import overview

    rollback(service, overview(service), reason, console)
    return 0


def _delete(service: Service, console: Console, *, yes: bool) -> int:
    from containers.deployer.clients import Clients
    from containers.deployer.remove import remove
    from pipelines.deployments import deployment_of

    deployment = deployment_of(service.config)
    name = deployment.endpoint
    if not yes and not _sure(f"Delete the endpoint '{name}' and all that was made for it?"):
        console.print("nothing was deleted")
        return 1
    with console.status(f"deleting {name}"):
        try:
            there = remove(
                deployment, Clients(service.client, lambda line: console.print(line, markup=False))
            )
        except TimeoutError as error:
            raise RunError(f"{error} Run the command again.") from None
    console.print(
        f"the endpoint '{name}' is gone; its packages stay" if there else f"there is no endpoint '{name}'"
    )
    return 0


def _sure(question: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("Nobody can be asked here; --yes deletes without asking.")
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
