"""The function that deploys: made once, changed when it has changed, and run by what happens."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import boto3
import numpy as np
import pytest
import xgboost

from containers.deployer import names
from containers.deployer.clients import Clients
from containers.deployer.remove import remove
from pipelines import deployer
from pipelines.service import Service
from tests.containers.deployer.conftest import (
    ANSWERS_500,
    DIES,
    ERRORS,
    Load,
    Stage,
    canary,
    deployment,
    stage,
)

if TYPE_CHECKING:
    from local_sagemaker import LocalSageMaker

__all__ = ["stage"]  # the fixture

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"


@pytest.fixture
def service(client: Callable[[str], Any]) -> Service:
    """Of the pipeline's service, what the function is made with."""
    return cast("Service", SimpleNamespace(client=client))


@pytest.fixture
def upserted(stage: Stage, service: Service, local: LocalSageMaker) -> Iterator[Stage]:
    """A stage whose function is there."""
    assert deployer.upsert(service, stage.deployment, local.settings.role_arn) == "created"
    yield stage
    deployer.remove(service, stage.deployment)


def test_the_archive_is_the_same_for_the_same_settings() -> None:
    """Byte for byte; with the program, everything that it imports, and the settings."""
    content = deployer.archive(deployment())
    assert content == deployer.archive(deployment())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = archive.namelist()
        settings = json.loads(archive.read("deployment.json"))
    assert settings["endpoint"] == "fraud"
    assert {"containers/deployer/handler.py", "containers/registry.py", "containers/__init__.py"} <= set(
        found
    )
    assert not [name for name in found if name.startswith("containers/processing")]


def test_a_second_upsert_changes_nothing(upserted: Stage, service: Service, local: LocalSageMaker) -> None:
    """Function, permissions, rules and targets are there once."""
    assert deployer.upsert(service, upserted.deployment, local.settings.role_arn) == "unchanged"
    assert deployer.is_there(service, upserted.deployment)
    function = names.function(upserted.name)
    policy = json.loads(service.client("lambda").get_policy(FunctionName=function)["Policy"])
    assert sorted(each["Sid"] for each in policy["Statement"]) == [
        f"{function}-endpoint",
        f"{function}-packages",
    ]
    targets = service.client("events").list_targets_by_rule(Rule=f"{function}-packages")["Targets"]
    assert [each["Arn"].rpartition(":")[2] for each in targets] == [function]


def test_changed_settings_are_changed_code(upserted: Stage, service: Service, local: LocalSageMaker) -> None:
    """The function is updated, by its hash."""
    upserted.settings(instance_count=2)
    done = deployer.upsert(service, upserted.deployment, local.settings.role_arn)
    assert done == "updated (code)"


def test_the_function_asks_for_these_permissions_and_no_others(stage: Stage, local: LocalSageMaker) -> None:
    """What it does while it creates, updates, rejects, scales and deletes is the list, no more and no less."""
    session = boto3.Session("local", "local", region_name=local.settings.region)
    asked: set[str] = set()

    def client(service: str) -> Any:
        made = session.client(service, endpoint_url=local.url)
        made.meta.events.register(
            "before-call",
            lambda model, **_: asked.add(f"{service.replace('monitoring', 'cloudwatch')}:{model.name}"),
        )
        return made

    stage.clients = Clients(client, stage.said.append)
    scaling = {"minimum": 1, "maximum": 3, "invocations_per_instance": 100}
    stage.settings(alarms=[ERRORS], autoscaling=scaling)
    stage.deployed(stage.package("one", **DIES))  # fails, and is created again
    stage.deployed(stage.package("two"))
    stage.deployed(stage.package("three", **DIES))
    remove(stage.deployment, stage.clients)
    assert asked == set(deployer.ACTIONS)


def eventually(what: Callable[[], Any]) -> None:
    """Wait until it holds, for a minute at most."""
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def booster(path: Path) -> tuple[xgboost.Booster, bytes]:
    """A small model, and its file."""
    rows = np.random.default_rng(0).normal(size=(200, 3))
    labels = (rows.sum(axis=1) > 0).astype(int)
    trained = xgboost.train(
        {"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(rows, label=labels), 5
    )
    trained.save_model(path)
    return trained, path.read_bytes()


def test_an_approval_deploys_by_itself(upserted: Stage, service: Service, tmp_path: Path) -> None:
    """The function says that a pending version waits; somebody approves it, and the endpoint answers with it."""
    model, file = booster(tmp_path / "xgboost-model.ubj")
    upserted.image = XGBOOST
    arn = upserted.register("xgboost-model", file, {}, approval="PendingManualApproval")
    invoked = service.client("lambda").invoke(
        FunctionName=names.function(upserted.name), Payload=json.dumps({"ModelPackageArn": arn})
    )
    assert json.load(invoked["Payload"])["Status"] == "NotApproved"

    upserted.decide(arn, "Approved")

    eventually(lambda: upserted.sagemaker.list_endpoints(NameContains=upserted.name)["Endpoints"])
    upserted.idle()
    expected = model.predict(xgboost.DMatrix(np.array([[1.0, 2.0, 3.0]])))[0]
    assert float(upserted.answer("1,2,3")) == pytest.approx(float(expected), rel=1e-6)


def test_a_broken_model_is_taken_back_and_rejected_by_itself(
    upserted: Stage, service: Service, local: LocalSageMaker
) -> None:
    """Approved, tried on the canary, taken back by its alarm, rejected with the reason: all of it by events."""
    upserted.settings(traffic=canary(seconds=60), alarms=[ERRORS])
    deployer.upsert(service, upserted.deployment, local.settings.role_arn)
    upserted.package("one")
    eventually(lambda: upserted.sagemaker.list_endpoints(NameContains=upserted.name)["Endpoints"])
    upserted.idle()
    broken = upserted.package("two", approval="PendingManualApproval", **ANSWERS_500)

    with Load(upserted) as load:
        upserted.decide(broken, "Approved")
        eventually(lambda: upserted.approval(broken)[0] == "Rejected")
        load.until("one")

    assert f"{upserted.name}-Invocation5XXErrors" in upserted.approval(broken)[1]
    assert {failure.partition(" when")[0] for failure in load.failures} == {
        "ModelError('An error occurred (ModelError)"
    }
    eventually(lambda: len(upserted.configurations()) == 1)  # what was made for it is swept away

    def said() -> str:
        pages = service.client("logs").get_paginator("filter_log_events")
        found = pages.paginate(logGroupName=f"/aws/lambda/{names.function(upserted.name)}")
        return "\n".join(event["message"] for page in found for event in page["events"])

    eventually(lambda: "rejected version 2: The endpoint" in said())  # once that invocation has ended
    assert "decided: reject" in said()
