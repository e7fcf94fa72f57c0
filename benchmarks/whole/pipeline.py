"""One run of the pipeline as a command runs it, timed from the moment that the SDK is imported.

    python -m benchmarks.whole.pipeline --usecase adult --data adult.data --folder NEW       starts a local SageMaker
    python -m benchmarks.whole.pipeline --usecase adult --data adult.data --url URL …        uses one that is up

Prints a JSON object: ``phases`` (seconds since the SDK's import at which each was over), and ``evaluation`` (the
address of the evaluation report).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # the SDK looks for one while it is imported

from rich.console import Console

from benchmarks.local import Local
from containers import contract
from local_sagemaker.pipelines.check import check
from pipelines import config as settings
from pipelines.publish import plan
from pipelines.service import Service
from pipelines.training import definition
from pipelines.watch import EVALUATE, watch


def run(usecase: str, data: Path, key: str, local: Local | None) -> dict[str, object]:
    """Publish, build, check, upsert, upload, start, and watch until the execution has ended.

    Args:
        usecase: the use case's name.
        data: the raw rows.
        key: where they are put, below the environment's prefix; a new one gets no result from the cache.
        local: a local SageMaker to be started; None where AWS_ENDPOINT_URL names one that is up.

    Raises:
        RuntimeError: the definition is wrong, or the execution did not succeed.
    """
    phases: dict[str, float] = {}
    began = time.perf_counter()

    def over(phase: str) -> None:
        phases[phase] = time.perf_counter() - began

    if local:
        local.start()
    config = settings.load("local", usecase).without_search()  # the plain script trains once
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
    arn = service.start({"InputData": f"s3://{bucket}/{key}"})
    with Path(os.devnull).open("w") as nowhere:
        execution = watch(service, arn, Console(file=nowhere))
    over("succeeded")
    if execution.status != "Succeeded":
        raise RuntimeError(f"the execution ended as {execution.status}: {execution.failure}")
    evaluated = next(step for step in execution.steps if step.name == EVALUATE)
    return {
        "phases": phases,
        "steps": {step.name: step.seconds for step in execution.steps},
        "evaluation": f"{service.outputs(evaluated.job_arn)[contract.EVALUATION]}/{contract.EVALUATION_FILE}",
    }


def main() -> None:
    """Run once and print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--usecase", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--key", default="benchmarks/data.csv", help="where the data is put in the bucket")
    parser.add_argument("--folder", type=Path, help="start a local SageMaker with its state here")
    options = parser.parse_args()
    local = Local(options.folder) if options.folder else None
    try:
        measured = run(options.usecase, options.data, options.key, local)
    finally:
        if local:
            local.stop()
    sys.stdout.write(json.dumps(measured) + "\n")


if __name__ == "__main__":
    main()
