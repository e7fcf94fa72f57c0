"""The main job, whole: real data through a real pipeline on a local SageMaker, started as a user starts it."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from containers.checks import CHECKS
from pipelines import config
from pipelines.publish import ROOT, content_address
from pipelines.service import Execution, Service

JOBS = ["Ingest", "Prep", "Tune", "TuningReport", "Evaluate", "Manifest"]
PACKAGES = "arn:aws:sagemaker:us-east-1:123456789012:model-package"
# What asks the registry runs anew each time.
STEPS = [*JOBS, *CHECKS, "Champion", "Gate", "Register", "ModelCard", "Approval", "Deploy", "SmokeTest"]


@dataclass(frozen=True)
class House:
    """The project's command line against one local SageMaker, and what it left there."""

    environment: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "pipelines", *arguments],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=self.environment,
            timeout=300,
        )

    def service(self, usecase: str) -> Service:
        return Service(config.load("local", usecase))


@pytest.fixture(scope="module")
def house(environment: dict[str, str]) -> House:
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_ENDPOINT_URL", environment["AWS_ENDPOINT_URL"])
    return House(environment)


def newest(house: House, usecase: str) -> Execution:
    return house.service(usecase).find(None)


def read(client: Callable[[str], Any], uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    content: bytes = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def report_of(house: House, usecase: str) -> dict[str, Any]:
    service = house.service(usecase)
    steps = {step.name: step for step in newest(house, usecase).steps}
    report: dict[str, Any] = service.read_json(
        f"{service.outputs(steps['Evaluate'].job_arn)['evaluation']}/evaluation.json"
    )
    return report


def best_job(house: House) -> dict[str, Any]:
    """The training job behind the model of the newest execution of adult."""
    service = house.service("adult")
    tuning = {step.name: step.tuning for step in newest(house, "adult").steps}["Tune"]
    assert tuning is not None
    job: dict[str, Any] = service.sagemaker.describe_training_job(TrainingJobName=tuning.best_job)
    return job


@pytest.fixture(scope="module")
def adult(house: House, shared_data: Callable[[str], Path]) -> subprocess.CompletedProcess[str]:
    """The first run, of UCI Adult."""
    return house.run("run", "--usecase", "adult", "--data", str(shared_data("adult/adult.data")))


def test_the_pipeline_runs_to_a_registered_model(
    house: House, adult: subprocess.CompletedProcess[str], client: Callable[[str], Any]
) -> None:
    """Every step has succeeded, and the group has an approved package."""
    assert adult.returncode == 0, adult.stdout + adult.stderr
    assert {step.name: step.status for step in newest(house, "adult").steps} == dict.fromkeys(
        STEPS, "Succeeded"
    )

    (package,) = client("sagemaker").list_model_packages(ModelPackageGroupName="adult")[
        "ModelPackageSummaryList"
    ]
    assert package["ModelApprovalStatus"] == "Approved"


def test_the_model_of_adult_reaches_an_auc_of_092(
    house: House, adult: subprocess.CompletedProcess[str]
) -> None:
    """On test rows that neither the flow nor the model has seen, with an interval that holds the value."""
    auc = report_of(house, "adult")["binary_classification_metrics"]["auc"]
    low, high = auc["confidence_interval"]

    assert auc["value"] >= 0.92
    assert low < auc["value"] < high


def test_the_summary_names_what_a_user_looks_for(
    house: House, adult: subprocess.CompletedProcess[str]
) -> None:
    """Steps with times, metrics, verdict, package and places."""
    for wanted in (
        *STEPS,
        "Succeeded",
        " s ",
        "auc",
        "meets at least",
        "model-package/adult/1",
        "✔ adult serves version 1 (AllTraffic): 200 of 200 rows are answered as evaluation did in 4 formats",
        "/runs/adult/",
    ):
        assert wanted in adult.stdout


def test_the_package_tells_where_it_came_from(
    house: House, adult: subprocess.CompletedProcess[str], client: Callable[[str], Any]
) -> None:
    """Execution, data manifest, flow and training job lead back to everything."""
    sagemaker = client("sagemaker")
    (summary,) = sagemaker.list_model_packages(ModelPackageGroupName="adult")["ModelPackageSummaryList"]
    package = sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
    lineage = package["CustomerMetadataProperties"]

    assert package["MetadataProperties"]["GeneratedBy"] == newest(house, "adult").arn
    assert json.loads(read(client, f"{lineage['DataManifest']}/manifest.json"))["rows"] == 32561
    assert json.loads(read(client, f"{lineage['PrepFlow']}/flow.json"))
    job = sagemaker.describe_training_job(TrainingJobName=lineage["TrainingJob"].rsplit("/", 1)[-1])
    assert (
        job["ModelArtifacts"]["S3ModelArtifacts"]
        == package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    )
    statistics = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    assert "binary_classification_metrics" in json.loads(read(client, statistics))


def test_the_manifest_names_every_thing_by_its_hash(
    house: House, adult: subprocess.CompletedProcess[str], client: Callable[[str], Any]
) -> None:
    """Manifest, data, flow, model, code and settings: what lies in S3 has the hashes that are written down."""
    sagemaker = client("sagemaker")
    package = sagemaker.describe_model_package(ModelPackageName=f"{PACKAGES}/adult/1")
    lineage = package["CustomerMetadataProperties"]
    text = read(client, lineage["Manifest"])
    manifest = json.loads(text)
    ingested = read(client, f"{lineage['DataManifest']}/manifest.json")
    model = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]

    assert lineage["ManifestHash"] == sha256(text)
    assert manifest["data"]["manifest"] == {"uri": lineage["DataManifest"], "sha256": sha256(ingested)}
    assert manifest["data"]["sha256"] == json.loads(ingested)["sha256"]
    assert manifest["flow"] == {
        "uri": lineage["PrepFlow"],
        "sha256": sha256(read(client, f"{lineage['PrepFlow']}/flow.json")),
    }
    assert (manifest["model"]["uri"], manifest["model"]["sha256"]) == (model, sha256(read(client, model)))
    for address in (*manifest["code"].values(), *manifest["settings"].values()):
        folder = address["uri"].removesuffix("/sourcedir.tar.gz")
        bucket, _, prefix = folder.removeprefix("s3://").partition("/")
        keys = [
            each["Key"]
            for page in client("s3")
            .get_paginator("list_objects_v2")
            .paginate(Bucket=bucket, Prefix=f"{prefix}/")
            for each in page["Contents"]
        ]
        files = {key.removeprefix(f"{prefix}/"): read(client, f"s3://{bucket}/{key}") for key in keys}
        assert content_address(files) == address["sha256"]
    assert manifest["training"]["training_job"] == lineage["TrainingJob"]
    assert manifest["training"]["tuning_job"] == lineage["TuningJob"]
    assert manifest["commit"] == package["MetadataProperties"]["CommitId"]
    job = sagemaker.describe_training_job(TrainingJobName=lineage["TrainingJob"].rsplit("/", 1)[-1])
    assert manifest["images"]["training"] == job["AlgorithmSpecification"]["TrainingImage"]
    assert str(manifest["seeds"]["training"]) == job["HyperParameters"]["seed"]
    shown = house.run("packages", "1", "--usecase", "adult")
    assert (shown.returncode, shown.stdout.count("is what it was")) == (0, 4), shown.stdout + shown.stderr


