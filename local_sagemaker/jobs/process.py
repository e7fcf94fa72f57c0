"""Run a container's command as a process of this machine, with the container's ``/opt/ml``.

The rest of this package says how; this module is what the rest of the server uses.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from local_sagemaker.jobs.child import Order
from local_sagemaker.jobs.launcher import Launcher, base_environment
from local_sagemaker.jobs.namespace import Room
from local_sagemaker.jobs.output import Output
from local_sagemaker.jobs.run import ITSELF, LOST, STOP, Course, Run
from local_sagemaker.jobs.scheduler import Closed, Scheduler, Withdrawn
from local_sagemaker.settings import Settings

GRACE = 120.0  # seconds between SIGTERM and SIGKILL; StopTrainingJob and MaxRuntimeInSeconds document it


@dataclass(frozen=True)
class Task:
    """One container run as a process group."""

    job: str  # unique: "training-job/my-job"
    folder: Path  # becomes /opt/ml, read-write
    argv: tuple[str, ...]  # entry point and arguments, as in the container
    environment: Mapping[str, str]  # the container's, beyond a minimal base
    log: Path  # gets standard output and standard error, see ``local_sagemaker.logs``
    cwd: str = "/"  # as seen inside
    max_seconds: float | None = None
    hosts: tuple[str, ...] = ("algo-1",)  # of the whole job, this task's own first
    network: bool = True  # False is EnableNetworkIsolation
    # A folder in ``folder``, by its path from there -> what the job sees there instead, and cannot write.
    shared: Mapping[str, Path] = field(default_factory=dict)
    # Whether it waits for cores that are then its own. What serves for days would keep them from every job: it shares
    # all cores with whoever has them.
    reserves_cores: bool = True
    cpus: tuple[int, ...] | None = None  # those that it shares instead of all, where it reserves none
    grace: float | None = None  # seconds between SIGTERM and SIGKILL, where not the runner's


@dataclass(frozen=True)
class Outcome:
    """How a task ended."""

    exit_code: int  # as a shell gives it: 128 + n for the signal n
    ended_by: str  # "itself" | "time limit" | "stop" | "lost" (its parent died, or the runner was closed)
    started: float  # epoch seconds: the process's first instruction
    ended: float  # … and when it was reaped
    isolation: str  # "root namespaces" | "user namespaces" | "rewritten paths"; "" if it never started
    cores: int  # 0 if it never started


class ProcessRunner:
    """Runs tasks, each when there are cores for it. Every method may be called from any thread.

    Args:
        settings: where state lies, and how many cores all jobs together may use.
        grace: how long a job that is told to end may take, in seconds.
        isolation: a rung of the ladder in ``namespace``, instead of the best that works here.
    """

    def __init__(self, settings: Settings, *, grace: float = GRACE, isolation: str | None = None) -> None:
        self._settings = settings
        self._grace = grace
        self._scratches = settings.folder / "scratch"
        self._launcher = Launcher(settings.logs / "preforked-parent.log", isolation)
        self._scheduler = Scheduler(_cpus(settings.cores))
        self._runs: dict[str, Run] = {}
        self._cleaner = ThreadPoolExecutor(1, "scratch")

    def start(self) -> None:
        """Start loading in the background. Jobs may be run at once: they wait for it."""
        shutil.rmtree(self._scratches, ignore_errors=True)  # of jobs whose server was killed
        self._launcher.start()

    def announce(self, job: str) -> None:
        """A job has been accepted and will want cores."""
        self._scheduler.announce(job)

    def expect(self, family: str, number: int) -> None:
        """So many jobs whose names begin with ``family`` will run side by side, one after another; 0: no more."""
        self._scheduler.expect(family, number)

    def withdraw(self, job: str) -> None:
        """A job will not run after all. One that ran needs no withdrawal."""
        self._scheduler.withdraw(job)

    def stop(self, job: str) -> None:
        """Tell a job to end: SIGTERM, after the grace SIGKILL. One that has not started yet never will."""
        self._scheduler.withdraw(job)  # first: a job that gets its cores before this is in ``_runs`` already
        if run := self._runs.get(job):
            run.stop()

    def cores(self, job: str) -> contextlib.AbstractContextManager[tuple[int, ...]]:
        """Wait for cores, and hold them for tasks that share them (``Task.cpus``). Raises scheduler.Withdrawn."""
        return self._scheduler.cores(job)

    def run(self, task: Task) -> Outcome:
        """Wait for cores, run the task, and return when no process of it is left.

        Raises:
            ValueError: a task of that job is running.
        """
        run = Run(max_seconds=task.max_seconds, grace=self._grace if task.grace is None else task.grace)
        if self._runs.setdefault(task.job, run) is not run:
            run.close()
            raise ValueError(f"the job {task.job!r} is running already")
        try:
            with self._cores(task) as cpus:
                return _outcome(self._follow(run, task, cpus), len(cpus))
        except Withdrawn as withdrawn:
            reason = LOST if isinstance(withdrawn, Closed) else STOP
            return _outcome(Course(exit_code=-signal.SIGTERM, told_to_end_by=reason), 0)
        finally:
            del self._runs[task.job]
            run.close()

    def close(self) -> None:
        """Kill every job, and the preforked parent."""
        self._scheduler.close()
        self._launcher.close()
        self._cleaner.shutdown()

    def _cores(self, task: Task) -> contextlib.AbstractContextManager[Sequence[int]]:
        if task.reserves_cores:
            return self._scheduler.cores(task.job)
        return contextlib.nullcontext(task.cpus or _cpus(self._settings.cores))

    def _follow(self, run: Run, task: Task, cpus: Sequence[int]) -> Course:
        reading, writing = os.pipe()
        with (
            os.fdopen(reading, "rb", buffering=0),
            Output(reading, task.log) as output,
            self._scratch() as scratch,
        ):
            with os.fdopen(writing, "wb", buffering=0), self._order(task, cpus, scratch) as order:
                try:
                    conversation = self._launcher.launch(order.fileno(), writing)
                except OSError as problem:
                    output.say(f"the job cannot start: {problem}")
                    return Course(told_to_end_by=LOST)
            course = run.follow(conversation, output)
            if course.told_to_end_by == LOST:
                output.say("the job is lost: the process that it was started from has ended")
            return course

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[Path]:
        """The job's /tmp, gone soon after it has ended.

        Not at once: the kernel takes milliseconds to delete a folder on which something was mounted, and whoever waits
        for the job need not wait for that.
        """
        self._scratches.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self._scratches))
        try:
            yield folder
        finally:
            try:
                self._cleaner.submit(shutil.rmtree, folder, ignore_errors=True)
            except RuntimeError:  # the runner is closed
                shutil.rmtree(folder, ignore_errors=True)

    def _order(self, task: Task, cpus: Sequence[int], scratch: Path) -> IO[bytes]:
        """The order as an open file: an environment may be larger than a socket's buffer."""
        base = base_environment() | {"HOSTNAME": task.hosts[0]}
        imported = task.environment.get("PYTHONPATH", "").split(os.pathsep)
        order = Order(
            room=Room(
                folder=str(task.folder),
                scratch=str(scratch),
                hosts=task.hosts,
                network=task.network,
                keep=_below_tmp(str(self._settings.folder), str(task.folder), *imported),
                shared=tuple((place, str(outside)) for place, outside in task.shared.items()),
            ),
            argv=list(task.argv),
            environment={**base, **task.environment},
            cwd=task.cwd,
            cpus=list(cpus),
        )
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller's to close
        file.write(json.dumps(order, default=vars).encode())
        file.seek(0)
        return file


