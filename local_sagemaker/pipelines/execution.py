"""The engine: one run of one pipeline.

A thread for the execution waits for events; each running step has a thread of its own that puts one event,
how it ended, into the queue. Nothing polls. Every change is in the records before anything else happens, so
that what a client sees is what a restart would find.

A step can start when everything that it waits for has ended as it should: its dependencies, and the condition
of its branch. A step that can never start (its branch was not taken, or something upstream did not end as
needed) does not appear at all. A failure is answered by a step that waits for it; after one that no step answers,
or can still answer, running steps finish and no new one starts.

A ForEach runs no work itself: when its turn comes it adds its children to the graph (``iterations``), and it ends
with the last of them. It takes no place among the steps that may run at a time; its children do.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_sagemaker.pipelines import graph, state
from local_sagemaker.pipelines.definition import Definition, Dependency, Step
from local_sagemaker.pipelines.expressions import ExpressionError
from local_sagemaker.pipelines.iterations import Loop
from local_sagemaker.pipelines.step_run import Context, Ended, StepRun
from local_sagemaker.records import Closed

log = logging.getLogger(__name__)

STEP_FAILURE = "Step failure: One or multiple steps failed"  # AWS's words
_NEVER = "Never"  # beside the terminal statuses: the step will not run


@dataclass
class Progress:
    """How far an execution is: the ended steps, and what they left behind."""

    ended: dict[str, str] = field(default_factory=dict)  # step -> terminal status, or _NEVER
    results: dict[str, Mapping[str, Any]] = field(default_factory=dict)


class Execution:
    """One execution, from its start (or its retry) to its end.

    ``only`` limits it to some steps; ``progress`` holds the steps that count as done already.
    """

    def __init__(
        self,
        context: Context,
        *,
        parallel: int | None = None,
        only: Iterable[str] | None = None,
        progress: Progress | None = None,
        on_end: Callable[[Execution], None] = lambda _: None,
    ) -> None:
        self._context = context
        self._definition: Definition = context.definition
        self._parallel = parallel
        # Steps in the body of a ForEach are only what its children are made of.
        self._steps = {name: step for name, step in self._definition.steps.items() if not step.loop}
        self._only = set(self._steps if only is None else only)
        self._progress = progress or Progress()
        self._on_end = on_end
        self._dependencies = {
            name: graph.dependencies(step, self._definition) for name, step in self._steps.items()
        }
        upstream = graph.upstream(self._definition)
        self._dependents = graph.reversed_edges({name: upstream[name] for name in self._steps})
        self._waiting = {name for name in self._only if name not in self._progress.ended}
        self._ready: deque[str] = deque()
        self._running: dict[str, StepRun] = {}
        self._loops: dict[str, Loop] = {}  # those that have begun, and not ended
        self._events: queue.SimpleQueue[tuple[str, Ended] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()  # guards _running, _loops and _stopping against stop()
        self._stopping = False
        self._failed: list[str] = []
        self._halted = False  # a step failed, and no other answers that
        self._abandoned = False
        self._thread = threading.Thread(target=self._run, name=f"execution {context.name}", daemon=True)

    @property
    def name(self) -> str:
        """The name of its record."""
        return self._context.name

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Start nothing more, and stop what is running. Returns at once."""
        with self._lock:
            self._stopping = True
            running: list[StepRun | Loop] = [*self._loops.values(), *self._running.values()]
        self._context.stopping.set()
        for run in running:
            run.stop()
        self._events.put(None)

    def abandon(self) -> None:
        """The process ends: start nothing more, and write nothing more."""
        self._abandoned = True
        self._events.put(None)

    def set_parallel(self, parallel: int) -> None:
        """From now on, at most so many steps at a time."""
        self._parallel = parallel
        self._events.put(None)

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end."""
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            self._loop()
            status, reason = self._verdict()
        except Closed:
            return  # the local SageMaker is going down; the next start will find this execution unfinished
        except Exception as error:
            log.exception("execution %s broke", self._context.name)
            status, reason = (
                "Failed",
                f"InternalServerError: the local SageMaker could not carry on ({error}); see its log.",
            )
        if self._abandoned:
            return
        try:
            state.end_execution(self._context.records, self._context.name, status, reason)
        except Closed:
            return
        finally:
            self._on_end(self)

    def _loop(self) -> None:
        self._look_at(self._steps)
        while True:
            self._start_ready()
            if not self._running or self._abandoned:
                break
            event = self._events.get()
            if event is not None:
                self._finished(*event)
        if not self._abandoned:
            for loop in list(self._loops.values()):  # the execution stops before all of their children ran
                self._end_loop(loop)

    def _start_ready(self) -> None:
        while not self._abandoned:
            with self._lock:
                if self._stopping or (self._parallel and len(self._running) >= self._parallel):
                    return
                name = self._next()
                if name is None:
                    return
                step = self._steps[name]
                run = None
                if step.type != "ForEach":
                    run = self._running[name] = StepRun(self._context, step, self._results_for(step))
            if run:
                run.start(lambda ended, name=name: self._events.put((name, ended)))  # type: ignore[misc]
            else:
                self._begin_loop(step)

    def _next(self) -> str | None:
        """The step whose turn it is. After a failure, a ForEach that has begun still runs to its end."""
        if self._ready and not self._halted:
            return self._ready.popleft()
        for loop in self._loops.values():
            if loop.ready and loop.running < loop.most:
                loop.running += 1
                return loop.ready.popleft()
        return None

    def _begin_loop(self, step: Step) -> None:
        loop = Loop(self._context, step, self._results_for(step))
        try:
            loop.begin()
        except ExpressionError as error:
            self._ended(step.name, loop.fail(f"ClientError: {error}"))
            return
        for stale in loop.forget_stale():
            self._progress.ended.pop(stale, None)
            self._progress.results.pop(stale, None)
        with self._lock:
            self._loops[step.name] = loop
            stopping = self._stopping
        if stopping:  # it came too late to be told
            loop.stop()
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
        with self._lock:
            del self._loops[loop.step.name]
        self._ended(loop.step.name, ended)

    def _results_for(self, step: Step) -> dict[str, Mapping[str, Any]]:
        """What a step may refer to: the results of the steps that it waits for, or that its ForEach waited for."""
        results = self._progress.results
        upstream = [dependency.step for dependency in self._dependencies[step.name]]
        if step.iteration is None:
            return {name: results[name] for name in upstream if name in results}
        # Within an iteration a step of the body is called by the name that it has there.
        named = {name.rpartition("-")[0]: results[name] for name in upstream if name in results}
        return {**self._loops[step.iteration.loop].results, **named}

    def _finished(self, name: str, ended: Ended) -> None:
        with self._lock:
            del self._running[name]
        if ended.broken is not None:
            raise ended.broken
        iteration = self._steps[name].iteration
        if iteration:
            self._loops[iteration.loop].running -= 1
        self._ended(name, ended)

    def _ended(self, name: str, ended: Ended) -> None:
        if ended.properties:
            self._progress.results[name] = ended.properties
        self._settle({name: ended.status})
        self._halted = not all(map(self._is_answered, self._failed))

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

    def _verdict(self) -> tuple[str, str | None]:
        """The status at the end, and its reason."""
        if self._stopping:
            return "Stopped", None
        statuses = set(self._progress.ended.values())
        if self._halted:
            return "Failed", STEP_FAILURE
        if "Failed" in statuses:
            return "CompletedWithFailures", None
        return "Succeeded", None
