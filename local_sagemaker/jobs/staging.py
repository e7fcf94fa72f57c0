"""Objects into a job's folder before it runs, files back to S3 while it runs and after.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from local_sagemaker.errors import AwsError
from local_sagemaker.jobs.failure import JobFailure
from local_sagemaker.s3.store import ObjectStore


@dataclass(frozen=True)
class Source:
    """One input or channel: what to fetch, and where it goes."""

    name: str
    uri: str
    destination: Path
    manifest: bool = False  # S3DataType ManifestFile: the object lists the objects


def stage(store: ObjectStore, source: Source, role: str) -> int:
    """Copy the objects of ``source`` to its destination; the number of them.

    Raises JobFailure, in SageMaker's words, when there is nothing there.
    """
    source.destination.mkdir(parents=True, exist_ok=True)
    try:
        number = (
            _manifest(store, source) if source.manifest else store.download(source.uri, source.destination)
        )
    except AwsError as error:
        if error.code == "AccessDenied":
            raise JobFailure(f"ClientError: Data download failed: {error.message}") from None
        if error.code not in ("NoSuchBucket", "NoSuchKey"):
            raise
        number = 0
    if number == 0:
        missing = nothing_found(source.uri, role, f" {source.name!r}")
        raise JobFailure(f"ClientError: Data download failed: {missing}")
    return number


def nothing_found(uri: str, role: str, name: str = "") -> str:
    """SageMaker's words for a data source without data; ``name`` is the input's, after a space."""
    return (
        f'No S3 objects found under S3 URL "{uri}" given in input data source{name}. Please ensure that the bucket '
        f'exists in the selected region, that objects exist under that S3 prefix, and that the role "{role}" has '
        f'"s3:ListBucket" permissions on bucket "{uri.split("/")[2]}".'
    )


def _manifest(store: ObjectStore, source: Source) -> int:
    """``[{"prefix": "s3://bucket/folder/"}, "a.csv", "b/c.csv"]``: files keep their path below the prefix."""
    prefix, *names = read_manifest(source.uri, store.read(source.uri))
    number = 0
    for name in names:
        target = source.destination / name
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise JobFailure(
                f"ClientError: The manifest {source.uri} names {name!r}, which leaves the channel."
            )
        bucket, _, key = f"{prefix}{name}".removeprefix("s3://").partition("/")
        try:
            stored = store.get(bucket, key)
        except AwsError as error:
            raise JobFailure(
                f"ClientError: The manifest {source.uri} names {prefix}{name}: {error.message}"
            ) from None
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(stored.path, target)
        number += 1
    return number


def read_manifest(uri: str, text: bytes) -> list[str]:
    """The prefix, then the names below it. Raises JobFailure for anything but a manifest."""
    try:
        document: Any = json.loads(text)
        first, *rest = document
        names = [first["prefix"], *rest]
    except (ValueError, TypeError, KeyError):
        names = [None]
    if not all(isinstance(name, str) for name in names) or not names[0].startswith("s3://"):
        raise JobFailure(
            f"ClientError: The manifest {uri} is not a list of a prefix and names, "
            '[{"prefix": "s3://…/"}, "name", …].'
        )
    return names


class Mirror:
    """Copies what changes below a folder to S3 while a job runs: checkpoints, continuous outputs.

    A file is copied when it has been the same twice, half a second apart, so a half-written one waits;
    ``finish`` copies whatever is left. What the job deletes stays in S3. Use it as a context manager.
    """

    def __init__(self, store: ObjectStore, folder: Path, uri: str, seconds: float = 0.5) -> None:
        self._store = store
        self._folder = folder
        self._inside = os.path.realpath(folder)  # now, while it cannot be a link that the job has put there
        self._uri = uri.rstrip("/")
        self._seconds = seconds
        self._seen: dict[Path, tuple[int, int]] = {}
        self._sent: dict[Path, tuple[int, int]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"mirror {uri}", daemon=True)

    def __enter__(self) -> Mirror:
        """Start watching. What is there already came from S3 and is not sent back."""
        self._sent = dict(self._look())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def finish(self) -> None:
        """Stop watching and copy what has changed since. Raises OSError, as a full disk does."""
        self._over.set()
        self._thread.join()
        self._send(dict(self._look()))

    def _watch(self) -> None:
        while not self._over.wait(self._seconds):
            now = dict(self._look())
            try:
                self._send({path: state for path, state in now.items() if self._seen.get(path) == state})
            except (OSError, AwsError):
                continue  # the file went away, or the disk is full: finish() tries again, and tells
            finally:
                self._seen = now

    def _look(self) -> Iterator[tuple[Path, tuple[int, int]]]:
        for path in self._folder.rglob("*"):
            try:
                if path.is_file() and Path(os.path.realpath(path)).is_relative_to(self._inside):
                    about = path.stat()
                    yield path, (about.st_mtime_ns, about.st_size)
            except OSError:
                continue  # the job took it away meanwhile

    def _send(self, files: dict[Path, tuple[int, int]]) -> None:
        for path, state in files.items():
            if self._sent.get(path) != state:
                relative = path.relative_to(self._folder)
                self._store.upload(path, f"{self._uri}/{relative.as_posix()}")
                self._sent[path] = state
