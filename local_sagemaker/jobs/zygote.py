"""The preforked parent: a process that has loaded what jobs import, and forks one child for each job.

``python -m local_sagemaker.jobs.zygote CONTROL [RUNG]``, started by ``launcher``; CONTROL is an inherited
socket. For every byte that arrives on it there are three open files: the order, the job's output, and a
socket for the conversation about this job. On that socket the child says that it has started and the parent
how it ended (a JSON line each), and the server may write ``T`` or ``K``: terminate, kill. Its end means
kill. When CONTROL ends, every process that descends from here is killed, so nothing outlives the server.

It imports, and never computes; it has one thread. Both are what makes forking safe.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, NoReturn

from local_sagemaker.jobs import namespace, preload
from local_sagemaker.jobs.child import CANNOT_START, Inheritance, stand_by
from local_sagemaker.jobs.interpreter import Fresh
from local_sagemaker.jobs.last_will import LastWill

QUIET, SOON = 0.03, 0.005  # seconds
SIGNALS = {b"T": signal.SIGTERM, b"K": signal.SIGKILL, b"": signal.SIGKILL}


class Spare(NamedTuple):
    """A child that stands by for the next job: forking takes longer than anything else on a job's way."""

    pid: int
    channel: socket.socket
    will: LastWill


class Job(NamedTuple):
    """A running job."""

    conversation: socket.socket
    will: LastWill


class ServerGone(BaseException):
    """The server has closed its end. No Exception: a library that is loading may not catch it."""


