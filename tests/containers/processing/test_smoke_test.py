"""The smoke test against real endpoints: a deployment that is right, one that is wrong, and those that are neither."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from containers import contract
from containers.contract import ProcessingPaths
from containers.processing import smoke_test
from containers.processing.job import DataError
from tests.containers.processing.deployed import Made, Registry, make, spoil
from tests.local_sagemaker.endpoints.conftest import Host


@dataclass
class Stage(Registry):
    """A group of its own, and endpoints of its packages."""

    folder: Path

    def configuration(self, *packages: str, **more: Any) -> str:
        models = [self.host.model({"ModelPackageName": package}) for package in packages]
        return self.host.configuration(*models, **more)

    def serve(self, configuration: str) -> str:
        """A new endpoint in service."""
        name = self.host.create(configuration)
        assert self.host.settled(name)["EndpointStatus"] == "InService"
        return name

    def test(
        self, package: str, endpoint: str, configuration: str, **more: Any
    ) -> tuple[dict[str, Any], str]:
        """The report, and why the job failed; empty where it did not."""
        paths = ProcessingPaths(self.folder / uuid.uuid4().hex)
        for name in (contract.SETTINGS, contract.HOLDOUT, contract.FLOW, contract.PREDICTIONS):
            paths.input(name).parent.mkdir(parents=True, exist_ok=True)
            paths.input(name).symlink_to(self.made.paths.input(name).resolve())
        if (wrong := more.pop("wrong", None)) is not None:
            spoil(paths, wrong)
        clients = {"sagemaker": self.host.sagemaker, "runtime": self.host.runtime}
        failure = ""
        try:
            smoke_test.main(paths, package, endpoint, configuration, **{**clients, **more})
        except DataError as error:
            failure = str(error)
        report = json.loads((paths.output(contract.SMOKE_TEST) / contract.SMOKE_TEST_FILE).read_text("utf-8"))
        return report, failure


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("smoke"))


@pytest.fixture
def stage(local: Any, client: Callable[[str], Any], made: Made, tmp_path: Path) -> Iterator[Stage]:
    host = Host(client, local.settings.bucket, local.settings.role_arn)
    group = f"smoke-{uuid.uuid4().hex[:8]}"
    host.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    yield Stage(host, group, made, tmp_path)
    for name in host.made:
        host.sagemaker.delete_endpoint(EndpointName=name)
        host.gone(name)


def test_a_right_deployment_passes(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Every row in every format, and the report says so in numbers and in words."""
    package = stage.package()
    configuration = stage.configuration(package)
    endpoint = stage.serve(configuration)

    report, failure = stage.test(package, endpoint, configuration)

    assert not failure
    assert (report["status"], report["rows"], report["equal"], report["variant"]) == (
        "InService",
        200,
        200,
        "v0",
    )
    assert set(report["formats"].values()) == {200}
    assert set(report["latency_ms"]) == {"p50", "p95", "p99", "requests"}
    assert f"{endpoint} serves version 1 (v0): 200 of 200 rows are answered" in capsys.readouterr().out
    assert stage.approval(package) == ("Approved", "")


def test_a_difference_rejects_the_version_and_names_the_row(stage: Stage) -> None:
    """Where nothing else is approved, the endpoint has nowhere to go, and that is said."""
    package = stage.package()
    configuration = stage.configuration(package)
    endpoint = stage.serve(configuration)

    report, failure = stage.test(package, endpoint, configuration, wrong=0)
    status, reason = stage.approval(package)

    assert failure.startswith("Row 0 of the test set, asked alone, is answered ")
    assert failure.endswith(
        f"Version 1 is rejected. No other version is approved, so {endpoint} goes on serving it."
    )
    assert (report["status"], report["message"], report["equal"]) == ("Different", failure, 0)
    assert status == "Rejected"
    assert reason.startswith("Smoke test: Row 0 of the test set")


def test_a_deployment_is_waited_for_and_then_back_at_the_version_before(stage: Stage) -> None:
    """While the traffic moves, it is seen whose answers come; after a difference, whoever deploys goes back."""
    old, new = stage.package(DECISION_THRESHOLD="0.99"), stage.package()
    before, wanted = stage.configuration(old), stage.configuration(new)
    endpoint = stage.serve(before)
    policy = {
        "Type": "CANARY",
        "WaitIntervalInSeconds": 2,
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
    }
    sagemaker = stage.host.sagemaker
    sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=wanted,
        DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": policy}},
    )

    def deployer() -> None:  # what the project's function does when a version is rejected
        while stage.approval(new)[0] == "Approved":
            stop.wait(0.1)
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=before)

    stop = threading.Event()
    thread = threading.Thread(target=deployer)
    thread.start()
    report, failure = stage.test(new, endpoint, wanted, status="Updating", wrong=1)
    thread.join()

    assert report["during_update"]["asked"] >= 5
    assert 0 < report["during_update"]["new"] <= report["during_update"]["asked"]
    assert failure.endswith(f"Version 2 is rejected, and {endpoint} is back at version 1.")


