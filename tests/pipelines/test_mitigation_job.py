"""Bias, its limits and reweighing, whole: biased rows through real pipelines on a local SageMaker."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.config import USECASES
from pipelines.publish import ROOT
from pipelines.usecases import roaming

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20,000 transactions with the whole bias."""
    path = tmp_path_factory.mktemp("rows") / "biased.csv"
    roaming.write(path, 20_000, roaming.Knobs(bias=1))
    return path


@pytest.fixture(scope="module")
def run(environment: dict[str, str], rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a use case that is ``roaming`` but for its name and what ``edits`` change."""

    def start(name: str, edits: dict[str, str]) -> subprocess.CompletedProcess[str]:
        text = (USECASES / "roaming.toml").read_text(encoding="utf-8")
        for before, after in {'"roaming"': f'"{name}"', **edits}.items():
            assert before in text
            text = text.replace(before, after)
        file = tmp_path_factory.mktemp(name) / f"{name}.toml"
        file.write_text(text, encoding="utf-8")
        command = [sys.executable, "-W", "ignore", "-m", "pipelines", "run", "--usecase", str(file)]
        return subprocess.run(
            [*command, "--data", str(rows)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=environment,
            timeout=300,
        )

    return start


REWEIGH = {"[split]": "[fairness]\nreweigh = true\n\n[split]", "jobs = 10": "jobs = 3"}
ONCE = {"enabled = true": "enabled = false"}


def package(client: Callable[[str], Any], group: str) -> dict[str, Any]:
    (summary,) = client("sagemaker").list_model_packages(ModelPackageGroupName=group)[
        "ModelPackageSummaryList"
    ]
    found: dict[str, Any] = client("sagemaker").describe_model_package(
        ModelPackageName=summary["ModelPackageArn"]
    )
    return found


def report(client: Callable[[str], Any], group: str) -> dict[str, Any]:
    address = package(client, group)["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    bucket, _, key = address.removeprefix("s3://").partition("/")
    found: dict[str, Any] = json.loads(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    return found


def test_a_biased_model_is_not_registered(run: Run, client: Callable[[str], Any]) -> None:
    """The failure names facet, metric, value and limit; the summary marks what was met and what missed."""
    done = run("biased", ONCE)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "✔ auc on the test rows is 0.9" in done.stdout
    assert "✘ |DPPL| of nationality_group=other is 0.0" in done.stdout
    assert "✔ |DPPL| of age_group=61+ is 0.0" in done.stdout
    assert "The model missed its bar: |DPPL| of nationality_group=other is 0.0" in done.stdout
    assert "which misses at most 1.5 by" in done.stdout
    groups = client("sagemaker").list_model_package_groups(NameContains="biased")
    assert groups["ModelPackageGroupSummaryList"] == []


@pytest.mark.parametrize(("name", "edits"), [("mended-once", ONCE), ("mended", {})])
def test_a_reweighed_model_is_judged_and_registered(
    name: str, edits: dict[str, str], run: Run, client: Callable[[str], Any]
) -> None:
    """After a search or a single training: one more job with the same hyperparameters, whose model is the package's."""
    done = run(name, {**REWEIGH, **edits})
    assert done.returncode == 0, done.stdout + done.stderr

    assert " without reweighing" in done.stdout
    assert "DI nationality_group=other" in done.stdout

    found = package(client, name)
    lineage = found["CustomerMetadataProperties"]
    (container,) = found["InferenceSpecification"]["Containers"]
    mended, plain = (
        client("sagemaker").describe_training_job(TrainingJobName=lineage[key].rsplit("/", 1)[-1])
        for key in ("TrainingJob", "UnmitigatedTrainingJob")
    )
    assert container["ModelDataUrl"] == mended["ModelArtifacts"]["S3ModelArtifacts"]
    ours = {key: value for key, value in plain["HyperParameters"].items() if not key.startswith("_")}
    assert mended["HyperParameters"] == ours
    channels = [[channel["ChannelName"] for channel in job["InputDataConfig"]] for job in (plain, mended)]
    assert channels == [["train", "validation", "flow"], ["train", "validation", "flow", "weights"]]

    mitigation = report(client, name)["mitigation"]
    assert mitigation["missed"]["with"] == []
    assert any("DI of nationality_group=other" in each for each in mitigation["missed"]["without"])
