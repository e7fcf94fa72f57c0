"""The checks over several runs: no baseline, the approved model's, drifted rows, and rows that fail the run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from containers.checks import CHECKS
from pipelines import config
from pipelines.check_summary import Finding, findings
from pipelines.publish import ROOT
from pipelines.service import Execution, Service

USECASE = """
name = "checked-{form}"
title = "Who buys"
problem = "binary"
label = "bought"
positive = "yes"

[[facets]]
column = "sex"
values = ["f"]

[columns]
age = "integer"
visits = "number"
sex = "string"
channel = "string"
bought = "string"

[[flow]]
operator = "encode"
columns = ["sex", "channel"]
method = "one_hot"

[training]
rounds = 15

[tuning]
enabled = false

[gate]
metric = "accuracy"
at_least = 0.4

[registry]
group = "checked-{form}"
"""
CHECKED = ["DataQuality", "DataBias", "ModelBias", "Explainability", "ModelQuality"]


def rows(number: int, *, seed: int = 1, channel: str = "web", unfair: float = 0.5) -> pd.DataFrame:
    """Buyers; ``channel`` is what the first of three is called, and women buy less by ``unfair``."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({"age": draw.integers(18, 80, number), "visits": draw.gamma(2, 2, number).round(3)})
    frame["sex"] = draw.choice(["f", "m"], number)
    frame["channel"] = draw.choice([channel, "shop", "phone"], number)
    odds = 0.5 * frame["visits"] - 2 - unfair * (frame["sex"] == "f") + (frame["channel"] == channel)
    frame["bought"] = np.where(odds + draw.logistic(size=number) > 0, "yes", "no")
    return frame


