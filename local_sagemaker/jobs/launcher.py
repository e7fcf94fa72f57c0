"""The server's hold on the preforked parent: start it, hand it orders, start another when it has died."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from local_sagemaker.jobs import preload

PROJECT = Path(__file__).parents[2]  # what ``-m local_sagemaker…`` is found from
PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ", "HOME", "TMPDIR")


class Launcher:
    """Starts the preforked parent as a program of its own: a server with threads must not fork itself."""

    def __init__(self, log: Path, rung: str | None = None) -> None:
        self._log = log
        self._rung = rung
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._closed = False

    def start(self) -> None:
        """Have a parent; it serves as soon as it has loaded, and orders wait for it until then."""
        with self._lock:
            self._ready()

    def launch(self, order: int, output: int) -> socket.socket:
        """Hand over one job.

        Args:
            order: an open file with an ``Order``.
            output: an open file for the job's output. Both stay the caller's to close.

        Returns:
            The conversation about this job. It ends without a last word if the parent dies.
        """
        ours, theirs = socket.socketpair()
        try:
            with self._lock, theirs:
                for last_try in (False, True):
                    try:
                        socket.send_fds(self._ready(), [b"j"], [order, output, theirs.fileno()])
                        break
                    except OSError:  # it died a moment ago
                        if last_try:
                            raise
                        self._end()
        except BaseException:
            ours.close()
            raise
        return ours

    def close(self) -> None:
        """End the parent, and with it every job."""
        with self._lock:
            self._closed = True
            self._end()

    def _ready(self) -> socket.socket:
        if self._closed:
            raise ConnectionAbortedError("the process runner is closed")
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._control is None:
            self._control, theirs = socket.socketpair()
            command = [sys.executable, "-m", "local_sagemaker.jobs.zygote", str(theirs.fileno())]
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with theirs, self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    command + ([self._rung] if self._rung else []),
                    cwd=PROJECT,
                    env=_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,  # a Ctrl-C in the terminal is for the server to handle
                )
        return self._control

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()  # its sign to end everything
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(timeout=3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    @property
    def pid(self) -> int | None:
        """The parent's process id, if there is a parent."""
        return self._process.pid if self._process else None


def _environment() -> dict[str, str]:
    """What the parent sees: no Python settings of the user's, and what libraries must find as they load."""
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**base_environment(), **passed_on, **preload.LOADED_WITH}


def base_environment() -> dict[str, str]:
    """The environment of a container that was told nothing."""
    environment = {
        # A job's ``python`` is the one whose libraries we loaded, also when bash starts it.
        "PATH": f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/tmp",  # noqa: S108 - the job's own; /root is another user's, and not ours to write in
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",  # as AWS's images: a log that is read while the job runs
        "PYTHONDONTWRITEBYTECODE": "1",  # likewise; a job's folder is read once
        # For libraries that the job loads by itself; the parent may not have come to them yet.
        "GOMP_SPINCOUNT": preload.LOADED_WITH["GOMP_SPINCOUNT"],
        "OPENBLAS_THREAD_TIMEOUT": preload.LOADED_WITH["OPENBLAS_THREAD_TIMEOUT"],
    }
    with contextlib.suppress(KeyError):
        environment["LD_LIBRARY_PATH"] = os.environ[
            "LD_LIBRARY_PATH"
        ]  # some interpreters do not start without
    return environment