def test_an_endpoint_that_could_not_be_created_fails_with_its_reason(stage: Stage) -> None:
    """The version keeps its approval: what failed may be a quota, and an approval tries again."""
    package = stage.package(DECISION_THRESHOLD="2")
    configuration = stage.configuration(package)
    endpoint = stage.host.create(configuration)

    report, failure = stage.test(package, endpoint, configuration)

    assert f"{endpoint} could not be created: " in failure.lower()
    assert report["status"] == "Failed"
    assert stage.approval(package)[0] == "Approved"


def test_the_variant_is_asked_that_serves_the_version(stage: Stage) -> None:
    """With an A/B test nine of ten requests go to the other one, which answers otherwise."""
    champion, challenger = stage.package(DECISION_THRESHOLD="0.99"), stage.package()
    configuration = stage.configuration(champion, challenger, weights=(0.9, 0.1))
    endpoint = stage.serve(configuration)

    report, failure = stage.test(challenger, endpoint, configuration)

    assert not failure
    assert (report["variant"], report["equal"]) == ("v1", 200)


def test_of_a_shadow_it_is_said_that_nobody_sees_its_answers(stage: Stage) -> None:
    """The rows are sent, so that the shadow gets its copies, and nothing is claimed."""
    champion, shadow = stage.package(DECISION_THRESHOLD="0.99"), stage.package()
    model = stage.host.model({"ModelPackageName": shadow})
    variant = {
        "VariantName": "Challenger",
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0,
    }
    configuration = stage.configuration(champion, ShadowProductionVariants=[variant])
    endpoint = stage.serve(configuration)

    report, failure = stage.test(shadow, endpoint, configuration)

    assert not failure
    assert (report["variant"], report["equal"], report["formats"]) == ("Challenger", 0, {})
    assert "whose answers nobody sees" in report["message"]


def test_a_superseded_version_is_no_failure(stage: Stage) -> None:
    """Whether the function has said so, or a newer one is approved while the job waits."""
    old, new = stage.package(), stage.package()
    configuration = stage.configuration(new)
    endpoint = stage.serve(configuration)

    told, first = stage.test(old, endpoint, configuration, status="Superseded")
    seen, second = stage.test(old, endpoint, "a-configuration-of-version-1", status="Busy")

    assert (first, second) == ("", "")
    assert told["status"] == seen["status"] == "Superseded"
    assert "Version 2 is approved too, and takes the place of version 1." in seen["message"]
    assert stage.approval(old)[0] == "Approved"


def test_a_rejected_version_fails_with_the_reason(stage: Stage) -> None:
    """It is not asked, and not waited for."""
    package = stage.package("Rejected")
    report, failure = stage.test(package, "no-endpoint", "no-configuration", status="RolledBack")

    assert failure == "Version 1 is Rejected in the registry. Nothing was tested."
    assert report["status"] == "Rejected"


def test_an_endpoint_that_never_comes_is_waited_for_so_long(stage: Stage) -> None:
    """Then it is a failure that says where things stood; the version keeps its approval."""
    package = stage.package()
    report, failure = stage.test(package, "no-endpoint", "no-configuration", minutes=0.01)

    assert failure == "After 0.01 minutes the endpoint no-endpoint is not there yet. Nothing was tested."
    assert report["status"] == "TimedOut"
    assert stage.approval(package)[0] == "Approved"


def test_a_configuration_of_another_version_is_not_mistaken_for_it(stage: Stage) -> None:
    """The endpoint may serve what is asked for by name, and yet another package."""
    old, new = stage.package(), stage.package()
    configuration = stage.configuration(old)
    endpoint = stage.serve(configuration)

    _, failure = stage.test(new, endpoint, configuration)

    assert failure == f"{configuration} has no variant with a model of {new}."


def test_what_sagemaker_refuses_is_one_line(stage: Stage) -> None:
    """A package that is not there, for one."""
    package = stage.package().replace(stage.group, "another-group")
    paths = stage.made.paths

    with pytest.raises(DataError, match="the endpoint e could not be tested: "):
        smoke_test.main(paths, package, "e", "c", sagemaker=stage.host.sagemaker, runtime=stage.host.runtime)
