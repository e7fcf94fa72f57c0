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
import gc
import json
import os
import selectors
import signal
import socket
import sys
import time
from pathlib import Path
from typing import NoReturn

from local_sagemaker.jobs import namespace, preload
from local_sagemaker.jobs.child import CANNOT_START, Inheritance, become

SIGNALS = {b"T": signal.SIGTERM, b"K": signal.SIGKILL, b"": signal.SIGKILL}


class Zygote:
    """The parent's loop. ``jobs`` maps the process of each running job to the conversation about it."""

    def __init__(self, control: socket.socket, rung: str | None) -> None:
        self.control = control
        self.jobs: dict[int, socket.socket] = {}
        self.waker, self.wake = socket.socketpair()
        self.waker.setblocking(False)
        self.wake.setblocking(False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(control, selectors.EVENT_READ)
        self.selector.register(self.wake, selectors.EVENT_READ)
        self.later = list(preload.LATER)
        self.inheritance = Inheritance(
            pid=os.getpid(),
            rung=rung or namespace.probe(),
            library_path=tuple(sys.path[1:]),  # the first is this project's, for ``-m``
            environment=dict(os.environ),
        )
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler, so that the wake-up byte is written
        signal.set_wakeup_fd(self.waker.fileno())

    def serve(self) -> None:
        """Fork, signal and reap until the server goes."""
        while True:
            events = self.selector.select(0 if self.later else None)
            if not events:
                self._load_more()
            for key, _ in events:
                if key.fileobj is self.control:
                    if not self._accept():
                        return
                elif key.fileobj is self.wake:
                    self._reap()
                else:
                    self._signal(key.data)

    def _load_more(self) -> None:
        preload.load(self.later.pop(0))
        _assert_one_thread()
        gc.freeze()  # children need not look at (and so copy) what was there before them

    def _accept(self) -> bool:
        """Start the job whose files have arrived; False when the server is gone."""
        byte, files, _, _ = socket.recv_fds(self.control, 1, 3)
        if not byte:
            return False
        order, output, conversation = files[0], files[1], socket.socket(fileno=files[2])
        try:
            pid = os.fork()
        except OSError as problem:  # no processes or no memory left
            os.write(output, f"local_sagemaker: the job cannot start: fork: {problem.strerror}\n".encode())
            _tell(conversation, CANNOT_START << 8)
        else:
            if pid == 0:
                self._child(order, output, conversation)
            self.jobs[pid] = conversation
            self.selector.register(conversation, selectors.EVENT_READ, data=pid)
        os.close(order)
        os.close(output)
        return True

    def _child(self, order: int, output: int, conversation: socket.socket) -> NoReturn:
        """Close what only the parent needs; a copy kept here would hide the parent's end from the server."""
        try:
            signal.set_wakeup_fd(-1)
            self.selector.close()
            for other in (self.control, self.wake, self.waker, *self.jobs.values()):
                other.close()
            become(order, output, conversation, self.inheritance)
        finally:
            os._exit(CANNOT_START)

    def _signal(self, pid: int) -> None:
        conversation = self.jobs.get(pid)
        if conversation is None:  # reaped a moment ago
            return
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
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                pid, status = ended
                if pid in self.jobs:  # the rest are orphans of jobs
                    conversation = self.jobs.pop(pid)
                    with contextlib.suppress(KeyError):
                        self.selector.unregister(conversation)
                    _tell(conversation, status)

    def end(self) -> None:
        """Kill every descendant: a killed one's children become ours, until there are none."""
        signal.set_wakeup_fd(-1)
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


def _tell(conversation: socket.socket, status: int) -> None:
    message = {"ended": time.time(), "exit_code": os.waitstatus_to_exitcode(status)}
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


def _assert_one_thread() -> None:
    tasks = Path("/proc/self/task")
    if tasks.is_dir() and (threads := len(list(tasks.iterdir()))) != 1:
        raise RuntimeError(
            f"the preforked parent has {threads} threads after loading; a fork would lose them"
        )


def main() -> None:
    """Load, then serve until the server closes its end."""
    control = socket.socket(fileno=int(sys.argv[1]))
    gc.disable()  # nothing that loading makes is garbage
    for module in preload.FIRST:
        preload.load(module)
    gc.enable()
    _assert_one_thread()
    gc.freeze()
    namespace.adopt_orphans()
    zygote = Zygote(control, sys.argv[2] if len(sys.argv) > 2 else None)
    try:
        zygote.serve()
    finally:
        zygote.end()


if __name__ == "__main__":
    main()