def test_the_package_names_its_search_and_what_it_chose(
    house: House, adult: subprocess.CompletedProcess[str], client: Callable[[str], Any]
) -> None:
    """So the next search can start where this one ended."""
    sagemaker = client("sagemaker")
    package = sagemaker.list_model_packages(ModelPackageGroupName="adult")["ModelPackageSummaryList"][-1]
    lineage = sagemaker.describe_model_package(ModelPackageName=package["ModelPackageArn"])[
        "CustomerMetadataProperties"
    ]
    job = sagemaker.describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=lineage["TuningJob"].rsplit("/", 1)[-1]
    )
    best = job["BestTrainingJob"]

    assert best["TrainingJobArn"] == lineage["TrainingJob"]
    assert best["TunedHyperParameters"] == {
        name: lineage[f"Hyperparameter.{name}"]
        for name in config.load("local", "adult").usecase.tuning.ranges
    }
    assert sum(job["TrainingJobStatusCounters"].values()) == 10


def test_the_runners_up_are_measured_beside_the_model_that_is_judged(
    house: House, adult: subprocess.CompletedProcess[str]
) -> None:
    """Three models, the best by their validation rows, in that order; the first is the one of the report."""
    report = report_of(house, "adult")
    found = [candidate["validation"]["auc"] for candidate in report["candidates"]]

    assert [candidate["rank"] for candidate in report["candidates"]] == [1, 2, 3]
    assert found == sorted(found, reverse=True)
    assert report["candidates"][0]["test"]["auc"] == report["binary_classification_metrics"]["auc"]["value"]


