"""A job's log: one text file, one line an event, each with the time at which it arrived.

``2026-11-21T08:00:00.123Z text of the line``. People read it with ``tail -f``; the CloudWatch Logs front
reads it as events. Group and stream are named as SageMaker names them (``/aws/sagemaker/TrainingJobs``,
``<job>/algo-1-<epoch seconds>``), and are the file's path below the log folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_TAIL = 1 << 18  # bytes of a log's end that are looked at for its last lines


@dataclass(frozen=True)
class Event:
    """One line of a log."""

    timestamp: int  # milliseconds since the epoch
    message: str


def log_path(folder: Path, group: str, stream: str) -> Path:
    """Where the log of ``stream`` in ``group`` lies."""
    return folder / group.strip("/") / f"{stream}.log"


def format_line(when: datetime, message: str) -> str:
    """One event as a line, newline included."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z {message}\n"


def read_events(path: Path) -> Iterator[Event]:
    """The events of a log file, oldest first; a half-written last line is left for the next reading."""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        for line in file:
            if not line.endswith("\n"):
                return
            yield parse_line(line)


def parse_line(line: str) -> Event:
    """The event that ``format_line`` wrote."""
    stamp, _, message = line.removesuffix("\n").partition(" ")
    return Event(round(datetime.fromisoformat(stamp).timestamp() * 1000), message)


def tail(path: Path, lines: int) -> list[str]:
    """The last messages of a log, without their times; none where there is no log yet."""
    if not path.exists():
        return []
    with path.open("rb") as file:  # the end of it only: a log can be larger than memory
        start = max(0, file.seek(0, os.SEEK_END) - _TAIL)
        file.seek(start)
        whole = file.read().split(b"\n")[:-1]  # the last is empty, or still being written
    return [parse_line(line.decode("utf-8", "replace")).message for line in whole[bool(start) :][-lines:]]
