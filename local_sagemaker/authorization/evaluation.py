"""One permission: do a principal's policies give it, or what does AWS say?

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local_sagemaker.policies import Context, decide

Policy = Mapping[str, Any]


@dataclass(frozen=True)
class Principal:
    """Who calls. ``boundary`` and ``session`` are None where there is none, which takes nothing away."""

    arn: str  # as messages name him: of a role, the session's
    entity: str  # the user or role that policies are about
    policies: Sequence[Policy] = ()
    boundary: Sequence[Policy] | None = None
    session: Sequence[Policy] | None = None
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Need:
    """One permission that a request needs."""

    action: str
    resource: str  # an ARN, or "*"
    context: Context = field(default_factory=dict)


def refusal(principal: Principal, need: Need, resource_policy: Policy | None = None) -> str | None:
    """None where it is allowed; else AWS's sentence: who, what, on what, and why not."""
    context = {**principal.context, **need.context}
    of_resource = [_about(resource_policy, principal)] if resource_policy else []
    layers: list[tuple[str, Sequence[Policy] | None]] = [
        ("an identity-based policy", principal.policies),
        ("a resource-based policy", of_resource),
        ("a permissions boundary", principal.boundary),
        ("a session policy", principal.session),
    ]
    says = {
        name: "allowed" if policies is None else decide(policies, need.action, need.resource, context)
        for name, policies in layers
    }
    denied = [name for name, decision in says.items() if decision == "explicitDeny"]
    who = f"User: {principal.arn} is not authorized to perform: {need.action} on resource: {need.resource}"
    if denied:
        return f"{who} with an explicit deny in {denied[0]}"
    # In one account either of the two grants; boundary and session only narrow.
    granted = "allowed" in (says["an identity-based policy"], says["a resource-based policy"])
    silent = [] if granted else ["identity-based policy"]
    silent += [kind for kind in ("permissions boundary", "session policy") if says[f"a {kind}"] != "allowed"]
    return f"{who} because no {silent[0]} allows the {need.action} action" if silent else None


def _about(policy: Policy, principal: Principal) -> Policy:
    """The statements of a resource's policy that speak of the principal."""
    statements = policy.get("Statement", [])
    statements = statements if isinstance(statements, list) else [statements]
    return {"Statement": [each for each in statements if _names(each.get("Principal"), each, principal)]}


def _names(named: Any, statement: Policy, principal: Principal) -> bool:
    if named == "*":
        return True
    accounts = named.get("AWS", []) if isinstance(named, Mapping) else []
    wanted = accounts if isinstance(accounts, list) else [accounts]
    # To name the account is to leave it to its own policies: that grants nothing, but it can take away.
    account = principal.entity.split(":")[4] if principal.entity.count(":") >= 5 else None
    whole = (
        {account, f"arn:aws:iam::{account}:root"} if account and statement.get("Effect") == "Deny" else set()
    )
    return any(each in {"*", principal.arn, principal.entity} | whole for each in wanted)