def test_the_tuning_report_has_every_trial(
    house: House, adult: subprocess.CompletedProcess[str], client: Callable[[str], Any]
) -> None:
    """As a table and as JSON, beside pictures; written by a job that asked for them itself."""
    service = house.service("adult")
    steps = {step.name: step for step in newest(house, "adult").steps}
    folder = service.outputs(steps["TuningReport"].job_arn)["tuning"]
    report = service.read_json(f"{folder}/tuning.json")
    written = io.BytesIO(read(client, f"{folder}/trials.csv"))
    table = pd.read_csv(written, float_precision="round_trip")

    assert len(report["trials"]) == len(table) == 10
    assert report["best"]["objective"] == table["validation:auc"].max()
    assert {"objective.png", "parallel_coordinates.png"} <= set(report["pictures"])
    assert all(read(client, f"{folder}/{name}").startswith(b"\x89PNG") for name in report["pictures"])


def test_the_best_trial_has_its_metrics(house: House, adult: subprocess.CompletedProcess[str]) -> None:
    """Read from the log by the image's own definitions, as AWS reads them."""
    metrics = best_job(house)["FinalMetricDataList"]

    assert "validation:auc" in {metric["MetricName"] for metric in metrics}


def test_raw_rows_score_alike_in_batch_and_in_serving(
    house: House, adult: subprocess.CompletedProcess[str], client: Callable[[str], Any]
) -> None:
    """The flow and the model out of model.tar.gz give raw rows the very scores that the prepared table gets."""
    import xgboost

    from containers import contract
    from containers.flow import FittedFlow, apply

    service = house.service("adult")
    steps = {step.name: step for step in newest(house, "adult").steps}
    prepared = service.outputs(steps["Prep"].job_arn)
    raw = pd.read_parquet(io.BytesIO(read(client, f"{prepared['holdout']}/{contract.PART_FILE}")))
    test = pd.read_parquet(io.BytesIO(read(client, f"{prepared['test']}/{contract.PART_FILE}")))
    artifact = best_job(house)["ModelArtifacts"]["S3ModelArtifacts"]
    with tarfile.open(fileobj=io.BytesIO(read(client, artifact))) as archive:
        files = {
            member.name: archive.extractfile(member) for member in archive.getmembers() if member.isfile()
        }
        content = {Path(name).name: file.read() for name, file in files.items() if file}
    booster = xgboost.Booster()
    booster.load_model(bytearray(content[contract.MODEL_FILE]))
    flow = FittedFlow.from_json(content[contract.FLOW_FILE].decode())

    in_batch = booster.predict(xgboost.DMatrix(test.drop(columns=contract.LABEL)))
    in_serving = booster.predict(xgboost.DMatrix(apply(flow, raw)))
    one_by_one = np.concatenate(
        [booster.predict(xgboost.DMatrix(apply(flow, raw.iloc[[row]]))) for row in range(50)]
    )

    assert len(raw) > 6000
    assert np.array_equal(in_batch, in_serving)
    assert np.array_equal(in_batch[:50], one_by_one)


def test_an_execution_is_one_page(
    house: House, adult: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    """Graph, verdict, metrics, search, bias, explanations, checks, data and lineage, with the pictures inside."""
    page = tmp_path / "report.html"
    done = house.run("report", "--usecase", "adult", "--output", str(page))
    text = page.read_text(encoding="utf-8")

    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f">{step}</text>" in text for step in STEPS)
    for section in (
        "verdict",
        "metrics",
        "tuning",
        "bias",
        "explanations",
        "checks",
        "data",
        "lineage",
        "cost",
    ):
        assert f'id="{section}"' in text
    assert text.count("data:image/png;base64,") >= 15
    assert "model-package/adult/" in text


