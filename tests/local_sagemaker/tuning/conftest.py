"""Tuning jobs with real trials: a script that prints what it is told to, and XGBoost on a small table."""

from __future__ import annotations

import io
import itertools
import tarfile
import textwrap
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from local_sagemaker import logs
from local_sagemaker.control_plane import ControlPlane
from local_sagemaker.jobs.namespace import REWRITTEN
from local_sagemaker.jobs.process import ProcessRunner
from local_sagemaker.jobs.training import TrainingJobs
from local_sagemaker.records import Records
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.settings import Settings
from local_sagemaker.tuning.api import HyperParameterTuningJobs

KIND = "HyperParameterTuningJob"
REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
SCIKIT_LEARN = f"{REGISTRY}/sagemaker-scikit-learn:1.2-1-cpu-py3"
XGBOOST = f"{REGISTRY}/sagemaker-xgboost:3.2-0"
METRICS = [{"Name": "score", "Regex": "score=([0-9.]+)"}]

# A trial: prints its score round by round. ``mood`` says what else it does.
SCRIPT = """
import argparse, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("-x", type=float, default=0.5)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--pause", type=float, default=0)
parser.add_argument("--mood", default="good")
asked, _ = parser.parse_known_args()
if asked.mood == "fails":
    sys.exit("it does not want to")
if asked.mood == "silent":
    print("no numbers from me")
    sys.exit()
for number in range(asked.rounds):
    share = {"good": 1.0, "bad": 0.1, "worse": 0.05}[asked.mood]
    print(f"round {number} score={share * (asked.x + number / 1000):.6f}", flush=True)
    time.sleep(asked.pause)
open("/opt/ml/model/model", "w").write(str(asked.x))
"""


