"""What serves, and what might: the endpoint with its versions, its alarms, and the registry beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from containers.deployer import alarms, names
from containers.deployer.endpoint import Endpoint, look
from containers.deployer.settings import Deployment, read
from pipelines import deployer
from pipelines.config import Config
from pipelines.errors import UsageError
from pipelines.packages import STYLES, Package, packages
from pipelines.service import Service

_STATES = {"OK": "green", "ALARM": "red", "InService": "green", "Failed": "red"}


@dataclass(frozen=True)
class Variant:
    """One variant that serves."""

    name: str
    version: int | None  # of the package; None where somebody else made its model
    share: float  # of the requests; of a shadow, of which it gets a copy
    instances: str
    shadow: bool


@dataclass(frozen=True)
class Overview:
    """Everything that a person asks about a deployment."""

    deployment: Deployment
    endpoint: Endpoint | None
    variants: tuple[Variant, ...]
    alarms: Mapping[str, str]  # name -> state, or 'missing'
    function: bool  # whether function and rules are there
    packages: tuple[Package, ...]  # the newest first

    @property
    def version(self) -> int | None:
        """The newest version in service; None where nothing of ours serves."""
        return max((each.version for each in self.variants if each.version is not None), default=None)

    @property
    def previous(self) -> Package | None:
        """The approved version before the one in service: what a rollback goes back to."""
        older = [
            each for each in self.packages if each.status == "Approved" and each.version < (self.version or 0)
        ]
        return max(older, key=lambda package: package.version, default=None)


def deployment_of(config: Config) -> Deployment:
    """What is deployed and how. Raises UsageError where the environment leaves that to others."""
    form = config.environment.deploy.form
    if form != "guarded":
        raise UsageError(
            f"The environment '{config.environment_name}' has [deploy] form = '{form}': only 'guarded' keeps an "
            "endpoint at the newest approved version. docs/guide/deployment.md says what each form does."
        )
    return read(config.deployment)


def overview(service: Service) -> Overview:
    """The state of the service's deployment. Raises UsageError where there is none by its settings."""
    deployment = deployment_of(service.config)
    endpoint = look(service.sagemaker, deployment.endpoint)
    guards = alarms.of(deployment)
    found = alarms.state(service.client("cloudwatch"), guards)
    states = {each["AlarmName"]: each["StateValue"] for each in found}
    return Overview(
        deployment,
        endpoint,
        tuple(_variants(service.sagemaker, deployment.endpoint) if endpoint else ()),
        {name: states.get(name, "missing") for name in guards},
        deployer.is_there(service, deployment),
        tuple(packages(service)),
    )


def show(found: Overview, console: Console) -> None:
    """Print it: what serves, what guards it, the versions, and where to look further."""
    name = found.deployment.endpoint
    console.print(Text.assemble(("endpoint  ", "bold"), f"{name}  ", *_state(found)))
    if found.endpoint is not None and found.endpoint.failure:
        console.print(f"          {found.endpoint.failure}", markup=False, soft_wrap=True)
    function = names.function(name)
    there = (
        "there" if found.function else "missing, so nothing is deployed by itself: python -m pipelines upsert"
    )
    console.print(Text.assemble(("function  ", "bold"), f"{function}  {there}"), soft_wrap=True)
    if found.variants:
        console.print(_variant_table(found))
    if found.alarms and found.endpoint is not None:
        console.print(_alarm_table(found))
    if found.packages:
        console.print(_version_table(found))
    groups = [f"/aws/lambda/{function}"] if found.function else []
    if found.endpoint is not None:
        groups.append(f"/aws/sagemaker/Endpoints/{name}")
        asked = f"--endpoint-name {name} --content-type text/csv --body fileb://rows.csv /dev/stdout"
        console.print(f"call   aws sagemaker-runtime invoke-endpoint {asked}", soft_wrap=True)
    for group in groups:
        console.print(f"logs   aws logs tail {group} --follow", soft_wrap=True)


def _state(found: Overview) -> list[tuple[str, str]]:
    endpoint = found.endpoint
    if endpoint is None:
        approved = max((each.version for each in found.packages if each.status == "Approved"), default=None)
        how = f"python -m pipelines deploy creates it with version {approved}"
        return [
            (f"none: {how}" if approved else "none yet: it is created when a version is approved", "yellow")
        ]
    state = [(endpoint.status, _STATES.get(endpoint.status, "yellow"))]
    if endpoint.pending:
        version = names.version(found.deployment.endpoint, endpoint.pending)
        state.append((f", on its way to {'version ' + str(version) if version else endpoint.pending}", ""))
    return state


def _variants(sagemaker: Any, name: str) -> list[Variant]:
    """The endpoint's variants, the shadows last."""
    try:
        found = sagemaker.describe_endpoint(EndpointName=name)
        configured = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    except ClientError:  # it has gone meanwhile, or its configuration has
        return []
    models = {
        each["VariantName"]: each["ModelName"]
        for member in ("ProductionVariants", "ShadowProductionVariants")
        for each in configured.get(member, [])
    }
    production, shadows = (
        found.get(member, []) for member in ("ProductionVariants", "ShadowProductionVariants")
    )
    whole = sum(each.get("CurrentWeight", 0.0) for each in production) or 1.0

    def variant(each: Mapping[str, Any], whole: float, *, shadow: bool) -> Variant:
        return Variant(
            each["VariantName"],
            names.version(name, models.get(each["VariantName"], "")),
            each.get("CurrentWeight", 0.0) / whole,
            str(each.get("CurrentInstanceCount", "serverless")),
            shadow,
        )

    return [
        *(variant(each, whole, shadow=False) for each in production),
        *(variant(each, 1.0, shadow=True) for each in shadows),
    ]


def _variant_table(found: Overview) -> Table:
    table = Table("variant", "version", "requests", "instances", box=None, pad_edge=False)
    for each in found.variants:
        share = f"{each.share:.0%}" + (" copied" if each.shadow else "")
        version = "?" if each.version is None else str(each.version)
        table.add_row(each.name, version, share, each.instances)
    return table


def _alarm_table(found: Overview) -> Table:
    table = Table("alarm", "state", box=None, pad_edge=False)
    for name, state in found.alarms.items():
        table.add_row(name, Text(state, _STATES.get(state, "yellow")))
    return table


def _version_table(found: Overview) -> Table:
    table = Table("version", "status", "serves as", "registered", "reason", box=None, pad_edge=False)
    serving = {each.version: each.name for each in found.variants}
    for each in found.packages:
        role = serving.get(each.version, "")
        if not role and each == found.previous:
            role = "(a rollback goes here)"
        table.add_row(
            str(each.version),
            Text(each.status, STYLES.get(each.status, "")),
            role,
            f"{each.created:%Y-%m-%d %H:%M:%S}",
            Text(each.reason),
        )
    return table
