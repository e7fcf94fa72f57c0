"""Running some steps of a pipeline, on what an earlier execution left behind.

https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-selective-ex.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_sagemaker.errors import ValidationException
from local_sagemaker.pipelines import graph
from local_sagemaker.pipelines.definition import Definition
from local_sagemaker.pipelines.problem import hint


@dataclass(frozen=True)
class Selection:
    """The steps that run, and the upstream steps whose results are taken over, in order."""

    steps: frozenset[str]
    copied: tuple[Mapping[str, Any], ...]  # step documents of the source execution


def select(
    definition: Definition,
    selected: Sequence[str],
    source: Sequence[Mapping[str, Any]] | None,
) -> Selection:
    """Check the selection against the pipeline and the steps of the source execution (None: there is none).

    Raises ValidationException.
    """
    steps = frozenset(selected)
    for name in selected:
        if name not in definition.steps:
            raise ValidationException(
                f"SelectedSteps: there is no step {name!r}.{hint(name, definition.steps)}"
            )
        loop = definition.steps[name].loop
        if loop:
            raise ValidationException(
                f"SelectedSteps: step {name!r} is in the body of ForEach {loop!r}; select that."
            )
    edges = graph.upstream(definition)
    above = graph.reach(edges, set(steps))
    below = graph.reach(graph.reversed_edges(edges), set(steps))
    between = (above & below) - steps
    if between:
        raise ValidationException(
            f"SelectedSteps: the steps between two selected ones must be selected too: {_names(between)}."
        )
    direct = set().union(*(edges[name] for name in steps)) - steps
    if source is None:
        if direct:
            raise ValidationException(
                f"Invalid SourcePipelineExecutionArn: null. The selected steps [{_names(steps)}] have "
                f"dependencies on [{_names(direct)}]"
            )
        return Selection(steps, ())
    ended = {step["StepName"]: step for step in source}
    wanted: dict[str, tuple[str, ...]] = dict.fromkeys(definition.steps, ("Succeeded",))
    for name in selected:  # it may be there for a failure
        wanted |= {each.step: each.wanted for each in graph.dependencies(definition.steps[name], definition)}
    done = {name for name, step in ended.items() if step["StepStatus"] in wanted.get(name, ())}
    missing = direct - done
    if missing:
        raise ValidationException(
            f"The source execution has no result of [{_names(missing)}], on which the selected steps depend."
        )
    taken = (above & done) - steps
    return Selection(steps, tuple(step for step in source if taken & {step["StepName"], _loop(step)}))


def _loop(step: Mapping[str, Any]) -> str | None:
    """The ForEach that has made a step."""
    name: str | None = step.get("IterationContext", {}).get("ParentStepName")
    return name


def _names(names: set[str] | frozenset[str]) -> str:
    return ", ".join(sorted(names))
