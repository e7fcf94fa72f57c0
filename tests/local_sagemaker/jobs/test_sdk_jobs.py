"""Jobs as the real SDK sends them: its training driver and its runproc.sh."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from local_sagemaker import LocalSageMaker

Client = Callable[[str], Any]


@pytest.fixture(scope="module")
def names(
    local: LocalSageMaker, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The jobs that ``sdk_program`` created."""
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
    found: dict[str, str] = json.loads((folder / "names.json").read_text())
    return found


def ended(client: Client, kind: str, name: str) -> dict[str, Any]:
    """What Describe says when the job has ended."""
    describe = getattr(client("sagemaker"), f"describe_{kind}_job")
    stem = f"{kind.title()}Job"
    while True:
        job: dict[str, Any] = describe(**{f"{stem}Name": name})
        if job[f"{stem}Status"] not in ("InProgress", "Stopping"):
            return job
        time.sleep(0.05)


def body(client: Client, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    content: bytes = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def test_the_training_driver(names: dict[str, str], client: Client) -> None:
    """ModelTrainer with SourceCode: the SDK's sm_train.sh runs the script, and its model is in S3."""
    job = ended(client, "training", names["good"])

    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    with tarfile.open(fileobj=BytesIO(body(client, job["ModelArtifacts"]["S3ModelArtifacts"]))) as tar:
        member = tar.extractfile("m")
        assert member is not None
        assert member.read() == b"0.5"


def test_a_script_that_fails_under_the_driver(names: dict[str, str], client: Client) -> None:
    """The reason has what the driver wrote, then what the script said."""
    job = ended(client, "training", names["bad"])

    assert job["FailureReason"].startswith("AlgorithmError: Traceback")
    assert "ValueError: eta is too large" in job["FailureReason"]


def test_framework_processing(names: dict[str, str], client: Client) -> None:
    """FrameworkProcessor: runproc.sh unpacks the source, finds its requirements met, and runs the script."""
    job = ended(client, "processing", names["processed"])
    (output,) = job["ProcessingOutputConfig"]["Outputs"]

    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert body(client, f"{output['S3Output']['S3Uri']}/r") == b"result"
