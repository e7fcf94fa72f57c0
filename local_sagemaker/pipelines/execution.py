"""The engine: one run of one pipeline.

A thread for the execution waits for events; each running step has a thread of its own that puts one event,
how it ended, into the queue. Nothing polls. Every change is in the records before anything else happens, so
that what a client sees is what a restart would find.

What can run, and what never will, is the ``schedule``'s to say. After a failure that nothing answers, running steps
finish and no new one starts. A ForEach takes no place among the steps that may run at a time; its children do.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable

from local_sagemaker.pipelines import state
from local_sagemaker.pipelines.schedule import Progress, Schedule
from local_sagemaker.pipelines.step_run import Context, Ended, StepRun
from local_sagemaker.records import Closed

log = logging.getLogger(__name__)

STEP_FAILURE = "Step failure: One or multiple steps failed"  # AWS's words


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
        self._parallel = parallel
        self._schedule = Schedule(context, only, progress or Progress())
        self._on_end = on_end
        self._running: dict[str, StepRun] = {}
        self._events: queue.SimpleQueue[tuple[str, Ended] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()  # guards _running and _stopping against stop()
        self._stopping = False
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
        while True:
            self._start_ready()
            if not self._running or self._abandoned:
                break
            event = self._events.get()
            if event is not None:
                self._finished(*event)
            elif self._stopping:
                self._schedule.show_stopping()
        if not self._abandoned:
            self._schedule.close()

    def _start_ready(self) -> None:
        while not self._abandoned:
            with self._lock:
                if self._stopping or (self._parallel and len(self._running) >= self._parallel):
                    return
                step = self._schedule.next()
                if step is None:
                    return
                run = StepRun(self._context, step, self._schedule.results_for(step))
                self._running[step.name] = run
            run.start(lambda ended, name=step.name: self._events.put((name, ended)))  # type: ignore[misc]

    def _finished(self, name: str, ended: Ended) -> None:
        with self._lock:
            del self._running[name]
        if ended.broken is not None:
            raise ended.broken
        self._schedule.ended(name, ended)

    def _verdict(self) -> tuple[str, str | None]:
        """The status at the end, and its reason."""
        if self._stopping:
            return "Stopped", None
        if self._schedule.halted:
            return "Failed", STEP_FAILURE
        return ("CompletedWithFailures" if self._schedule.has_failures else "Succeeded"), None
