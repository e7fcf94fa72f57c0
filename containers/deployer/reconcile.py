"""The one verb: the endpoint should serve the newest approved package of the group.

Whoever asks, and whatever happened before, the function looks at the registry and at the endpoint and does the next
thing that is needed. It starts changes and never waits for their end, which takes longer than a function may; the end
is an event, and asks again.
"""

from __future__ import annotations

from botocore.exceptions import ClientError

from containers.deployer import alarms, owned, registry, scaling, start
from containers.deployer.ask import Ask
from containers.deployer.clients import Clients
from containers.deployer.decision import Action, decide
from containers.deployer.endpoint import Endpoint, look
from containers.deployer.plan import Plan, plan
from containers.deployer.registry import Package
from containers.deployer.result import Result, Status
from containers.deployer.settings import Deployment

_PATIENCE = 4  # times that somebody else may change the endpoint between our look and our request


class NotOurs(ValueError):
    """A package of another group was asked for."""


def reconcile(deployment: Deployment, ask: Ask, clients: Clients) -> Result:
    """Look, do the next thing, and tell what came of it.

    Raises ClientError where a service refuses (what was made for it is gone then), NotOurs for another group's package.
    """
    clients.say(f"looking at {deployment.endpoint}, because {ask.why}")
    asked = _asked(deployment, ask, clients)
    if asked is not None and not asked.usable:
        message = (
            f"version {asked.version} is {asked.standing}: once it is approved, it is deployed by itself"
        )
        return _result(deployment, "NotApproved", message, package=asked)
    result = _bring(deployment, ask, asked, clients)
    clients.say(f"{result.status}: {result.message}")
    return result


def _asked(deployment: Deployment, ask: Ask, clients: Clients) -> Package | None:
    if not ask.package:
        return None
    asked = registry.describe(clients.sagemaker, ask.package)
    if asked.group != deployment.group:
        raise NotOurs(
            f"{ask.package} is not of the group {deployment.group}, whose packages {deployment.endpoint} serves."
        )
    return asked


def _bring(deployment: Deployment, ask: Ask, asked: Package | None, clients: Clients) -> Result:
    taken_back: list[str] = []
    patience = _PATIENCE
    while True:
        approved = registry.approved(clients.sagemaker, deployment.group)
        if not approved:
            return _nothing(deployment, taken_back)
        wanted = plan(deployment, approved)
        endpoint = look(clients.sagemaker, deployment.endpoint)
        # To try again what has failed is for those who ask for that very package.
        meant = asked is None or asked.arn == wanted.newest.arn or endpoint is None
        insist = ask.insist and meant and not taken_back
        action = decide(endpoint, wanted.name, insist=insist)
        clients.say(_seen(approved, endpoint, wanted, action))
        if action is Action.REJECT and endpoint is not None:
            taken_back.append(_reject(deployment, wanted.newest, endpoint, clients))
            continue
        try:
            status, message = _do(action, deployment, wanted, endpoint, clients)
        except ClientError as error:
            patience -= 1
            if patience == 0 or look(clients.sagemaker, deployment.endpoint) == endpoint:
                raise
            clients.say(f"{error}: the endpoint has changed since; looking again")
            continue
        if taken_back:
            return _result(deployment, "RolledBack", "; ".join([*taken_back, message]), wanted)
        if asked is not None and asked.version < wanted.newest.version:
            newer = f"version {wanted.newest.version} is approved too, and newer than {asked.version}"
            return _result(deployment, "Superseded", f"{newer}; {message}", wanted)
        return _result(deployment, status, message, wanted)


