"""A job's output, as it arrives, into its log: one event a line, with the time of its arrival."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from local_sagemaker.logs import format_line

LONGEST_EVENT = 256 * 1024  # CloudWatch Logs' limit; a longer line becomes several events
CHUNK = 64 * 1024  # what a pipe holds


class Output:
    """Reads one pipe and appends to one log; a log that is slow slows the job, and memory stays as it is.

    Bytes that are no text go into the log as they are; who reads it as text gets replacement characters.
    """

    def __init__(self, pipe: int, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        os.set_blocking(pipe, False)
        self._pipe = pipe
        self._log = log.open("ab", buffering=0)
        self._line = b""

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._line:
            self._write([self._line])
        self._log.close()

    def fileno(self) -> int:
        """For a selector."""
        return self._pipe

    def read(self) -> bool:
        """Move what is there; False when nothing is, or nothing will come any more."""
        try:
            chunk = os.read(self._pipe, CHUNK)
        except BlockingIOError:
            return False
        *lines, self._line = (self._line + chunk).split(b"\n")
        while len(self._line) > LONGEST_EVENT:
            lines.append(self._line[:LONGEST_EVENT])
            self._line = self._line[LONGEST_EVENT:]
        self._write(lines)
        return bool(chunk)

    def say(self, sentence: str) -> None:
        """Add a line of our own."""
        self._write([f"local_sagemaker: {sentence}".encode()])

    def _write(self, lines: list[bytes]) -> None:
        stamp = format_line(datetime.now(UTC), "")[:-1].encode()
        if lines:
            self._log.write(b"".join(b"%s%s\n" % (stamp, line) for line in lines))
