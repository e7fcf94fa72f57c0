"""What a condition step decides: every condition in its list must hold.

AWS documents the conditions but not how values of different types compare; here they do not, and the message
says so, because ``"0.9" < 0.95`` is either a mistake in the definition or a text that should be a number. Two
texts compare by their characters, as on AWS, where ``"1" > "3"`` is false and ``"1" > "0"`` is true.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from local_sagemaker.pipelines.expressions import ExpressionError, Scope, resolve

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "NotEquals": operator.ne,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}

# The members of a condition, by type. Those marked hold further conditions.
OPERANDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(COMPARISONS, ("LeftValue", "RightValue")),
    "In": ("QueryValue", "Values"),
    "NotIn": ("QueryValue", "Values"),
}
NESTED: dict[str, str] = {"Not": "Condition", "Or": "Conditions"}
TYPES = (*OPERANDS, *NESTED)


def holds(condition: Mapping[str, Any], scope: Scope) -> bool:
    """Whether one condition is true. Raises ExpressionError where it cannot be decided."""
    kind = condition["Type"]
    if kind in COMPARISONS:
        left, right = (resolve(condition[operand], scope) for operand in OPERANDS[kind])
        return _compare(kind, left, right)
    if kind in ("In", "NotIn"):
        query = resolve(condition["QueryValue"], scope)
        among = any(_compare("Equals", query, resolve(value, scope)) for value in condition["Values"])
        return among is (kind == "In")
    if kind == "Not":
        return not holds(condition["Condition"], scope)
    if kind == "Or":
        return any(holds(inner, scope) for inner in condition["Conditions"])
    raise ExpressionError(f"there is no condition of type {kind!r}.")


def all_hold(conditions: list[Mapping[str, Any]], scope: Scope) -> bool:
    """Whether all of them are true; true for none, as on AWS."""
    return all(holds(condition, scope) for condition in conditions)


def _compare(kind: str, left: Any, right: Any) -> bool:
    left_type, right_type = _type(left), _type(right)
    equality = kind in ("Equals", "NotEquals")
    if "null" in (left_type, right_type) and equality:
        return COMPARISONS[kind](left, right)
    if left_type != right_type or (left_type in ("boolean", "null", "object") and not equality):
        raise ExpressionError(
            f"{kind} cannot compare the {left_type} {left!r} with the {right_type} {right!r}: "
            "both must be numbers, or both texts."
        )
    return COMPARISONS[kind](left, right)


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    return "null" if value is None else "object"