@pytest.fixture(scope="module")
def held_out(
    house: House, adult: subprocess.CompletedProcess[str], client: Callable[[str], Any], tmp_path_factory: Any
) -> Path:
    """The raw test rows of the first run, as a file of its own."""
    steps = {step.name: step for step in newest(house, "adult").steps}
    folder = house.service("adult").outputs(steps["Prep"].job_arn)["holdout"]
    file: Path = tmp_path_factory.mktemp("batch") / "rows.parquet"
    file.write_bytes(read(client, f"{folder}/part-00000.parquet"))
    return file


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.Table.from_pandas(frame, preserve_index=False).to_pylist()
    return rows


def batch_summary(house: House, usecase: str, execution: Execution) -> dict[str, Any]:
    steps = {step.name: step for step in execution.steps}
    folder = house.service(usecase).outputs(steps["WriteScores"].job_arn)["summary"]
    found: dict[str, Any] = house.service(usecase).read_json(f"{folder}/summary.json")
    return found


def scores_of(
    house: House, client: Callable[[str], Any], summary: dict[str, Any], execution: str
) -> pd.DataFrame:
    """What a run of batch scoring has written, in the order of its rows."""
    bucket, _, prefix = summary["destination"].removeprefix("s3://").partition("/")
    listed = client("s3").list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/")["Contents"]
    ours = sorted(each["Key"] for each in listed if f"execution={execution}/" in each["Key"])
    return pd.concat([pd.read_parquet(io.BytesIO(read(client, f"s3://{bucket}/{key}"))) for key in ours])


def test_a_batch_is_scored_as_evaluation_scored_it(
    house: House,
    adult: subprocess.CompletedProcess[str],
    held_out: Path,
    client: Callable[[str], Any],
) -> None:
    """The test rows, raw, through package, transform job and join: the probabilities of the report to the last bit."""
    trained = {step.name: step for step in newest(house, "adult").steps}
    predictions = house.service("adult").outputs(trained["Evaluate"].job_arn)["predictions"]
    offline = pd.read_parquet(io.BytesIO(read(client, f"{predictions}/part-00000.parquet")))

    done = house.run("run", "--pipeline", "inference", "--usecase", "adult", "--data", str(held_out))
    assert done.returncode == 0, done.stdout + done.stderr
    execution = Service(config.load("local", "adult", "inference")).find(None)
    summary = batch_summary(house, "adult", execution)
    scores = scores_of(house, client, summary, execution.id)

    assert {step.name: step.status for step in execution.steps} == dict.fromkeys(
        ["PrepareRows", "Model", "Transform", "WriteScores"], "Succeeded"
    )
    assert summary["package"] == f"{PACKAGES}/adult/1"
    assert summary["rows"] == {"read": 6512, "rejected": 0, "sent": 6512, "refused": 0, "written": 6512}
    assert np.array_equal(scores["probability"], offline["probability"])
    assert scores["decision"].tolist() == offline["predicted_label"].tolist()
    raw = pd.read_parquet(held_out)
    assert plain(scores[list(raw.columns)]) == plain(raw)
    for wanted in ("6,512 read, 6,512 written", "model-package/adult/1", "batch/adult/scores"):
        assert wanted in done.stdout


