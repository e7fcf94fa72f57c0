"""Needs, and the policy that grants exactly them.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemakerai.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

EVERYWHERE = "*"  # for actions that know no resource


@dataclass(frozen=True, order=True)
class Need:
    """One action on one resource. ``why`` is the step, or what people do with the pipeline."""

    action: str
    resource: str
    why: str = field(compare=False)
    condition: tuple[str, str, str] | None = None  # operator, key, value


def policy(needs: Iterable[Need]) -> dict[str, Any]:
    """The policy document: one statement for each set of resources and condition, in a stable order."""
    resources: dict[tuple[str, Any], set[str]] = defaultdict(set)
    for need in needs:
        resources[need.action, need.condition].add(need.resource)
    actions: dict[tuple[tuple[str, ...], Any], list[str]] = defaultdict(list)
    for (action, condition), where in resources.items():
        actions[tuple(_widest(where)), condition].append(action)
    ordered = sorted(actions.items(), key=lambda entry: sorted(entry[1]))
    statements = [
        _statement(sorted(named), where, condition, _sid(number, named))
        for number, ((where, condition), named) in enumerate(ordered)
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _widest(resources: Iterable[str]) -> list[str]:
    """Without those that another one covers already."""
    from fnmatch import fnmatchcase

    every = sorted(set(resources))
    return [
        each
        for each in every
        if not any(other != each and "[" not in other and fnmatchcase(each, other) for other in every)
    ]


def _statement(
    actions: list[str], resources: tuple[str, ...], condition: tuple[str, str, str] | None, sid: str
) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": actions,
        "Resource": resources[0] if len(resources) == 1 else list(resources),
    }
    if condition:
        operator, key, value = condition
        statement["Condition"] = {operator: {key: value}}
    return statement


def _sid(number: int, actions: Iterable[str]) -> str:
    services = sorted({action.partition(":")[0] for action in actions})
    return "".join(service.title().replace("-", "") for service in services) + str(number)


def reasons(needs: Iterable[Need]) -> Mapping[str, list[str]]:
    """By action: why it is needed."""
    found: dict[str, set[str]] = defaultdict(set)
    for need in needs:
        found[need.action].add(need.why)
    return {action: sorted(why) for action, why in sorted(found.items())}