@dataclass(frozen=True)
class Runs:
    """Runs of one use case with its own group; each as a user would start it."""

    folder: Path
    environment: dict[str, str]
    settings: str = "local"

    def run(
        self, data: pd.DataFrame, *parameters: str, upsert: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run the pipeline as it is; the first time it has to be made."""
        command = ["run"] if upsert else ["start", "--wait"]
        file = self.folder / f"{len(list(self.folder.iterdir()))}.csv"
        data.to_csv(file, index=False)
        options = [part for each in parameters for part in ("--param", each)]
        usecase = ("--env", self.settings, "--usecase", str(self.folder / "usecase.toml"))
        return subprocess.run(
            [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "pipelines",
                *command,
                *usecase,
                "--data",
                str(file),
                *options,
            ],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=self.environment,
            timeout=300,
        )

    @property
    def service(self) -> Service:
        return Service(config.load(self.settings, str(self.folder / "usecase.toml")))

    def newest(self) -> Execution:
        return self.service.find(None)

    def found(self) -> dict[str, Finding]:
        """What the checks of the newest run found."""
        return {each.check.name: each for each in findings(self.service, self.newest())}


@pytest.fixture(scope="module", autouse=True)
def endpoint(environment: dict[str, str]) -> Iterator[None]:
    """This process looks at what the runs left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", environment["AWS_ENDPOINT_URL"])
        yield


@pytest.fixture(scope="module")
def runs(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("checked")
    (folder / "usecase.toml").write_text(USECASE.format(form="processing"), encoding="utf-8")
    return Runs(folder, environment)


@pytest.fixture(scope="module")
def first(runs: Runs) -> subprocess.CompletedProcess[str]:
    """The first run, which finds no baseline."""
    done = runs.run(rows(1500), upsert=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def package(runs: Runs, client: Callable[[str], Any], number: int) -> dict[str, Any]:
    group = runs.service.config.usecase.registry.group
    known = client("sagemaker").list_model_packages(ModelPackageGroupName=group, SortBy="CreationTime")
    arns = sorted(each["ModelPackageArn"] for each in known["ModelPackageSummaryList"])
    description: dict[str, Any] = client("sagemaker").describe_model_package(ModelPackageName=arns[number])
    return description


def test_a_first_run_needs_no_switch(runs: Runs, first: subprocess.CompletedProcess[str]) -> None:
    """Every check passes, for there is nothing to compare with, and the summary says so."""
    found = runs.found()

    assert sorted(found) == sorted(CHECKED)
    assert {(each.compared_with, each.violations, each.skipped) for each in found.values()} == {
        ("", 0, False)
    }
    for name in CHECKED:
        assert f"{name:<14} ✔ no baseline yet: this run's is the first  s3://" in first.stdout


def test_a_package_carries_metrics_and_baselines(
    runs: Runs, first: subprocess.CompletedProcess[str], client: Callable[[str], Any]
) -> None:
    """Each of them an object that is there."""
    registered = package(runs, client, 0)
    metrics, baselines = registered["ModelMetrics"], registered["DriftCheckBaselines"]

    assert {group: sorted(parts) for group, parts in metrics.items()} == {
        "Bias": ["PostTrainingReport", "PreTrainingReport"],
        "Explainability": ["Report"],
        "ModelDataQuality": ["Constraints", "Statistics"],
        "ModelQuality": ["Constraints", "Statistics"],
    }
    assert {group: sorted(parts) for group, parts in baselines.items()} == {
        "Bias": ["ConfigFile", "PostTrainingConstraints", "PreTrainingConstraints"],
        "Explainability": ["ConfigFile", "Constraints"],
        "ModelDataQuality": ["Constraints", "Statistics"],
        "ModelQuality": ["Constraints", "Statistics"],
    }
    for document in (metrics, baselines):
        for parts in document.values():
            for source in parts.values():
                assert runs.service.read_json(source["S3Uri"])


def test_the_next_runs_compare_with_the_approved_model(
    runs: Runs, first: subprocess.CompletedProcess[str], client: Callable[[str], Any]
) -> None:
    """The same rows violate nothing; other rows do, are reported, and the run succeeds; with the knob it fails."""
    done = runs.run(rows(1500))
    same = runs.found()

    assert done.returncode == 0, done.stdout + done.stderr
    assert {each.violations for each in same.values()} == {0}
    assert {each.compared_with.rpartition(":")[2] for each in same.values()} == {
        "model-package/checked-processing/1"
    }
    assert read(runs, package(runs, client, 0)) == read(runs, package(runs, client, 1))

    drifted = rows(1500, seed=2, channel="app", unfair=3)
    done = runs.run(drifted)
    found = runs.found()

    assert done.returncode == 0, done.stdout + done.stderr
    assert all(found[name].violations for name in ("DataQuality", "DataBias", "ModelBias"))
    report = runs.service.read_json(found["DataBias"].report)
    assert report["violations"][0]["facet"] == "sex"
    assert f"DataQuality    ■ {found['DataQuality'].violations} violation" in done.stdout
    assert "constraint_violations.json" in done.stdout

    done = runs.run(drifted, "DataBiasFailOnViolation=true")

    assert done.returncode == 1, done.stdout + done.stderr
    (failed,) = (step for step in runs.newest().steps if step.status == "Failed")
    assert failed.name == "DataBias"
    assert "DataBias check failed. " in failed.failure
    assert "violations of the baseline of model-package/checked-processing/3: sex f " in failed.failure
    assert "Register" not in [step.name for step in runs.newest().steps]
    assert runs.found()["DataBias"].violations == found["DataBias"].violations


def test_aws_own_steps_say_the_same(
    environment: dict[str, str], tmp_path: Path, client: Callable[[str], Any]
) -> None:
    """As ClarifyCheck and QualityCheck, Kernel SHAP behind a shadow endpoint: no switch in the first run either."""
    (tmp_path / "usecase.toml").write_text(USECASE.format(form="native"), encoding="utf-8")
    runs = Runs(tmp_path, environment, str(Path(__file__).parent / "golden" / "native.toml"))
    before = endpoints(client)

    done = runs.run(rows(1500), upsert=True)
    first = runs.found()

    assert done.returncode == 0, done.stdout + done.stderr
    assert "note: no approved model has a baseline yet for DataQuality, DataBias, ModelBias" in done.stdout
    assert sorted(first) == sorted(CHECKED)
    assert {(each.compared_with, each.violations, each.skipped) for each in first.values()} == {
        ("", 0, False)
    }
    assert endpoints(client) - before == {"checked-native-native"}  # none of a check is left
    assert "✔ checked-native-native serves version 1 (AllTraffic): 200 of 200 rows" in done.stdout

    done = runs.run(rows(1500, seed=2, channel="app", unfair=3), "ModelBiasFailOnViolation=true")
    found = runs.found()

    assert done.returncode == 1, done.stdout + done.stderr
    assert "no approved model has a baseline yet" not in done.stdout
    assert all(found[name].violations for name in ("DataQuality", "DataBias", "ModelBias"))
    assert found["DataBias"].compared_with.endswith("/databias/check/analysis.json")
    (failed,) = (step for step in runs.newest().steps if step.status == "Failed")
    assert failed.name == "ModelBias"
    assert failed.failure.startswith("ClientError: Clarify check failed. See violation report")
    (only,) = client("sagemaker").list_model_packages(ModelPackageGroupName="checked-native")[
        "ModelPackageSummaryList"
    ]
    carried = client("sagemaker").describe_model_package(ModelPackageName=only["ModelPackageArn"])
    assert sorted(carried["DriftCheckBaselines"]) == [
        "Bias", "Explainability", "ModelDataQuality", "ModelQuality",
    ]  # fmt: skip


def endpoints(client: Callable[[str], Any]) -> set[str]:
    return {each["EndpointName"] for each in client("sagemaker").list_endpoints(MaxResults=100)["Endpoints"]}


def read(runs: Runs, registered: dict[str, Any]) -> list[Any]:
    """The baselines that a package carries."""
    return [
        runs.service.read_json(source["S3Uri"])
        for group, parts in sorted(registered["DriftCheckBaselines"].items())
        for part, source in sorted(parts.items())
    ]


def test_every_check_has_a_line_here() -> None:
    """A sixth one would have to be tested too."""
    assert sorted(CHECKED) == sorted(CHECKS)