def test_two_batches_at_once_do_not_meet(
    house: House,
    adult: subprocess.CompletedProcess[str],
    held_out: Path,
    client: Callable[[str], Any],
    tmp_path: Path,
) -> None:
    """Each has its own rows and its own partition; one has bad cells, which are left out and counted."""
    service = Service(config.load("local", "adult", "inference"))
    rows = pd.read_parquet(held_out).drop(columns=["income"])
    small, bad = tmp_path / "small.csv", tmp_path / "bad.csv"
    rows.head(200).to_csv(small, index=False)
    rows.tail(300).astype({"age": object}).assign(age=["old", "?", *rows["age"].tail(298)]).to_csv(
        bad, index=False
    )
    upsert = house.run("upsert", "--yes", "--pipeline", "inference", "--usecase", "adult")
    assert upsert.returncode == 0, upsert.stdout + upsert.stderr
    started = [
        house.run(
            "start", "--pipeline", "inference", "--usecase", "adult", "--data", str(file)
        ).stdout.split()[-1]
        for file in (small, bad)
    ]
    ended = []
    for each in started:
        while (execution := service.find(each)).running:
            time.sleep(0.2)
        ended.append(execution)

    assert [execution.status for execution in ended] == ["Succeeded", "Succeeded"]
    summaries = [batch_summary(house, "adult", execution) for execution in ended]
    assert [
        (each["rows"]["read"], each["rows"]["rejected"], each["rows"]["written"]) for each in summaries
    ] == [
        (200, 0, 200),
        (300, 1, 299),
    ]
    for execution, summary in zip(ended, summaries, strict=True):
        assert len(scores_of(house, client, summary, execution.id)) == summary["rows"]["written"]


def test_a_batch_without_an_approved_model_fails_with_one_line(
    house: House, held_out: Path, tmp_path: Path
) -> None:
    """It says what to do, and no model is made."""
    usecase = tmp_path / "adult.toml"
    text = (config.USECASES / "adult.toml").read_text(encoding="utf-8")
    changed = text.replace('name = "adult"', 'name = "nobody"', 1).replace(
        'group = "adult"', 'group = "nobody"'
    )
    usecase.write_text(changed, encoding="utf-8")

    refused = house.run("run", "--pipeline", "inference", "--usecase", str(usecase), "--data", str(held_out))
    (prepare,) = Service(config.load("local", str(usecase), "inference")).find(None).steps

    assert refused.returncode == 1
    assert "Traceback" not in refused.stdout + refused.stderr
    assert "no package of the group nobody is approved" in prepare.failure


def test_a_second_run_hits_the_cache(
    house: House, adult: subprocess.CompletedProcess[str], shared_data: Callable[[str], Path]
) -> None:
    """It is a new execution, no job runs again, and another package is registered."""
    first = newest(house, "adult")
    again = house.run("run", "--usecase", "adult", "--data", str(shared_data("adult/adult.data")))
    second = newest(house, "adult")

    assert again.returncode == 0, again.stdout + again.stderr
    assert "unchanged" in again.stdout
    assert second.arn != first.arn
    cached = {step.name: step.cached_from for step in second.steps}
    assert {name: cached[name] for name in JOBS} == dict.fromkeys(JOBS, first.arn)
    assert "model-package/adult/2" in again.stdout


