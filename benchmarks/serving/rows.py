"""What our serving image's server takes for a request, ÷ Flask and gunicorn with data frames; same model, raw rows."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from benchmarks.measure import Series, in_turns
from benchmarks.serving.load import Load, Target, ask
from benchmarks.serving.load import run as put_under
from benchmarks.table import TIMES, Row
from benchmarks.workshop import ROOT, THREADS, Workshop, command, run
from containers.contract import SOURCE_ARCHIVE
from pipelines.config import load
from pipelines.publish import plan

WORKERS = 2
PATIENCE = 60.0
SIZES = {"single rows": 1, "batches of 100": 100}
OURS, PLAIN = "our server", "Flask and gunicorn"
ENDPOINT_OURS, ENDPOINT_AWS = "an endpoint, our image", "an endpoint, AWS's image"
IMAGES = {
    ENDPOINT_OURS: "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-pipelines-reference-serving:1",
    ENDPOINT_AWS: "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
}
SIGNED = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/sagemaker/aws4_request, SignedHeaders=host, Signature=0"


def serving(workshop: Workshop) -> Iterator[Row]:
    """Single rows and batches: our server's process ÷ the plain one's, and what is left of it behind an endpoint."""
    with workshop.place() as place:
        workshop.say("training a model to serve")
        run(command("benchmarks.serving.model", place), THREADS)
        rows = pd.read_parquet(place / "rows.parquet")
        model = place / "model"
        with _ours(model) as ours, _plain(model) as plain, _endpoints(workshop, model) as endpoints:
            targets = {OURS: ours, PLAIN: plain, **endpoints}
            for what, size in SIZES.items():
                body = _body(rows.head(size))
                _same(targets, body)
                yield from _rows(workshop, targets, what, body)


def _rows(workshop: Workshop, targets: Mapping[str, Target], what: str, body: bytes) -> Iterator[Row]:
    loads: dict[str, list[Load]] = {name: [] for name in targets}

    def side(name: str) -> Callable[[], float]:
        def once() -> float:
            loads[name].append(put_under(targets[name], body))
            return 1 / loads[name][-1].rate

        return once

    found = in_turns(
        {name: side(name) for name in targets}, workshop.turns, lambda name: workshop.say(f"{what}, {name}")
    )
    short = "serving" if what == "single rows" else "serving-batch"
    for name, label, target in (
        (OURS, short, 1 / 5),
        (ENDPOINT_OURS, f"{short}-endpoint", None),
        (ENDPOINT_AWS, f"{short}-endpoint-aws", None),
    ):
        yield Row(
            label,
            f"time for {what}, {name} ÷ Flask and gunicorn with data frames",
            found[name].over(found[PLAIN]),
            TIMES,
            target,
            f"{_said(loads[name])} beside {_said(loads[PLAIN])}",
        )


def _said(loads: list[Load]) -> str:
    rate, p99 = (Series(tuple(values)).median for values in ([e.rate for e in loads], [e.p99 for e in loads]))
    return f"{rate:,.0f} requests a second, p99 {p99 * 1000:.1f} ms"


def _body(rows: pd.DataFrame) -> bytes:
    return f'{{"instances": {rows.to_json(orient="records", date_format="iso")}}}'.encode()


def _same(targets: Mapping[str, Target], body: bytes) -> None:
    """Whether all give the same predictions. Raises RuntimeError."""
    answers = {name: json.loads(ask(target, body))["predictions"] for name, target in targets.items()}
    for name, answer in answers.items():
        if answer != answers[OURS]:
            raise RuntimeError(f"{name} and {OURS} do not predict the same")


@contextmanager
def _ours(model: Path) -> Iterator[Target]:
    port = _free_port()
    with _process([sys.executable, "-m", "containers.serving.server", "serve"], model, port) as target:
        yield target


@contextmanager
def _plain(model: Path) -> Iterator[Target]:
    port = _free_port()
    words = [
        "-m",
        "gunicorn",
        "--workers",
        str(WORKERS),
        "--bind",
        f"127.0.0.1:{port}",
        "--log-level",
        "error",
    ]
    words += ["--no-control-socket", "benchmarks.serving.plain:app"]
    with _process([sys.executable, *words], model, port) as target:
        yield target


@contextmanager
def _process(words: list[str], model: Path, port: int) -> Iterator[Target]:
    """A server from its first answer to a ping on."""
    environment = {
        **os.environ,
        **THREADS,
        "OMP_NUM_THREADS": "1",  # a worker a core on both sides
        "PYTHONPATH": str(ROOT),
        "SM_MODEL_DIR": str(model),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SAGEMAKER_MODEL_SERVER_WORKERS": str(WORKERS),
    }
    # A session of its own, as an endpoint's container has: on a busy machine the kernel shares cores out by session.
    process = subprocess.Popen(
        words, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(words[1:4])} did not start")
            time.sleep(0.05)
        yield Target(port)
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextmanager
def _endpoints(workshop: Workshop, model: Path) -> Iterator[dict[str, Target]]:
    """The same model behind endpoints of the local SageMaker, on our image and on AWS's."""
    local = workshop.local
    sagemaker, s3, bucket = local.client("sagemaker"), local.client("s3"), local.settings.bucket
    publication = plan(load())
    for key, content in publication.objects.items():
        if key.endswith(SOURCE_ARCHIVE):
            s3.put_object(Bucket=bucket, Key=key, Body=content)
    s3.put_object(Bucket=bucket, Key="serving/model.tar.gz", Body=_packed(model))
    environment = {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": publication.serving,
        "SAGEMAKER_MODEL_SERVER_WORKERS": str(WORKERS),
    }
    found = {}
    for name, image in IMAGES.items():
        called = f"serving-{image.rpartition('/')[2].partition(':')[0]}"[:60]
        container = {
            "Image": image,
            "ModelDataUrl": f"s3://{bucket}/serving/model.tar.gz",
            "Environment": environment,
        }
        variant = {
            "VariantName": "v",
            "ModelName": called,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
        sagemaker.create_model(
            ModelName=called, ExecutionRoleArn=local.settings.role_arn, PrimaryContainer=container
        )
        sagemaker.create_endpoint_config(EndpointConfigName=called, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=called, EndpointConfigName=called)
        port = int(local.server.url.rpartition(":")[2])
        found[name] = Target(port, f"/endpoints/{called}/invocations", {"Authorization": SIGNED})
    try:
        for target in found.values():
            called = target.path.split("/")[2]
            sagemaker.get_waiter("endpoint_in_service").wait(
                EndpointName=called, WaiterConfig={"Delay": 1, "MaxAttempts": int(PATIENCE)}
            )
        yield found
    finally:
        for target in found.values():
            sagemaker.delete_endpoint(EndpointName=target.path.split("/")[2])


def _packed(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in folder.iterdir():
            archive.add(path, path.name)
    return buffer.getvalue()


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
