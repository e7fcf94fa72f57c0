"""Deployment as steps, for real: first, next, two at once, and one that answers otherwise; in both forms."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sagemaker.core.workflow.functions import Join
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.mlops.workflow.pipeline import Pipeline

from containers import contract
from containers.contract import ProcessingPaths
from pipelines import config, deployer
from pipelines.config import Config
from pipelines.definition import step_context
from pipelines.deploy_steps import put_into_service
from pipelines.deployments import deployment_of
from pipelines.publish import plan
from pipelines.service import Execution, Service
from pipelines.session import BuildSession, building
from pipelines.watch import watch
from steps.smoke_test import smoke_test_step
from tests.containers.processing.deployed import Made, Registry, make, spoil
from tests.local_sagemaker.endpoints.conftest import Host

INPUTS = (contract.HOLDOUT, contract.FLOW, contract.PREDICTIONS)


@dataclass
class Runs(Registry):
    """A pipeline that only deploys and tests a package that is there."""

    config: Config
    service: Service
    rows: str  # S3 prefix: what evaluation left
    wrong: str  # … and what it would have left, had it said something else of one row

    def start(self, package: str, rows: str = "") -> str:
        return self.service.start({"Package": package, "Rows": rows or self.rows})

    def ended(self, arn: str) -> Execution:
        return watch(self.service, arn, Console(file=io.StringIO()))

    def report(self, execution: Execution) -> dict[str, Any]:
        test = next(step for step in execution.steps if step.name == "SmokeTest")
        folder = self.service.outputs(test.job_arn)[contract.SMOKE_TEST]
        found: dict[str, Any] = self.service.read_json(f"{folder}/{contract.SMOKE_TEST_FILE}")
        return found

    def serving(self) -> str:
        """The configuration in service."""
        name: str = self.host.sagemaker.describe_endpoint(EndpointName=self.group)["EndpointConfigName"]
        return name


def definition(settings: Config) -> str:
    """The steps of the training pipeline that deploy, of a package and rows that a run names."""
    environment = settings.environment
    package, rows = ParameterString("Package"), ParameterString("Rows")
    with building():
        session = BuildSession(environment.region, environment.bucket)
        context = step_context(settings, session)
        steps, asked = put_into_service(settings, context, package)
        test = smoke_test_step(
            context,
            environment.processing_image,
            environment.processing,
            plan(settings).code["smoke_test"],
            environment.deploy,
            asked,
            package=package,
            **{name: Join(on="/", values=[rows, name]) for name in INPUTS},
        )
        pipeline = Pipeline(
            name=settings.pipeline_name,
            parameters=[package, rows],
            steps=[*steps, test],
            sagemaker_session=session,
        )
        text: str = pipeline.definition()
    return text


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("deployed"))


@pytest.fixture
def runs(
    local: Any,
    client: Callable[[str], Any],
    made: Made,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Runs]:
    """With a use case, a group and an endpoint of its own, in the form that the test asks for."""
    form, name = request.param, f"deploy-{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", local.url)
    text = (config.ENVIRONMENTS / "local.toml").read_text(encoding="utf-8")
    if form == "native":
        text = text.partition("[deploy]")[0] + '[deploy]\nform = "native"\n'
    (tmp_path / "here.toml").write_text(text, encoding="utf-8")
    loaded = config.load(str(tmp_path / "here.toml"), "roaming")
    usecase = loaded.usecase.model_copy(
        update={"name": name, "registry": loaded.usecase.registry.model_copy(update={"group": name})}
    )
    settings = loaded.model_copy(update={"usecase": usecase})
    service = Service(settings)
    service.publish(plan(settings))
    service.upsert(definition(settings), [])
    if form == "guarded":
        deployer.upsert(service, deployment_of(settings), settings.environment.role)
    host = Host(client, local.settings.bucket, local.settings.role_arn)
    host.sagemaker.create_model_package_group(ModelPackageGroupName=name)
    paths = ProcessingPaths(tmp_path / "spoiled")
    for each in INPUTS:
        paths.input(each).parent.mkdir(parents=True, exist_ok=True)
        paths.input(each).symlink_to(made.paths.input(each).resolve())
    right = _uploaded(service, paths, f"{name}/right")
    spoil(paths, 0)
    yield Runs(host, name, made, settings, service, right, _uploaded(service, paths, f"{name}/wrong"))
    if form == "guarded":
        deployer.remove(service, deployment_of(settings))
    host.settled(name)
    host.sagemaker.delete_endpoint(EndpointName=name)
    host.gone(name)


def _uploaded(service: Service, paths: ProcessingPaths, prefix: str) -> str:
    bucket = service.config.environment.bucket
    for name in INPUTS:
        for file in paths.input(name).iterdir():
            service.s3.upload_file(str(file), bucket, f"{prefix}/{name}/{file.name}")
    return f"s3://{bucket}/{prefix}"


@pytest.mark.parametrize("runs", ["guarded"], indirect=True)
def test_a_version_is_deployed_the_next_takes_over_and_a_wrong_one_is_taken_back(runs: Runs) -> None:
    """The function deploys, the smoke test says so; a difference rejects the version, and the function goes back."""
    first = runs.ended(runs.start(runs.package(DECISION_THRESHOLD="0.99"), runs.wrong))
    (deploy, test) = first.steps

    # Its threshold is another one than evaluation's, so it differs, and there is nothing to go back to.
    assert (first.status, deploy.status, test.status) == ("Failed", "Succeeded", "Failed")
    assert f"No other version is approved, so {runs.group} goes on serving it." in test.failure

    second = runs.package()
    done = runs.ended(runs.start(second))
    report = runs.report(done)

    assert done.status == "Succeeded", done.failure
    assert (report["status"], report["equal"], report["version"]) == ("InService", 200, 2)
    assert runs.serving() == report["configuration"]
    assert report["configuration"].startswith(f"{runs.group}-v2-")

    third = runs.package()
    refused = runs.ended(runs.start(third, runs.wrong))
    failure = refused.steps[-1].failure

    assert refused.status == "Failed"
    assert "Row 0 of the test set, asked alone, is answered " in failure
    assert f"Version 3 is rejected, and {runs.group} is back at version 2." in failure
    assert runs.approval(third)[0] == "Rejected"
    assert runs.serving() == report["configuration"]


@pytest.mark.parametrize("runs", ["guarded"], indirect=True)
def test_of_two_runs_at_once_the_newer_version_serves(runs: Runs) -> None:
    """The other one is superseded, or was in service for a while; neither is rejected."""
    older, newer = runs.package(), runs.package()
    both = [runs.start(older), runs.start(newer)]

    first, second = (runs.ended(arn) for arn in both)

    assert (first.status, second.status) == ("Succeeded", "Succeeded"), (first.failure, second.failure)
    assert runs.report(first)["status"] in ("InService", "Superseded")
    assert runs.report(second)["status"] == "InService"
    assert runs.serving() == runs.report(second)["configuration"]
    assert [runs.approval(each)[0] for each in (older, newer)] == ["Approved", "Approved"]


@pytest.mark.parametrize("runs", ["native"], indirect=True)
def test_native_steps_create_the_endpoint_update_it_and_cannot_go_back(runs: Runs) -> None:
    """The same test, of the same rows; what it rejects stays in service until another run deploys."""
    first = runs.ended(runs.start(runs.package()))
    before = runs.serving()
    second = runs.ended(runs.start(runs.package()))
    report = runs.report(second)

    assert (first.status, second.status) == ("Succeeded", "Succeeded"), (first.failure, second.failure)
    assert [step.name for step in second.steps] == ["DeployedModel", "EndpointConfig", "Deploy", "SmokeTest"]
    assert (report["status"], report["equal"], report["variant"]) == ("InService", 200, "AllTraffic")
    assert runs.serving() == f"{runs.group}-{second.id}" != before

    wrong = runs.package()
    refused = runs.ended(runs.start(wrong, runs.wrong))

    said = f"Version 3 is rejected. {runs.group} goes on serving it: native steps have no way back."
    assert said in refused.steps[-1].failure
    assert runs.approval(wrong)[0] == "Rejected"


@pytest.mark.parametrize("runs", ["native"], indirect=True)
def test_a_version_that_is_not_approved_is_not_served(runs: Runs) -> None:
    """The registry's word counts, whatever the run was told: the smoke test holds the two together."""
    served = runs.ended(runs.start(runs.package()))
    refused = runs.ended(runs.start(runs.package("Rejected")))

    assert served.status == "Succeeded", served.failure
    assert refused.status == "Failed"
    assert json.dumps([step.failure for step in refused.steps]).count("Rejected") >= 1
