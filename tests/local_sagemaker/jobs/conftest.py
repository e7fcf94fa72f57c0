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
from local_sagemaker.control_plane import ControlPlane
from local_sagemaker.jobs.process import Outcome, ProcessRunner, Task
from local_sagemaker.jobs.processing import ProcessingJobs
from local_sagemaker.jobs.training import TrainingJobs
from local_sagemaker.records import Records
from local_sagemaker.s3.store import ObjectStore
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
    return make_bench(cores=2)


REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
SCIKIT_LEARN = f"{REGISTRY}/sagemaker-scikit-learn:1.2-1-cpu-py3"
XGBOOST = f"{REGISTRY}/sagemaker-xgboost:3.2-0"


class Workshop:
    """Processing and training jobs with a store and records of their own; one bucket, ``s3://bucket``."""

    numbers = itertools.count()

    def __init__(self, settings: Settings, runner: ProcessRunner) -> None:
        self.settings = settings
        self.runner = runner
        self.records = Records(settings.database)
        self.store = ObjectStore(settings.objects)
        self.store.create_bucket("bucket")
        parts = (settings, self.records, self.store, runner)
        self.processing_jobs = ProcessingJobs(*parts)
        self.training_jobs = TrainingJobs(*parts)
        self.plane = ControlPlane(settings)
        for jobs in (self.processing_jobs, self.training_jobs):
            self.plane.add(jobs.operations())

    def put(self, key: str, text: str | bytes) -> str:
        """Store an object; its URI. Text is dedented."""
        body = text if isinstance(text, bytes) else textwrap.dedent(text).encode()
        self.store.put("bucket", key, body)
        return f"s3://bucket/{key}"

    def keys(self, prefix: str) -> list[str]:
        """What lies below a prefix, without it."""
        return [stored.key.removeprefix(prefix) for stored in self.store.list("bucket", prefix)]

    def input(self, name: str, uri: str, **fields: Any) -> dict[str, Any]:
        """A ProcessingInput."""
        source = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/input/{name}", "S3DataType": "S3Prefix"}
        return {"InputName": name, "S3Input": {**source, "S3InputMode": "File", **fields}}

    def output(self, name: str, uri: str, **fields: Any) -> dict[str, Any]:
        """A ProcessingOutput."""
        target = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/{name}", "S3UploadMode": "EndOfJob"}
        return {"OutputName": name, "S3Output": {**target, **fields}}

    def channel(self, name: str, uri: str, **fields: Any) -> dict[str, Any]:
        """A channel of a training job."""
        source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
        return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **fields}

    def processing(
        self, script: str = "", *, inputs: Any = (), outputs: Any = (), **fields: Any
    ) -> dict[str, Any]:
        """A request for a processing job that runs ``script``, sent as the SDK's ScriptProcessor sends it."""
        name = f"processing-{next(self.numbers)}"
        code = self.input("code", self.put(f"{name}/script.py", script))
        request = {
            "ProcessingJobName": name,
            "RoleArn": self.settings.role_arn,
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
            },
            "AppSpecification": {
                "ImageUri": SCIKIT_LEARN,
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/script.py"],
            },
            "ProcessingInputs": [code, *inputs],
            "ProcessingOutputConfig": {"Outputs": list(outputs)},
        }
        return {**request, **fields}

    def training(self, hyperparameters: dict[str, str], *channels: Any, **fields: Any) -> dict[str, Any]:
        """A request for a training job on the XGBoost image."""
        request = {
            "TrainingJobName": f"training-{next(self.numbers)}",
            "RoleArn": self.settings.role_arn,
            "AlgorithmSpecification": {"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30},
            "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            "HyperParameters": hyperparameters,
        }
        return {**request, **({"InputDataConfig": list(channels)} if channels else {}), **fields}

    def create(self, request: dict[str, Any]) -> tuple[str, str]:
        """Create a job; its kind and name."""
        kind = "ProcessingJob" if "ProcessingJobName" in request else "TrainingJob"
        self.plane.call(f"Create{kind}", request)
        return kind, request[f"{kind}Name"]

    def until(self, kind: str, name: str, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for a job's document to satisfy ``done``; it may take a while, but never for ever."""
        return self.records.wait(kind, name, done, timeout=60)

    def ended(self, kind: str, name: str) -> dict[str, Any]:
        """Wait for a job's end; what Describe says then, and what is private."""
        running = ("InProgress", "Stopping")
        private = self.until(kind, name, lambda document: document[f"{kind}Status"] not in running)
        return {**private, **self.plane.call(f"Describe{kind}", {f"{kind}Name": name})}

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Create a job and wait for its end."""
        return self.ended(*self.create(request))

    def log(self, document: dict[str, Any]) -> list[str]:
        """What the job printed."""
        path = logs.log_path(self.settings.logs, document["_LogGroup"], document["_LogStream"])
        return logs.tail(path, 10_000)


@pytest.fixture(scope="session")
def workshop(make_bench: Callable[..., Bench]) -> Iterator[Workshop]:
    """Where jobs are created; shared, so name what you create so that nobody else will."""
    bench = make_bench(grace=10)
    made = Workshop(Settings(bench.folder), bench.runner)
    yield made
    made.records.close()
