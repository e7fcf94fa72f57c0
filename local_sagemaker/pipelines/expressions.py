"""What stands for a value in a definition, and what it comes to.

    {"Get": "Parameters.X"}           a start parameter, of its declared type
    {"Get": "Execution.X"}            something about this execution; a text
    {"Get": "Steps.S.<path>"}         a field of step S's Describe answer
    {"Get": "ForEach.CurrentItem"}    in a ForEach's body the item, or with a path a field of it
    {"Get": "IterationOutput.S.<path>"}  in a ForEach's selector, a field of step S of its body
    {"Std:Join": {"On", "Values"}}    the values as texts, joined
    {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.S.PropertyFiles.F"}, "Path"}}
    {"Std:JsonGet": {"S3Uri", "Path"}}

An expression is an object with one of these keys and no other; anything else is an ordinary value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local_sagemaker import json_text
from local_sagemaker.errors import AwsError
from local_sagemaker.pipelines import properties
from local_sagemaker.pipelines.definition import Definition, Iteration
from local_sagemaker.pipelines.problem import hint

# https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-properties.html and the SDK's list
EXECUTION_VARIABLES = (
    "StartDateTime",
    "CurrentDateTime",
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "TrainingJobName",
    "ProcessingJobName",
)


_FIRST = re.compile(r"([^.\[]*)\.?(.*)", re.DOTALL)  # the first name of a path, and the rest


class ExpressionError(ValueError):
    """The expression cannot be read, or comes to nothing."""


@dataclass(frozen=True)
class Scope:
    """All that an expression can refer to while one step is prepared."""

    definition: Definition
    parameters: Mapping[str, Any]  # typed values
    execution: Mapping[str, str]  # those of EXECUTION_VARIABLES that there are
    steps: Mapping[str, Mapping[str, Any]]  # the Describe answers of the steps that have ended
    read: Callable[[str], bytes]  # one S3 object by its URI
    iteration: Iteration | None = None  # that the step is for


@dataclass(frozen=True)
class Reference:
    """What one ``Get`` names."""

    space: str  # "Parameters", "Execution", "Steps", "ForEach" or "IterationOutput"
    name: str
    path: str = ""  # not of parameters and execution variables

    @property
    def text(self) -> str:
        """As it is written in a definition."""
        return ".".join(filter(None, (self.space, self.name, self.path))).replace(".[", "[")


def expression(value: Any) -> str | None:
    """Which expression ``value`` is: ``"Get"``, ``"Std:Join"``, ``"Std:JsonGet"``; None where it is none."""
    if isinstance(value, Mapping) and len(value) == 1:
        (kind,) = value
        return kind if kind in _EVALUATE else None
    return None


def resolve(value: Any, scope: Scope) -> Any:
    """``value`` with every expression in it replaced by what it comes to. Raises ExpressionError."""
    kind = expression(value)
    if kind:
        return _EVALUATE[kind](value[kind], scope)
    if isinstance(value, Mapping):
        return {key: resolve(item, scope) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, scope) for item in value]
    return value


def references(value: Any) -> Iterator[Reference]:
    """Everything that the expressions in ``value`` name; what cannot be read is left out."""
    if isinstance(value, Mapping):
        if expression(value) == "Get" and isinstance(value["Get"], str):
            try:
                yield reference(value["Get"])
            except ExpressionError:
                return
        else:
            for item in value.values():
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def reference(text: Any) -> Reference:
    """Read the text of a ``Get``. Raises ExpressionError."""
    if isinstance(text, str):
        space, _, rest = text.partition(".")
        if space in ("Parameters", "Execution") and rest:
            return Reference(space, rest)
        if space == "Steps":
            # A list's or map's key comes right after the name where the step's answer itself is asked for.
            name, _, path = rest.partition(".")
            if name and path:
                return Reference(space, name, path)
        if space in ("ForEach", "IterationOutput"):
            name, path = _FIRST.fullmatch(rest).groups()  # type: ignore[union-attr]  # it matches any text
            if (name == "CurrentItem") if space == "ForEach" else (name and path):
                return Reference(space, name, path)
    raise ExpressionError(
        f"cannot read {{'Get': {text!r}}}: it should be Parameters.<name>, Execution.<name>, "
        "Steps.<step>.<path> or ForEach.CurrentItem."
    )


def text_of(value: Any) -> str:
    """A value as Std:Join writes it: booleans in lower case, objects and lists as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        raise ExpressionError("Std:Join cannot join null.")
    return json.dumps(value)


def property_file_uri(step: str, name: str, scope: Scope) -> str:
    """Where the property file ``name`` of a finished processing step lies. Raises ExpressionError."""
    file = scope.definition.steps[step].property_files.get(name)
    if file is None:
        raise ExpressionError(
            f"step {step!r} has no property file {name!r}."
            f"{hint(name, scope.definition.steps[step].property_files)}"
        )
    try:
        uri = properties.walk(
            scope.steps[step], ("ProcessingOutputConfig", "Outputs", file.output, "S3Output", "S3Uri")
        )
    except (KeyError, properties.PathError) as error:
        raise ExpressionError(f"property file {name!r} of step {step!r}: {error}") from None
    return f"{str(uri).rstrip('/')}/{file.path}"


def _get(text: Any, scope: Scope) -> Any:
    named = reference(text)
    return _SPACES[named.space](named, scope)


