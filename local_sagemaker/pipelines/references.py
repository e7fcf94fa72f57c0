"""What expressions name: whether it exists, and of which type it will be.

A step's properties are the Describe answer of what it makes, so a path is walked through that answer's shape in
botocore's service model. What the arguments spell out can be looked into as well: the name of an output that
the step does not have is wrong although the shape admits any name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_sagemaker.pipelines import properties
from local_sagemaker.pipelines.definition import Definition, Step
from local_sagemaker.pipelines.expressions import (
    EXECUTION_VARIABLES,
    ExpressionError,
    Reference,
    expression,
    property_file,
    reference,
    references,
)
from local_sagemaker.pipelines.problem import hint
from local_sagemaker.pipelines.steps import STEP_TYPES
from local_sagemaker.pipelines.steps.for_each import OUTCOME
from local_sagemaker.service_model import Shape, output_shape

_PARAMETER_TYPES = {"String": "string", "Integer": "integer", "Float": "double", "Boolean": "boolean"}
_LITERAL_TYPES = {str: "string", int: "integer", float: "double", bool: "boolean"}


@dataclass(frozen=True)
class Kind:
    """The type of what an expression comes to: a botocore type name, or ``"any"``."""

    type: str
    shape: Shape | None = None  # of a step's property


ANY = Kind("any")
STRING = Kind("string")


class Unknown(ValueError):
    """An expression that cannot be read, or names what does not exist."""


def kind_of(value: Mapping[str, Any], step: Step, definition: Definition) -> Kind:
    """The type of an expression in ``step``. Raises Unknown, saying what is wrong with it."""
    which = expression(value)
    try:
        if which == "Get":
            return _get(reference(value["Get"]), step, definition)
        if which == "Std:Join":
            _check_join(value["Std:Join"], step, definition)
            return STRING
        _check_json_get(value["Std:JsonGet"], step, definition)
    except (ExpressionError, properties.PathError) as error:
        raise Unknown(str(error)) from None
    return ANY


def mistakes_of(step: Step, definition: Definition) -> Iterator[str]:
    """What is wrong with the expressions of a step, each message once."""
    seen: set[str] = set()
    for value in _expressions(step.written):
        try:
            kind_of(value, step, definition)
        except Unknown as error:
            if str(error) not in seen:
                seen.add(str(error))
                yield str(error)


def _expressions(value: Any) -> Iterator[Mapping[str, Any]]:
    """The outermost expressions in a value."""
    if expression(value):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _expressions(item)
    elif isinstance(value, list):
        for item in value:
            yield from _expressions(item)


def _get(named: Reference, step: Step, definition: Definition) -> Kind:
    if named.space == "Parameters":
        parameter = definition.parameters.get(named.name)
        if parameter is None:
            raise Unknown(f"there is no parameter {named.name!r}.{hint(named.name, definition.parameters)}")
        return Kind(_PARAMETER_TYPES[parameter.type])
    if named.space == "Execution":
        if named.name not in EXECUTION_VARIABLES:
            raise Unknown(
                f"there is no execution variable {named.name!r}.{hint(named.name, EXECUTION_VARIABLES)}"
            )
        return STRING
    if named.space == "ForEach":
        return _item(named, step, definition)
    if named.space == "IterationOutput":
        return _output(named, step, definition)
    return _property(_step(named.name, step, definition), properties.parse(named.path), definition)


def _step(name: str, step: Step, definition: Definition) -> Step:
    """The step of that name, as ``step`` may refer to it."""
    found = definition.steps.get(name)
    if found is None:
        raise Unknown(f"it refers to step {name!r}, which does not exist.{hint(name, definition.steps)}")
    if found.loop and found.loop != step.loop:
        raise Unknown(
            f"it refers to step {name!r}, which is in the body of ForEach {found.loop!r}: that runs once for each "
            f"item, so write Steps.{found.loop}.IterationOutputs[<index>].{name}.<property>."
        )
    if name == step.loop:
        raise Unknown(f"it is in the body of ForEach {name!r}, and cannot refer to how that ends.")
    return found


def _item(named: Reference, step: Step, definition: Definition) -> Kind:
    """An item, whole: of the type of the literal ones, where they are of one type."""
    if step.loop is None:
        raise Unknown(f"{named.text} is for the steps in the body of a ForEach.")
    if named.path:
        properties.parse(named.path)
        return ANY
    items = definition.steps[step.loop].arguments.get("IterableItems")
    types = {type(item) for item in items} if isinstance(items, list) else set()
    return Kind(_LITERAL_TYPES.get(types.pop(), "any")) if len(types) == 1 else ANY


def _output(named: Reference, step: Step, definition: Definition) -> Kind:
    """What a selector compares: a property of a step of the body."""
    body = definition.body(step.name)
    if step.type != "ForEach" or named.name not in body:
        near = f" its body has no step {named.name!r}.{hint(named.name, body)}" if body else ""
        raise Unknown(f"{named.text} is for the Field of a ForEach's Selector.{near}")
    return _property(body[named.name], properties.parse(named.path), definition)


def _of_loop(step: Step, parts: tuple[properties.Part, ...], definition: Definition) -> Kind:
    """What can be read of a ForEach: counts, an output of one iteration, an output of the selected one."""
    body, path = definition.body(step.name), properties.written(parts)
    if path in OUTCOME:
        return Kind(OUTCOME[path])
    if parts[0] == "Selected" and len(parts) > 1:
        selector = step.arguments.get("Selector")
        if not isinstance(selector, Mapping):
            raise Unknown(f"ForEach {step.name!r} has no Selector, so nothing is selected in it.")
        compared = next((each.name for each in references(selector.get("Field"))), None)
        return _property(body[compared], parts[1:], definition) if compared in body else ANY
    if parts[0] == "IterationOutputs" and len(parts) > 3 and isinstance(parts[1], int):
        items = step.arguments.get("IterableItems")
        if isinstance(items, list) and parts[1] >= len(items):
            raise Unknown(f"{path} of ForEach {step.name!r}: it has {len(items)} items, counted from 0.")
        if parts[2] not in body:
            raise Unknown(
                f"{path}: ForEach {step.name!r} has no step {parts[2]!r}.{hint(str(parts[2]), body)}"
            )
        return _property(body[str(parts[2])], parts[3:], definition)
    raise Unknown(
        f"ForEach {step.name!r} has no property {path!r}. (There is: {', '.join(OUTCOME)}, "
        "IterationOutputs[<index>].<step>.<property>, Selected.<property>.)"
    )


def _property(step: Step, parts: tuple[properties.Part, ...], definition: Definition) -> Kind:
    if step.type == "ForEach":
        return _of_loop(step, parts, definition)
    kind = STEP_TYPES.get(step.type)
    if kind is None:
        return ANY  # the type is reported with the step itself
    if not kind.describe:
        readable = {
            properties.written(properties.parse(path)): type_ for path, type_ in kind.readable(step).items()
        }
        path = properties.written(parts)
        if path in readable:
            return Kind(_PARAMETER_TYPES.get(readable[path], "any"))
        raise Unknown(f"step {step.name!r} ({step.type}) has no property {path!r}.{hint(path, readable)}")
    shape: Shape = output_shape(kind.listed.get(str(parts[0]), kind.describe))
    arguments: Any = step.arguments
    for depth, part in enumerate(parts):
        where = f"Steps.{step.name}" + "".join(f".{item}" for item in parts[:depth] if isinstance(item, str))
        shape = _below(shape, part, where)
        arguments = _echo(arguments, part, step, parts[:depth])
    return Kind(shape.type_name, shape)


def _below(shape: Shape, part: properties.Part, where: str) -> Shape:
    if shape.type_name == "structure":
        if part not in shape.members:
            raise Unknown(f"{where} has no property {part!r}.{hint(str(part), shape.members)}")
        return shape.members[part]
    if shape.type_name == "list":
        return shape.member
    if shape.type_name == "map":
        return shape.value
    raise Unknown(f"{where} is a {shape.type_name}; it has no property {part!r}.")


def _echo(arguments: Any, part: properties.Part, step: Step, before: Sequence[properties.Part]) -> Any:
    """What the arguments say about a property that Describe will echo; None where they say nothing."""
    if expression(arguments) or arguments is None:
        return None
    if isinstance(arguments, Mapping):
        return arguments.get(part)
    if not isinstance(arguments, list):
        return None
    if isinstance(part, int):
        return arguments[part] if part < len(arguments) else None
    names = [properties.item_names(item) for item in arguments]
    for item, own in zip(arguments, names, strict=True):
        if part in own:
            return item
    known = [name for own in names for name in own]
    if all(names):
        raise Unknown(
            f"step {step.name!r} has no {part!r} in {properties.written(before)}, which has: "
            f"{', '.join(known) or 'nothing'}.{_near(part, known)}"
        )
    return None


def _near(name: str, known: list[str]) -> str:
    found = hint(name, known)
    return found if "Did you mean" in found else ""


def _check_join(arguments: Any, step: Step, definition: Definition) -> None:
    if not isinstance(arguments, Mapping) or not isinstance(arguments.get("Values"), list):
        raise Unknown("Std:Join takes an object with On, a text, and Values, a list.")
    for key in arguments:
        if key not in ("On", "Values"):
            raise Unknown(f"Std:Join: Cannot parse object, unknown property {key!r}.")
    for value in arguments["Values"]:
        if expression(value):
            kind = kind_of(value, step, definition)
            if kind.type in ("structure", "list", "map"):
                raise Unknown(f"Std:Join cannot join a {kind.type}: {value}.")
        elif not isinstance(value, str | int | float | bool):
            raise Unknown(f"Std:Join cannot join {value!r}.")


def _check_json_get(arguments: Any, step: Step, definition: Definition) -> None:
    if not isinstance(arguments, Mapping) or not isinstance(arguments.get("Path"), str):
        raise Unknown("Std:JsonGet takes an object with Path, a text, and PropertyFile or S3Uri.")
    if ("PropertyFile" in arguments) == ("S3Uri" in arguments):
        raise Unknown("Std:JsonGet takes one of PropertyFile and S3Uri.")
    if "S3Uri" in arguments:
        if expression(arguments["S3Uri"]):
            kind_of(arguments["S3Uri"], step, definition)
        return
    name, file = property_file(arguments["PropertyFile"])
    files = _step(name, step, definition).property_files
    if file not in files:
        raise Unknown(f"step {name!r} declares no property file {file!r}.{hint(file, files)}")
