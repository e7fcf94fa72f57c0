"""Rules about conditions, checks and the reports that they read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local_sagemaker.pipelines.conditions import COMPARISONS
from local_sagemaker.pipelines.definition import Step
from local_sagemaker.pipelines.expressions import ExpressionError, expression, property_file
from local_sagemaker.pipelines.problem import hint
from pipelines.lint.finding import Found
from pipelines.lint.subject import Subject, items, walked

_CHECKS = ("ClarifyCheck", "QualityCheck")


def skipped_check(subject: Subject) -> Iterator[Found]:
    """A check that never compares, whatever is started."""
    for step in subject.steps:
        if step.type in _CHECKS and step.settings.get("SkipCheck") is True:
            yield Found(
                step.name, "SkipCheck", "it is skipped in every run: nothing is compared with the baseline"
            )


def bare_threshold(subject: Subject) -> Iterator[Found]:
    """A bar that only a new definition can move.

    0 is no bar but a count of what may be missed; it is left alone, and so are truth values and texts.
    """
    for step in subject.steps:
        for place, comparison in _comparisons(step.arguments.get("Conditions"), "Conditions"):
            for side in ("LeftValue", "RightValue"):
                value = comparison.get(side)
                if isinstance(value, int | float) and not isinstance(value, bool) and value != 0:
                    yield Found(step.name, f"{place}.{side}", f"the bar is the literal {value}")


def constant_condition(subject: Subject) -> Iterator[Found]:
    """A comparison of two literals."""
    for step in subject.steps:
        for place, comparison in _comparisons(step.arguments.get("Conditions"), "Conditions"):
            sides = [comparison.get(side) for side in ("LeftValue", "RightValue")]
            if None not in sides and not any(map(expression, sides)):
                what = f"{sides[0]!r} is compared with {sides[1]!r}: the outcome is the same in every run"
                yield Found(step.name, place, what)


def lost_property_file(subject: Subject) -> Iterator[Found]:
    """A property file in an output that its step does not have: nothing writes it."""
    for step in subject.steps:
        names = _output_names(step)
        for file in step.property_files.values():
            if file.output not in names:
                what = f"it is in output {file.output!r}, which the step does not have.{hint(file.output, names)}"
                yield Found(step.name, f"PropertyFiles['{file.name}']", what)


def unread_property_file(subject: Subject) -> Iterator[Found]:
    """A property file that no expression reads."""
    read = {each for step in subject.steps for each in _files_read(step.written)}
    for step in subject.steps:
        for name in step.property_files:
            if (step.name, name) not in read:
                yield Found(step.name, f"PropertyFiles['{name}']", "nothing reads it")


def unwritten_metrics(subject: Subject) -> Iterator[Found]:
    """A package's metrics at an address below which no step writes."""
    for step in subject.steps:
        for path, uri in _sources(step.arguments.get("ModelMetrics"), "ModelMetrics"):
            text = subject.text(uri)
            if text.startswith("${"):
                continue  # a parameter's, or of a job that will know it
            if not any(text == prefix or text.startswith(f"{prefix}/") for prefix in subject.prefixes):
                yield Found(step.name, path, f"no step writes below {text}")


def _output_names(step: Step) -> list[str]:
    listed = items(walked(step.arguments, "ProcessingOutputConfig.Outputs"))
    names = [item.get("OutputName") for _, item in listed]
    return [name for name in names if isinstance(name, str)]


def _files_read(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        if expression(value) == "Std:JsonGet" and isinstance(value["Std:JsonGet"], Mapping):
            try:
                yield property_file(value["Std:JsonGet"].get("PropertyFile"))
            except ExpressionError:
                return
        for item in value.values():
            yield from _files_read(item)
    elif isinstance(value, list):
        for item in value:
            yield from _files_read(item)


def _sources(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every S3Uri below ``value``, with its path."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name == "S3Uri":
                yield f"{path}.{name}", item
            elif not expression(item):
                yield from _sources(item, f"{path}.{name}")


def _comparisons(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every comparison below a condition step's Conditions, those inside Or and Not too, with its path."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _comparisons(item, f"{path}[{index}]")
    elif isinstance(value, Mapping) and value.get("Type") in COMPARISONS:
        yield path, value
    elif isinstance(value, Mapping) and not expression(value):
        for name, item in value.items():
            yield from _comparisons(item, f"{path}.{name}")
