"""Files under way: written here first, then renamed into their place."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from local_sagemaker.s3.errors import S3Error

BLOCK = 1024 * 1024  # bytes copied at a time

_explained = {
    errno.ENOSPC: ("InternalError", "The disk that holds the local S3 is full: nothing was stored"),
    errno.EDQUOT: ("InternalError", "The disk quota for the local S3 is used up: nothing was stored"),
    errno.EROFS: ("InternalError", "The file system that holds the local S3 is read-only"),
    errno.EACCES: ("InternalError", "The local S3 may not write into its own folder"),
    errno.ENAMETOOLONG: ("KeyTooLongError", "Your key is too long for the file system of the local S3"),
}


class Staging:
    """A folder for files under way, which belongs to this process and does not outlive it for long.

    Leftovers of processes that died are removed when the next one starts: each holds a lock on its own folder,
    and the lock of a dead one is free.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        with _locked(parent):
            for left in parent.iterdir():
                with contextlib.suppress(BlockingIOError), _locked(left, fcntl.LOCK_NB):
                    shutil.rmtree(left, ignore_errors=True)
            self._folder = Path(tempfile.mkdtemp(dir=parent))
            handle = os.open(self._folder, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX)
        self._numbers = itertools.count()
        self.close = weakref.finalize(self, _release, handle, self._folder, os.getpid())

    @contextlib.contextmanager
    def file(self) -> Iterator[BinaryIO]:
        """A new file to write to, by whose ``name`` it can be moved away; if it is not, it goes.

        Raises:
            S3Error: InternalError for a full disk and the like.
        """
        path = self.path()
        with storage_errors():
            try:
                with path.open("w+b") as file:
                    yield file
            finally:
                path.unlink(missing_ok=True)

    def path(self) -> Path:
        """The path of a file that is not there yet."""
        return self._folder / str(next(self._numbers))

    def replace(self, target: Path, text: str) -> None:
        """Write a small file so that readers see its old text or its new one."""
        temporary = self.path()
        try:
            temporary.write_text(text, encoding="utf-8")
            try:
                temporary.replace(target)
            except FileNotFoundError:
                target.parent.mkdir(parents=True, exist_ok=True)
                temporary.replace(target)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """Say what a failing file system means in S3's terms; other errors pass as they are."""
    try:
        yield
    except OSError as error:
        if error.errno not in _explained:
            raise
        raise S3Error(*_explained[error.errno]) from error


@contextlib.contextmanager
def _locked(folder: Path, flags: int = 0) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | flags)
        yield
    finally:
        os.close(handle)


def _release(handle: int, folder: Path, owner: int) -> None:
    os.close(handle)
    if os.getpid() == owner:  # and not a fork of it that ends
        shutil.rmtree(folder, ignore_errors=True)
