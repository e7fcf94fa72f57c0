"""The SDK's HyperparameterTuner and TuningStep, unmodified, over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from local_sagemaker import LocalSageMaker

Client = Callable[[str], Any]


@pytest.fixture(scope="module")
def found(
    local: LocalSageMaker, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What ``sdk_program`` found."""
    folder = tmp_path_factory.mktemp("source")
    program = Path(__file__).with_name("sdk_program.py")
    done = subprocess.run(
        [sys.executable, program, folder],
        env={**environment, "ROLE": local.settings.role_arn},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    written: dict[str, Any] = json.loads((folder / "found.json").read_text())
    return written


def test_tuning_an_algorithm(found: dict[str, Any], client: Client) -> None:
    """tune, wait, best_training_job and the analytics' table."""
    tuned = found["xgboost"]

    assert tuned["status"] == "Completed"
    assert len(tuned["values"]) == 4
    assert {"eta", "max_depth", "TrainingJobName", "TrainingJobStatus"} <= set(tuned["columns"])
    job = client("sagemaker").describe_training_job(TrainingJobName=tuned["best"])
    values = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert values["validation:auc"] == pytest.approx(max(tuned["values"]))


def test_tuning_a_script(found: dict[str, Any], client: Client) -> None:
    """Script mode as the SDK's tuner sends it: texts with spaces arrive whole."""
    tuned = found["script"]

    assert tuned["status"] == "Completed"
    assert tuned["values"] == [1.1, 1.1, 1.2, 1.2]
    job = client("sagemaker").describe_training_job(TrainingJobName=tuned["best"])
    assert job["HyperParameters"]["rate"] == "0.2"


def test_a_warm_start(found: dict[str, Any], client: Client) -> None:
    """Describe has the best of both tuning jobs."""
    job = client("sagemaker").describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=found["warm"]["name"]
    )

    best = job["OverallBestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    assert best == max(found["warm"]["values"] + found["xgboost"]["values"])


def executed(client: Client, arn: str) -> dict[str, Any]:
    """An execution once it has ended, its steps by name."""
    sagemaker = client("sagemaker")
    while (
        sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
        == "Executing"
    ):
        time.sleep(0.05)
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    return {step["StepName"]: step for step in steps}


def test_a_tuning_step(found: dict[str, Any], client: Client) -> None:
    """Its job is named as on AWS, and later steps read the best training jobs."""
    steps = executed(client, found["pipeline"])

    assert steps["Tune"]["StepStatus"] == "Succeeded", steps["Tune"]
    arn = steps["Tune"]["Metadata"]["TuningJob"]["Arn"]
    name = arn.rpartition("/")[2]
    assert name.startswith(f"{found['pipeline'].rpartition('/')[2]}-Tune-")
    assert len(name) <= 32
    trials = client("sagemaker").list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name, SortBy="FinalObjectiveMetricValue", SortOrder="Descending"
    )["TrainingJobSummaries"]
    best, first, value, model, completed = steps["Tell"]["FailureReason"].split("|")
    assert best in [trial["TrainingJobName"] for trial in trials]
    assert first == trials[0]["TrainingJobName"]
    assert float(value) == trials[1]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    assert completed == "4"
    job = client("sagemaker").describe_training_job(TrainingJobName=first)
    assert model == job["ModelArtifacts"]["S3ModelArtifacts"]


def test_a_tuning_step_is_cached(found: dict[str, Any], client: Client) -> None:
    """The earlier tuning job is the result, also with another parent: AWS's key leaves the warm start out."""
    before = executed(client, found["pipeline"])
    start = client("sagemaker").start_pipeline_execution
    parent = [{"Name": "Parent", "Value": found["warm"]["name"]}]
    again, other = (
        executed(client, start(PipelineName="sdk-tuning", PipelineParameters=given)["PipelineExecutionArn"])
        for given in ([], parent)
    )

    assert again["Tune"]["CacheHitResult"]["SourcePipelineExecutionArn"] == found["pipeline"]
    assert again["Tune"]["Metadata"] == before["Tune"]["Metadata"]
    assert again["Tell"]["FailureReason"] == before["Tell"]["FailureReason"]
    assert other["Tune"]["Metadata"] == before["Tune"]["Metadata"]
