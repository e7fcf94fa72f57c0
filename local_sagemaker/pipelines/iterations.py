"""A ForEach while it runs: what its items are, the children that they make of its body, and what it comes to.

Iterations know nothing of each other: one that fails ends no other, and when all have ended the ForEach has failed
if a child did whose failure no other child answers. A retry keeps the children that succeeded with the same item.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local_sagemaker.pipelines import graph, properties, state
from local_sagemaker.pipelines.definition import Dependency, Iteration, Step
from local_sagemaker.pipelines.expressions import ExpressionError, reference, resolve
from local_sagemaker.pipelines.step_run import Context, Ended, context_of
from local_sagemaker.pipelines.steps.for_each import child_name, items_of


class Loop:
    """One ForEach, from its start to its end. Belongs to the engine's thread, but for ``stop``."""

    def __init__(self, context: Context, step: Step, results: Mapping[str, Mapping[str, Any]]) -> None:
        self.step = step
        self.results = results  # of the steps that it waited for: its children may refer to them
        self.children: dict[str, Step] = {}
        self.open: set[str] = set()  # the children that have not ended, and still may run
        self.ready: deque[str] = deque()
        self.running = 0
        self.most = int(step.arguments["MaxConcurrency"])
        self._context = context
        self._body = context.definition.body(step.name)
        self._items: list[Any] = []
        self._outcomes: dict[str, str] = {}  # how the children ended
        self._tally: Counter[str] = Counter()  # how many ended like that

    def begin(self) -> None:
        """Write its record, and make the children. Raises ExpressionError."""
        document = {
            "StepName": self.step.name,
            "StepDisplayName": self.step.display_name,
            "StepDescription": self.step.description,
            "StepStatus": "Executing",
            "StartTime": time.time(),
            "AttemptCount": 0,
            "_Type": self.step.type,
        }
        self._context.records.create(state.steps_kind(self._context.name), self.step.name, document)
        written = self.step.arguments["IterableItems"]
        self._items = items_of(resolve(written, self._context.scope(self.results)))
        for index, item in enumerate(self._items):
            iteration = Iteration(self.step.name, index, item)
            for name, step in self._body.items():
                self.children[child_name(name, index)] = self._child(step, iteration)
        self.open = set(self.children)

    def forget_stale(self) -> set[str]:
        """Of the children of an earlier attempt, drop those whose results do not hold any more; their names.

        Those do that succeeded with the same item, and did not run because another one failed.
        """
        records, kind = self._context.records, state.steps_kind(self._context.name)
        earlier = {
            step["StepName"]: step
            for step in state.steps(records, self._context.name)
            if step.get("IterationContext", {}).get("ParentStepName") == self.step.name
        }
        kept = {
            name
            for name, child in self.children.items()
            if name in earlier
            and earlier[name]["StepStatus"] == "Succeeded"
            and child.iteration
            and earlier[name]["IterationContext"] == context_of(child.iteration)
        }
        edges = {name: {each.step for each in child.depends_on} for name, child in self.children.items()}
        kept -= graph.reach(graph.reversed_edges(edges), set(self.children) - kept)
        for name in set(earlier) - kept:
            records.delete(kind, name)
        return set(earlier) - kept

    def settled(self, name: str, status: str) -> None:
        """A child has ended, or will never run; how far it all is shows in the metadata."""
        self.open.discard(name)
        self._outcomes[name] = status
        self._tally[status] += 1
        change = {"Metadata": {"ForEach": self._counts()}}
        self._context.records.insist(state.steps_kind(self._context.name), self.step.name, change)

    def end(self, results: Mapping[str, Mapping[str, Any]], unanswered: list[str]) -> Ended:
        """All children have ended, or the execution stops: say what it came to."""
        reason, selected = None, None
        if self.open or self._tally["Stopped"]:
            status = "Stopped"
        elif unanswered:
            status, reason = (
                "Failed",
                f"ClientError: {_failed(unanswered)} failed, of {len(self._items)} items.",
            )
        else:
            status = "Succeeded"
            try:
                selected = self._selected(results)
            except ExpressionError as error:
                status, reason = "Failed", f"ClientError: {error}"
        return self._write(status, reason, results, selected)

    def fail(self, reason: str) -> Ended:
        """It has no items to run for."""
        return self._write("Failed", reason, {})

    def stop(self) -> None:
        """Show that its execution is stopping."""
        state.stop_step(self._context.records, self._context.name, self.step.name)

    def _child(self, step: Step, iteration: Iteration) -> Step:
        within = (each for each in graph.own_dependencies(step) if each.step in self._body)
        return replace(
            step,
            name=child_name(step.name, iteration.index),
            depends_on=tuple(
                Dependency(child_name(each.step, iteration.index), each.trigger) for each in within
            ),
            iteration=iteration,
        )

    def _counts(self) -> dict[str, Any]:
        return {
            "InputItemCount": len(self._items),
            "TotalStepCount": len(self.children),
            **{f"{status}StepCount": self._tally[status] for status in state.STEP_TERMINAL},
        }

    def _selected(self, results: Mapping[str, Mapping[str, Any]]) -> tuple[str, int] | None:
        """The step of the body, and the index of the iteration, that the Selector picks. Raises ExpressionError."""
        selector = self.step.arguments.get("Selector")
        if selector is None:
            return None
        field = reference(selector["Field"]["Get"])
        values: dict[int, float] = {}
        for index in range(len(self._items)):
            child = child_name(field.name, index)
            if self._outcomes.get(child) != "Succeeded":  # its failure is answered
                continue
            try:
                values[index] = _number(properties.walk(results[child], properties.parse(field.path)))
            except (KeyError, properties.PathError, ValueError) as error:
                raise ExpressionError(f"the Selector cannot compare step {child!r}: {error}.") from None
        if not values:
            raise ExpressionError(f"the Selector has nothing to pick from: no step {field.name!r} succeeded.")
        pick = max if selector["Pick"] == "MaxBy" else min
        return field.name, pick(values, key=values.__getitem__)

    def _write(
        self,
        status: str,
        reason: str | None,
        results: Mapping[str, Mapping[str, Any]],
        selected: tuple[str, int] | None = None,
    ) -> Ended:
        outcome: dict[str, Any] = {"Status": status, **self._counts()}
        readable = {
            **outcome,
            "IterationOutputs": [
                {name: dict(results.get(child_name(name, index), {})) for name in self._body}
                for index in range(len(self._items))
            ],
        }
        if selected:
            outcome["Selector"] = {"StepName": selected[0], "Index": selected[1]}
            readable["Selected"] = readable["IterationOutputs"][selected[1]][selected[0]]
        state.end_step(
            self._context.records,
            self._context.name,
            self.step.name,
            status,
            reason=reason,
            metadata={"ForEach": outcome},
            private={"_Properties": readable},
        )
        return Ended(status, readable)


def _number(value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isfinite(number):
        return number
    raise ValueError(f"{value!r} is not a number")


def _failed(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"{'step' if len(names) == 1 else 'steps'} {shown}"
