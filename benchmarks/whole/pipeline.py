"""One run of the pipeline as a command runs it, timed from the moment that the SDK is imported.

    python -m benchmarks.whole.pipeline --usecase adult --data adult.data --folder NEW       starts a local SageMaker
    python -m benchmarks.whole.pipeline --usecase adult --data adult.data --url URL …        uses one that is up

Prints a JSON object: ``phases`` (seconds since the SDK's import at which each was over), ``steps`` (their seconds),
``trials`` (the hyperparameters of each), and ``evaluation`` (the address of the evaluation report).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # the SDK looks for one while it is imported

from rich.console import Console

from benchmarks.local import Local
from benchmarks.whole.usecase import load
from containers import contract
from local_sagemaker.pipelines.check import check
from pipelines import collector

with collector.paused():  # as the command line does
    from pipelines.training import definition

from pipelines.publish import plan
from pipelines.service import Service
from pipelines.watch import EVALUATE, watch


def run(usecase: str, data: Path, key: str, local: Local | None, bar: str | None = None) -> dict[str, object]:
    """Publish, build, check, upsert, upload, start, and watch until the execution has ended.

    Args:
        usecase: the use case's name.
        data: the raw rows.
        key: where they are put, below the environment's prefix; a new one gets no result from the cache.
        local: a local SageMaker to be started; None where AWS_ENDPOINT_URL names one that is up.
        bar: instead of the use case's own.

    Raises:
        RuntimeError: the definition is wrong, or the execution did not succeed.
    """
    phases: dict[str, float] = {}
    began = time.perf_counter()

    def over(phase: str) -> None:
        phases[phase] = time.perf_counter() - began

    if local:
        local.start()
    config = load(usecase)
    publication = plan(config)
    text = definition(config, publication)
    problems = check(json.loads(text))
    if problems:
        raise RuntimeError(f"the definition is wrong: {problems[0]}")
    over("built and checked")
    if local:
        local.wait()
        os.environ.update(local.environment)
        over("local SageMaker up")
    service = Service(config)
    service.publish(publication)
    service.upsert(text, [])
    bucket = config.environment.bucket
    service.s3.upload_file(str(data), bucket, key)
    over("published")
    arn = service.start(
        {"InputData": f"s3://{bucket}/{key}", **({"QualityBar": bar} if bar is not None else {})}
    )
    with Path(os.devnull).open("w") as nowhere:
        execution = watch(service, arn, Console(file=nowhere))
    over("succeeded")
    if execution.status != "Succeeded":
        raise RuntimeError(f"the execution ended as {execution.status}: {execution.failure}")
    names = {step.name: step.job_arn.rpartition("/")[2] for step in execution.steps}
    evaluated = next(step for step in execution.steps if step.name == EVALUATE)
    return {
        "phases": phases,
        "steps": {step.name: step.seconds for step in execution.steps},
        "trials": _trials(service.sagemaker, names.get("Tune")),
        "evaluation": f"{service.outputs(evaluated.job_arn)[contract.EVALUATION]}/{contract.EVALUATION_FILE}",
    }


def _trials(sagemaker: Any, name: str | None) -> list[dict[str, str]]:
    """The hyperparameters that each trial of the search was given; one trial without any where nothing is searched."""
    if name is None:
        return [{}]
    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
    listed = pages.paginate(HyperParameterTuningJobName=name, SortBy="CreationTime", SortOrder="Ascending")
    return [trial["TunedHyperParameters"] for page in listed for trial in page["TrainingJobSummaries"]]


def main() -> None:
    """Run once and print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--usecase", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--key", default="benchmarks/data.csv", help="where the data is put in the bucket")
    parser.add_argument("--folder", type=Path, help="start a local SageMaker with its state here")
    parser.add_argument("--bar", help="what the gate asks for (default: what the use case says)")
    options = parser.parse_args()
    local = Local(options.folder) if options.folder else None
    try:
        measured = run(options.usecase, options.data, options.key, local, options.bar)
    finally:
        if local:
            local.stop()
    sys.stdout.write(json.dumps(measured) + "\n")


if __name__ == "__main__":
    main()
