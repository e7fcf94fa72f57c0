"""The engine: one run of one pipeline.

A thread for the execution waits for events; each running step has a thread of its own that puts one event,
how it ended, into the queue. Nothing polls. Every change is in the records before anything else happens, so
that what a client sees is what a restart would find.

A step can start when everything that it waits for has ended as it should: its dependencies, and the condition
of its branch. A step that can never start (its branch was not taken, or something upstream did not end as
needed) does not appear at all. A failure is answered by a step that waits for it; after one that no step answers,
or can still answer, running steps finish and no new one starts.
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
        self._only = frozenset(self._definition.steps if only is None else only)
        self._progress = progress or Progress()
        self._on_end = on_end
        self._dependencies = {name: graph.dependencies(step) for name, step in self._definition.steps.items()}
        self._dependents = graph.reversed_edges(graph.upstream(self._definition))
        self._waiting = {name for name in self._only if name not in self._progress.ended}
        self._ready: deque[str] = deque()
        self._running: dict[str, StepRun] = {}
        self._events: queue.SimpleQueue[tuple[str, Ended] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()  # guards _running and _stopping against stop()
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
            running = list(self._running.values())
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
        for name in self._definition.steps:
            self._consider(name)
        while True:
            self._start_ready()
            if not self._running or self._abandoned:
                return
            event = self._events.get()
            if event is not None:
                self._finished(*event)

    def _start_ready(self) -> None:
        while self._ready and not self._halted and not self._abandoned:
            with self._lock:
                if self._stopping or len(self._running) >= (self._parallel or len(self._only)):
                    return
                name = self._ready.popleft()
                run = StepRun(self._context, self._definition.steps[name], self._results_for(name))
                self._running[name] = run
            run.start(lambda ended, name=name: self._events.put((name, ended)))  # type: ignore[misc]

    def _results_for(self, name: str) -> dict[str, Mapping[str, Any]]:
        """What a step may refer to: the results of the steps that it waits for."""
        results = self._progress.results
        upstream = (dependency.step for dependency in self._dependencies[name])
        return {step: results[step] for step in upstream if step in results}

    def _finished(self, name: str, ended: Ended) -> None:
        with self._lock:
            del self._running[name]
        if ended.broken is not None:
            raise ended.broken
        if ended.properties:
            self._progress.results[name] = ended.properties
        self._progress.ended[name] = ended.status
        if ended.status == "Failed":
            self._failed.append(name)
        for dependent in self._dependents[name]:
            self._consider(dependent)
        self._halted = not all(map(self._is_answered, self._failed))

    def _is_answered(self, name: str) -> bool:
        """Whether a step that is there for the failure of ``name`` runs, or still can."""
        return any(
            dependency.step == name and "Failed" in dependency.wanted
            for dependent in self._dependents[name] & self._only
            if self._progress.ended.get(dependent) != _NEVER
            for dependency in self._dependencies[dependent]
        )

    def _consider(self, name: str) -> None:
        """Move a waiting step to the ready ones, or out, if what it waits for allows that now."""
        todo = [name]
        while todo:
            current = todo.pop()
            if current not in self._waiting:
                continue
            verdicts = set(self._verdicts(self._definition.steps[current]))
            if False in verdicts:
                self._waiting.discard(current)
                self._progress.ended[current] = _NEVER
                todo.extend(self._dependents[current])
            elif verdicts <= {True}:
                self._waiting.discard(current)
                self._ready.append(current)

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
