"""A server in a process of its own, as users run it: what it takes, and what it leaves when killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from local_sagemaker.s3.store import ObjectStore

SERVE = """
import sys
from pathlib import Path
from local_sagemaker.http_server import HttpServer
from local_sagemaker.s3.api import S3Api
from local_sagemaker.s3.store import ObjectStore

with HttpServer(S3Api(ObjectStore(Path(sys.argv[1])))) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""
MIB = 1024 * 1024


@pytest.fixture
def process(store: ObjectStore) -> Iterator[subprocess.Popen[str]]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", SERVE, str(store.root)], **pipes) as process:
        yield process
        process.kill()


@pytest.fixture
def url(process: subprocess.Popen[str]) -> str:
    return process.stdout.readline().strip()


def peak(process: subprocess.Popen[str]) -> int:
    """The most memory that a process ever had, in bytes."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_memory_stays_flat_for_large_objects(
    process: subprocess.Popen[str], url: str, tmp_path: Path, s3_client: Callable[[str], Any]
) -> None:
    """100 MB up and down, in one piece and in parts, take the server no more than 50 MB."""
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        for _ in range(100):
            file.write(os.urandom(MIB))
    client = s3_client(url)
    client.put_object(Bucket="bucket", Key="warm", Body=b"")
    before = peak(process)

    with source.open("rb") as file:
        client.put_object(Bucket="bucket", Key="whole", Body=file)
    client.upload_file(str(source), "bucket", "parts")
    client.download_file("bucket", "parts", str(target))
    body = client.get_object(Bucket="bucket", Key="whole")["Body"]
    size = sum(len(block) for block in body.iter_chunks(MIB))
    client.close()

    assert size == 100 * MIB
    assert source.read_bytes() == target.read_bytes()
    assert peak(process) - before <= 50 * MIB


def test_a_server_killed_in_the_middle_of_a_put(
    process: subprocess.Popen[str], url: str, store: ObjectStore
) -> None:
    """kill -9 while a PUT is under way leaves the object that was there before."""
    store.put("bucket", "k", b"old")
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port)
    connection.putrequest("PUT", "/bucket/k")
    connection.putheader("Content-Length", str(10 * MIB))
    connection.endheaders(b"x" * 5 * MIB)
    process.send_signal(signal.SIGKILL)
    process.wait()
    connection.close()

    again = ObjectStore(store.root)
    assert again.read("s3://bucket/k") == b"old"
    assert [path for path in (store.root / ".s3/temporary").rglob("*") if path.is_file()] == []
