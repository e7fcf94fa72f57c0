"""What a Lambda or a Callback step hands on: the outputs that it declares, each with its type."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from local_sagemaker.pipelines import properties
from local_sagemaker.pipelines.definition import Step
from local_sagemaker.pipelines.problem import hint

OUTPUT_TYPES: dict[str, type | tuple[type, ...]] = {
    "String": str,
    "Integer": int,
    "Float": (int, float),
    "Boolean": bool,
}
MEMBER = "OutputParameters"


def declared(step: Step) -> dict[str, str]:
    """The step's outputs: name -> type. What is none is left out."""
    return {each["OutputName"]: each["OutputType"] for each in _written(step) if _mistake(each) is None}


def readable(step: Step) -> dict[str, str]:
    """The same, by the path under which later steps read them."""
    return {properties.written((MEMBER, name)): kind for name, kind in declared(step).items()}


def mistakes(step: Step) -> Iterator[str]:
    """Outputs that are none."""
    for index, each in enumerate(_written(step)):
        mistake = _mistake(each)
        if mistake:
            yield f"{MEMBER}[{index}]{mistake}"


def fits(value: Any, kind: str) -> bool:
    """Whether a value is of that type; ``true`` is no number."""
    return isinstance(value, OUTPUT_TYPES[kind]) and (kind == "Boolean" or not isinstance(value, bool))


def read(text: str, kind: str) -> Any:
    """The value of that type that a text stands for. Raises ValueError."""
    if kind == "String":
        return text
    try:
        value = json.loads(text.lower() if kind == "Boolean" else text)
    except ValueError:
        value = None
    if not fits(value, kind) or value in (math.inf, -math.inf) or value != value:
        raise ValueError(f"{text!r} is not a value of type {kind}")
    return value


def listed(values: Mapping[str, Any]) -> list[dict[str, str]]:
    """Outputs as the API shows them: texts."""
    return [
        {"Name": name, "Value": value if isinstance(value, str) else json.dumps(value)}
        for name, value in values.items()
    ]


def _written(step: Step) -> list[Any]:
    written = step.settings.get(MEMBER) or []
    return written if isinstance(written, list) else [written]


def _mistake(output: Any) -> str | None:
    if not isinstance(output, Mapping) or not isinstance(output.get("OutputName"), str):
        return " is an object with OutputName and OutputType."
    kind = output.get("OutputType")
    if not isinstance(kind, str) or kind not in OUTPUT_TYPES:
        return f": there is no OutputType {kind!r}.{hint(str(kind), OUTPUT_TYPES)}"
    return None
