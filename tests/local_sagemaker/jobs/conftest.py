"""A process runner with its preforked parent, shared by the tests that only run jobs on it."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from local_sagemaker import logs
from local_sagemaker.jobs.process import Outcome, ProcessRunner, Task
from local_sagemaker.settings import Settings


@dataclass(frozen=True)
class Finished:
    """A task that has run: how it ended, what it printed, and its folder."""

    outcome: Outcome
    lines: list[str]
    folder: Path


class Bench:
    """Runs small scripts as jobs of one runner."""

    numbers = itertools.count()

    def __init__(self, runner: ProcessRunner, folder: Path) -> None:
        self.runner = runner
        self.folder = folder

    def task(self, script: str = "", **fields: Any) -> Task:
        """A task that runs ``script`` as /opt/ml/script.py, unless ``argv`` says otherwise."""
        job = f"job-{next(self.numbers)}"
        folder = self.folder / job
        folder.mkdir(parents=True)
        (folder / "script.py").write_text(textwrap.dedent(script))
        task = Task(job, folder, ("python3", "/opt/ml/script.py"), {}, self.folder / "logs" / f"{job}.log")
        return replace(task, **fields)

    def finish(self, task: Task) -> Finished:
        """Run a task and collect what it left."""
        outcome = self.runner.run(task)
        return Finished(outcome, [event.message for event in logs.read_events(task.log)], task.folder)

    def run(self, script: str = "", **fields: Any) -> Finished:
        """Run a script as a job of its own."""
        return self.finish(self.task(script, **fields))


@pytest.fixture(scope="session")
def make_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Bench]]:
    """Benches with a runner of their own, closed at the end."""
    runners: list[ProcessRunner] = []

    def make(cores: int | None = None, **arguments: Any) -> Bench:
        folder = tmp_path_factory.mktemp("runner")
        settings = Settings(folder) if cores is None else Settings(folder, cores=cores)
        runners.append(ProcessRunner(settings, **{"grace": 0.3, **arguments}))
        return Bench(runners[-1], folder)

    yield make
    for runner in runners:
        runner.close()


@pytest.fixture(scope="session")
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """The bench for tests that leave the runner as they found it."""
    return make_bench()
