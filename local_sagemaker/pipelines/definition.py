"""A pipeline definition as records: parsed once, read by the checker and by the engine alike.

The form is that of ``PipelineDefinition``, version 2020-12-01. The steps of a condition's branches and of a
ForEach's body are lifted to the top, each remembering where it was, so that everything else sees one flat set
of steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_sagemaker import json_text
from local_sagemaker.errors import ValidationException
from local_sagemaker.pipelines.problem import Problem, hint

VERSION = "2020-12-01"
PARAMETER_TYPES = ("String", "Integer", "Float", "Boolean")
TRIGGERS = {  # of a dependency: the outcomes of the upstream step that satisfy it
    "Completed": ("Succeeded",),
    "Failed": ("Failed",),
    "Stopped": ("Stopped",),
    "Any": ("Succeeded", "Failed", "Stopped"),
}

_TOP_FIELDS = ("Version", "Metadata", "Parameters", "PipelineExperimentConfig", "MlflowConfig", "Steps")
STEP_FIELDS = ("Name", "Type", "Arguments", "DependsOn", "DisplayName", "Description")
_READ = (*STEP_FIELDS, "PropertyFiles", "CacheConfig", "RetryPolicies")  # keys of a step that are read here
_HOLDS_STEPS = {"Condition": ("IfSteps", "ElseSteps"), "ForEach": ("ForEachBody",)}  # in which arguments
_PARAMETER_FIELDS = ("Name", "Type", "DefaultValue", "EnumValues")
MOST_OF_A_NAME = 64  # characters, of a step
_NAME = re.compile(rf"[A-Za-z0-9\-_]{{1,{MOST_OF_A_NAME}}}")
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9\-_]{1,256}")


@dataclass(frozen=True)
class Parameter:
    """A run-time knob."""

    name: str
    type: str = "String"  # one of PARAMETER_TYPES
    default: Any = None  # None: a start must set it
    enum: tuple[Any, ...] = ()


@dataclass(frozen=True)
class PropertyFile:
    """A JSON file in an output of a processing step, which expressions may read."""

    name: str
    output: str
    path: str


@dataclass(frozen=True)
class Dependency:
    """An upstream step, and the outcome of it that lets the step run."""

    step: str
    trigger: str = "Completed"

    @property
    def wanted(self) -> tuple[str, ...]:
        """The statuses of that step which satisfy it."""
        return TRIGGERS[self.trigger]


@dataclass(frozen=True)
class Branch:
    """The condition, and its outcome, under which a step runs."""

    condition: str
    outcome: bool


@dataclass(frozen=True)
class Iteration:
    """One item of a ForEach."""

    loop: str  # the ForEach
    index: int
    item: Any


@dataclass(frozen=True)
class Step:
    """One step as it is written, before any expression in it is resolved."""

    name: str
    type: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    depends_on: tuple[Dependency, ...] = ()
    display_name: str | None = None
    description: str | None = None
    property_files: Mapping[str, PropertyFile] = field(default_factory=dict)
    cache: Mapping[str, Any] | None = None  # CacheConfig
    retry: tuple[Mapping[str, Any], ...] = ()  # RetryPolicies
    branch: Branch | None = None
    loop: str | None = None  # the ForEach in whose body it is
    iteration: Iteration | None = None  # what it is for, where a ForEach has made it of a step of its body
    keys: tuple[str, ...] = ()  # the keys it was written with
    settings: Mapping[str, Any] = field(default_factory=dict)  # further keys, which only its type knows

    @property
    def written(self) -> list[Mapping[str, Any]]:
        """Everything that may hold expressions."""
        return [self.arguments, self.settings]


@dataclass(frozen=True)
class Definition:
    """A pipeline: what a start may set, and the steps, those of branches included, in written order."""

    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    steps: Mapping[str, Step] = field(default_factory=dict)
    experiment: Mapping[str, Any] = field(default_factory=dict)  # PipelineExperimentConfig
    mlflow: Mapping[str, Any] = field(default_factory=dict)  # MlflowConfig

    def body(self, loop: str) -> dict[str, Step]:
        """The steps in the body of a ForEach, by name, in written order."""
        return {name: step for name, step in self.steps.items() if step.loop == loop}


def load(text: str) -> Definition:
    """The definition, which was checked when it was stored. Raises ValidationException where it is none."""
    definition, problems = parse(text)
    if problems:
        raise ValidationException(unparsable(problems))
    return definition


def unparsable(problems: Iterable[Problem]) -> str:
    """AWS's sentence for a definition that it refuses, with every problem."""
    return "Unable to parse pipeline definition. " + " ".join(_sentence(str(problem)) for problem in problems)


def parse(source: str | Mapping[str, Any]) -> tuple[Definition, list[Problem]]:
    """As much of the definition as can be read, and everything that is wrong with its form."""
    problems: list[Problem] = []
    if isinstance(source, str):
        try:
            source = json_text.parse(source)
        except ValueError as error:
            return Definition(), [Problem("", f"It is not JSON: {error}")]
    if not isinstance(source, Mapping):
        return Definition(), [Problem("", "It is not a JSON object.")]
    problems += _unknown("", source, _TOP_FIELDS)
    if source.get("Version") != VERSION:
        problems.append(Problem("", f"Version is {source.get('Version')!r}, but should be {VERSION!r}."))
    reader = _Reader(problems)
    parameters = reader.parameters(_list(source, "Parameters", "", problems))
    reader.steps(_list(source, "Steps", "", problems))
    if not reader.found and not problems:
        problems.append(Problem("", "It has no steps."))
    experiment = reader.object("", source, "PipelineExperimentConfig") or {}
    mlflow = reader.object("", source, "MlflowConfig") or {}
    return Definition(parameters, reader.found, experiment, mlflow), problems


