"""The plain scripts do what the pipelines do: the same numbers come out, so their times may be compared."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.six_steps import plain, shapes, step
from benchmarks.six_steps.pipeline import definition, overhead, publish, rows
from benchmarks.whole import usecase
from containers import contract

ROOT = Path(__file__).parents[2]


def run(environment: dict[str, str], module: str, *arguments: object) -> str:
    words = [sys.executable, "-W", "ignore", "-m", module, *map(str, arguments)]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def both(tmp_path_factory, local, environment) -> tuple[Path, Path, dict[str, Any]]:
    """The evaluation that the pipeline left, the plain script's folder, and what was said about the pipeline."""
    folder = tmp_path_factory.mktemp("whole")
    data, settings, trials = (folder / name for name in ("data.csv", "usecase.json", "trials.json"))
    run(environment, "pipelines.usecases.roaming", "--rows", 3000, "--out", data)
    usecase.write(usecase.load("roaming"), settings)
    document = json.loads(settings.read_text())
    document["gate"]["at_least"] = 0.5  # so few rows teach little
    settings.write_text(json.dumps(document))
    options = ("--usecase", "roaming", "--data", data, "--key", "bench.csv", "--bar", 0.5)
    said = run(environment, "benchmarks.whole.pipeline", *options)
    measured = json.loads(said.splitlines()[-1])
    trials.write_text(json.dumps(measured["trials"]))
    run(environment, "benchmarks.whole.plain", settings, trials, data, folder / "plain")
    evaluation = local.settings.objects / measured["evaluation"].removeprefix("s3://")
    return evaluation, folder / "plain", measured


def test_the_plain_script_evaluates_the_same_model(both):
    """Every metric, its interval, the threshold, the importances, the runners-up and the verdict."""
    evaluation, folder, _ = both
    theirs, ours = (
        # The last digits of a sum depend on how many threads linear algebra has.
        json.loads(path.read_text(), parse_float=lambda text: float(f"{float(text):.10g}"))
        for path in (evaluation, folder / contract.EVALUATION / contract.EVALUATION_FILE)
    )

    assert theirs == ours


def test_the_plain_script_leaves_the_same_files(both):
    """The prepared rows, the fitted flow, and every picture."""
    evaluation, folder, _ = both
    runs = evaluation.parents[2]
    for name in (contract.TRAIN, contract.VALIDATION, contract.TEST, contract.HOLDOUT):
        theirs = pd.read_parquet(next((runs / "prep").rglob(f"{name}/{contract.PART_FILE}")))
        pd.testing.assert_frame_equal(theirs, pd.read_parquet(folder / name / contract.PART_FILE))
    flow = next((runs / "prep").rglob(contract.FLOW_FILE)).read_text()
    assert json.loads(flow) == json.loads((folder / contract.FLOW_FILE).read_text())
    pictures = {path.name for path in evaluation.parent.glob("*.png")}
    assert pictures == {path.name for path in (folder / contract.EVALUATION).glob("*.png")}


def test_the_pipeline_says_when_what_was_over(both):
    """The phases come in their order, and there is a trial for each that the use case asks for."""
    _, _, measured = both

    assert list(measured["phases"]) == ["built and checked", "published", "succeeded"]
    assert sorted(measured["phases"].values()) == list(measured["phases"].values())
    assert len(measured["trials"]) == usecase.load("roaming").usecase.tuning.jobs


@pytest.mark.parametrize("shape", ["DIAMOND", "CHAIN"])
def test_six_steps_are_the_same_six_steps(shape, client, local, environment, tmp_path, monkeypatch):
    """Pipeline and script leave the same frames, and what a step took beside its work is more than nothing."""
    steps = getattr(shapes, shape)
    monkeypatch.setattr(plain, "DIAMOND", steps)
    data = rows(2000)
    bucket, sagemaker = local.settings.bucket, client("sagemaker")
    publish(client("s3"), bucket, data)
    text = definition(steps, bucket, local.settings.role_arn)
    sagemaker.create_pipeline(
        PipelineName=f"bench-{shape}", PipelineDefinition=text, RoleArn=local.settings.role_arn
    )
    arn = run(environment, "benchmarks.six_steps.client", f"bench-{shape}").strip()
    source = tmp_path / "rows.parquet"
    data.to_parquet(source)
    plain.main(source, tmp_path / "plain")

    results = local.settings.objects / bucket / "six-steps" / "runs" / arn.rpartition("/")[2]
    for key in steps:
        theirs = pd.read_parquet(results / key / step.FILE)
        pd.testing.assert_frame_equal(theirs, pd.read_parquet(tmp_path / "plain" / key / step.FILE))
    assert overhead(sagemaker, client("logs"), arn) > 0
