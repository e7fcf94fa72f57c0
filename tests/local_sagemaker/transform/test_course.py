"""Large inputs, full disks, and the order of outputs, with a model that is a function."""

from __future__ import annotations

import os
import subprocess
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_sagemaker.endpoints.connection import Answer, Body
from local_sagemaker.errors import AwsError
from local_sagemaker.jobs.failure import JobFailure
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.transform import objects
from local_sagemaker.transform.course import Course
from local_sagemaker.transform.failed import Failed
from local_sagemaker.transform.options import Options

MEGABYTE = 1 << 20


class Function:
    """What a course asks instead of containers."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self.stopped = False

    def ask(self, body: Body, headers: Any) -> Answer:
        del headers
        return Answer(200, self._answer(body if isinstance(body, bytes) else b"".join(body)))

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    made = ObjectStore(tmp_path / "s3")
    made.create_bucket("bucket")
    return made


def course(store: ObjectStore, function: Function, options: Options, **more: Any) -> Any:
    """Runs a course over everything below ``in/``; what failed."""
    request = {
        "TransformInput": {"ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": "s3://bucket/out", "AssembleWith": "Line"},
    }
    made = Course(
        request,
        options,
        store=store,
        containers=function,  # type: ignore[arg-type]
        go_on=more.pop("go_on", lambda: None),
        report=more.pop("report", lambda *_: None),
    )
    found = objects.find(store, {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in/"}, "role")
    return made.run(found)


@pytest.mark.parametrize("strategy", ["MULTI_RECORD", "SINGLE_RECORD"])
def test_memory_does_not_grow_with_the_input(store, strategy):
    """However large an object is, what is held of it are the requests under way."""
    row = b"x" * (64 * 1024 - 1) + b"\n"
    store.put("bucket", "in/rows.csv", row * 1000)  # 62.5 MB
    tracemalloc.start()

    failures = course(store, Function(lambda body: body), Options(2, 1, strategy))

    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert failures == {}
    assert store.get("bucket", "out/rows.csv.out").size == 1000 * len(row)
    assert most < 16 * MEGABYTE


def test_many_small_objects(store):
    """Are transformed side by side, each into its own output."""
    for number in range(300):
        store.put("bucket", f"in/{number}", b"%d\n" % number)
    both = threading.Barrier(2, timeout=30)

    def answer(body: bytes) -> bytes:
        both.wait()
        return body

    assert course(store, Function(answer), Options(2, 1, "MULTI_RECORD")) == {}
    outputs = {each.key: each.path.read_bytes() for each in store.list("bucket", "out/")}
    assert outputs == {f"out/{number}.out": b"%d\n" % number for number in range(300)}


def test_a_slow_first_record_keeps_its_place(store):
    """Answers that come earlier wait for those before them."""
    store.put("bucket", "in/rows", b"first\nsecond\nthird\n")
    second_is_done = threading.Event()

    def answer(body: bytes) -> bytes:
        if body == b"first\n":
            assert second_is_done.wait(30)
        if body == b"second\n":
            second_is_done.set()
        return body

    assert course(store, Function(answer), Options(2, 1, "SINGLE_RECORD")) == {}
    assert store.read("s3://bucket/out/rows.out") == b"first\nsecond\nthird\n"


def test_after_a_bad_record_its_object_is_left(store):
    """Most of what comes after it is not sent any more, and there is no output; the next object is transformed."""
    store.put("bucket", "in/1", b"bad\n" + b"row\n" * 1000)
    store.put("bucket", "in/2", b"row\n")
    sent: list[bytes] = []

    def answer(body: bytes) -> bytes:
        sent.append(body)
        if body == b"bad\n":
            raise Failed("no good")
        return body

    told: list[str] = []
    failures = course(
        store,
        Function(answer),
        Options(1, 1, "SINGLE_RECORD"),
        report=lambda source, failed: told.append(f"{source}: {failed.line} in {failed.where}"),
    )

    assert told == ["bucket/in/1: no good in record 1"]
    assert [str(source) for source in failures] == ["bucket/in/1"]
    assert [each.key for each in store.list("bucket", "out/")] == ["out/2.out"]
    assert len(sent) < 10


def test_what_ends_the_job_leaves_nothing(store):
    """Neither outputs nor files under way; requests that have not been sent never are."""
    store.put("bucket", "in/rows", b"row\n" * 100)
    function, taken = Function(lambda body: body), []

    class Enough(Exception):
        pass

    def go_on() -> None:
        taken.append(1)
        if len(taken) == 5:
            raise Enough

    with pytest.raises(Enough):
        course(store, function, Options(2, 1, "SINGLE_RECORD"), go_on=go_on)

    assert function.stopped
    assert list(store.list("bucket", "out/")) == []
    assert [path for path in (store.root / ".s3" / "temporary").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("answers", ["in time", "never"])
def test_a_job_that_takes_too_long(store, monkeypatch, answers):
    """Ends after SageMaker's five days, whether answers still come or not."""
    monkeypatch.setattr("local_sagemaker.transform.course.LONGEST", 0.05)
    store.put("bucket", "in/rows", b"row\n" * 100_000)
    over = threading.Event()

    class Silent(Function):
        def stop(self) -> None:
            over.set()

    def answer(body: bytes) -> bytes:
        if answers == "never":
            over.wait(30)
        return body

    with pytest.raises(JobFailure, match="ran longer than the 0 seconds that SageMaker allows"):
        course(store, Silent(answer), Options(2, 1, "SINGLE_RECORD"))
    assert list(store.list("bucket", "out/")) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 4 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk(small_disk):
    """Ends the job and says so; what was written of the object is given back."""
    store = ObjectStore(small_disk / "s3")
    store.create_bucket("bucket")
    store.put("bucket", "in/rows", (b"x" * 1023 + b"\n") * 2048)

    with pytest.raises((OSError, AwsError), match=r"No space left|is full"):
        course(store, Function(lambda body: body * 2), Options(1, 1, "MULTI_RECORD"))

    assert list(store.list("bucket", "out/")) == []
    assert [path for path in (store.root / ".s3" / "temporary").rglob("*") if path.is_file()] == []


def test_an_input_that_goes_away(store):
    """Fails its object only."""
    for name in ("1", "2", "3"):
        store.put("bucket", f"in/{name}", b"row\n")

    def answer(body: bytes) -> bytes:
        store.delete("bucket", "in/3")
        return body

    failures = course(store, Function(answer), Options(1, 1, "MULTI_RECORD"))

    assert [(source.key, failed.line) for source, failed in failures.items()] == [
        ("in/3", "Unable to read the object: The specified key does not exist: in/3 (bucket bucket)")
    ]
    assert [each.key for each in store.list("bucket", "out/")] == ["out/1.out", "out/2.out"]
