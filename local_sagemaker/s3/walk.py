"""The keys of a bucket in S3's order, straight from its folders."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from pathlib import Path

from local_sagemaker.s3 import names


class KeyWalk(Iterator[str]):
    """The keys that begin with ``prefix`` and come after ``after``, in the order of their UTF-8 bytes.

    A heap holds files with their keys and folders with the prefix of all keys in them, which is the least that
    such a key can be. The smallest comes out first; a folder is only then read, and what is in it goes back on
    the heap. So keys come in order whatever the names, and folders that cannot matter are never read.
    """

    def __init__(self, bucket: Path, prefix: str = "", after: str = "") -> None:
        self._prefix = prefix.encode()
        self._after = after.encode()
        self._skipped: bytes | None = None
        self._last: bytes | None = None
        self._heap: list[
            tuple[bytes, int, str, str]
        ] = []  # key or prefix, 1 for a file, the same as text, path
        parent, slash, _ = prefix.rpartition("/")
        start = bucket.joinpath(*names.components(parent)) if slash else bucket
        if start.is_dir() and Path(os.path.realpath(start)) == start:
            self._push(parent + slash, str(start), is_folder=True)

    def skip(self, prefix: str) -> None:
        """Leave out all further keys that begin with ``prefix``."""
        self._skipped = prefix.encode()

    def __next__(self) -> str:
        while self._heap:
            order, is_file, text, path = heapq.heappop(self._heap)
            if self._skipped is not None and order.startswith(self._skipped):
                continue
            if not is_file:
                self._open(text, path)
            elif order != self._last:  # a key that has two files, by somebody's hand, is one key
                self._last = order
                return text
        raise StopIteration

    def _open(self, prefix: str, path: str) -> None:
        try:
            entries = list(os.scandir(path))
        except (FileNotFoundError, NotADirectoryError):  # the last object in it was deleted meanwhile
            return
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                self._push(names.join(prefix, entry.name, is_folder=True), entry.path, is_folder=True)
            elif entry.is_file(follow_symlinks=False):
                key = names.join(prefix, entry.name, is_folder=False)
                if "%~" not in entry.name or names.holds(key, entry.path):
                    self._push(key, entry.path, is_folder=False)

    def _push(self, text: str, path: str, *, is_folder: bool) -> None:
        try:
            order = text.encode()
        except UnicodeEncodeError:  # a file whose name is not UTF-8, which no key can have
            return
        if is_folder:
            wanted = order.startswith(self._prefix) or self._prefix.startswith(order)
            passed = order < self._after and not self._after.startswith(order)
        else:
            wanted = order.startswith(self._prefix)
            passed = bool(self._after) and order <= self._after
        if wanted and not passed:
            heapq.heappush(self._heap, (order, not is_folder, text, path))
