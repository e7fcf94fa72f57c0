"""Everything that is wrong with a definition, without running it and without a server.

``check`` reads the form, then the graph (names, cycles), then every reference, and then each step's arguments
against the request shape of the operation that the step will call (``arguments.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from local_sagemaker.pipelines import cache, cleanups, graph, loops, parameters, retry
from local_sagemaker.pipelines.arguments import mismatches
from local_sagemaker.pipelines.comparisons import incomparable
from local_sagemaker.pipelines.definition import STEP_FIELDS, Definition, Step, parse
from local_sagemaker.pipelines.expressions import Reference, references
from local_sagemaker.pipelines.problem import Problem, hint
from local_sagemaker.pipelines.references import mistakes_of
from local_sagemaker.pipelines.steps import NOT_YET, STEP_TYPES


def check(source: str | Mapping[str, Any]) -> list[Problem]:
    """Every problem of a definition (its JSON, or what that parses to), errors before warnings."""
    definition, problems = parse(source)
    problems = [*problems, *_parameters(definition)]
    for step in definition.steps.values():
        problems += (Problem(f"Step {step.name!r}", message) for message in _step(step, definition))
    problems += _cycles(definition)
    problems += cleanups.warnings(definition)
    problems += _unused(definition)
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.level == "warning")


def _step(step: Step, definition: Definition) -> Iterator[str]:
    """What is wrong with one step, seen within its pipeline."""
    yield from _dependencies(step, definition)
    kind = STEP_TYPES.get(step.type)
    if kind is None:
        yield _no_such_type(step.type)
        return
    for key in step.keys:
        known = (*STEP_FIELDS, *kind.fields, *kind.settings)
        if key not in known:
            yield f"Cannot parse object, unknown property {key!r}.{hint(key, known)}"
    yield from kind.mistakes(step)
    yield from loops.mistakes_in(step, definition)
    yield from cleanups.mistakes_in(step, definition)
    yield from _cache(step)
    for policy in step.retry:
        yield from retry.mistakes(policy)
    yield from _property_files(step)
    yield from mistakes_of(step, definition)
    yield from mismatches(step, definition)
    yield from incomparable(step, definition)


def _no_such_type(name: str) -> str:
    if name in NOT_YET:
        return (
            f"step type {name!r} exists on AWS, but the local SageMaker does not run it yet. "
            f"It runs: {', '.join(sorted(STEP_TYPES))}."
        )
    return f"there is no step type {name!r}.{hint(name, (*STEP_TYPES, *NOT_YET))}"


def _dependencies(step: Step, definition: Definition) -> Iterator[str]:
    for dependency in step.depends_on:
        if dependency.step not in definition.steps:
            yield (
                f"it depends on step {dependency.step!r}, which does not exist."
                f"{hint(dependency.step, definition.steps)}"
            )
    triggers: dict[str, str] = {}
    for dependency in step.depends_on:
        other = triggers.setdefault(dependency.step, dependency.trigger)
        if other != dependency.trigger:
            yield (
                f"it depends on step {dependency.step!r} with conflicting triggers, {other} and "
                f"{dependency.trigger}: all of them must hold, and 'Any' is the one for either."
            )
    for dependency in graph.dependencies(step, definition):
        upstream = definition.steps.get(dependency.step)
        if upstream and upstream.type == "Fail":
            yield f"{step.name} can not depends on {upstream.name}: nothing can follow a Fail step."
    if step.branch and any(dependency.step == step.branch.condition for dependency in step.depends_on):
        yield f"it is in a branch of {step.branch.condition!r}, and need not depend on it."


def _cache(step: Step) -> Iterator[str]:
    if step.cache is None:
        return
    for key in step.cache:
        if key not in ("Enabled", "ExpireAfter"):
            yield f"Cannot parse object, unknown property {key!r}.{hint(key, ('Enabled', 'ExpireAfter'))}"
    if not isinstance(step.cache.get("Enabled", False), bool):
        yield "CacheConfig.Enabled is true or false."
    expire_after = step.cache.get("ExpireAfter")
    if expire_after is not None:
        try:
            cache.seconds(expire_after)
        except (TypeError, ValueError) as error:
            yield f"CacheConfig.ExpireAfter: {error}."


def _property_files(step: Step) -> Iterator[str]:
    config = step.arguments.get("ProcessingOutputConfig")
    outputs = config.get("Outputs") if isinstance(config, Mapping) else None
    listed = (
        outputs if isinstance(outputs, list) else []
    )  # anything else is reported with the request's shape
    names = [output.get("OutputName") for output in listed if isinstance(output, Mapping)]
    for file in step.property_files.values():
        if file.output not in names:
            texts = [name for name in names if isinstance(name, str)]
            yield (
                f"property file {file.name!r} is in output {file.output!r}, which the step does not have."
                + hint(file.output, texts)
            )


def _parameters(definition: Definition) -> Iterator[Problem]:
    if len(definition.parameters) > parameters.MAX_PARAMETERS:
        yield Problem("", f"It has {len(definition.parameters)} parameters; at most 200 are allowed.")
    for parameter in definition.parameters.values():
        where = f"Parameter {parameter.name!r}"
        for key, values in (("EnumValues", parameter.enum), ("DefaultValue", (parameter.default,))):
            for value in values:
                try:
                    if value is not None:
                        parameters.typed(parameter, value)
                except ValueError as error:
                    yield Problem(where, f"{key}: {error}.")


def _cycles(definition: Definition) -> Iterator[Problem]:
    found = graph.cycle(graph.upstream(definition))
    if found:
        # The edges say what waits for what; a cycle reads in the order in which steps would run.
        yield Problem("", f"The steps wait for each other in a cycle: {' → '.join(reversed(found))}.")


def _unused(definition: Definition) -> Iterable[Problem]:
    used = {
        reference.name
        for step in definition.steps.values()
        for reference in _all(step, definition)
        if reference.space == "Parameters"
    }
    return (
        Problem(f"Parameter {name!r}", "no step reads it.", "warning")
        for name in definition.parameters
        if name not in used
    )


def _all(step: Step, definition: Definition) -> Iterator[Reference]:
    yield from references(step.written)
    yield from references(definition.experiment)
    yield from references(definition.mlflow)
