"""A hundred megabytes into S3 and out again: what the server's memory does, and how fast it goes."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.local import Local
from benchmarks.measure import Series, in_turns
from benchmarks.table import TIMES, Row
from benchmarks.workshop import Workshop

MEGABYTE = 1 << 20
SIZE = 100 * MEGABYTE


def transfer(workshop: Workshop) -> Iterator[Row]:
    """Growth of the server's resident memory, and the speed beside that of copying the file."""
    with workshop.place() as folder, Local(folder / "state") as local:
        local.settle()
        source, target = folder / "source", folder / "target"
        source.write_bytes(os.urandom(SIZE))
        s3, bucket = local.client("s3"), local.settings.bucket
        memory = _Memory(local.server.pid)

        def put() -> None:  # in one request; upload_file sends parts
            with source.open("rb") as body:
                s3.put_object(Bucket=bucket, Key="one", Body=body)

        sides: dict[str, Callable[[], object]] = {
            "copying 100 MB": lambda: shutil.copyfile(source, target),
            "100 MB up": lambda: s3.upload_file(str(source), bucket, "parts"),
            "100 MB up at once": put,
            "100 MB down": lambda: s3.download_file(bucket, "parts", str(target)),
        }
        for each in sides.values():
            each()  # the first time, names are looked up and code is loaded
        peaks: list[float] = []

        def measured(act: Callable[[], object]) -> Callable[[], float]:
            def once() -> float:
                memory.forget()
                began = time.perf_counter()
                act()
                ended = time.perf_counter()
                peaks.append(memory.growth())
                return ended - began

            return once

        found = in_turns({name: measured(act) for name, act in sides.items()}, workshop.turns, workshop.say)
    copied = found["copying 100 MB"]
    speeds = {name: SIZE / MEGABYTE / series.median for name, series in found.items()}
    yield Row(
        "s3-memory",
        "S3: 100 MB up and down, growth of the server's resident memory",
        Series((max(peaks),)),
        "MB",
        50,
        "the most at any moment, over what it was when idle",
    )
    for name in ("100 MB up", "100 MB down"):
        yield Row(
            f"s3-{name.rpartition(' ')[2]}",
            f"S3: {name} ÷ copying the file",
            found[name].over(copied),
            TIMES,
            detail=f"{speeds[name]:.0f} MB/s; a copy {speeds['copying 100 MB']:.0f} MB/s",
        )


class _Memory:
    """The resident memory of a process."""

    def __init__(self, pid: int) -> None:
        self._process = Path("/proc") / str(pid)
        self._idle = self._read("VmRSS")

    def forget(self) -> None:
        """Begin a new peak."""
        (self._process / "clear_refs").write_text("5")

    def growth(self) -> float:
        """The peak over what was resident at first, in megabytes."""
        return (self._read("VmHWM") - self._idle) / 1024

    def _read(self, name: str) -> int:
        """Kilobytes."""
        lines = (self._process / "status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))