class Tuning:
    """Tuning jobs with a store and records of their own; one bucket, ``s3://bucket``."""

    numbers = itertools.count()

    def __init__(self, settings: Settings, runner: ProcessRunner) -> None:
        self.settings = settings
        self.runner = runner
        self.store = ObjectStore(settings.objects)
        if not self.store.has_bucket("bucket"):
            self.store.create_bucket("bucket")
        self.open()

    def open(self) -> None:
        """As a server does that starts on this folder."""
        self.records = Records(self.settings.database)
        self.plane = ControlPlane(self.settings)
        self.training_jobs = TrainingJobs(self.settings, self.records, self.store, self.runner)
        self.tuning_jobs = HyperParameterTuningJobs(
            self.settings, self.records, self.plane, self.runner, self.training_jobs
        )
        for jobs in (self.training_jobs, self.tuning_jobs):
            self.plane.add(jobs.operations())
        self.call = self.plane.call

    def put(self, key: str, body: bytes) -> str:
        self.store.put("bucket", key, body)
        return f"s3://bucket/{key}"

    def ranges(self, **ranges: Any) -> dict[str, Any]:
        """ParameterRanges: a list is categorical; (low, high) or (low, high, scaling) is a range of that type."""
        found: dict[str, list[dict[str, Any]]] = {}
        for name, wanted in ranges.items():
            if isinstance(wanted, list):
                found.setdefault("CategoricalParameterRanges", []).append({"Name": name, "Values": wanted})
                continue
            low, high, *scaling = wanted
            kind = "Integer" if isinstance(low, int) else "Continuous"
            own = {"Name": name, "MinValue": str(low), "MaxValue": str(high)}
            found.setdefault(f"{kind}ParameterRanges", []).append(
                {**own, **({"ScalingType": scaling[0]} if scaling else {})}
            )
        return found

    def definition(self, script: str = SCRIPT, **static: str) -> dict[str, Any]:
        """A training job definition that runs a script."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            body = textwrap.dedent(script).encode()
            member = tarfile.TarInfo("train.py")
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
        number = zlib.crc32(script.encode())
        code = self.put(f"code/{number}/sourcedir.tar.gz", buffer.getvalue())
        return {
            "AlgorithmSpecification": {
                "TrainingImage": SCIKIT_LEARN,
                "TrainingInputMode": "File",
                "MetricDefinitions": METRICS,
            },
            "StaticHyperParameters": {
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": code,
                **static,
            },
            "RoleArn": self.settings.role_arn,
            "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        }

    def request(
        self,
        strategy: str = "Random",
        jobs: int | None = 3,
        *,
        parallel: int = 1,
        ranges: dict[str, Any] | None = None,
        definition: dict[str, Any] | None = None,
        limits: dict[str, Any] | None = None,
        warm: Any = None,
        **config: Any,
    ) -> dict[str, Any]:
        """A request for a tuning job over SCRIPT's ``x``, to make ``score`` great."""
        request = {
            "HyperParameterTuningJobName": f"tuning-{next(self.numbers)}",
            "HyperParameterTuningJobConfig": {
                "Strategy": strategy,
                "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "score"},
                "ResourceLimits": {
                    **({"MaxNumberOfTrainingJobs": jobs} if jobs else {}),
                    "MaxParallelTrainingJobs": parallel,
                    **(limits or {}),
                },
                "ParameterRanges": self.ranges(**(ranges or {"x": (0.0, 1.0)})),
                "RandomSeed": 7,
                **config,
            },
            "TrainingJobDefinition": definition or self.definition(),
        }
        return {**request, **({"WarmStartConfig": warm} if warm else {})}

    def warm(self, *parents: str, kind: str = "TransferLearning") -> dict[str, Any]:
        """WarmStartConfig."""
        named = [{f"{KIND}Name": parent} for parent in parents]
        return {"ParentHyperParameterTuningJobs": named, "WarmStartType": kind}

    def start(self, request: dict[str, Any]) -> str:
        """Create a tuning job; its name."""
        self.call(f"Create{KIND}", request)
        return str(request[f"{KIND}Name"])

    def ended(self, name: str) -> dict[str, Any]:
        """What Describe says once the tuning job has ended."""
        running = ("InProgress", "Stopping")
        self.records.wait(KIND, name, lambda document: document[f"{KIND}Status"] not in running, timeout=60)
        return self.call(f"Describe{KIND}", {f"{KIND}Name": name})

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Create a tuning job and wait for its end."""
        return self.ended(self.start(request))

    def trials(self, name: str, **wanted: Any) -> list[dict[str, Any]]:
        """The summaries of a tuning job's training jobs, oldest first."""
        request = {f"{KIND}Name": name, "MaxResults": 100, **wanted}
        found: list[dict[str, Any]] = self.call(f"ListTrainingJobsFor{KIND}", request)["TrainingJobSummaries"]
        return found

    def drawn(self, name: str) -> list[dict[str, str]]:
        """The values that were tried, in order."""
        return [trial["TunedHyperParameters"] for trial in self.trials(name)]

    def log(self, name: str) -> str:
        """What the tuning job told on its way."""
        document = self.records.get(KIND, name)
        assert document is not None
        path = logs.log_path(self.settings.logs, document["_LogGroup"], document["_LogStream"])
        return "\n".join(logs.tail(path, 1000))

    def until_trials(self, name: str, number: int) -> None:
        """Until that many trials have ended."""

        def enough(_: Any) -> bool:
            return len(self.trials(name, StatusEquals="Completed")) >= number

        self.records.wait(KIND, name, enough, timeout=60)

    def xgboost(self) -> dict[str, Any]:
        """A training job definition of XGBoost's algorithm mode, with 600 rows of data."""
        random = np.random.default_rng(3)
        for channel in ("train", "validation"):
            features = random.normal(size=(600, 4))
            label = (features[:, 0] * features[:, 1] + features[:, 2] > 0).astype(int)
            text = "\n".join(
                ",".join(f"{value:.4g}" for value in row) for row in np.column_stack([label, features])
            )
            self.put(f"table/{channel}/rows.csv", text.encode())
        return {
            **self.definition(),
            "AlgorithmSpecification": {"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
            "StaticHyperParameters": {"num_round": "8", "objective": "binary:logistic"},
            "InputDataConfig": [
                self.channel(channel, f"s3://bucket/table/{channel}/") for channel in ("train", "validation")
            ],
        }

    def channel(self, name: str, uri: str) -> dict[str, Any]:
        """A channel with CSV."""
        source = {"S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated", "S3Uri": uri}
        return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


@pytest.fixture(scope="session")
def tuning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuning]:
    """Where tuning jobs are created; shared, with two cores."""
    settings = Settings(tmp_path_factory.mktemp("tuning"), cores=2)
    runner = ProcessRunner(settings, grace=5)
    made = Tuning(settings, runner)
    yield made
    made.tuning_jobs.close()
    runner.close()
    made.training_jobs.close()
    made.records.close()


@pytest.fixture(scope="session")
def rewritten(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuning]:
    """Where a tuning job runs on a machine without namespaces."""
    settings = Settings(tmp_path_factory.mktemp("rewritten"), cores=2)
    runner = ProcessRunner(settings, grace=5, isolation=REWRITTEN)
    made = Tuning(settings, runner)
    yield made
    made.tuning_jobs.close()
    runner.close()
    made.training_jobs.close()
    made.records.close()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Tuning]:
    """Tuning jobs in a folder of their own, for tests that close and open them again."""
    settings = Settings(tmp_path, cores=2)
    runner = ProcessRunner(settings, grace=5)
    made = Tuning(settings, runner)
    yield made
    made.tuning_jobs.close()
    runner.close()
    with suppress(RuntimeError):
        made.records.close()