def _below_tmp(*paths: str) -> tuple[str, ...]:
    """Which of these, and of what the interpreter is made of, a job's own /tmp would hide."""
    needed = _with_targets(sys.prefix, sys.base_prefix, *sys.path) | _with_targets(*paths)
    below = (path for path in needed if path.startswith("/tmp/"))  # noqa: S108 - the container's
    return tuple(sorted(path for path in below if Path(path).exists()))


@functools.lru_cache(4)  # the interpreter's are the same for every job, and following links takes a while
def _with_targets(*paths: str) -> frozenset[str]:
    """Paths, and what they are links to: a link to what is hidden leads nowhere."""
    return frozenset(paths) | {os.path.realpath(path) for path in paths}


def _cpus(cores: int) -> list[int]:
    """The machine's first ``cores`` CPUs, or all it has."""
    affinity = getattr(os, "sched_getaffinity", None)  # macOS has none; the numbers then only count
    available = sorted(affinity(0)) if affinity else list(range(cores))
    return available[: max(1, cores)]


def _outcome(course: Course, cores: int) -> Outcome:
    ended = course.ended or time.time()
    return Outcome(
        exit_code=128 - course.exit_code if course.exit_code < 0 else course.exit_code,
        ended_by=course.told_to_end_by or ITSELF,
        started=course.started or ended,
        ended=ended,
        isolation=course.isolation,
        cores=cores,
    )
