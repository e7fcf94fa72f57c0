"""What a start may set: checked against the declared parameters, then typed.

Values travel as texts in the API; in expressions they have the type that the parameter declares.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local_sagemaker.errors import ValidationException
from local_sagemaker.pipelines.definition import Parameter
from local_sagemaker.pipelines.expressions import text_of
from local_sagemaker.pipelines.problem import hint

MAX_PARAMETERS = 200  # of an execution; a value has at most 1,024 characters
MAX_LENGTH = 1024


def typed(parameter: Parameter, value: Any) -> Any:
    """``value``, a text or of its type already, as the parameter's type. Raises ValueError: why not."""
    result = _CONVERT[parameter.type](value)
    if parameter.enum and result not in parameter.enum:
        raise ValueError(f"{value!r} is not one of {', '.join(map(str, parameter.enum))}")
    if len(text_of(result)) > MAX_LENGTH:
        raise ValueError(f"it has more than {MAX_LENGTH} characters")
    return result


def bind(declared: Mapping[str, Parameter], given: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """The typed value of every declared parameter: what was given, else the default.

    ``given`` is a request's PipelineParameters. Raises ValidationException, naming every parameter that is
    unknown, repeated, of the wrong type or missing.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    for item in given:
        name, value = item["Name"], item["Value"]
        if name not in declared:
            problems.append(f"[{name}]: the pipeline has no such parameter.{hint(name, declared)}")
        elif name in values:
            problems.append(f"[{name}]: it is given twice.")
        else:
            try:
                values[name] = typed(declared[name], value)
            except ValueError as error:
                values[name] = None
                problems.append(f"[{name}]: {error}.")
    for name, parameter in declared.items():
        if name not in values and parameter.default is None:
            problems.append(f"[{name}]: it has no default, so it must be given.")
    if len(values) > MAX_PARAMETERS:
        problems.append(f"{len(values)} are given; at most {MAX_PARAMETERS} can be.")
    if problems:
        raise ValidationException("Invalid pipeline parameters: " + " ".join(problems))
    return {
        name: values[name] if name in values else typed(parameter, parameter.default)
        for name, parameter in declared.items()
    }


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"{value!r} is not a String")


def _integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        if isinstance(value, str):
            return int(value)
    except ValueError:
        pass
    raise ValueError(f"{value!r} is not an Integer")


def _float(value: Any) -> float:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if math.isfinite(number):
            return number
    raise ValueError(f"{value!r} is not a Float")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"  # the SDK sends "True"
    raise ValueError(f"{value!r} is not a Boolean: true or false")


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "String": _string,
    "Integer": _integer,
    "Float": _float,
    "Boolean": _boolean,
}
