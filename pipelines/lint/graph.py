"""Rules about form and order: what AWS would refuse, what refers to nothing, what waits for itself."""

from __future__ import annotations

import json
from collections.abc import Iterator

from local_sagemaker.pipelines import graph
from local_sagemaker.pipelines.check import check
from local_sagemaker.pipelines.definition import Step
from local_sagemaker.pipelines.problem import hint
from local_sagemaker.pipelines.references import mistakes_of
from local_sagemaker.pipelines.steps import NOT_YET
from pipelines.lint.finding import Found
from pipelines.lint.subject import Subject

# How the checker's messages begin that have a rule of their own here.
_ELSEWHERE = ("it depends on step ", "property file ", "The steps wait for each other in a cycle")


def wrong_form(subject: Subject) -> Iterator[Found]:
    """What the definition's reader and the operations' request shapes refuse."""
    steps = subject.definition.steps
    reported = {message for step in steps.values() for message in mistakes_of(step, subject.definition)}
    for problem in check(subject.source):
        name = problem.where.partition("'")[2].rstrip("'")
        if problem.level == "warning" or problem.message in reported:
            continue
        if problem.message.startswith(_ELSEWHERE):
            continue
        if name in steps and steps[name].type in NOT_YET and "does not run it yet" in problem.message:
            continue  # a limit of the local SageMaker, not of the definition
        argument, _, message = problem.message.partition(": ")
        if argument.startswith("Arguments.") and " " not in argument:
            yield Found(name, argument.removeprefix("Arguments."), message)
        else:
            yield Found(name or problem.where, "", problem.message)


def dangling(subject: Subject) -> Iterator[Found]:
    """A reference, or a dependency, to what is not there."""
    steps = subject.definition.steps
    for step in steps.values():
        for dependency in step.depends_on:
            if dependency.step not in steps:
                name = dependency.step
                what = f"it waits for step {name!r}, which is not in the pipeline.{hint(name, steps)}"
                yield Found(step.name, "DependsOn", what)
        for message in mistakes_of(step, subject.definition):
            yield Found(step.name, "", message)


def cycle(subject: Subject) -> Iterator[Found]:
    """Steps that wait for each other."""
    found = graph.cycle(graph.upstream(subject.definition))
    if found:
        yield Found("", "", f"{' → '.join(reversed(found))}: none of them can ever start")


def empty_if(subject: Subject) -> Iterator[Found]:
    """A condition after which nothing happens where it holds."""
    for step in _conditions(subject):
        if not _branch(subject, step, outcome=True):
            yield Found(step.name, "IfSteps", "where the condition holds, nothing happens")


def empty_else(subject: Subject) -> Iterator[Found]:
    """A condition on what a run has found, after which nothing happens where it does not hold.

    Where it asks what the run was told, by its parameters, nothing may be just what was wanted.
    """
    for step in _conditions(subject):
        on_results = "Steps." in json.dumps(step.arguments.get("Conditions"))
        one_sided = _branch(subject, step, outcome=True) and not _branch(subject, step, outcome=False)
        if one_sided and (on_results or not step.arguments.get("Conditions")):
            yield Found(
                step.name, "ElseSteps", "where the condition does not hold, the execution ends as Succeeded"
            )


def _conditions(subject: Subject) -> list[Step]:
    return [step for step in subject.steps if step.type == "Condition"]


def _branch(subject: Subject, condition: Step, *, outcome: bool) -> bool:
    """Whether any step lies in that branch."""
    return any(
        step.branch is not None and (step.branch.condition, step.branch.outcome) == (condition.name, outcome)
        for step in subject.steps
    )
