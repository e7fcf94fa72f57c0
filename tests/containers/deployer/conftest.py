"""Deployments for tests: real packages of small models, and a local SageMaker that serves them."""

from __future__ import annotations

import io
import tarfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from containers.deployer.ask import Ask
from containers.deployer.clients import Clients
from containers.deployer.reconcile import reconcile
from containers.deployer.remove import remove
from containers.deployer.result import Result
from containers.deployer.settings import Deployment, read

if TYPE_CHECKING:
    from local_sagemaker import LocalSageMaker

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2"
SCRIPT = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
SERVES = """
def model_fn(folder):
    {load}
    return "{name}"
def input_fn(body, content_type):
    return body
def predict_fn(data, model):
    {predict}
    return model
def output_fn(prediction, accept):
    return prediction, "text/plain"
"""
DIES = {"load": "import os; os._exit(1)"}  # before it ever answers a ping
ANSWERS_500 = {"predict": "raise RuntimeError('broken')"}

DOCUMENT: Mapping[str, Any] = {
    "role": "arn:aws:iam::123456789012:role/local-sagemaker-execution",
    "instance_type": "ml.m5.large",
    "instance_count": 1,
    "serverless": None,
    "traffic": {
        "shift": "all_at_once",
        "size_percent": 10,
        "wait_seconds": 0,
        "bake_seconds": 0,
        "max_minutes": 60,
    },
    "alarms": [],
    "existing_alarms": [],
    "capture": None,
    "autoscaling": None,
    "keys": {"volume": None, "output": None},
    "network": {"subnets": [], "security_groups": [], "isolated": False},
    "tags": {"usecase": "a-usecase"},
    "compare": None,
}
ERRORS = {"metric": "Invocation5XXErrors", "statistic": "Sum", "above": 0, "period_seconds": 10}


def deployment(**settings: Any) -> Deployment:
    """The settings of a deployment to ``fraud``, but for what is given."""
    return read({"group": "fraud", "endpoint": "fraud", **DOCUMENT, **settings})


def canary(seconds: int, percent: int = 50) -> dict[str, Any]:
    """A canary that bakes so long."""
    return {
        **DOCUMENT["traffic"],
        "shift": "canary",
        "size_percent": percent,
        "wait_seconds": seconds,
    }


@dataclass
class Stage:
    """One group, one endpoint, and who deploys from one to the other."""

    client: Callable[[str], Any]
    bucket: str
    name: str
    deployment: Deployment
    clients: Clients
    said: list[str] = field(default_factory=list)
    image: str = IMAGE

    @property
    def group_arn(self) -> str:
        """Of the group's packages, but for the version."""
        return f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{self.name}"

    @property
    def sagemaker(self) -> Any:
        return self.client("sagemaker")

    def settings(self, **changed: Any) -> None:
        """Deploy otherwise from now on."""
        known = read({**DOCUMENT, "group": self.name, "endpoint": self.name, **changed})
        self.deployment = replace(known, role=self.deployment.role)

    def package(self, answer: str, approval: str = "Approved", **script: str) -> str:
        """Register a model that answers so; its ARN."""
        code = SERVES.format(**{"name": answer, "load": "pass", "predict": "pass", **script})
        return self.register("code/inference.py", code.encode(), SCRIPT, approval)

    def register(
        self, file: str, content: bytes, environment: Mapping[str, str], approval: str = "Approved"
    ) -> str:
        """Register a model of one file; the package's ARN."""
        key = f"deployer/{uuid.uuid4().hex}/model.tar.gz"
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=_archive(file, content))
        container = {
            "Image": self.image,
            "ModelDataUrl": f"s3://{self.bucket}/{key}",
            "Environment": environment,
        }
        specification = {
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        }
        made = self.sagemaker.create_model_package(
            ModelPackageGroupName=self.name,
            InferenceSpecification=specification,
            ModelApprovalStatus=approval,
        )
        return str(made["ModelPackageArn"])

    def approval(self, arn: str) -> tuple[str, str]:
        """Status and reason of a package."""
        found = self.sagemaker.describe_model_package(ModelPackageName=arn)
        return found["ModelApprovalStatus"], found.get("ApprovalDescription", "")

    def decide(self, arn: str, status: str) -> None:
        """Approve or reject."""
        self.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status)

    def ask(self, package: str = "", *, insist: bool = True) -> Result:
        """Reconcile once, as somebody who asks, or (not ``insist``) as an event of the endpoint."""
        return reconcile(self.deployment, Ask("a test asks", package, insist=insist), self.clients)

    def deployed(self, package: str = "") -> Result:
        """Reconcile until nothing is under way, as events do."""
        self.ask(package)
        return self.settled()

    def settled(self) -> Result:
        """Wait for the end of what is under way, and reconcile as its event does."""
        self.idle()
        return self.ask(insist=False)

    def idle(self) -> dict[str, Any]:
        """The endpoint once nothing is under way."""
        deadline = time.monotonic() + 120
        while True:
            found: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=self.name)
            if found["EndpointStatus"] in ("InService", "Failed"):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.05)

    def answer(self, body: str = "x", **more: Any) -> str:
        """What the endpoint answers."""
        asked = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.name, Body=body, ContentType="text/csv", **more
        )
        return str(asked["Body"].read().decode())

    def configurations(self) -> list[str]:
        """The configurations that are there for this endpoint."""
        listed = self.sagemaker.list_endpoint_configs(NameContains=self.name, MaxResults=100)
        return sorted(each["EndpointConfigName"] for each in listed["EndpointConfigs"])

    def models(self) -> list[str]:
        """The models that are there for this endpoint."""
        listed = self.sagemaker.list_models(NameContains=self.name, MaxResults=100)
        return sorted(each["ModelName"] for each in listed["Models"])


class Load:
    """Asks an endpoint again and again, a bounded number of times a second, and keeps what it got."""

    def __init__(self, stage: Stage, threads: int = 2, pause: float = 0.02) -> None:
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self._stage, self._pause = stage, pause
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def until(self, answer: str, number: int = 5) -> None:
        """Go on until there are so many more of these answers."""
        wanted, deadline = self.answers[answer] + number, time.monotonic() + 60
        while self.answers[answer] < wanted:
            assert time.monotonic() < deadline, (self.answers, self.failures)
            time.sleep(0.02)

    def _run(self) -> None:
        while not self._over.wait(self._pause):
            try:
                self.answers[self._stage.answer()] += 1
            except Exception as error:  # noqa: BLE001 - it is what the test looks at
                self.failures.append(repr(error))


@pytest.fixture
def stage(client: Callable[[str], Any], local: LocalSageMaker) -> Iterator[Stage]:
    """A group without a package and an endpoint that is not there; both are gone afterwards."""
    name = f"d-{uuid.uuid4().hex[:8]}"
    client("sagemaker").create_model_package_group(ModelPackageGroupName=name)
    said: list[str] = []
    known = deployment(group=name, endpoint=name, role=local.settings.role_arn)
    made = Stage(client, local.settings.bucket, name, known, Clients(client, said.append), said)
    yield made
    remove(made.deployment, made.clients)


def refused(call: Callable[[], Any]) -> str:
    """AWS's code of a refusal, or the kind of botocore's."""
    with pytest.raises((ClientError, BotoCoreError)) as raised:
        call()
    if isinstance(raised.value, ClientError):
        return str(raised.value.response["Error"]["Code"])
    return raised.type.__name__


def _archive(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        header = tarfile.TarInfo(name)
        header.size = len(content)
        tar.addfile(header, io.BytesIO(content))
    return buffer.getvalue()
