"""What is wrong with a ForEach, seen within its pipeline: its body, its items, and the names its children will have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from local_sagemaker.pipelines.definition import MOST_OF_A_NAME, Definition, Step
from local_sagemaker.pipelines.expressions import ExpressionError, expression, reference
from local_sagemaker.pipelines.references import Unknown, kind_of
from local_sagemaker.pipelines.steps.for_each import NOT_IN_A_BODY, child_name, items_of

_CHILD = re.compile(r"(.+)-\d+")


def mistakes_in(step: Step, definition: Definition) -> Iterator[str]:
    """Of a ForEach, of a step in a body, and of a step that is called like a child of one."""
    if step.type == "ForEach":
        yield from _items(step, definition)
        if not definition.body(step.name):
            yield "ForEachBody is a list with at least one step."
    child = _CHILD.fullmatch(step.name)
    body_step = definition.steps.get(child[1]) if child else None
    if body_step and body_step.loop:
        yield (
            f"no step may be called like this: ForEach {body_step.loop!r} makes the steps {body_step.name}-0, "
            f"{body_step.name}-1, … of {body_step.name!r}."
        )
    if step.loop and step.type in NOT_IN_A_BODY:
        yield f"a {step.type} step cannot be in the body of a ForEach ({step.loop!r})."
    for dependency in step.depends_on:
        upstream = definition.steps.get(dependency.step)
        if upstream and upstream.loop and upstream.loop != step.loop:
            yield (
                f"it depends on step {upstream.name!r}, which is in the body of ForEach {upstream.loop!r}: "
                "depend on that."
            )
        elif dependency.step == step.loop:
            yield f"it is in the body of ForEach {step.loop!r}, and cannot depend on its end."


def _items(step: Step, definition: Definition) -> Iterator[str]:
    """Items that are known not to be a list, and too many for the names of the children."""
    items: Any = step.arguments.get("IterableItems")
    if expression(items):
        try:
            kind = kind_of(items, step, definition).type
        except Unknown:
            return  # reported once, with the references
        if kind not in ("string", "any"):
            yield f"IterableItems comes to a value of type {kind}; it should be the text of a JSON list."
            return
        items = _default(items, definition)
        if items is None:
            return
        try:
            items = items_of(items)
        except ExpressionError as error:
            yield f"{error} (It is the parameter's default.)"
            return
    for name in definition.body(step.name) if isinstance(items, list) else ():
        longest = child_name(name, max(len(items) - 1, 0))
        if len(longest) > MOST_OF_A_NAME:
            yield f"a child would be called {longest!r}; a step's name has at most {MOST_OF_A_NAME} characters."


def _default(value: Any, definition: Definition) -> Any:
    """The default of the parameter that an expression is; None where it is something else, or has none."""
    if expression(value) != "Get":
        return None
    named = reference(value["Get"])
    parameter = definition.parameters.get(named.name) if named.space == "Parameters" else None
    return parameter.default if parameter else None
