"""ForEach: runs the steps of its body once for each item. The engine makes the children; see ``iterations``.

The form is that which SDK 3.27 writes; AWS has no page on it yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local_sagemaker import json_text
from local_sagemaker.pipelines.definition import Step
from local_sagemaker.pipelines.expressions import ExpressionError, expression, reference
from local_sagemaker.pipelines.problem import hint
from local_sagemaker.pipelines.steps.base import StepType

MOST_ITEMS = 100  # that are written out
MOST_AT_A_TIME = 50
PICKS = ("MaxBy", "MinBy")
NOT_IN_A_BODY = ("Condition", "Fail", "ForEach")
OUTCOME = {  # what can be read of one as a whole: property -> botocore type
    "Status": "string",
    "InputItemCount": "integer",
    "TotalStepCount": "integer",
    "SucceededStepCount": "integer",
    "FailedStepCount": "integer",
    "StoppedStepCount": "integer",
}
_ARGUMENTS = ("IterableItems", "MaxConcurrency", "Selector", "ForEachBody")


@dataclass(frozen=True, kw_only=True)
class ForEachStep(StepType):
    """What is wrong with one by itself; ``loops`` looks at it within its pipeline."""

    def mistakes(self, step: Step) -> Iterable[str]:
        """Items that are none, a limit out of range, a selector that selects nothing."""
        for key in step.arguments:
            if key not in _ARGUMENTS:
                yield f"Cannot parse object, unknown property {key!r}.{hint(key, _ARGUMENTS)}"
        yield from _items(step.arguments.get("IterableItems"))
        most = step.arguments.get("MaxConcurrency")
        if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= MOST_AT_A_TIME:
            yield f"MaxConcurrency is an integer from 1 to {MOST_AT_A_TIME}, not {most!r}."
        if step.arguments.get("Selector") is not None:
            yield from _selector(step.arguments["Selector"])


def child_name(name: str, index: int) -> str:
    """What the step is called that an item makes of a step of the body."""
    return f"{name}-{index}"


def items_of(value: Any) -> list[Any]:
    """The items that a resolved IterableItems stands for: a list, or the text of one. Raises ExpressionError."""
    items = value
    if isinstance(value, str):
        try:
            items = json_text.parse(value)
        except ValueError:
            items = None
    if not isinstance(items, list):
        raise ExpressionError(f"IterableItems should come to the text of a JSON list; it is {value!r}.")
    if None in items:
        raise ExpressionError(f"IterableItems has null at index {items.index(None)}; an item is a value.")
    return items


def _items(items: Any) -> Iterator[str]:
    if expression(items):
        return
    if not isinstance(items, list):
        yield (
            "IterableItems is a list of items, or an expression that comes to the text of a JSON list, "
            f"not {items!r}."
        )
        return
    if not 1 <= len(items) <= MOST_ITEMS:
        yield f"IterableItems has {len(items)} items; a list that is written out has 1 to {MOST_ITEMS}."
    for index, item in enumerate(items):
        if not isinstance(item, str | int | float | bool) and not expression(item):
            yield (
                f"IterableItems[{index}] is a text, a number, a boolean or an expression, not {item!r}; "
                "an object is written as its JSON text."
            )


def _selector(selector: Any) -> Iterator[str]:
    if not isinstance(selector, Mapping):
        yield "Selector is an object with Pick and Field."
        return
    for key in selector:
        if key not in ("Pick", "Field"):
            yield f"Selector: Cannot parse object, unknown property {key!r}.{hint(key, ('Pick', 'Field'))}"
    pick = selector.get("Pick")
    if pick not in PICKS:
        yield f"Selector has no Pick {pick!r}.{hint(str(pick), PICKS)}"
    field = selector.get("Field")
    try:
        if isinstance(field, Mapping) and reference(field.get("Get")).space == "IterationOutput":
            return
    except ExpressionError:
        pass
    yield f"Selector.Field is {{'Get': 'IterationOutput.<step of the body>.<property>'}}, not {field!r}."


FOR_EACH = ForEachStep(name="ForEach")