def _do(
    action: Action, deployment: Deployment, wanted: Plan, endpoint: Endpoint | None, clients: Clients
) -> tuple[Status, str]:
    what = f"version {wanted.newest.version}"
    if action is Action.CREATE:
        start.create(deployment, wanted, clients)
        return "Creating", f"the endpoint is being created with {what}"
    if endpoint is None:
        return "Absent", f"there is no endpoint; {what} is approved, and deployed when somebody asks for it"
    match action:
        case Action.RECREATE:
            if start.recreate(deployment, wanted, clients):
                return "Creating", f"the endpoint, which had failed, is being created again with {what}"
            return "Busy", f"the failed endpoint is still being deleted; ask for {what} again when it is gone"
        case Action.UPDATE:
            start.update(deployment, wanted, endpoint, clients)
            return "Updating", f"the traffic moves to {what}"
        case Action.WAIT:
            return _under_way(wanted, endpoint, what)
        case Action.SETTLE:
            _settle(deployment, wanted, clients)
            return "InService", f"{what} is in service"
        case _:
            return "Failed", f"the endpoint could not be created with {what}: {endpoint.failure}"


def _under_way(wanted: Plan, endpoint: Endpoint, what: str) -> tuple[Status, str]:
    if endpoint.heading_for != wanted.name or endpoint.status == "Deleting":
        return "Busy", f"the endpoint is {endpoint.status}; {what} comes when that has ended"
    if endpoint.status == "Creating":
        return "Creating", f"the endpoint is being created with {what}"
    return "Updating", f"the traffic moves to {what}"


def _settle(deployment: Deployment, wanted: Plan, clients: Clients) -> None:
    """Bring what belongs to an endpoint in service to what the settings say, and sweep up what it left behind."""
    alarms.put(clients.cloudwatch, deployment, wanted.newest_variant)
    alarms.keep_only(clients.cloudwatch, deployment, clients.say)
    scaled = [each["VariantName"] for each in wanted.variants] if deployment.autoscaling else []
    scaling.keep_only(clients.autoscaling, deployment, scaled, clients.say)
    scaling.put(clients.autoscaling, deployment, wanted)
    # Asked again: what has been approved meanwhile may just be made by somebody else.
    approved = registry.approved(clients.sagemaker, deployment.group)
    now = look(clients.sagemaker, deployment.endpoint)
    serving = {now.configuration, now.pending} if now else set()
    this_and_previous = [plan(deployment, approved[number:]).names for number in range(min(2, len(approved)))]
    owned.sweep(clients, deployment.endpoint, wanted.names.union(serving, *this_and_previous))


def _reject(deployment: Deployment, package: Package, endpoint: Endpoint, clients: Clients) -> str:
    """Write down in the registry that the endpoint took a version back; returns the sentence."""
    found = alarms.state(clients.cloudwatch, alarms.of(deployment))
    loud = [each["AlarmName"] for each in found if each["StateValue"] == "ALARM"]
    why = endpoint.failure or (f"in ALARM: {', '.join(loud)}" if loud else "SageMaker gave no reason")
    reason = f"The endpoint {deployment.endpoint} took this version back: {why}"
    registry.reject(clients.sagemaker, package, reason)
    clients.say(f"rejected version {package.version}: {reason}")
    return f"version {package.version} was taken back and is rejected ({why})"


def _nothing(deployment: Deployment, taken_back: list[str]) -> Result:
    nothing = f"no version of the group {deployment.group} is approved"
    if taken_back:
        return _result(deployment, "RolledBack", "; ".join([*taken_back, nothing]))
    return _result(deployment, "NothingApproved", f"{nothing}; the endpoint, if there is one, stays as it is")


def _seen(approved: list[Package], endpoint: Endpoint | None, wanted: Plan, action: Action) -> str:
    versions = ", ".join(str(each.version) for each in approved[:5])
    state = "absent"
    if endpoint is not None:
        state = f"{endpoint.status} with {endpoint.heading_for}"
    return f"approved: {versions}; wanted: {wanted.name}; endpoint: {state}; decided: {action.name.lower()}"


def _result(
    deployment: Deployment,
    status: Status,
    message: str,
    wanted: Plan | None = None,
    package: Package | None = None,
) -> Result:
    about = wanted.newest if wanted else package
    return Result(
        status,
        message,
        deployment.endpoint,
        wanted.name if wanted else "",
        about.arn if about else "",
        about.version if about else None,
    )
