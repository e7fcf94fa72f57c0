"""A failed step, explained: the last lines of its log, what they most likely mean, and what to do."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from botocore.exceptions import ClientError

from pipelines.causes import Explanation, explain
from pipelines.errors import UsageError
from pipelines.service import Service, Step

LINES = 10


@dataclass(frozen=True)
class Diagnosis:
    """What is known of one failure."""

    log: tuple[str, ...]  # the last lines; none where the step ran no job
    explanation: Explanation | None


def diagnosis(service: Service, step: Step) -> Diagnosis:
    """Read the log of ``step`` and look both it and the failure reason up in the catalogue."""
    log = tuple(deque(_lines(service, step), maxlen=LINES))
    return Diagnosis(log, explain([step.failure, "\n".join(log)]))


def _lines(service: Service, step: Step) -> Iterator[str]:
    if not step.job_arn:
        return
    try:
        for _, message in service.log(step.job_arn):
            yield message
    except (UsageError, ClientError):  # no job, such as a package; or no right to read logs
        return
