"""IAM's policy evaluation: may this action be done, by these policies?

An explicit Deny wins, then an Allow, and whatever no statement speaks of is denied.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

Context = Mapping[str, Sequence[str]]  # condition key, lower case -> its values in the request


def decide(policies: Iterable[Mapping[str, Any]], action: str, resource: str, context: Context) -> str:
    """``allowed``, ``explicitDeny`` or ``implicitDeny``, as SimulatePrincipalPolicy says it."""
    effects = {
        statement.get("Effect")
        for policy in policies
        for statement in _list(policy.get("Statement", []))
        if _speaks_of(statement, action, resource, context)
        and _holds(statement.get("Condition", {}), context)
    }
    return "explicitDeny" if "Deny" in effects else "allowed" if "Allow" in effects else "implicitDeny"


def _speaks_of(statement: Mapping[str, Any], action: str, resource: str, context: Context) -> bool:
    # Action names are compared without case, resources with it.
    actions, subject = statement.get("Action", statement.get("NotAction", [])), action.lower()
    of_action = any(_like(subject, pattern.lower()) for pattern in _list(actions)) != (
        "NotAction" in statement
    )
    resources = statement.get("Resource", statement.get("NotResource", "*"))
    # Simulated with no resource, the resource is "*", which only a statement about every resource matches.
    of_resource = any(_like(resource, _filled(pattern, context)) for pattern in _list(resources)) != (
        "NotResource" in statement
    )
    return of_action and of_resource


def _holds(condition: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """Every operator and every key of it must hold; one value of several is enough."""
    return all(
        _test(name, [_filled(_text(value), context) for value in _list(wanted)], context.get(key.lower()))
        for name, keys in condition.items()
        for key, wanted in keys.items()
    )


def _test(name: str, wanted: Sequence[str], values: Sequence[str] | None) -> bool:
    base = name.removesuffix("IfExists")
    every = base.startswith("ForAllValues:")
    base = base.removeprefix("ForAllValues:").removeprefix("ForAnyValue:")
    if base == "Null":
        return (values is None) == (wanted[0].lower() == "true")
    if values is None:
        return name.endswith("IfExists") or every
    negative = base in _NEGATIVE
    test = _TESTS.get(_NEGATIVE.get(base, base))
    if test is None:
        return False  # an operator we do not know grants nothing
    results = [any(test(value, want) for want in wanted) != negative for value in values]
    return all(results) if every or negative else any(results)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _filled(pattern: str, context: Context) -> str:
    """The pattern with its policy variables, ``${aws:username}``, replaced; one without a value stays."""

    def value(found: re.Match[str]) -> str:
        values = context.get(found[1].lower(), ())
        return values[0] if len(values) == 1 else found[0]

    return re.sub(r"\$\{([^}]+)\}", value, pattern) if "${" in pattern else pattern


def _like(value: str, pattern: str) -> bool:
    made = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch(made, value, re.DOTALL) is not None


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def test(value: str, want: str) -> bool:
        try:
            return compare(float(value), float(want))
        except ValueError:
            return False

    return test


def _date(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def test(value: str, want: str) -> bool:
        with suppress(ValueError):
            return compare(_seconds(value), _seconds(want))
        return False

    return test


def _seconds(text: str) -> float:
    """An ISO 8601 time or epoch seconds."""
    with suppress(ValueError):
        return float(text)
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _within(value: str, want: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(value) in ipaddress.ip_network(want, strict=False)
    return False


def _same(value: str, want: str) -> bool:
    return value == want


def _same_without_case(value: str, want: str) -> bool:
    return value.lower() == want.lower()


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": _same,
    "StringEqualsIgnoreCase": _same_without_case,
    "StringLike": _like,
    "ArnEquals": _like,  # AWS: ArnEquals and ArnLike behave identically
    "ArnLike": _like,
    "Bool": _same_without_case,
    "NumericEquals": _number(operator.eq),
    "NumericLessThan": _number(operator.lt),
    "NumericLessThanEquals": _number(operator.le),
    "NumericGreaterThan": _number(operator.gt),
    "NumericGreaterThanEquals": _number(operator.ge),
    "IpAddress": _within,
    "DateEquals": _date(operator.eq),
    "DateLessThan": _date(operator.lt),
    "DateLessThanEquals": _date(operator.le),
    "DateGreaterThan": _date(operator.gt),
    "DateGreaterThanEquals": _date(operator.ge),
}
_NEGATIVE = {
    "NotIpAddress": "IpAddress",
    "DateNotEquals": "DateEquals",
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnLike",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
}


def _list(value: Any) -> list[Any]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if each is not None]  # moto keeps a template's AWS::NoValue as null
