"""The state folder: ours by a marker, held by one process at a time through a lock that dies with it.

``state.json``   the marker: what this folder is, and for which region and account
``lock``         held by the process that serves the folder; kill -9 releases it, so nothing stale can block
``server.json``  who holds the lock: pid, URL, since when
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from local_sagemaker.settings import Settings

_MARKER = "state.json"
_LOCK = "lock"
_SERVER = "server.json"


class SettingsError(Exception):
    """What a user asked for cannot be done; the message is one clear line."""


@dataclass(frozen=True)
class Server:
    """The process that serves a state folder."""

    pid: int
    url: str
    started: float  # epoch seconds
    embedded: bool = False  # inside a test or notebook, which nobody may end from outside


class StateFolder:
    """One state folder, whether anybody serves it or not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None

    @property
    def is_ours(self) -> bool:
        """Whether the folder carries the marker."""
        return (self.path / _MARKER).is_file()

    def claim(self, settings: Settings) -> None:
        """Make the folder if need be, and hold it until ``release`` or the end of this process.

        Raises SettingsError: somebody serves it, it is somebody else's folder, or another region's state.
        """
        self.prepare(settings)
        lock = (self.path / _LOCK).open("a")
        if not _locked(lock, patience=0.3):  # somebody may just be looking whether it is held
            lock.close()
            server = self.server()
            where = f" at {server.url} (process {server.pid})" if server else ""
            raise SettingsError(f"a local SageMaker is already running on {self.path}{where}")
        (self.path / _SERVER).unlink(missing_ok=True)  # what a killed process left behind
        self._lock = lock

    def announce(self, server: Server) -> None:
        """Say who serves the folder. Only for the holder of the lock."""
        draft = self.path / f"{_SERVER}.draft"
        draft.write_text(json.dumps(asdict(server)) + "\n")
        draft.replace(self.path / _SERVER)

    def release(self) -> None:
        """Let go of the folder."""
        if self._lock is not None:
            (self.path / _SERVER).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def is_held(self) -> bool:
        """Whether some process serves the folder, or is about to."""
        try:
            with (self.path / _LOCK).open("r") as lock:
                return not _locked(lock)
        except FileNotFoundError:
            return False

    def server(self) -> Server | None:
        """Who serves the folder, as far as it has said so already."""
        if not self.is_held():
            return None
        with contextlib.suppress(FileNotFoundError):
            return Server(**json.loads((self.path / _SERVER).read_text()))
        return None

    def wait_until_free(self, seconds: float) -> bool:
        """Wait for the process that holds the folder to end; False if it has not by then."""
        deadline = time.monotonic() + seconds
        while self.is_held():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def wipe(self) -> None:
        """Delete the folder and everything in it. Raises SettingsError where it is not ours, or being served."""
        if not self.is_ours:
            raise SettingsError(
                f"{self.path} is not a state folder of the local SageMaker: it has no {_MARKER}"
            )
        if self.is_held():
            raise SettingsError(f"a local SageMaker is running on {self.path}; stop it first")
        shutil.rmtree(self.path)

    def prepare(self, settings: Settings) -> None:
        """Make the folder and its marker unless they are there. Raises SettingsError if it cannot be ours."""
        if not self.is_ours:
            if self.path.exists() and any(_entries(self.path)):
                raise SettingsError(
                    f"{self.path} holds other files and no {_MARKER}, so it is not a state folder of the local "
                    "SageMaker; name an empty or a new folder"
                )
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / ".gitignore").write_text("*\n")
            marker = {
                "what": "a local SageMaker's state",
                "region": settings.region,
                "account": settings.account,
            }
            (self.path / _MARKER).write_text(json.dumps(marker) + "\n")
        made_for = self.settings()
        if (made_for.region, made_for.account) != (settings.region, settings.account):
            raise SettingsError(
                f"{self.path} holds the state of region {made_for.region} and account {made_for.account}, not of "
                f"{settings.region} and {settings.account}; name another folder"
            )

    def settings(self) -> Settings:
        """The region and account that the folder was made for. Raises SettingsError if the marker is damaged."""
        path = self.path / _MARKER
        try:
            marker = json.loads(path.read_text())
            return Settings(self.path, region=marker["region"], account=marker["account"])
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsError(f"{path} is damaged ({error!r}); delete the folder to start afresh") from None


def _locked(lock: IO[str], patience: float = 0.0) -> bool:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def _entries(path: Path) -> Iterator[Path]:
    try:
        yield from path.iterdir()
    except OSError as error:
        raise SettingsError(f"{path} cannot be a state folder: {os.strerror(error.errno or 0)}") from None
