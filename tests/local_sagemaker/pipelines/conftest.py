"""A control plane with real records, and jobs that are threads: quick, asynchronous, and as obedient as told."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from local_sagemaker.control_plane import ControlPlane
from local_sagemaker.errors import ResourceNotFound
from local_sagemaker.functions.process import Invocation
from local_sagemaker.pipelines.api import Pipelines
from local_sagemaker.records import Closed, Records
from local_sagemaker.resources.model_package_groups import ModelPackageGroups
from local_sagemaker.resources.model_packages import ModelPackages
from local_sagemaker.resources.models import Models
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.settings import Settings

TOKEN = "0123456789abcdef" * 2
ROLE = "arn:aws:iam::123456789012:role/local-sagemaker-execution"


class FakeJobs:
    """Jobs of one resource: each runs ``work`` in a thread; what that returns is the failure reason, if any."""

    def __init__(self, resource: str, records: Records, settings: Settings) -> None:
        self.resource = resource
        self.records = records
        self.settings = settings
        self.requests: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self.work: Callable[[dict[str, Any], threading.Event], str | None] = lambda request, stop: None
        self._stops: dict[str, threading.Event] = {}

    def operations(self) -> dict[str, Any]:
        return {
            f"Create{self.resource}": self.create,
            f"Describe{self.resource}": self.describe,
            f"Stop{self.resource}": self.stop,
        }

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request[f"{self.resource}Name"]
        segment = {"ProcessingJob": "processing-job", "TrainingJob": "training-job"}[self.resource]
        document = {
            **request,
            f"{self.resource}Arn": self.settings.arn(segment, name),
            f"{self.resource}Status": "InProgress",
            "CreationTime": time.time(),
        }
        if self.resource == "TrainingJob":
            path = request["OutputDataConfig"]["S3OutputPath"]
            document["ModelArtifacts"] = {"S3ModelArtifacts": f"{path}/{name}/output/model.tar.gz"}
        self.records.create(self.resource, name, document)
        self.requests.append(request)
        stop = self._stops[name] = threading.Event()
        threading.Thread(target=self._run, args=(name, request, stop), daemon=True).start()
        return document

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self.records.get(self.resource, request[f"{self.resource}Name"])
        if document is None:
            raise ResourceNotFound("no such job")
        return document

    def stop(self, request: dict[str, Any]) -> None:
        name = request[f"{self.resource}Name"]
        self.stopped.append(name)
        if name in self._stops:  # else it was a killed process's
            self._stops[name].set()

    def _run(self, name: str, request: dict[str, Any], stop: threading.Event) -> None:
        reason = self.work(request, stop)
        status = "Failed" if reason else "Stopped" if stop.is_set() else "Completed"
        change = {f"{self.resource}Status": status, "FailureReason": reason}
        with suppress(Closed):  # the test is over: as with a real job, whose server has gone
            self.records.update(self.resource, name, change)


class World:
    """One local SageMaker without HTTP, and short words for what tests do with it."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(folder)
        self.store = ObjectStore(self.settings.objects)
        self.store.create_bucket("bucket")
        self.functions: dict[
            str, Callable[[bytes], Invocation]
        ] = {}  # what Lambda functions answer, by their ARN
        self.messages: queue.Queue[tuple[str, Any]] = queue.Queue()  # what was sent to which queue
        self.open()

    def open(self) -> None:
        self.records = Records(self.settings.database)
        self.plane = ControlPlane(self.settings)
        self.processing = FakeJobs("ProcessingJob", self.records, self.settings)
        self.training = FakeJobs("TrainingJob", self.records, self.settings)
        self.pipelines = Pipelines(
            self.settings,
            self.records,
            self.store,
            self.plane,
            lambda arn, event: self.functions[arn](event),
            lambda url, body: self.messages.put((url, json.loads(body))),
        )
        registry = (kind(self.settings, self.records) for kind in (Models, ModelPackageGroups, ModelPackages))
        for module in (self.processing, self.training, *registry, self.pipelines):
            self.plane.add(module.operations())
        self.call = self.plane.call

    def put(self, uri: str, body: bytes) -> None:
        """An object in S3."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self.store.put(bucket, key, body)

    def close(self) -> None:
        self.pipelines.close()
        self.records.close()

    def create(self, definition: dict[str, Any], name: str = "p", **members: Any) -> str:
        request = {
            "PipelineName": name,
            "PipelineDefinition": json.dumps(definition),
            "RoleArn": ROLE,
            "ClientRequestToken": TOKEN,
            **members,
        }
        return self.call("CreatePipeline", request)["PipelineArn"]

    def start(self, name: str = "p", parameters: dict[str, str] | None = None, **members: Any) -> str:
        given = [{"Name": key, "Value": value} for key, value in (parameters or {}).items()]
        request = {"PipelineName": name, "PipelineParameters": given, **members}
        return self.call("StartPipelineExecution", request)["PipelineExecutionArn"]

    def describe(self, arn: str) -> dict[str, Any]:
        return self.call("DescribePipelineExecution", {"PipelineExecutionArn": arn})

    def wait(self, arn: str) -> dict[str, Any]:
        """The execution once it has ended."""
        name = arn.split(":", 5)[-1].partition("/")[2]
        self.records.wait(
            "PipelineExecution",
            name,
            lambda execution: execution["PipelineExecutionStatus"] not in ("Executing", "Stopping"),
            timeout=30,
        )
        return self.describe(arn)

    def run(self, definition: dict[str, Any], **parameters: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Create, start, wait: the execution, and its steps by name."""
        self.create(definition)
        arn = self.start(parameters=parameters)
        return self.wait(arn), self.steps(arn)

    def steps(self, arn: str) -> dict[str, Any]:
        """The steps by name, oldest first."""
        request = {"PipelineExecutionArn": arn, "SortOrder": "Ascending"}
        answer = self.call("ListPipelineExecutionSteps", request)
        return {step["StepName"]: step for step in answer["PipelineExecutionSteps"]}

    def step_wait(self, arn: str, step: str, status: str) -> None:
        """Until the step, which has begun, has that status."""
        kind = f"PipelineExecutionStep/{arn.split(':', 5)[-1].partition('/')[2]}"
        deadline = time.monotonic() + 30
        while self.records.get(kind, step) is None:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        self.records.wait(kind, step, lambda document: document["StepStatus"] == status, timeout=30)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


