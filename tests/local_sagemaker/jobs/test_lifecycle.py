"""Jobs end, whatever happens: a full disk, a killed server, a record that cannot be written."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local_sagemaker.jobs.processing import ProcessingJobs
from local_sagemaker.records import Records
from local_sagemaker.settings import Settings

if TYPE_CHECKING:
    from conftest import Bench, Workshop


@pytest.fixture
def small_disk() -> Iterator[Callable[[Path], None]]:
    """Mounts a disk of 1 MiB on a folder."""
    mounted: list[Path] = []

    def mount(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("only root can mount a small disk")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def own_workshop(make_bench: Callable[..., Bench], workshop: Workshop) -> Callable[..., Workshop]:
    """Makes workshops in folders of their own, which a test may spoil."""

    def make(spoil: Callable[[Settings], None] = lambda _: None) -> Workshop:
        bench = make_bench(grace=2)
        spoil(Settings(bench.folder))
        return type(workshop)(Settings(bench.folder), bench.runner)

    return make


def test_a_full_disk_while_staging(
    own_workshop: Callable[..., Workshop], small_disk: Callable[[Path], None]
) -> None:
    """Inputs that do not fit fail the job, and the reason says what to do."""
    place = own_workshop(lambda settings: small_disk(settings.jobs))
    uri = place.put("big", bytes(3_000_000))

    job = place.run(place.processing("", inputs=[place.input("data", uri)]))

    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: No space left on this machine's disk")


def test_a_full_disk_while_uploading(
    own_workshop: Callable[..., Workshop], small_disk: Callable[[Path], None]
) -> None:
    """Outputs that do not fit fail the job; its times are kept, and so are its files."""
    place = own_workshop(lambda settings: small_disk(settings.objects))
    request = place.processing(
        "open('/opt/ml/processing/result/x', 'wb').write(bytes(3_000_000))",
        outputs=[place.output("result", "s3://bucket/result")],
    )

    job = place.run(request)

    assert job["ProcessingJobStatus"] == "Failed"
    assert "uploading the outputs failed" in job["FailureReason"]
    assert job["ProcessingEndTime"] >= job["ProcessingStartTime"]
    assert (Path(job["_Folder"]) / "processing" / "result" / "x").stat().st_size == 3_000_000


SERVER = """
    import sys, time
    from pathlib import Path
    from local_sagemaker import serve
    with serve(Path(sys.argv[1])) as local:
        import boto3
        session = boto3.Session("local-sagemaker", "not-a-secret", region_name="us-east-1")
        client = session.client("sagemaker", endpoint_url=local.url)
        client.create_processing_job(
            ProcessingJobName="endless",
            RoleArn=local.settings.role_arn,
            ProcessingResources={
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
            },
            AppSpecification={
                "ImageUri": "x/sagemaker-scikit-learn:1",
                "ContainerEntrypoint": ["python3", "-c", "import time; time.sleep(600)"],
            },
        )
        print("created", flush=True)
        time.sleep(600)
"""


def test_a_killed_server_leaves_no_job_in_progress(tmp_path: Path) -> None:
    """After kill -9, the next server on the same folder finds the job failed, with a reason."""
    server = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SERVER), tmp_path / "state"],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b"created\n"
    server.send_signal(signal.SIGKILL)
    server.wait()
    server.stdout.close()

    from local_sagemaker import serve

    with serve(tmp_path / "state"):
        pass

    records = Records(Settings(tmp_path / "state").database)
    job = records.get("ProcessingJob", "endless") or {}
    records.close()
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == (
        "InternalServerError: The local SageMaker was stopped while this job was running."
    )


class Stubborn(Records):
    """Records on a disk that is full for a while."""

    refusals = 2

    def update(self, kind: str, name: str, change: Any) -> dict[str, Any]:
        if callable(change) and self.refusals:
            self.refusals -= 1
            raise sqlite3.OperationalError("database or disk is full")
        return super().update(kind, name, change)


def test_the_last_status_is_tried_again(workshop: Workshop, caplog: pytest.LogCaptureFixture) -> None:
    """A status that cannot be written is written as soon as it can be."""
    records = Stubborn(workshop.settings.database)
    jobs = ProcessingJobs(workshop.settings, records, workshop.store, workshop.runner)
    request = workshop.processing("")

    jobs.create(request)
    job = records.wait(
        "ProcessingJob",
        request["ProcessingJobName"],
        lambda it: it["ProcessingJobStatus"] != "InProgress",
        30,
    )

    assert (job["ProcessingJobStatus"], records.refusals) == ("Completed", 0)
    assert "cannot be written (database or disk is full)" in caplog.text
    jobs.close()
    records.close()


def test_many_jobs_at_once(workshop: Workshop) -> None:
    """A dozen jobs side by side all end, each with its own output."""
    created = [
        workshop.create(
            workshop.processing(
                f"open('/opt/ml/processing/result/x', 'w').write('{number}')",
                outputs=[workshop.output("result", f"s3://bucket/many/{number}")],
            )
        )
        for number in range(12)
    ]

    assert {workshop.ended(*each)["ProcessingJobStatus"] for each in created} == {"Completed"}
    assert [workshop.store.read(f"s3://bucket/many/{number}/x") for number in range(12)] == [
        str(number).encode() for number in range(12)
    ]
