"""The answers to one object, put together into one: seen by nobody until all of it is there."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack

from local_sagemaker.s3.records import Attributes
from local_sagemaker.s3.store import ObjectStore


class Output:
    """An object on its way into S3.

    Args:
        bucket, key: where it goes.
        lines: AssembleWith is Line: every answer ends in a newline.
    """

    def __init__(self, store: ObjectStore, bucket: str, key: str, *, lines: bool) -> None:
        self._store = store
        self._bucket = bucket
        self._key = key
        self._lines = lines
        self._stack = ExitStack()
        self._file = self._stack.enter_context(store.stage())
        self._digest = hashlib.md5(usedforsecurity=False)

    def write(self, answer: bytes) -> None:
        """Add an answer."""
        self._add(answer)
        if self._lines and not answer.endswith(b"\n"):
            self._add(b"\n")

    def commit(self) -> None:
        """All answers are in it: let it be seen."""
        with self._stack:
            self._store.commit(self._file, self._bucket, self._key, Attributes(etag=self._digest.hexdigest()))

    def discard(self) -> None:
        """Leave no trace of it."""
        self._stack.close()

    def _add(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)
