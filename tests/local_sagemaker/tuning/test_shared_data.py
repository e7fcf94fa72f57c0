"""The trials of a tuning job read one copy of the data, and none of them can change what the next one reads."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local_sagemaker import logs
from local_sagemaker.jobs.namespace import REWRITTEN, probe
from local_sagemaker.settings import Settings

if TYPE_CHECKING:
    from conftest import Tuning

ROWS = b"1,2\n3,4\n"

# A trial: tells what it has read and which file that was, and tries to change it in every way there is.
SCRIPT = """
import json, os, sys
folder = "/opt/ml/input/data/train"
path = folder + "/part/rows.csv"
found = {"read": open(path).read(), "file": [os.stat(path).st_dev, os.stat(path).st_ino], "errors": []}
def more(): open(path, "a").write("more")
def new(): open(folder + "/new", "w").write("new")
for change in (more, new, lambda: os.chmod(path, 0), lambda: os.remove(path)):
    try:
        change()
    except OSError as error:
        found["errors"].append(error.errno)
found["config"] = json.load(open("/opt/ml/input/config/inputdataconfig.json"))
print(json.dumps(found))
print("score=0.5")
"""


def definition(tuning: Tuning, script: str = SCRIPT, uri: str = "s3://bucket/shared/") -> dict[str, Any]:
    """A training job definition with one channel, ``train``."""
    tuning.put("shared/part/rows.csv", ROWS)
    return {**tuning.definition(script), "InputDataConfig": [tuning.channel("train", uri)]}


def told(tuning: Tuning, name: str) -> list[dict[str, Any]]:
    """What the script has printed in each trial of a tuning job."""
    lines = []
    for trial in tuning.trials(name):
        job = tuning.records.get("TrainingJob", trial["TrainingJobName"])
        assert job is not None
        log = logs.log_path(tuning.settings.logs, job["_LogGroup"], job["_LogStream"])
        lines.append(next(line for line in logs.tail(log, 100) if line.startswith("{")))
    return [json.loads(line) for line in lines]


def copies(settings: Settings) -> list[Path]:
    """Every copy of the rows among the folders of all jobs."""
    folders = (
        Path(folder) for folder, _, files in os.walk(settings.jobs) if "rows.csv" in files
    )  # some are going
    return [
        path for folder in folders if (path := folder / "rows.csv").is_file() and path.read_bytes() == ROWS
    ]


def until_they_have_read(tuning: Tuning, number: int) -> None:
    """Until so many trials have printed their score."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        logs_of_trials = tuning.settings.logs.rglob("TrainingJobs/**/*")
        if sum(path.is_file() and "score=" in path.read_text() for path in logs_of_trials) >= number:
            return
        time.sleep(0.01)
    raise AssertionError("the trials have not come to their scores")


@pytest.fixture
def namespaces() -> None:
    """Skips where this machine has none."""
    command = [sys.executable, "-c", f"from {probe.__module__} import probe; print(probe())"]
    if subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == REWRITTEN:
        pytest.skip("this machine gives a job no mount namespace")


@pytest.mark.usefixtures("namespaces")
def test_all_trials_read_the_same_file_and_cannot_change_it(tuning: Tuning) -> None:
    """One file, by its device and number, with what lies in S3; every change is refused as on a read-only disk."""
    done = tuning.run(tuning.request("Random", 4, parallel=2, definition=definition(tuning)))

    trials = told(tuning, done["HyperParameterTuningJobName"])
    assert done["TrainingJobStatusCounters"]["Completed"] == 4
    assert {trial["read"] for trial in trials} == {ROWS.decode()}
    assert len({tuple(trial["file"]) for trial in trials}) == 1
    assert [trial["errors"] for trial in trials] == [[errno.EROFS] * 4] * 4


def test_where_it_cannot_be_made_read_only_each_trial_has_a_copy(rewritten: Tuning) -> None:
    """What one writes, the next does not see; and the copies go with their jobs."""
    done = rewritten.run(rewritten.request("Random", 3, definition=definition(rewritten)))

    trials = told(rewritten, done["HyperParameterTuningJobName"])
    assert {trial["read"] for trial in trials} == {ROWS.decode()}
    assert [trial["errors"] for trial in trials] == [[]] * 3
    assert rewritten.store.read("s3://bucket/shared/part/rows.csv") == ROWS
    assert not copies(rewritten.settings)


