"""Endpoints for tests: archives, models, and clients that make and call them."""

import io
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import xgboost

REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
XGBOOST = f"{REGISTRY}/sagemaker-xgboost:3.0-5"
SKLEARN = f"{REGISTRY}/sagemaker-scikit-learn:1.4-2"
SCRIPT = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}

ECHO = """
import os
def model_fn(folder):
    return open(os.path.join(folder, "name")).read()
def input_fn(body, content_type):
    return body
def predict_fn(data, model):
    return f"{model}:{data}"
def output_fn(prediction, accept):
    return prediction, "text/plain"
"""


def archive(files: Mapping[str, bytes | str]) -> bytes:
    """A ``model.tar.gz``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            header = tarfile.TarInfo(name)
            header.size = len(data)
            tar.addfile(header, io.BytesIO(data))
    return buffer.getvalue()


def echo(name: str, script: str = ECHO) -> bytes:
    """An archive whose model answers with its name and what it was asked."""
    return archive({"name": name, "code/inference.py": script})


@dataclass
class Host:
    """A client that deploys, and takes down what it has deployed."""

    client: Callable[[str], Any]
    bucket: str
    role: str
    made: list[str] = field(default_factory=list)

    @property
    def sagemaker(self) -> Any:
        return self.client("sagemaker")

    @property
    def runtime(self) -> Any:
        return self.client("sagemaker-runtime")

    def container(
        self, data: bytes, image: str = SKLEARN, environment: Mapping[str, str] = SCRIPT, **more: Any
    ) -> dict[str, Any]:
        """A container definition whose archive lies in S3."""
        key = f"models/{uuid.uuid4().hex}/model.tar.gz"
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=data)
        url = f"s3://{self.bucket}/{key}"
        return {"Image": image, "ModelDataUrl": url, "Environment": dict(environment), **more}

    def model(self, *containers: dict[str, Any], **more: Any) -> str:
        """A new model's name."""
        name = f"m-{uuid.uuid4().hex[:8]}"
        what = (
            {"PrimaryContainer": containers[0]} if len(containers) == 1 else {"Containers": list(containers)}
        )
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=self.role, **what, **more)
        return name

    def configuration(self, *models: str, weights: tuple[float, ...] = (), **more: Any) -> str:
        """A new configuration's name; its variants are v0, v1, …"""
        name = f"c-{uuid.uuid4().hex[:8]}"
        variants = [
            {
                "VariantName": f"v{number}",
                "ModelName": model,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
                **({"InitialVariantWeight": weights[number]} if weights else {}),
            }
            for number, model in enumerate(models)
        ]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **more)
        return name

    def create(self, configuration: str, **more: Any) -> str:
        """A new endpoint's name, while it is being created."""
        name = f"e-{uuid.uuid4().hex[:8]}"
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=configuration, **more)
        self.made.append(name)
        return name

    def deploy(self, *containers: dict[str, Any], **more: Any) -> str:
        """A new endpoint's name, once it is in service; each container is a variant's model."""
        name = self.create(self.configuration(*map(self.model, containers), **more))
        description = self.settled(name)
        assert description["EndpointStatus"] == "InService", description.get("FailureReason")
        return name

    def settled(self, name: str) -> dict[str, Any]:
        """Its description once nothing is under way."""
        deadline = time.monotonic() + 120
        while True:
            description = self.sagemaker.describe_endpoint(EndpointName=name)
            if description["EndpointStatus"] in ("InService", "Failed"):
                return description
            assert time.monotonic() < deadline, description
            time.sleep(0.02)

    def ask(self, name: str, body: str | bytes, content_type: str = "text/csv", **more: Any) -> str:
        """What it answers."""
        answer = self.runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType=content_type, **more)
        return answer["Body"].read().decode()

    def gone(self, name: str) -> None:
        """Wait until it is deleted."""
        deadline = time.monotonic() + 60
        while any(each["EndpointName"] == name for each in self.all()):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def all(self) -> list[dict[str, Any]]:
        return self.sagemaker.list_endpoints(MaxResults=100)["Endpoints"]


@pytest.fixture
def host(local: Any, client: Callable[[str], Any]) -> Iterator[Host]:
    """Deploys to the shared local SageMaker; what is still there afterwards is deleted."""
    made = Host(client, local.settings.bucket, local.settings.role_arn)
    yield made
    there = {each["EndpointName"] for each in made.all()}
    for name in there & set(made.made):
        made.sagemaker.delete_endpoint(EndpointName=name)
    for name in made.made:
        made.gone(name)


@pytest.fixture(scope="session")
def booster() -> xgboost.Booster:
    """A binary model of three features."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(200, 3))
    labels = (rows.sum(axis=1) > 0).astype(int)
    return xgboost.train(
        {"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(rows, label=labels), 5
    )