class _Reader:
    """Reads parameters and steps, collecting steps by name and problems in order."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.found: dict[str, Step] = {}

    def parameters(self, written: list[Any]) -> dict[str, Parameter]:
        found: dict[str, Parameter] = {}
        for index, item in enumerate(written):
            name = _name(item)
            where = f"Parameter {name!r}" if name else f"Parameters[{index}]"
            if name is None or not _PARAMETER_NAME.fullmatch(name):
                self._say(where, "a parameter is an object with a Name of letters, digits, '-' and '_'.")
                continue
            if name in found:
                self._say(where, "there are two parameters of that name.")
            kind = item.get("Type")
            if kind not in PARAMETER_TYPES:
                self._say(where, f"there is no parameter type {kind!r}.{hint(str(kind), PARAMETER_TYPES)}")
                kind = "String"
            self.problems += _unknown(where, item, _PARAMETER_FIELDS)
            enum = item.get("EnumValues") or []
            if not isinstance(enum, list):
                self._say(where, "EnumValues is not a list.")
                enum = []
            found[name] = Parameter(name, kind, item.get("DefaultValue"), tuple(enum))
        return found

    def steps(self, written: list[Any], branch: Branch | None = None, loop: str | None = None) -> None:
        for index, item in enumerate(written):
            name = _name(item)
            where = f"Step {name!r}" if name else f"Steps[{index}]"
            if name is None:
                self._say(where, "a step is an object with a Name, a Type and Arguments.")
                continue
            if not _NAME.fullmatch(name):
                self._say(where, "a step's name is 1 to 64 letters, digits, '-' and '_'.")
            if name in self.found:
                self._say(
                    where, "there are two steps of that name (steps in branches and bodies count as well)."
                )
            self._step(name, where, item, branch, loop)

    def _step(
        self, name: str, where: str, item: Mapping[str, Any], branch: Branch | None, loop: str | None
    ) -> None:
        arguments = item.get("Arguments")
        if not isinstance(arguments, Mapping):
            self._say(where, "Arguments is missing." if arguments is None else "Arguments is not an object.")
            arguments = {}
        for key in ("DisplayName", "Description"):
            if not isinstance(item.get(key, ""), str | None):
                self._say(where, f"{key} is not a text.")
        lifted = _HOLDS_STEPS.get(str(item.get("Type")), ())
        inner = {key: arguments.get(key) or [] for key in lifted}
        arguments = {key: value for key, value in arguments.items() if key not in lifted}
        self.found[name] = Step(
            name=name,
            type=str(item.get("Type")),
            arguments=arguments,
            depends_on=self._depends_on(where, _list(item, "DependsOn", where, self.problems)),
            display_name=item.get("DisplayName"),
            description=item.get("Description"),
            property_files=self._property_files(where, _list(item, "PropertyFiles", where, self.problems)),
            cache=self.object(where, item, "CacheConfig"),
            retry=tuple(
                policy
                for policy in _list(item, "RetryPolicies", where, self.problems)
                if isinstance(policy, Mapping)
            ),
            branch=branch,
            loop=loop,
            keys=tuple(item),
            settings={key: value for key, value in item.items() if key not in _READ},
        )
        for key, steps in inner.items():
            if not isinstance(steps, list):
                self._say(where, f"{key} is not a list.")
            elif key == "ForEachBody":
                self.steps(steps, loop=name)
            else:
                self.steps(steps, Branch(name, key == "IfSteps"), loop)

    def _depends_on(self, where: str, written: list[Any]) -> tuple[Dependency, ...]:
        found = []
        for item in written:
            if isinstance(item, str):
                found.append(Dependency(item))
            elif isinstance(item, Mapping) and isinstance(item.get("Step"), str):
                trigger = item.get("Trigger", "Completed")
                if not isinstance(trigger, str) or trigger not in TRIGGERS:
                    self._say(where, f"DependsOn has no trigger {trigger!r}.{hint(str(trigger), TRIGGERS)}")
                    trigger = "Completed"
                found.append(Dependency(item["Step"], trigger))
            else:
                self._say(where, f"DependsOn has {item!r}, which is not the name of a step.")
        return tuple(found)

    def _property_files(self, where: str, written: list[Any]) -> dict[str, PropertyFile]:
        keys = ("PropertyFileName", "OutputName", "FilePath")
        found: dict[str, PropertyFile] = {}
        for item in written:
            if not isinstance(item, Mapping) or not all(isinstance(item.get(key), str) for key in keys):
                self._say(where, f"a property file is an object with {', '.join(keys)}, all of them texts.")
                continue
            self.problems += _unknown(where, item, keys)
            name, output, path = (item[key] for key in keys)
            if name in found:
                self._say(where, f"there are two property files {name!r}.")
            found[name] = PropertyFile(name, output, path)
        return found

    def object(self, where: str, item: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
        value = item.get(key)
        if value is None or isinstance(value, Mapping):
            return value
        self._say(where, f"{key} is not an object.")
        return None

    def _say(self, where: str, message: str) -> None:
        self.problems.append(Problem(where, message))


def _name(item: Any) -> str | None:
    name = item.get("Name") if isinstance(item, Mapping) else None
    return name if isinstance(name, str) and name else None


def _list(item: Mapping[str, Any], key: str, where: str, problems: list[Problem]) -> list[Any]:
    value = item.get(key) or []
    if isinstance(value, list):
        return value
    problems.append(Problem(where, f"{key} is not a list."))
    return []


def _unknown(where: str, item: Mapping[str, Any], known: Iterable[str]) -> list[Problem]:
    return [
        Problem(where, f"Cannot parse object, unknown property {key!r}.{hint(key, known)}")
        for key in item
        if key not in known
    ]


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", ")")) else f"{text}."