def test_a_trial_is_told_of_its_channels_as_any_training_job(tuning: Tuning) -> None:
    """inputdataconfig.json says nothing of the sharing."""
    done = tuning.run(tuning.request("Random", 1, definition=definition(tuning)))

    (trial,) = told(tuning, done["HyperParameterTuningJobName"])
    channel = {"ContentType": "text/csv", "TrainingInputMode": "File"}
    channel |= {"S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    assert trial["config"] == {"train": channel}


@pytest.mark.usefixtures("namespaces")
def test_there_is_one_copy_while_trials_run_and_none_afterwards(alone: Tuning) -> None:
    """Two trials side by side, more to come; when the search is stopped, nothing of the data is left."""
    script = SCRIPT + "sys.stdout.flush()\nimport time; time.sleep(60)\n"
    name = alone.start(alone.request("Random", 4, parallel=2, definition=definition(alone, script)))
    until_they_have_read(alone, 2)

    assert len(copies(alone.settings)) == 1

    alone.call("StopHyperParameterTuningJob", {"HyperParameterTuningJobName": name})
    assert alone.ended(name)["HyperParameterTuningJobStatus"] == "Stopped"
    assert copies(alone.settings) == []
    assert not (alone.settings.jobs / "hyper-parameter-tuning-job" / name).exists()


def test_definitions_that_read_the_same_share_it_and_others_have_their_own(alone: Tuning) -> None:
    """Two of three definitions name one prefix; channels of one name do not mix."""
    alone.put("other/part/rows.csv", b"5,6\n")
    script = SCRIPT + "import time; time.sleep(.3)\n"
    request = alone.request("Random", 6, parallel=2)
    config = request["HyperParameterTuningJobConfig"]
    ranges = config.pop("ParameterRanges")
    objective = config.pop("HyperParameterTuningJobObjective")
    del request["TrainingJobDefinition"]
    uris = {"one": "s3://bucket/shared/", "two": "s3://bucket/shared/", "three": "s3://bucket/other/"}
    request["TrainingJobDefinitions"] = [
        {
            **definition(alone, script, uri),
            "DefinitionName": each,
            "TuningObjective": objective,
            "HyperParameterRanges": ranges,
        }
        for each, uri in uris.items()
    ]

    name = alone.run(request)["HyperParameterTuningJobName"]

    read: dict[str, set[str]] = {}
    files: dict[str, set[tuple[int, ...]]] = {}
    for trial, summary in zip(told(alone, name), alone.trials(name), strict=True):
        read.setdefault(summary["TrainingJobDefinitionName"], set()).add(trial["read"])
        files.setdefault(trial["read"], set()).add(tuple(trial["file"]))
    assert read == {"one": {ROWS.decode()}, "two": {ROWS.decode()}, "three": {"5,6\n"}}
    assert {text: len(found) for text, found in files.items()} == {ROWS.decode(): 1, "5,6\n": 1}


def test_a_search_without_data_says_so_for_each_trial(tuning: Tuning) -> None:
    """In the words that any training job has for it."""
    asked = definition(tuning, uri="s3://bucket/no-such-prefix/")
    done = tuning.run(tuning.request("Random", 2, definition=asked))

    assert done["HyperParameterTuningJobStatus"] == "Failed"
    for trial in tuning.trials(done["HyperParameterTuningJobName"]):
        assert trial["FailureReason"].startswith("ClientError: Data download failed: No S3 objects found")


# Runs in a process of its own: says so when two trials have the data, and goes on.
VICTIM = """
import importlib.util, sys, time
from pathlib import Path

def load(path):
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module

helpers, mine = load(sys.argv[1]), load(sys.argv[2])
settings = helpers.Settings(Path(sys.argv[3]), cores=2)
tuning = helpers.Tuning(settings, helpers.ProcessRunner(settings))
script = mine.SCRIPT + "sys.stdout.flush()\\nimport time; time.sleep(1)\\n"
asked = tuning.request("Random", 3, parallel=2, definition=mine.definition(tuning, script))
tuning.start({**asked, "HyperParameterTuningJobName": "victim"})
mine.until_they_have_read(tuning, 2)
print(len(mine.copies(settings)), flush=True)
time.sleep(600)
"""


def test_what_a_killed_server_left_is_gone_after_the_next_one(alone: Tuning, tmp_path: Path) -> None:
    """The search goes on with a copy of its own, and at its end there is none."""
    alone.records.close()
    command = [sys.executable, "-c", textwrap.dedent(VICTIM)]
    command += [str(Path(__file__).with_name("conftest.py")), __file__, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() != "0\n"
        victim.send_signal(signal.SIGKILL)
    assert copies(alone.settings)
    left = alone.settings.jobs / "hyper-parameter-tuning-job" / "ended-meanwhile" / "0-train" / "rows.csv"
    left.parent.mkdir(parents=True)
    left.write_bytes(ROWS)
    alone.open()
    alone.training_jobs.recover()

    alone.tuning_jobs.recover()

    assert not left.exists()
    assert alone.ended("victim")["TrainingJobStatusCounters"]["Completed"] == 3
    assert copies(alone.settings) == []