def test_a_changed_search_starts_where_the_approved_models_search_ended(
    house: House,
    adult: subprocess.CompletedProcess[str],
    shared_data: Callable[[str], Path],
    tmp_path: Path,
    client: Callable[[str], Any],
) -> None:
    """Without a switch: the same rows and script, so identical; the report says what was saved."""
    text = (config.USECASES / "adult.toml").read_text(encoding="utf-8")
    changed = tmp_path / "adult.toml"
    changed.write_text(text.replace("jobs = 10", "jobs = 4"), encoding="utf-8")
    first = {step.name: step for step in newest(house, "adult").steps}["Tune"].job_arn.rsplit("/", 1)[-1]

    data = ("--data", str(shared_data("adult/adult.data")))
    foretold = json.loads(house.run("plan", "--usecase", str(changed), *data, "--format", "json").stdout)

    again = house.run("run", "--usecase", str(changed), "--data", str(shared_data("adult/adult.data")))

    assert again.returncode == 0, again.stdout + again.stderr
    assert f"warm start from {first}: IdenticalDataAndAlgorithm" in again.stdout
    service = house.service("adult")
    steps = {step.name: step for step in newest(house, "adult").steps}
    assert steps["Prep"].cached_from
    assert not steps["Tune"].cached_from
    hits = {step["step"]: step["outcome"] == "hit" for step in foretold["steps"]}
    assert {name: hits[name] for name in steps} == {
        name: bool(step.cached_from) for name, step in steps.items()
    }
    job = client("sagemaker").describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=steps["Tune"].job_arn.rsplit("/", 1)[-1]
    )
    assert job["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm"
    report = service.read_json(f"{service.outputs(steps['TuningReport'].job_arn)['tuning']}/tuning.json")
    assert report["warm_start"]["parents"] == [first]


def test_a_new_version_takes_over_through_a_canary(
    house: House, adult: subprocess.CompletedProcess[str], client: Callable[[str], Any]
) -> None:
    """The endpoint serves the version of the newest run, tested."""
    service = house.service("adult")
    steps = {step.name: step for step in newest(house, "adult").steps}
    version = int(steps["Register"].job_arn.rpartition("/")[2])
    report = service.read_json(f"{service.outputs(steps['SmokeTest'].job_arn)['smoke_test']}/smoke_test.json")
    endpoint = client("sagemaker").describe_endpoint(EndpointName="adult")

    assert version > 1
    assert (report["version"], report["status"], report["equal"]) == (version, "InService", 200)
    assert endpoint["EndpointConfigName"] == report["configuration"]
    assert endpoint["EndpointStatus"] == "InService"
    policy = endpoint["LastDeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"]["Type"] == "CANARY"


def test_another_bar_runs_the_evaluation_again_and_says_by_how_much_it_was_missed(
    house: House, adult: subprocess.CompletedProcess[str], shared_data: Callable[[str], Path]
) -> None:
    """Nothing is registered, and the run ends with status 1."""
    refused = house.run(
        "run",
        "--usecase",
        "adult",
        "--data",
        str(shared_data("adult/adult.data")),
        "--param",
        "QualityBar=0.99",
    )
    steps = {step.name: step for step in newest(house, "adult").steps}

    assert refused.returncode == 1
    assert steps["Tune"].cached_from
    assert not steps["Evaluate"].cached_from
    assert "Register" not in steps
    failure = steps["BelowTheBar"].failure
    assert failure.startswith("The model missed its bar: auc on the test rows is 0.93")
    assert "misses at least 0.99 by 0.0" in failure


def test_one_raw_row_is_scored(
    house: House, adult: subprocess.CompletedProcess[str], shared_data: Callable[[str], Path]
) -> None:
    """Of the test set the one that evaluation was surest of, or any row of a file; with what counted most."""
    surest = house.run("score", "--usecase", "adult")
    file = shared_data("adult/adult.data")
    third = house.run("score", "--usecase", "adult", "--data", str(file), "--row", "3")

    assert surest.returncode == third.returncode == 0, surest.stderr + third.stderr
    assert re.search(r"adult \(AllTraffic\), row \d+ of the test set of execution", surest.stdout)
    assert re.search(r"income +>50K", surest.stdout)
    assert re.search(r"probability +0\.9\d+", surest.stdout)
    assert "because of" in third.stdout
    assert f"row 3 of {file}" in third.stdout
    assert "Traceback" not in surest.stderr + third.stderr


def configuration(client: Callable[[str], Any], endpoint: str) -> str:
    """What the endpoint serves."""
    name: str = client("sagemaker").describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    return name


def test_roaming_runs_from_generated_rows(house: House, tmp_path: Path, client: Callable[[str], Any]) -> None:
    """The default use case needs nobody's data; and with one setting it trains once instead of searching."""
    rows = tmp_path / "roaming.csv"
    generator = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "pipelines.usecases.roaming",
        "--rows",
        "6000",
        "--out",
        str(rows),
    ]
    subprocess.run(generator, check=True, cwd=ROOT, capture_output=True)

    done = house.run("run", "--data", str(rows), "--param", "QualityBar=0.8")

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"model-package/roaming/\d+", done.stdout)

    once = tmp_path / "roaming.toml"
    text = (config.USECASES / "roaming.toml").read_text(encoding="utf-8")
    once.write_text(text.replace("enabled = true", "enabled = false"), encoding="utf-8")
    pending = ("--param", "QualityBar=0.8", "--param", "ModelApprovalStatus=PendingManualApproval")
    trained = house.run("run", "--usecase", str(once), "--data", str(rows), *pending)

    assert trained.returncode == 0, trained.stdout + trained.stderr
    assert "Train        Succeeded" in trained.stdout
    assert "Tune" not in trained.stdout
    assert "model-package/roaming/2" in trained.stdout
    # What waits for a person is no failure, and deploys by itself once somebody has approved it.
    assert (
        "■ version 2 waits for approval, and is deployed to roaming by itself once it has it"
        in trained.stdout
    )
    assert "Deploy" not in [step.name for step in newest(house, "roaming").steps]
    serving = configuration(client, "roaming")
    assert house.run("approve", "latest").returncode == 0
    deadline = time.monotonic() + 60
    while configuration(client, "roaming") == serving:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "v2" in configuration(client, "roaming")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda lines: [], "is empty"),
        (lambda lines: [line.rsplit(",", 1)[0] for line in lines], "is_fraud"),
        (lambda lines: [line + ",extra" for line in lines], "extra"),
        (lambda lines: [lines[0], *(line.rsplit(",", 1)[0] + ",0" for line in lines[1:])], "one"),
    ],
    ids=["an empty file", "a missing column", "a column too many", "a label with one class"],
)
def test_bad_data_fails_in_ingest_with_a_sentence(
    edit: Callable[[list[str]], list[str]], message: str, house: House, tmp_path: Path
) -> None:
    """Where, what, and what would be right; no traceback, and no step after it."""
    rows = tmp_path / "rows.csv"
    generator = [sys.executable, "-m", "pipelines.usecases.roaming", "--rows", "1000", "--out", str(rows)]
    subprocess.run(generator, check=True, cwd=ROOT, capture_output=True)
    lines = edit(rows.read_text(encoding="utf-8").splitlines())
    rows.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    refused = house.run("run", "--data", str(rows))

    assert refused.returncode == 1
    assert "Traceback" not in refused.stdout + refused.stderr
    (ingest,) = newest(house, "roaming").steps
    assert ingest.status == "Failed"
    assert message in ingest.failure