class Write:
    """Definitions, written with as little as they need."""

    @staticmethod
    def definition(*steps: dict[str, Any], parameters: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        return {"Version": "2020-12-01", "Metadata": {}, "Parameters": parameters or [], "Steps": list(steps)}

    @staticmethod
    def processing(
        name: str, *arguments: Any, after: Any = (), outputs: tuple[str, ...] = (), **step: Any
    ) -> Any:
        """A processing step; ``arguments`` are the container's, ``after`` its DependsOn."""
        request: dict[str, Any] = {
            "AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": ["true"]},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
            },
            "RoleArn": ROLE,
        }
        if arguments:
            request["AppSpecification"]["ContainerArguments"] = list(arguments)
        if outputs:
            request["ProcessingOutputConfig"] = {
                "Outputs": [
                    {
                        "OutputName": output,
                        "S3Output": {
                            "S3Uri": f"s3://bucket/{name}/{output}",
                            "LocalPath": f"/opt/ml/processing/output/{output}",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                    for output in outputs
                ]
            }
        made = {"Name": name, "Type": "Processing", "Arguments": request, **step}
        return {**made, "DependsOn": list(after)} if after else made

    @staticmethod
    def training(name: str, data: Any = "s3://bucket/data", **step: Any) -> Any:
        request = {
            "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
            "HyperParameters": {"rounds": "10"},
            "InputDataConfig": [
                {
                    "ChannelName": "train",
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": data}},
                }
            ],
            "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30},
            "RoleArn": ROLE,
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        }
        return {"Name": name, "Type": "Training", "Arguments": request, **step}

    @staticmethod
    def register(name: str, group: str, model: Any, **step: Any) -> Any:
        request = {
            "ModelPackageGroupName": group,
            "InferenceSpecification": {
                "Containers": [{"Image": "image", "ModelDataUrl": model, "Environment": {}}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            "ModelMetrics": {"ModelQuality": {}, "Bias": {}},
            "ModelApprovalStatus": "PendingManualApproval",
            "SkipModelValidation": "None",
        }
        return {"Name": name, "Type": "RegisterModel", "Arguments": request, **step}

    @staticmethod
    def condition(name: str, *conditions: Any, yes: Any = (), no: Any = (), **step: Any) -> Any:
        arguments = {"Conditions": list(conditions), "IfSteps": list(yes), "ElseSteps": list(no)}
        return {"Name": name, "Type": "Condition", "Arguments": arguments, **step}

    @staticmethod
    def equals(left: Any, right: Any) -> Any:
        return {"Type": "Equals", "LeftValue": left, "RightValue": right}

    @staticmethod
    def fail(name: str, message: Any = "it failed", **step: Any) -> Any:
        return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}, **step}

    @staticmethod
    def get(path: str) -> Any:
        return {"Get": path}


@pytest.fixture(scope="session")
def write() -> type[Write]:
    return Write


@pytest.fixture(scope="session")
def world_class() -> type[World]:
    """For property tests, which make a new one for each example."""
    return World
