"""One copy of the data for jobs that all read the same, such as the trials of a search."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

from local_sagemaker.jobs.failure import JobFailure
from local_sagemaker.jobs.staging import Source, stage
from local_sagemaker.s3.store import ObjectStore


class SharedInputs:
    """A folder with a copy of each source that is asked for, for as long as it is open; from any thread.

    Who gets a copy must give it to its job read-only: ``Task.shared`` does.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._copies: dict[tuple[str, bool, str], Path] = {}  # by what makes two sources the same
        self._lock = threading.Lock()
        self._closed = False

    def stage(self, store: ObjectStore, source: Source, role: str) -> Path:
        """Where the copy of ``source`` lies, which the first job to ask for it makes; its destination is left alone.

        Raises:
            JobFailure: there is nothing there, in SageMaker's words; or these inputs are closed.
        """
        wanted = source.uri, source.manifest, role  # what one role may read is not for another
        with self._lock:  # the second job waits for the first one's copy
            if self._closed:
                raise JobFailure("InternalServerError: What this job is part of was over before it began.")
            if wanted not in self._copies:
                copy = self._folder / f"{len(self._copies)}-{source.name}"
                try:
                    stage(store, replace(source, destination=copy), role)
                except BaseException:
                    shutil.rmtree(copy, ignore_errors=True)  # half of it, where the disk is full
                    raise
                self._copies[wanted] = copy
            return self._copies[wanted]

    def close(self) -> None:
        """Delete every copy; there are no more from now on."""
        with self._lock:
            self._closed = True
            shutil.rmtree(self._folder, ignore_errors=True)
