"""What becomes of a tuning job when the local SageMaker goes away in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Tuning

# Runs in a process of its own: tunes until two trials have ended, says so, and goes on.
VICTIM = """
import importlib.util, json, sys, time
from pathlib import Path

spec = importlib.util.spec_from_file_location("conftest", sys.argv[1])
helpers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(helpers)
settings = helpers.Settings(Path(sys.argv[2]), cores=2)
tuning = helpers.Tuning(settings, helpers.ProcessRunner(settings))
definition = tuning.definition(rounds="20", pause="0.01")
name = tuning.start({**tuning.request("Random", 6, definition=definition), "HyperParameterTuningJobName": "victim"})
tuning.until_trials(name, 2)
print(json.dumps({"name": name, "trials": tuning.trials(name)}), flush=True)
time.sleep(600)
"""


def killed(folder: Path) -> dict[str, Any]:
    """Run the victim, and kill it with signal 9. Its tuning job's name, and what its trials were."""
    helpers = str(Path(__file__).with_name("conftest.py"))
    command = [sys.executable, "-c", textwrap.dedent(VICTIM), helpers, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as victim:
        assert victim.stdout is not None
        line = victim.stdout.readline()
        victim.send_signal(signal.SIGKILL)
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_killed_search_goes_on_where_it_was(alone: Tuning, tmp_path: Path) -> None:
    """Finished trials count, the one that was lost is repeated with its values, and the draws are the same."""
    alone.records.close()
    before = killed(tmp_path)
    alone.open()
    alone.training_jobs.recover()

    alone.tuning_jobs.recover()

    done = alone.ended(before["name"])
    trials = alone.trials(before["name"])
    assert done["HyperParameterTuningJobStatus"] == "Completed"
    assert [trial["TrainingJobName"] for trial in trials[:2]] == [
        trial["TrainingJobName"] for trial in before["trials"][:2]
    ]
    assert done["TrainingJobStatusCounters"]["Completed"] == 6
    assert done["TrainingJobStatusCounters"]["RetryableError"] == len(trials) - 6
    again = alone.run(alone.request("Random", 6))["HyperParameterTuningJobName"]
    completed = [
        trial["TunedHyperParameters"] for trial in trials if trial["TrainingJobStatus"] == "Completed"
    ]
    assert completed == alone.drawn(again)


def test_closing_leaves_a_search_to_the_next_process(alone: Tuning) -> None:
    """It is in progress until then, and goes on after."""
    definition = alone.definition(rounds="20", pause="0.01")
    name = alone.start(alone.request("Random", 4, definition=definition))
    alone.until_trials(name, 1)

    alone.tuning_jobs.close()

    document = alone.records.get("HyperParameterTuningJob", name)
    assert document is not None
    assert document["HyperParameterTuningJobStatus"] == "InProgress"
    alone.tuning_jobs.recover()
    assert alone.ended(name)["TrainingJobStatusCounters"]["Completed"] == 4


def test_a_search_that_was_being_stopped_has_stopped(alone: Tuning) -> None:
    """Nothing is started again for it."""
    definition = alone.definition(rounds="5000", pause="0.02")
    name = alone.start(alone.request("Random", 4, definition=definition))
    alone.tuning_jobs.close()
    trials = alone.trials(name)
    change = {"HyperParameterTuningJobStatus": "Stopping"}
    alone.records.update("HyperParameterTuningJob", name, change)

    alone.tuning_jobs.recover()

    assert alone.ended(name)["HyperParameterTuningJobStatus"] == "Stopped"
    assert [each["TrainingJobName"] for each in alone.trials(name)] == [
        each["TrainingJobName"] for each in trials
    ]


def test_a_search_that_cannot_go_on_ends_with_the_reason(alone: Tuning) -> None:
    """Its image is not known any more, say."""
    definition = alone.definition(rounds="5000", pause="0.02")
    name = alone.start(alone.request("Random", 4, definition=definition))
    alone.tuning_jobs.close()

    def forget(document: dict[str, Any]) -> dict[str, Any]:
        document["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"] = "forgotten:1"
        return document

    alone.records.update("HyperParameterTuningJob", name, forget)
    alone.tuning_jobs.recover()

    done = alone.ended(name)
    assert done["HyperParameterTuningJobStatus"] == "Failed"
    assert done["FailureReason"].startswith("The local SageMaker was stopped, and cannot go on: ")
    assert "forgotten:1" in done["FailureReason"]