class Zygote:
    """The parent's loop. ``jobs`` maps the process of each running job to the job."""

    def __init__(self, control: socket.socket, rung: str | None) -> None:
        self.control = control
        self.jobs: dict[int, Job] = {}
        self.waker, self.wake = socket.socketpair()
        self.waker.setblocking(False)
        self.wake.setblocking(False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(control, selectors.EVENT_READ)
        self.selector.register(self.wake, selectors.EVENT_READ)
        self.later = list(preload.LATER)
        self.loading = False
        self.spare: Spare | None = None
        self.inheritance = Inheritance(
            pid=os.getpid(),
            rung=rung or namespace.probe(),
            library_path=tuple(sys.path[1:]),  # the first is this project's, for ``-m``
            fresh=Fresh.now(),
            environment=dict(os.environ),
            blas_threads=preload.blas_threads(),
        )
        for number in (signal.SIGCHLD, LastWill.SIGNAL):
            signal.signal(number, lambda *_: None)  # a handler, so that the wake-up byte is written
        signal.set_wakeup_fd(self.waker.fileno())

    def serve(self) -> None:
        """Fork, signal and reap until the server goes."""
        with contextlib.suppress(ServerGone):
            while True:
                if not self._attend(self._patience()):
                    self._work_ahead()

    def _attend(self, patience: float | None) -> bool:
        """Do what there is to do, if there is any before ``patience`` (seconds) is over."""
        events = self.selector.select(patience)
        for key, _ in events:
            if key.fileobj is self.control:
                if self.spare is not None or not self.loading:  # a fork would have half a library
                    self._accept()
            elif key.fileobj is self.wake:
                self._reap()
            else:
                self._signal(key.data)
        return bool(events)

    def _patience(self) -> float | None:
        """How long to wait for something to do before working ahead.

        A little while as long as a job runs, because a short one is about to end, and that comes first; then only until
        the server has taken in that end, for which it needs a core.
        """
        if self.spare is not None and not self.later:
            return None
        return QUIET if self.jobs else SOON

    def _work_ahead(self) -> None:
        """What makes the next job quicker: a child that stands by for it, and more libraries."""
        if self.spare is None:
            with contextlib.suppress(
                OSError
            ):  # no processes or no memory left; it will be said when it matters
                self.spare = self._fork()
            if self.spare is not None or not self.later:
                return
        self.loading = True
        gc.disable()  # nothing that loading makes is garbage
        with preload.interrupted(lambda: self._attend(0)):
            for module in self.later.pop(0):
                preload.load(module)
        gc.enable()
        self.loading = False
        self.inheritance = replace(self.inheritance, fresh=Fresh.now(), blas_threads=preload.blas_threads())
        _count_threads()
        gc.freeze()  # children need not look at (and so copy) what was there before them
        self._dismiss()  # the next one will have it

    def _fork(self, files: Sequence[int] = ()) -> Spare:
        """A child that stands by; ``files`` are open here for a job, and come to it by its channel."""
        will = LastWill(os.getpid())
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                pid = os.fork()
            except OSError:
                ours.close()
                raise
            if pid == 0:
                self._become_child(theirs, will, [ours.fileno(), *files])
            return Spare(pid, ours, will)

    def _become_child(self, channel: socket.socket, will: LastWill, others: list[int]) -> NoReturn:
        """Close what only the parent needs; a copy kept here would hide the parent's end from the server."""
        try:
            signal.set_wakeup_fd(-1)
            self.selector.close()
            for own in (
                self.control,
                self.wake,
                self.waker,
                *(job.conversation for job in self.jobs.values()),
            ):
                own.close()
            for other in others:
                os.close(other)
            stand_by(channel, self.inheritance, will)
        finally:
            os._exit(CANNOT_START)

    def _accept(self) -> None:
        """Start the job whose files have arrived. Raises ServerGone."""
        byte, files, _, _ = socket.recv_fds(self.control, 1, 3)
        if not byte:
            raise ServerGone
        order, output, conversation = files[0], files[1], socket.socket(fileno=files[2])
        try:
            child = self._hand_over([order, output, conversation.fileno()])
        except OSError as problem:  # no processes or no memory left
            os.write(output, f"local_sagemaker: the job cannot start: {problem.strerror}\n".encode())
            _tell(conversation, CANNOT_START)
        else:
            self.jobs[child.pid] = Job(conversation, child.will)
            self.selector.register(conversation, selectors.EVENT_READ, data=child.pid)
        os.close(order)
        os.close(output)

    def _hand_over(self, files: list[int]) -> Spare:
        """Give the job to the child that stands by, or, if that is gone, to a new one."""
        for spare in (self.spare, None):
            self.spare = None
            child = spare or self._fork(files)
            with child.channel:
                try:
                    socket.send_fds(child.channel, [b"j"], files)
                except BrokenPipeError:
                    continue
                return child
        raise ChildProcessError(errno.ECHILD, "the processes that stand by for it are killed")

    def _dismiss(self) -> None:
        if self.spare is not None:
            self.spare.channel.close()
            self.spare = None

    def _signal(self, pid: int) -> None:
        if pid not in self.jobs:  # it ended a moment ago
            return
        conversation = self.jobs[pid].conversation
        try:
            byte = conversation.recv(1)
        except ConnectionError:
            byte = b""
        if byte == b"":
            self.selector.unregister(conversation)
        _kill(pid, SIGNALS[byte])

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self.wake.recv(4096)
        for pid, job in list(self.jobs.items()):
            if (exit_code := job.will.read()) is not None:
                self._ended(pid, exit_code)
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                pid, status = ended
                self._ended(pid, os.waitstatus_to_exitcode(status))
                if self.spare is not None and self.spare.pid == pid:
                    self._dismiss()

    def _ended(self, pid: int, exit_code: int) -> None:
        if pid in self.jobs:  # the rest are orphans of jobs, and jobs that have announced their end
            conversation = self.jobs.pop(pid).conversation
            with contextlib.suppress(KeyError):  # its server is gone
                self.selector.unregister(conversation)
            _tell(conversation, exit_code)

    def end(self) -> None:
        """Kill every descendant: a killed one's children become ours, until there are none."""
        signal.set_wakeup_fd(-1)
        self._dismiss()
        for pid in self.jobs:
            _kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            for pid in _children():
                _kill(pid, signal.SIGKILL)
            try:
                while os.waitpid(-1, os.WNOHANG) != (0, 0):
                    pass
            except ChildProcessError:
                return
            time.sleep(0.002)


def _tell(conversation: socket.socket, exit_code: int) -> None:
    message = {"ended": time.time(), "exit_code": exit_code}
    with contextlib.suppress(OSError):  # the server has stopped listening
        conversation.sendall(json.dumps(message).encode() + b"\n")
    conversation.close()


def _kill(pid: int, number: signal.Signals) -> None:
    """Signal a job's whole group, or its process while it has not yet made the group."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _children() -> list[int]:
    with contextlib.suppress(OSError), Path(f"/proc/self/task/{os.getpid()}/children").open() as file:
        return [int(pid) for pid in file.read().split()]
    return []


def _count_threads() -> None:
    tasks = Path("/proc/self/task")
    if tasks.is_dir() and (threads := len(list(tasks.iterdir()))) != 1:
        print(f"{threads} threads after loading; a child has only one of them", file=sys.stderr)  # noqa: T201


def main() -> None:
    """Load, then serve until the server closes its end."""
    control = socket.socket(fileno=int(sys.argv[1]))
    gc.disable()  # nothing that loading makes is garbage
    for module in preload.FIRST:
        preload.load(module)
    gc.enable()
    _count_threads()
    gc.freeze()
    namespace.adopt_orphans()
    zygote = Zygote(control, sys.argv[2] if len(sys.argv) > 2 else None)
    try:
        zygote.serve()
    finally:
        zygote.end()


if __name__ == "__main__":
    main()
