"""The data log: what SageMaker itself says of a job's objects, beside the containers' own logs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from local_sagemaker.logs import format_line
from local_sagemaker.transform.failed import Failed

_LINES, _WIDTH = 40, 1000  # of a container's message that are kept


class DataLog:
    """One stream of ``/aws/sagemaker/TransformJobs``, ``<job>/<instance>-<time>/data-log``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def say(self, text: str) -> None:
        """Add a line, in SageMaker's form."""
        now = datetime.now(UTC)
        message = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}:[sagemaker logs]: {text}"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(format_line(now, message))

    def failed(self, name: str, failure: Failed) -> None:
        """Say why an object has no output, and where in it that is."""
        self.say(f"{name}: {failure.line}" + (f" (in {failure.where})" if failure.where else ""))
        if failure.message:
            lines = failure.message.splitlines()
            kept = [line[:_WIDTH] for line in lines[:_LINES]]
            for line in ("", "Message:", *kept, *(["…"] if len(lines) > _LINES else [])):
                self.say(f"{name}: {line}")
