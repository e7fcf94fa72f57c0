"""One serving container, kept alive: started, asked whether it is well, started again when it has died."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from local_sagemaker.endpoints.connection import Answer, Body, Connections, NoAnswer, TooSlow
from local_sagemaker.jobs.process import ProcessRunner, Task

PING_SECONDS = 2.0  # SageMaker's limit for an answer to /ping
STARTUP_SECONDS = 480.0  # … and for the first one of a new container
INVOCATION_SECONDS = 60.0  # … and for an answer to /invocations
_FIRST, _LONGEST = 0.1, 10.0  # seconds before a container that has died is started again
_BETWEEN_PINGS = 5.0
_UNWELL = 12  # pings without an answer, one after another, until a container is started anew
_log = logging.getLogger(__name__)


class StartFailed(Exception):
    """The container ended, or was told to, before it answered a ping."""


@dataclass(frozen=True)
class _Up:
    """A container that answers."""

    connections: Connections
    since: float  # on the monotonic clock


class ModelServer:
    """Starts a container as often as it takes, from ``start`` to ``stop``.

    Args:
        runner: runs it.
        task: what it runs; ``SAGEMAKER_BIND_TO_PORT`` is added each time.
        startup: seconds that it has until it answers a ping.
        tries: starts in a row without an answer, after it had answered once, until it is given up; None: never.
    """

    def __init__(
        self, runner: ProcessRunner, task: Task, startup: float = STARTUP_SECONDS, tries: int | None = None
    ) -> None:
        self._runner = runner
        self._task = task
        self._startup = startup
        self._tries = tries
        self._changed = threading.Condition()
        self._up: _Up | None = None
        self._was_up = False
        self._failed = False
        self._stopping = False
        self._thread = threading.Thread(target=self._live, name=task.job, daemon=True)

    def start(self) -> None:
        """Begin; ``wait`` tells when it answers."""
        self._thread.start()

    def wait(self) -> None:
        """Until it answers pings. Raises StartFailed."""
        with self._changed:
            self._changed.wait_for(lambda: self._was_up or self._failed or self._stopping)
            if not self._was_up:
                raise StartFailed(self._task.job)

    def stop(self) -> None:
        """End it and wait until it has ended."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        while self._thread.is_alive():
            self._runner.stop(self._task.job)  # again, where it was just about to start
            self._thread.join(0.05)

    def abandon(self) -> None:
        """Start nothing more: whoever runs it is about to end."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def send(
        self, method: str, path: str, *, body: Body, headers: Mapping[str, str], seconds: float
    ) -> Answer:
        """One request; while the container is being started again, it waits.

        A request whose container died before it answered is sent once more to the one that follows.

        Raises:
            TooSlow: no answer in so many seconds.
            NoAnswer: the container died twice, was given up, or was stopped.
        """
        deadline = time.monotonic() + seconds
        up = self._answering(deadline)
        try:
            return _send(up, method, path, body, headers, deadline)
        except NoAnswer:
            self._lost(up)
        return _send(self._answering(deadline), method, path, body, headers, deadline)

    def _answering(self, deadline: float) -> _Up:
        with self._changed:
            self._changed.wait_for(
                lambda: self._up is not None or self._stopping or self._failed,
                max(0.0, deadline - time.monotonic()),
            )
            if self._up is not None:
                return self._up
            if self._stopping or self._failed:
                raise NoAnswer("the container is stopped")
        raise TooSlow

    def _lost(self, up: _Up) -> None:
        """A connection broke. Give the end of the process a moment to be noticed before the next attempt."""
        with self._changed:
            self._changed.wait_for(lambda: self._up is not up or self._stopping, 1.0)

    def _live(self) -> None:
        pause, in_vain = _FIRST, 0
        while not self._stopping:
            port = free_port()
            over = threading.Event()
            watcher = threading.Thread(target=self._watch, args=(port, over), daemon=True)
            watcher.start()
            environment = {**self._task.environment, "SAGEMAKER_BIND_TO_PORT": str(port)}
            try:
                self._runner.run(replace(self._task, environment=environment))
            except Exception:  # noqa: BLE001 - it must not be left for dead: the next attempt may find what this one did not
                _log.exception("%s", self._task.job)
            finally:
                over.set()
            was = self._down()
            watcher.join()
            self._down()  # the watcher may have got an answer just before the end
            in_vain = 0 if was else in_vain + 1
            if not self._was_up or in_vain == self._tries:
                break
            pause = _FIRST if was and time.monotonic() - was.since > _LONGEST else min(pause * 2, _LONGEST)
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, pause)
        with self._changed:
            self._failed = True
            self._changed.notify_all()

    def _down(self) -> _Up | None:
        with self._changed:
            was, self._up = self._up, None
            self._changed.notify_all()
        if was is not None:
            was.connections.close()
        return was

    def _watch(self, port: int, over: threading.Event) -> None:
        """Ping until the container is well, and then now and again; end one that never is, or no longer."""
        connections = Connections(port)
        deadline = time.monotonic() + self._startup
        pause = 0.002
        while not (well := _pings(connections)):
            pause = min(pause * 1.5, 0.25)
            if over.wait(pause):
                return
            if time.monotonic() > deadline:
                break
        if well:
            with self._changed:
                if over.is_set():
                    return
                self._up, self._was_up = _Up(connections, time.monotonic()), True
                self._changed.notify_all()
            unanswered = 0
            while unanswered < _UNWELL and not over.wait(_BETWEEN_PINGS):
                unanswered = 0 if _pings(connections) else unanswered + 1
        while not over.wait(0.05):
            self._runner.stop(self._task.job)


def _send(up: _Up, method: str, path: str, body: Body, headers: Mapping[str, str], deadline: float) -> Answer:
    left = max(0.001, deadline - time.monotonic())
    return up.connections.send(method, path, body=body, headers=headers, seconds=left)


def _pings(connections: Connections) -> bool:
    try:
        answer = connections.send("GET", "/ping", headers={}, seconds=PING_SECONDS)
    except (NoAnswer, TooSlow):
        return False
    return answer.status == 200


def free_port() -> int:
    """A port that nobody listens on just now. Whoever takes it first afterwards has it: a server that comes too late
    ends, and is started again on another.
    """
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
