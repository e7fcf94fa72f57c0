"""A definition as the rules see it: its steps, every literal with its path, and what expressions amount to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from local_sagemaker.pipelines import properties
from local_sagemaker.pipelines.definition import Definition, Step, parse
from local_sagemaker.pipelines.expressions import ExpressionError, expression, reference, references

# What an environment may demand of every job, and by which rules of ``demands.py`` it is held.
DEMANDS = ("kms", "vpc", "isolation", "encryption", "tags", "timeouts", "retries", "approval")

_LONGEST = 4096  # of a text that is put together; S3 has no longer addresses


@dataclass(frozen=True)
class Literal:
    """A value that stands in a definition as it is, inside of expressions too."""

    path: str
    key: str  # the last name of the path
    value: str | int | float | bool


@dataclass(frozen=True)
class Output:
    """An address at which a step writes."""

    step: str
    path: str
    value: Any  # a text or an expression


@dataclass(frozen=True)
class Subject:
    """What is linted, for whom, and when."""

    source: Mapping[str, Any]
    demands: frozenset[str]
    today: date

    @cached_property
    def definition(self) -> Definition:
        """The definition as records, as much of it as can be read."""
        return parse(self.source)[0]

    @property
    def steps(self) -> Iterable[Step]:
        """Every step, those of branches included."""
        return self.definition.steps.values()

    @cached_property
    def parameters_read(self) -> frozenset[str]:
        """The names of the parameters that something refers to."""
        places = [each for step in self.steps for each in step.written]
        places += [self.definition.experiment, self.definition.mlflow]
        return frozenset(
            named.name for place in places for named in references(place) if named.space == "Parameters"
        )

    @cached_property
    def outputs(self) -> list[Output]:
        """The addresses at which steps write exactly there; a training job adds its own name to its path."""
        return [output for step in self.steps for output in _outputs(step)]

    @cached_property
    def prefixes(self) -> list[str]:
        """Every address below which some step writes, as text."""
        values = [output.value for output in self.outputs]
        values += [value for step in self.steps for value in _members(step.arguments, "S3OutputPath")]
        return [text.rstrip("/") for text in map(self.text, values) if text]

    def text(self, value: Any) -> str:
        """A value in one line: what is only known at run time as ``${…}``, what a step's arguments say followed."""
        kind = expression(value)
        if kind == "Std:Join" and isinstance(value[kind], Mapping):
            parts = value[kind].get("Values")
            joined = str(value[kind].get("On", "")).join(
                map(self.text, parts if isinstance(parts, list) else [])
            )
            return joined if len(joined) <= _LONGEST else "${Std:Join}"
        if kind == "Get":
            return self._read(str(value["Get"]))
        if kind:
            return "${" + kind + "}"
        return value if isinstance(value, str) else "" if value is None else str(value)

    def _read(self, text: str) -> str:
        """What a ``Get`` amounts to; worked out once, and while that is done, nothing: it may lead to itself."""
        if text not in self._known:
            self._known[text] = unknown = "${" + text + "}"
            try:
                named = reference(text)
                if named.space == "Steps":
                    arguments = self.definition.steps[named.name].arguments
                    found = properties.walk(arguments, properties.parse(named.path))
                    self._known[text] = self.text(found)
            except (ExpressionError, KeyError, properties.PathError):
                self._known[text] = unknown
        return self._known[text]

    @cached_property
    def _known(self) -> dict[str, str]:
        return {}


def literals(value: Any, key: str = "", path: str = "") -> Iterator[Literal]:
    """Every text, number and truth value in ``value``, with its path; ``key`` is that of ``value`` itself."""
    if isinstance(value, Mapping):
        if expression(value) == "Get":
            return
        for name, item in value.items():
            yield from literals(item, str(name), f"{path}.{name}".removeprefix("."))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            name = _item_name(item)
            yield from literals(item, key, f"{path}['{name}']" if name else f"{path}[{index}]")
    elif isinstance(value, str | int | float | bool):
        yield Literal(path, key, value)


def walked(arguments: Any, path: str) -> Any:
    """What lies at a dotted path of names; None where nothing does, or an expression stands for a part of it."""
    for name in path.split("."):
        if not isinstance(arguments, Mapping) or expression(arguments):
            return None
        arguments = arguments.get(name)
    return arguments


def items(value: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """The objects of a list, each with ``['name']`` or ``[index]``; none of what is no list."""
    if not isinstance(value, list):
        return []
    named = ((index, item, _item_name(item)) for index, item in enumerate(value) if isinstance(item, Mapping))
    return [(f"['{name}']" if name else f"[{index}]", item) for index, item, name in named]


def _outputs(step: Step) -> Iterator[Output]:
    for place, item in items(walked(step.arguments, "ProcessingOutputConfig.Outputs")):
        uri = walked(item, "S3Output.S3Uri")
        if uri is not None:
            yield Output(step.name, f"ProcessingOutputConfig.Outputs{place}.S3Output.S3Uri", uri)
    path = "TransformOutput.S3OutputPath"
    if (uri := walked(step.arguments, path)) is not None:
        yield Output(step.name, path, uri)


def _members(value: Any, key: str) -> Iterator[Any]:
    """Every member called ``key``, at any depth."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name == key:
                yield item
            yield from _members(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _members(item, key)


def _item_name(item: Any) -> str:
    return next(iter(properties.item_names(item)), "")
