"""A step's arguments against the request shape of its operation, with expressions typed.

Everything that the service would refuse when the step runs can be known when it is written: a misspelt member,
a missing role, a number where a text belongs, a parameter of the wrong type, a default that is no instance
type. An expression stands for a value of the type that ``references.kind_of`` gives it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local_sagemaker import validation
from local_sagemaker.pipelines.definition import Definition, Step
from local_sagemaker.pipelines.expressions import expression
from local_sagemaker.pipelines.references import ANY, Kind, Unknown, kind_of
from local_sagemaker.pipelines.steps import STEP_TYPES
from local_sagemaker.pipelines.steps.base import StepType
from local_sagemaker.service_model import Shape, input_shape

_FITS = {  # the type that the request wants: the types that an expression may have
    "string": ("string",),
    "integer": ("integer", "long"),
    "long": ("integer", "long"),
    "float": ("float", "double", "integer", "long"),
    "double": ("float", "double", "integer", "long"),
    "boolean": ("boolean",),
    "timestamp": ("timestamp", "string"),
}

_LITERALS = {"string": str, "boolean": bool}  # of a step's settings


def mismatches(step: Step, definition: Definition) -> Iterator[str]:
    """Every argument that the operation will refuse, with its place."""
    kind = STEP_TYPES[step.type]
    yield from _settings(step, kind, definition)
    if not kind.create:
        return

    def placeholder(shape: Shape, value: Any, path: validation.Path) -> list[validation.Problem] | None:
        return _expression(shape, value, path, step, definition) if expression(value) else None

    found = validation.problems(input_shape(kind.create), step.arguments, placeholder=placeholder)
    for problem in found:
        if problem.constraint != "required" or problem.where not in kind.filled_in:
            yield f"Arguments.{problem.where}: {_said(problem)}"


def _settings(step: Step, kind: StepType, definition: Definition) -> Iterator[str]:
    """Settings beside the arguments that are not of their type; null is the same as none."""
    for name, wanted in kind.settings.items():
        value: Any = step.settings.get(name)
        if expression(value):
            try:
                given = kind_of(value, step, definition)
            except Unknown:
                continue  # reported once, with the references
            if given != ANY and given.type != wanted:
                yield f"{name} must be {_article(wanted)}, but {_shown(value)} is {_article(given.type)}."
        elif value is not None and not isinstance(value, _LITERALS[wanted]):
            yield f"{name} must be {_article(wanted)}; it is {value!r}."


def _expression(
    shape: Shape, value: dict[str, Any], path: validation.Path, step: Step, definition: Definition
) -> list[validation.Problem]:
    """What is wrong with an expression in a place that wants ``shape``; never None, so that it is the answer."""
    try:
        kind = kind_of(value, step, definition)
    except Unknown:
        return []  # reported once, with the references
    if not _fits(shape, kind):
        wanted, given = _article(shape.type_name), _article(kind.type)
        return [validation.Problem(path, "type", f"Member must be {wanted}, but {_shown(value)} is {given}")]
    return _parameter_values(shape, value, path, definition)


def _fits(shape: Shape, kind: Kind) -> bool:
    if kind == ANY:
        return True
    if shape.type_name in _FITS:
        return kind.type in _FITS[shape.type_name]
    return bool(kind.shape is not None and kind.type == shape.type_name)


def _parameter_values(
    shape: Shape, value: dict[str, Any], path: validation.Path, definition: Definition
) -> list[validation.Problem]:
    """A parameter's default, and each of its EnumValues, must fit where the parameter is used."""
    name = str(value.get("Get", "")).removeprefix("Parameters.")
    parameter = definition.parameters.get(name)
    if expression(value) != "Get" or parameter is None or parameter.type != "String":
        return []
    values = dict.fromkeys(item for item in (parameter.default, *parameter.enum) if isinstance(item, str))
    return [
        validation.Problem(
            path, problem.constraint, f"{problem.reason} ({item!r} of parameter {name!r} does not)", item
        )
        for item in values
        for problem in validation.problems(shape, item, path=path)
    ]


def _said(problem: validation.Problem) -> str:
    if problem.value is None or problem.constraint in ("unknown", "required"):
        return f"{problem.reason}."
    text = repr(problem.value)
    return f"{problem.reason}; it is {text if len(text) <= 100 else text[:99] + '…'}."


def _article(type_name: str) -> str:
    return f"an {type_name}" if type_name[0] in "aeiou" else f"a {type_name}"


def _shown(value: dict[str, Any]) -> str:
    return str(value["Get"]) if "Get" in value else next(iter(value))
