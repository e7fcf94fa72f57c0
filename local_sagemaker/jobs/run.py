"""One task, from its launch to its outcome: its output, its limits, and the way it ended."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import time
from dataclasses import dataclass, replace

from local_sagemaker.jobs import namespace
from local_sagemaker.jobs.output import Output

ITSELF, TIME_LIMIT, STOP, LOST = "itself", "time limit", "stop", "lost"


@dataclass
class Course:
    """What has become of a run so far."""

    started: float | None = None  # epoch seconds
    ended: float | None = None
    exit_code: int = -signal.SIGKILL  # as Python gives it: negative for a signal
    isolation: str = ""
    pid: int | None = None
    told_to_end_by: str | None = None  # TIME_LIMIT or STOP


class Run:
    """Follows one job; one thread calls ``follow``, any may call ``stop``, also before.

    Args:
        max_seconds: how long it may run before it is told to end.
        grace: how long it may take to end.
    """

    def __init__(self, *, max_seconds: float | None, grace: float) -> None:
        self.course = Course()
        self._max_seconds = max_seconds
        self._grace = grace
        self._bell, self._button = socket.socketpair()
        self._limit: float | None = None  # on the monotonic clock, like the next
        self._kill: float | None = None
        self._heard = b""
        self._namespace: int | None = None

    def stop(self) -> None:
        """Tell the job to end, and kill it if it does not."""
        with contextlib.suppress(OSError):  # it has just ended
            self._button.send(b"s")

    def close(self) -> None:
        """The job has ended, or never will start."""
        self._bell.close()
        self._button.close()

    def follow(self, conversation: socket.socket, output: Output) -> Course:
        """Stay with the job until nothing of it is left.

        Args:
            conversation: with the preforked parent, about this job; see ``zygote``.
            output: the job's output and its log.
        """
        self._conversation = conversation
        with conversation, selectors.DefaultSelector() as selector:
            for source, react in (
                (conversation, self._hear),
                (output, output.read),
                (self._bell, self._rung),
            ):
                selector.register(source, selectors.EVENT_READ, react)
            try:
                while self.course.ended is None:
                    for key, _ in selector.select(self._seconds_to_next_deadline()):
                        if not key.data():
                            selector.unregister(key.fileobj)
                    self._keep_deadlines()
            finally:
                self._sweep()
        while output.read():  # what was still in the pipe
            pass
        return self.course

    def _hear(self) -> bool:
        """Take in what the job's processes say; the end of the conversation is the end of the job."""
        try:
            data, files, _, _ = socket.recv_fds(self._conversation, 65536, 1)
        except ConnectionError:
            data, files = b"", []
        if files:
            self._namespace = files[0]
        *messages, self._heard = (self._heard + data).split(b"\n")
        for message in messages:
            self.course = replace(self.course, **json.loads(message))
            if self._limit is None and self._max_seconds is not None and self.course.started:
                self._limit = time.monotonic() + self._max_seconds
        if not data and self.course.ended is None:
            self.course.ended = time.time()
            self.course.told_to_end_by = LOST
        return bool(data)

    def _rung(self) -> bool:
        self._bell.recv(1)
        self._tell_to_end(STOP)
        return False

    def _seconds_to_next_deadline(self) -> float | None:
        deadlines = [deadline for deadline in (self._limit, self._kill) if deadline is not None]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _keep_deadlines(self) -> None:
        now = time.monotonic()
        if self._limit is not None and now >= self._limit:
            self._tell_to_end(TIME_LIMIT)
        if self._kill is not None and now >= self._kill:
            self._kill = None
            self._send(b"K")

    def _tell_to_end(self, reason: str) -> None:
        self._limit = None
        if self.course.told_to_end_by is None:
            self.course.told_to_end_by = reason
            self._kill = time.monotonic() + self._grace
            self._send(b"T")

    def _send(self, byte: bytes) -> None:
        with contextlib.suppress(OSError):  # it has just ended
            self._conversation.send(byte)

    def _sweep(self) -> None:
        """Kill what the job's main process left behind, as the end of a container does."""
        if self._namespace is not None:
            namespace.sweep(self._namespace, None if self.course.told_to_end_by == LOST else self.course.pid)
            os.close(self._namespace)
        elif self.course.pid is not None:
            # No namespace to know them by: those that stayed in the job's group. Its number cannot have been
            # given to another process while one of them is there.
            with contextlib.suppress(OSError):
                os.killpg(self.course.pid, signal.SIGKILL)
