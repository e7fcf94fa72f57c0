"""Rules about what a run may set: knobs that turn nothing, and knobs that came off."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from local_sagemaker.pipelines.definition import Parameter, Step
from local_sagemaker.pipelines.expressions import reference
from pipelines.lint.finding import Found
from pipelines.lint.subject import Literal, Subject, literals

_LONG = 6  # characters from which on a text that equals a default is no accident
_WRITTEN = re.compile(r"""\{\s*\\?['"]Get\\?['"]\s*:\s*\\?['"](Parameters|Execution|Steps)\.""")
_ACCESS_KEY = re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b")
_SECRET = re.compile(r"(^|[_-])(password|passwd|secret|credentials?|token|(api|access|private)_?key)($|[_-])")
_ADDRESS = ("_arn", "_name", "_id", "_uri", "_path")  # where a secret is, not what it is


def unused(subject: Subject) -> Iterator[Found]:
    """A parameter that nothing refers to, and no literal seems to stand for."""
    instead = {name for _, _, name in _dropped(subject)}
    for name in _unread(subject):
        if name not in instead:
            yield Found(name, "", f"no step reads the parameter {name!r}")


def dropped(subject: Subject) -> Iterator[Found]:
    """A literal where the parameter of that name or default was meant."""
    for step, literal, name in _dropped(subject):
        what = f"{literal.value!r} is a literal, and nothing reads the parameter {name!r}"
        yield Found(
            step, literal.path, what, f'pass the parameter object; it becomes {{"Get": "Parameters.{name}"}}'
        )


def written_out(subject: Subject) -> Iterator[Found]:
    """A text that holds an expression's JSON: it was formatted into a string, and stays one."""
    for step in subject.steps:
        for literal in literals(step.arguments):
            if isinstance(literal.value, str) and _WRITTEN.search(literal.value):
                yield Found(
                    step.name, literal.path, f"{literal.value!r} holds an expression as text; it stays text"
                )


def approved_by_default(subject: Subject) -> Iterator[Found]:
    """A package that is approved before anybody has looked at it."""
    for step in subject.steps:
        value = step.arguments.get("ModelApprovalStatus")
        if step.type != "RegisterModel" or value is None:
            continue
        if value == "Approved":
            yield Found(step.name, "ModelApprovalStatus", "every model is approved as it is registered")
        elif (parameter := _parameter(subject, value)) and parameter.default == "Approved":
            what = f"every model is approved as it is registered: the default of {parameter.name!r} is 'Approved'"
            yield Found(step.name, "ModelApprovalStatus", what)


def secret(subject: Subject) -> Iterator[Found]:
    """A parameter or an environment variable that is named like a secret, or an access key anywhere."""
    for parameter in subject.definition.parameters.values():
        if _is_secret(parameter.name):
            yield Found(parameter.name, "", f"the parameter {parameter.name!r} is named like a secret")
    for step in subject.steps:
        for literal in literals(step.arguments):
            told = ".Environment." in f".{literal.path}" and _is_secret(literal.key)
            if isinstance(literal.value, str) and (
                _ACCESS_KEY.search(literal.value) or (told and literal.value)
            ):
                yield Found(step.name, literal.path, "it holds a secret")


def _is_secret(name: str) -> bool:
    words = re.sub(r"([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])", r"\1\3_\2", name).lower()
    return bool(_SECRET.search(words)) and not words.endswith(_ADDRESS)


def _parameter(subject: Subject, value: object) -> Parameter | None:
    text = value.get("Get") if isinstance(value, dict) else None
    if not isinstance(text, str) or not text.startswith("Parameters."):
        return None
    return subject.definition.parameters.get(reference(text).name)


def _unread(subject: Subject) -> list[str]:
    return [name for name in subject.definition.parameters if name not in subject.parameters_read]


def _dropped(subject: Subject) -> Iterator[tuple[str, Literal, str]]:
    candidates: defaultdict[Any, list[Parameter]] = defaultdict(list)  # by what a literal would have to be
    for name in _unread(subject):
        parameter = subject.definition.parameters[name]
        candidates[name].append(parameter)
        if isinstance(parameter.default, str | int | float) and parameter.default != name:
            candidates[parameter.default].append(parameter)
    for step in subject.steps if candidates else ():
        for literal in _literals(step):
            for parameter in candidates.get(literal.value, ()):
                if _stands_for(literal, parameter):
                    yield step.name, literal, parameter.name


def _literals(step: Step) -> Iterator[Literal]:
    yield from literals(step.arguments)
    yield from literals(step.settings)


def _stands_for(literal: Literal, parameter: Parameter) -> bool:
    if literal.value == parameter.name:
        return not literal.key.endswith("Name")  # a name of its own is often the same word
    if parameter.default is None or literal.value != parameter.default:
        return False
    if isinstance(literal.value, bool) != isinstance(parameter.default, bool):
        return False  # 1 equals True
    telling = isinstance(literal.value, str) and len(literal.value) >= _LONG
    return telling or _alike(literal.key, parameter.name)


def _alike(key: str, name: str) -> bool:
    one, other = (re.sub("[^a-z0-9]", "", text.lower()) for text in (key, name))
    return len(min(one, other, key=len)) >= 4 and (one in other or other in one)