def _parameter(named: Reference, scope: Scope) -> Any:
    if named.name not in scope.parameters:
        raise ExpressionError(f"{named.text} is undefined.{hint(named.name, scope.parameters)}")
    return scope.parameters[named.name]


def _execution(named: Reference, scope: Scope) -> str:
    if named.name not in scope.execution:
        raise ExpressionError(f"{named.text} is undefined.{hint(named.name, scope.execution)}")
    return scope.execution[named.name]


def _step(named: Reference, scope: Scope) -> Any:
    if named.name not in scope.steps:
        raise ExpressionError(f"{named.text} is undefined: step {named.name!r} has no result.")
    try:
        return properties.walk(scope.steps[named.name], properties.parse(named.path))
    except properties.PathError as error:
        raise ExpressionError(f"{named.text} is undefined: {error}.") from None


def _item(named: Reference, scope: Scope) -> Any:
    """The item of the iteration: whole, an object as its text; or a field of it, which may be such a text itself."""
    if scope.iteration is None:
        raise ExpressionError(f"{named.text} is undefined: this step is in no ForEach.")
    item = scope.iteration.item
    if not named.path:
        return json.dumps(item) if isinstance(item, Mapping | list) else item
    try:
        fields = json_text.parse(item) if isinstance(item, str) else item
        return properties.walk(fields, properties.parse(named.path))
    except properties.PathError as error:
        raise ExpressionError(f"{named.text} is undefined: {error}.") from None
    except ValueError:
        raise ExpressionError(f"{named.text} is undefined: the item {item!r} is not a JSON object.") from None


def _only_in_a_selector(named: Reference, scope: Scope) -> Any:
    del scope
    raise ExpressionError(f"{named.text} is undefined: only the Field of a ForEach's Selector can be that.")


def _join(arguments: Any, scope: Scope) -> str:
    if not isinstance(arguments, Mapping) or not isinstance(arguments.get("Values"), list):
        raise ExpressionError("Std:Join takes an object with On, a text, and Values, a list.")
    values = (resolve(value, scope) for value in arguments["Values"])
    return str(arguments.get("On", "")).join(text_of(value) for value in values)


def _json_get(arguments: Any, scope: Scope) -> Any:
    if not isinstance(arguments, Mapping) or not isinstance(arguments.get("Path"), str):
        raise ExpressionError("Std:JsonGet takes an object with Path, and PropertyFile or S3Uri.")
    if "PropertyFile" in arguments:
        step, name = property_file(arguments["PropertyFile"])
        if step not in scope.steps:
            raise ExpressionError(f"property file {name!r}: step {step!r} has no result.")
        uri = property_file_uri(step, name, scope)
    else:
        uri = resolve(arguments.get("S3Uri"), scope)
        if not isinstance(uri, str):
            raise ExpressionError("Std:JsonGet takes an object with Path, and PropertyFile or S3Uri.")
    try:
        document = json_text.parse(scope.read(uri))
    except AwsError as error:
        raise ExpressionError(f"Std:JsonGet cannot read {uri}: {error.message}") from None
    except ValueError as error:
        raise ExpressionError(f"Std:JsonGet: {uri} is not JSON: {error}.") from None
    try:
        return json_path(document, arguments["Path"])
    except properties.PathError as error:
        raise ExpressionError(f"Invalid json path {arguments['Path']!r} for {uri}: {error}.") from None


def property_file(value: Any) -> tuple[str, str]:
    """Step and name that ``{"Get": "Steps.S.PropertyFiles.N"}`` names. Raises ExpressionError."""
    text = value.get("Get") if isinstance(value, Mapping) else value
    named = reference(text)
    space, _, name = named.path.partition(".")
    if named.space != "Steps" or space != "PropertyFiles" or not name:
        raise ExpressionError(
            f"a property file is {{'Get': 'Steps.<step>.PropertyFiles.<name>'}}, not {value!r}."
        )
    return named.name, name


def json_path(document: Any, path: str) -> Any:
    """What JsonPath ``path`` selects: one value. Raises properties.PathError.

    Names, keys and positions are read here; only a path with more than that (wildcards, filters) pays for
    loading a whole JsonPath parser, about 50 ms.
    """
    try:
        parts = properties.parse(path.removeprefix("$").removeprefix("."))
    except properties.PathError:
        return _full_json_path(document, path)
    return properties.walk(document, parts)


def _full_json_path(document: Any, path: str) -> Any:
    from jsonpath_ng.exceptions import JSONPathError
    from jsonpath_ng.ext import parse

    try:
        found = [match.value for match in parse(path).find(document)]
    except (JSONPathError, AttributeError, TypeError) as error:
        raise properties.PathError(f"not a JsonPath ({error})") from None
    if len(found) != 1:
        raise properties.PathError(f"it selects {len(found)} values; one is needed")
    return found[0]


_SPACES: dict[str, Callable[[Reference, Scope], Any]] = {
    "Parameters": _parameter,
    "Execution": _execution,
    "Steps": _step,
    "ForEach": _item,
    "IterationOutput": _only_in_a_selector,
}
_EVALUATE: dict[str, Callable[[Any, Scope], Any]] = {
    "Get": _get,
    "Std:Join": _join,
    "Std:JsonGet": _json_get,
}
