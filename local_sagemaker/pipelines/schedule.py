"""What can run now, what waits, and what never will: the graph of one execution while it runs.

A step can start when everything that it waits for has ended as it should: its dependencies, and the condition
of its branch. A step that can never start (its branch was not taken, or something upstream did not end as
needed) does not appear at all. A failure is answered by a step that waits for it; after one that no step answers,
or can still answer, no new step starts.

A ForEach runs no work itself: when its turn comes it adds its children to the graph (``iterations``), and it ends
with the last of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_sagemaker.pipelines import graph
from local_sagemaker.pipelines.definition import Dependency, Step
from local_sagemaker.pipelines.expressions import ExpressionError
from local_sagemaker.pipelines.iterations import Loop
from local_sagemaker.pipelines.step_run import Context, Ended

_NEVER = "Never"  # beside the terminal statuses: the step will not run


@dataclass
class Progress:
    """How far an execution is: the ended steps, and what they left behind."""

    ended: dict[str, str] = field(default_factory=dict)  # step -> terminal status, or _NEVER
    results: dict[str, Mapping[str, Any]] = field(default_factory=dict)


class Schedule:
    """The steps of one execution, ``only`` some of them. Belongs to the engine's thread."""

    def __init__(self, context: Context, only: Iterable[str] | None, progress: Progress) -> None:
        self._context = context
        definition = context.definition
        # Steps in the body of a ForEach are only what its children are made of.
        self._steps = {name: step for name, step in definition.steps.items() if not step.loop}
        self._only = set(self._steps if only is None else only)
        self._progress = progress
        self._dependencies = {
            name: graph.dependencies(step, definition) for name, step in self._steps.items()
        }
        upstream = graph.upstream(definition)
        self._dependents = graph.reversed_edges({name: upstream[name] for name in self._steps})
        self._waiting = {name for name in self._only if name not in progress.ended}
        self._ready: deque[str] = deque()
        self._loops: dict[str, Loop] = {}  # those that have begun, and not ended
        self._failed: list[str] = []
        self.halted = False  # a step failed, and no other answers that
        self._look_at(self._steps)

    @property
    def has_failures(self) -> bool:
        """Whether any step has failed, answered or not."""
        return "Failed" in self._progress.ended.values()

    def next(self) -> Step | None:
        """The step whose turn it is. After a failure, a ForEach that has begun still runs to its end."""
        while self._ready and not self.halted:
            step = self._steps[self._ready.popleft()]
            if step.type != "ForEach":
                return step
            self._begin_loop(step)
        for loop in self._loops.values():
            if loop.ready and loop.running < loop.most:
                loop.running += 1
                return self._steps[loop.ready.popleft()]
        return None

    def results_for(self, step: Step) -> dict[str, Mapping[str, Any]]:
        """What a step may refer to: the results of the steps that it waits for, or that its ForEach waited for."""
        results = self._progress.results
        upstream = [dependency.step for dependency in self._dependencies[step.name]]
        if step.iteration is None:
            return {name: results[name] for name in upstream if name in results}
        # Within an iteration a step of the body is called by the name that it has there.
        named = {name.rpartition("-")[0]: results[name] for name in upstream if name in results}
        return {**self._loops[step.iteration.loop].results, **named}

    def ended(self, name: str, ended: Ended) -> None:
        """A step has ended: what waits for it may be able to run now."""
        iteration = self._steps[name].iteration
        if iteration:
            self._loops[iteration.loop].running -= 1
        if ended.properties:
            self._progress.results[name] = ended.properties
        self._settle({name: ended.status})
        self.halted = not all(map(self._is_answered, self._failed))

    def show_stopping(self) -> None:
        """The execution stops: so does every ForEach, once those of its children that run have ended."""
        for loop in self._loops.values():
            loop.stop()

    def close(self) -> None:
        """Nothing runs any more: end the ForEach steps whose children did not all have their turn."""
        for loop in list(self._loops.values()):
            self._end_loop(loop)

    def _begin_loop(self, step: Step) -> None:
        loop = Loop(self._context, step, self.results_for(step))
        try:
            loop.begin()
        except ExpressionError as error:
            self.ended(step.name, loop.fail(f"ClientError: {error}"))
            return
        for stale in loop.forget_stale():
            self._progress.ended.pop(stale, None)
            self._progress.results.pop(stale, None)
        self._loops[step.name] = loop
        for name, child in loop.children.items():
            self._steps[name] = child
            self._dependencies[name] = child.depends_on
            self._dependents.setdefault(name, set())
        for name, child in loop.children.items():
            for dependency in child.depends_on:
                self._dependents[dependency.step].add(name)
        self._only |= set(loop.children)
        for name in loop.children:
            if name in self._progress.ended:
                loop.settled(name, self._progress.ended[name])
        self._waiting |= loop.open
        self._look_at([name for name in loop.children if name in loop.open])
        if not loop.open and step.name in self._loops:
            self._end_loop(loop)

    def _end_loop(self, loop: Loop) -> None:
        failed = [name for name in loop.children if self._progress.ended.get(name) == "Failed"]
        unanswered = [name for name in failed if not self._is_answered(name)]
        ended = loop.end(self._progress.results, unanswered)
        del self._loops[loop.step.name]
        self.ended(loop.step.name, ended)

    def _settle(self, outcomes: Mapping[str, str]) -> None:
        """Steps have ended, or will never run: see what that means for those after them, and for their ForEach."""
        todo = list(outcomes.items())  # no recursion: pipelines are long
        while todo:
            name, status = todo.pop()
            self._progress.ended[name] = status
            iteration = self._steps[name].iteration
            if status == "Failed" and iteration is None:
                self._failed.append(name)
            todo += [(other, _NEVER) for other in self._dependents[name] if self._will_never_run(other)]
            if iteration:
                loop = self._loops[iteration.loop]
                loop.settled(name, status)
                if not loop.open:
                    self._end_loop(loop)

    def _is_answered(self, name: str) -> bool:
        """Whether a step that is there for the failure of ``name`` runs, or still can."""
        return any(
            dependency.step == name and "Failed" in dependency.wanted
            for dependent in self._dependents[name] & self._only
            if self._progress.ended.get(dependent) != _NEVER
            for dependency in self._dependencies[dependent]
        )

    def _look_at(self, names: Iterable[str]) -> None:
        """Settle those that will never run; move those that can to the ready ones."""
        self._settle({name: _NEVER for name in names if self._will_never_run(name)})

    def _will_never_run(self, name: str) -> bool:
        """Of a waiting step, after putting it among the ready ones if it can run now."""
        if name not in self._waiting:
            return False
        step = self._steps[name]
        verdicts = set(self._verdicts(step))
        if False in verdicts:
            self._waiting.discard(name)
            return True
        if verdicts <= {True}:
            self._waiting.discard(name)
            ready = self._loops[step.iteration.loop].ready if step.iteration else self._ready
            ready.append(name)
        return False

    def _verdicts(self, step: Step) -> Iterable[bool | None]:
        """For everything the step waits for: as it should be, never to be, or not yet known."""
        for dependency in self._dependencies[step.name]:
            yield self._satisfied(dependency)
        condition = step.branch.condition if step.branch else None
        # A selective execution may leave the condition out; then the selected steps of its branches simply run.
        if step.branch and (condition in self._only or condition in self._progress.results):
            taken = self._satisfied(Dependency(step.branch.condition))
            if taken:
                outcome = self._progress.results[step.branch.condition]["Outcome"] == "true"
                yield outcome is step.branch.outcome
            else:
                yield taken

    def _satisfied(self, dependency: Dependency) -> bool | None:
        status = self._progress.ended.get(dependency.step)
        return None if status is None else status in dependency.wanted
