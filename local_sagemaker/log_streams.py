"""The jobs' log files as log groups and streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from local_sagemaker.logs import Event, log_path, parse_line, read_events

PREFIX = "/aws/sagemaker"
# /aws/sagemaker/Endpoints/<endpoint> is a group of its own; elsewhere what comes next is the stream.
_NESTED = {"Endpoints"}
_TAIL = 65536  # bytes; a last line is nearly always within these


class Events(Sequence[Event]):
    """The events of a log file, oldest first, each parsed when it is looked at: a follower wants only the last ones."""

    def __init__(self, path: Path) -> None:
        self._lines = path.read_bytes().split(b"\n")[:-1]  # what follows the last newline is half written

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, number: int) -> Event: ...
    @overload
    def __getitem__(self, number: slice) -> list[Event]: ...
    def __getitem__(self, number: int | slice) -> Event | list[Event]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        return parse_line(self._lines[number].decode("utf-8", "replace"))


@dataclass(frozen=True)
class Stream:
    """One stream: a file that grows."""

    name: str
    path: Path

    def events(self) -> Events:
        """All events as they are now."""
        return Events(self.path)

    @property
    def first(self) -> Event | None:
        """The oldest event."""
        return next(read_events(self.path), None)

    @property
    def last(self) -> Event | None:
        """The newest event, without reading the whole file where its last lines are short."""
        size = self.path.stat().st_size
        if size <= _TAIL:
            return _newest(self.events())
        with self.path.open("rb") as file:
            file.seek(size - _TAIL)
            lines = file.read().split(b"\n")[1:-1]  # what comes before the first newline began earlier
        return parse_line(lines[-1].decode(errors="replace")) if lines else _newest(self.events())


@dataclass(frozen=True)
class Group:
    """One log group: a folder of streams."""

    name: str
    folder: Path

    def streams(self, prefix: str = "") -> list[Stream]:
        """The streams whose names start with ``prefix``, by name."""
        files = self.folder.rglob("*.log")
        named = ((str(file.relative_to(self.folder)).removesuffix(".log"), file) for file in files)
        return [Stream(name, file) for name, file in sorted(named) if name.startswith(prefix)]

    def stream(self, name: str) -> Stream | None:
        """The stream of that name."""
        path = log_path(self.folder, "", name)
        inside = path.resolve().is_relative_to(self.folder.resolve())
        return Stream(name, path) if inside and path.is_file() else None


def groups(logs: Path) -> Iterator[Group]:
    """The groups below the folder of all logs, by name."""
    top = logs / PREFIX.strip("/")
    if not top.is_dir():
        return
    for folder in sorted(path for path in top.iterdir() if path.is_dir()):
        if folder.name in _NESTED:
            inner = sorted(path for path in folder.iterdir() if path.is_dir())
            yield from (Group(f"{PREFIX}/{folder.name}/{one.name}", one) for one in inner)
        else:
            yield Group(f"{PREFIX}/{folder.name}", folder)


def _newest(events: Events) -> Event | None:
    return events[-1] if events else None
