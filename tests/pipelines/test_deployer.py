"""The function that deploys: made once, changed when it has changed, and run by what happens."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from containers.deployer import names
from pipelines import deployer
from pipelines.service import Service
from tests.containers.deployer.conftest import Stage, deployment, stage

if TYPE_CHECKING:
    from local_sagemaker import LocalSageMaker

__all__ = ["stage"]  # the fixture


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


def test_an_approval_deploys_by_itself(upserted: Stage, service: Service) -> None:
    """Somebody approves a pending version, and a while later the endpoint answers with it; the log says why."""
    arn = upserted.package("one", approval="PendingManualApproval")
    invoked = service.client("lambda").invoke(
        FunctionName=names.function(upserted.name), Payload=json.dumps({"ModelPackageArn": arn})
    )
    assert json.load(invoked["Payload"])["Status"] == "NotApproved"
    upserted.decide(arn, "Approved")
    deadline = time.monotonic() + 60
    while not upserted.sagemaker.list_endpoints(NameContains=upserted.name)["Endpoints"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    upserted.idle()
    assert upserted.answer() == "one"