def test_a_failed_step_is_explained(house: House, tmp_path: Path) -> None:
    """The last lines of its log, the likely cause and the fix; in the summary, in status, and after its log."""
    rows = tmp_path / "rows.csv"
    rows.write_text("", encoding="utf-8")
    house.run("run", "--data", str(rows))

    status, logs = house.run("status"), house.run("logs", "Ingest")

    assert "Ingest failed" in status.stdout
    assert "  | " in status.stdout
    assert "fix:" in status.stdout
    assert "Ingest failed" in logs.stderr
    assert "fix:" not in logs.stdout


def test_logs_show_what_a_step_printed(house: House, adult: subprocess.CompletedProcess[str]) -> None:
    """Of a search, what its trials did; and an unknown step is a usage error that suggests one."""
    tune = house.run("logs", "Tune", "--usecase", "adult")
    unknown = house.run("logs", "Tnue", "--usecase", "adult")

    assert tune.stdout.count("training on ") == 10
    assert "validation-auc" in tune.stdout
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "Did you mean 'Tune'?" in unknown.stderr


def test_a_wrong_parameter_is_refused_before_anything_starts(
    house: House, adult: subprocess.CompletedProcess[str]
) -> None:
    """No execution is left behind."""
    before = len(house.service("adult").executions())
    wrong = house.run(
        "start", "--usecase", "adult", "--param", "QualtyBar=0.9", "--param", "ModelApprovalStatus=Yes"
    )

    assert wrong.returncode == 2
    assert "there is no parameter 'QualtyBar'. Did you mean 'QualityBar'?" in wrong.stderr
    assert "'ModelApprovalStatus' must be one of PendingManualApproval, Approved, Rejected" in wrong.stderr
    assert len(house.service("adult").executions()) == before


def test_list_and_status_show_past_executions(house: House, adult: subprocess.CompletedProcess[str]) -> None:
    """An execution can be looked at by its id, long after it has ended."""
    first = house.service("adult").executions(100)[-1]
    listed = house.run("list", "--usecase", "adult").stdout
    shown = house.run("status", "--usecase", "adult", "--execution", first.id).stdout

    assert f"{first.id}  Succeeded" in listed
    assert "meets at least 0.92" in shown
