"""What the next server finds of a transform job whose server was killed or stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest

from local_sagemaker import serve
from local_sagemaker.records import Records
from local_sagemaker.settings import Settings
from tests.local_sagemaker.endpoints.conftest import archive
from tests.local_sagemaker.transform.conftest import OBEDIENT, Transforms

SERVER = """
import sys
from pathlib import Path
from local_sagemaker import serve
with serve(Path(sys.argv[1])) as local:
    print(local.url, flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_job_whose_server_went_away(tmp_path: Path, how: str) -> None:
    """It has failed with a reason, its containers are gone, and there is no half of an output."""
    folder = tmp_path / "state"
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        name = stuck(server.stdout.readline().decode().strip(), Settings(folder))
        children = descendants(server.pid)
        assert children
        if how == "killed":
            server.send_signal(signal.SIGKILL)
        else:
            server.stdin.write(b"\n")
            server.stdin.flush()

    with serve(folder) as local:
        outputs = sorted(
            path.name for path in (local.settings.objects / local.settings.bucket / "out").iterdir()
        )

    records = Records(Settings(folder).database)
    job = records.get("TransformJob", name) or {}
    records.close()
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"] == (
        "InternalServerError: The local SageMaker was stopped while this job was running."
    )
    assert job["TransformEndTime"] >= job["TransformStartTime"]
    assert outputs == ["1.csv.out"]
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in children):
        assert time.monotonic() < deadline, children
        time.sleep(0.05)


def stuck(url: str, settings: Settings) -> str:
    """The name of a new job that has one output, and waits for ever in its second object."""
    session = boto3.Session("local-sagemaker", "not-a-secret", region_name="us-east-1")
    clients = {name: session.client(name, endpoint_url=url) for name in ("s3", "sagemaker", "logs")}
    host = Transforms(clients.__getitem__, settings.bucket, settings.role_arn)
    name = host.begin(
        host.model(host.container(archive({"code/inference.py": OBEDIENT}))),
        host.put({"1.csv": "ok\n", "2.csv": "ok\nslow\n"}),
        source={"SplitType": "Line"},
        target={"S3OutputPath": f"s3://{host.bucket}/out"},
        BatchStrategy="SingleRecord",
        MaxConcurrentTransforms=1,
    )
    while not host.log(name) or not any("slow" in each[0] for each in host.asked(name)):
        time.sleep(0.02)
    return name


def descendants(pid: int) -> list[int]:
    """The processes below a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            if parent == pid:
                found += [int(entry.name), *descendants(int(entry.name))]
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X") and pid != os.getpid()
