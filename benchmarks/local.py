"""A local SageMaker of its own for a benchmark: the same command that a user types, in a folder that goes away."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local_sagemaker.environment import applied, environment
from local_sagemaker.settings import Settings
from local_sagemaker.state_folder import Server, StateFolder

PATIENCE = 60.0  # seconds
TICKS = os.sysconf("SC_CLK_TCK")


class Local:
    """One server: ``start`` and ``wait`` until it answers, or use it as a context manager; ``stop`` ends it."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(folder, port=0)
        self._process: subprocess.Popen[bytes] | None = None
        self._server: Server | None = None

    def __enter__(self) -> Local:
        self.start()
        self.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def server(self) -> Server:
        """Who serves and where; known once ``wait`` has returned."""
        if self._server is None:
            raise RuntimeError("the local SageMaker has not been waited for")
        return self._server

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of a process that talks to it."""
        return applied(os.environ, environment(self.settings, self.server.url))

    def start(self) -> None:
        """Begin; returns at once."""
        command = [sys.executable, "-m", "local_sagemaker", "serve", "--port", "0"]
        command += ["--folder", str(self.settings.folder)]
        # Its complaints go where those of the benchmark go.
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def wait(self) -> None:
        """Return when it answers. Raises RuntimeError if it does not come to that."""
        folder = StateFolder(self.settings.folder)
        deadline = time.monotonic() + PATIENCE
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            self._server = folder.server()
            if self._server is not None:
                return
            time.sleep(0.005)
        raise RuntimeError("the local SageMaker did not start")

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)

    def settle(self) -> None:
        """Return when it has nothing more to do: what it loads in the background is loaded."""
        deadline = time.monotonic() + PATIENCE
        before = -1
        while before != (now := self._ticks()) and time.monotonic() < deadline:
            before = now
            time.sleep(0.4)

    def client(self, service: str) -> Any:
        """A boto3 client of it. What fails is told at once, never retried."""
        session = boto3.Session("local", "local", region_name=self.settings.region)
        config = Config(retries={"total_max_attempts": 1})
        return session.client(service, endpoint_url=self.server.url, config=config)

    def _ticks(self) -> int:
        """Processor time of the server and its children, in 100ths of a second."""
        children = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()
        return sum(_ticks(int(pid)) for pid in [self.server.pid, *map(int, children)])


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
