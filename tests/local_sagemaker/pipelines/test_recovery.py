"""What a restart finds after the process was killed."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from local_sagemaker import records

# Runs in a process of its own: starts a pipeline whose second job never ends, and says so.
VICTIM = """
import importlib.util, sys, time
from pathlib import Path

spec = importlib.util.spec_from_file_location("conftest", sys.argv[1])
helpers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(helpers)
world, write = helpers.World(Path(sys.argv[2])), helpers.Write
world.processing.work = lambda request, stop: stop.wait() if "last" in str(request) else None
first, then = write.processing("first"), write.processing("then", "last", after=["first"])
if sys.argv[3] == "loop":
    body = write.processing("body", {"Get": "ForEach.CurrentItem"})
    items = {"IterableItems": ["a", "b", "last", "d", "e"], "MaxConcurrency": 2, "ForEachBody": [body]}
    then = {"Name": "then", "Type": "ForEach", "Arguments": items, "DependsOn": ["first"]}
world.create(write.definition(first, then))
arn = world.start()
for step in ("body-3", "body-4") if sys.argv[3] == "loop" else ():
    world.step_wait(arn, step, "Succeeded")
world.step_wait(arn, "body-2" if sys.argv[3] == "loop" else "then", "Executing")
if sys.argv[3] == "stopping":
    world.records.update("PipelineExecution", arn.partition("pipeline/")[2], {"PipelineExecutionStatus": "Stopping"})
print(arn, flush=True)
time.sleep(600)
"""


def killed(folder: Path, state: str) -> str:
    """Run the victim, and kill it with signal 9 while its step runs. The execution's ARN."""
    helpers = str(Path(__file__).parent / "conftest.py")
    command = [sys.executable, "-c", textwrap.dedent(VICTIM), helpers, str(folder), state]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        arn = victim.stdout.readline().strip()
        victim.send_signal(signal.SIGKILL)
    assert arn
    return arn


@pytest.mark.parametrize(("state", "status"), [("executing", "Failed"), ("stopping", "Stopped")])
def test_an_execution_of_a_killed_process_has_ended_and_says_why(
    world: Any, tmp_path: Path, state: str, status: str
) -> None:
    """Nothing stays Executing: the running step and the execution have ended, and the reason names the step."""
    world.close()
    arn = killed(tmp_path, state)
    world.open()

    world.pipelines.recover()

    execution, steps = world.describe(arn), world.steps(arn)
    assert execution["PipelineExecutionStatus"] == status
    assert execution["FailureReason"] == (
        "The local SageMaker was stopped while step 'then' ran. RetryPipelineExecution carries on from there."
    )
    assert {name: step["StepStatus"] for name, step in steps.items()} == {
        "first": "Succeeded",
        "then": status,
    }
    assert steps["then"]["FailureReason"] == "The local SageMaker was stopped while this step ran."


def test_no_job_goes_on_for_a_step_that_has_ended(world: Any, tmp_path: Path) -> None:
    """A job that survives the restart, as a tuning job does, is stopped when its step is ended."""
    world.close()
    arn = killed(tmp_path, "executing")
    world.open()

    world.pipelines.recover()

    job = world.steps(arn)["then"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    assert world.processing.stopped == [job]


def test_a_recovered_execution_can_be_retried(world: Any, tmp_path: Path) -> None:
    """The step that succeeded before the kill does not run again."""
    world.close()
    arn = killed(tmp_path, "executing")
    world.open()
    world.pipelines.recover()

    world.call("RetryPipelineExecution", {"PipelineExecutionArn": arn})

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert len(world.processing.requests) == 1


def test_a_loop_of_a_killed_process_carries_on_with_what_is_left(world: Any, tmp_path: Path) -> None:
    """The children that had succeeded stay; the one that ran, and the ForEach, have ended and say why."""
    world.close()
    arn = killed(tmp_path, "loop")
    world.open()

    world.pipelines.recover()

    before = world.steps(arn)
    assert {name for name, step in before.items() if step["StepStatus"] == "Failed"} == {"then", "body-2"}
    assert world.describe(arn)["FailureReason"].startswith(
        "The local SageMaker was stopped while steps 'then', 'body-2' ran."
    )
    world.call("RetryPipelineExecution", {"PipelineExecutionArn": arn})
    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert len(world.processing.requests) == 1
    counts = world.steps(arn)["then"]["Metadata"]["ForEach"]
    assert (counts["TotalStepCount"], counts["SucceededStepCount"]) == (5, 5)


def test_recovery_leaves_ended_executions_alone(world: Any, write: Any) -> None:
    """Their documents do not change."""
    execution, steps = world.run(write.definition(write.processing("a")))

    world.pipelines.recover()

    arn = execution["PipelineExecutionArn"]
    assert (world.describe(arn), world.steps(arn)) == (execution, steps)


def test_closing_ends_the_engine_without_ending_the_execution(world: Any, write: Any) -> None:
    """A process that goes down in order writes nothing more; the next one finds the execution unfinished."""
    world.processing.work = lambda request, stop: None if stop.wait(30) else "never stopped"
    world.create(write.definition(write.processing("a"), write.processing("b", after=["a"])))
    arn = world.start()
    world.step_wait(arn, "a", "Executing")
    world.close()
    world.open()
    assert world.describe(arn)["PipelineExecutionStatus"] == "Executing"

    world.pipelines.recover()

    assert world.describe(arn)["PipelineExecutionStatus"] == "Failed"


@pytest.mark.parametrize("kind", ["PipelineExecution", "PipelineExecutionStep"])
def test_an_execution_on_a_full_disk_ends_when_there_is_room(
    world: Any, write: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Its last status is tried until it can be written; nothing stays Executing because of it."""
    update, refusals = world.records.update, iter(range(3))

    def full(kind_: str, name: str, change: Any) -> Any:
        if kind_.partition("/")[0] == kind and next(refusals, None) is not None:
            raise sqlite3.OperationalError("database or disk is full")
        return update(kind_, name, change)

    monkeypatch.setattr(records, "_AGAIN", 0.01)
    monkeypatch.setattr(world.records, "update", full)

    execution, steps = world.run(write.definition(write.processing("a")))

    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert steps["a"]["StepStatus"] == "Succeeded"
    assert next(refusals, None) is None
