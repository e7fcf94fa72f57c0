"""A step that creates a job and waits for its end: what processing, training and the like have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from local_sagemaker.errors import AwsError
from local_sagemaker.pipelines.retry import kind_of_reason
from local_sagemaker.pipelines.steps.base import (
    Attempt,
    Document,
    StepFailure,
    StepStopped,
    StepType,
    Success,
)

_TERMINAL = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True, kw_only=True)
class JobStep(StepType):
    """One kind of job, ``resource`` being its name in the API: ``"TrainingJob"``."""

    resource: str
    shown_as: str = ""  # its key in a step's metadata, where that is not ``resource``
    arn_as: str = "Arn"  # and there the job's ARN

    def job_name(self, attempt: Attempt) -> str:
        """What the job is called."""
        return attempt.job_name

    def described(self, attempt: Attempt, named: Document) -> Document:
        """The job, once it has ended; what the step hands on of it."""
        return attempt.call(f"Describe{self.resource}", named)

    def failure_kind(self, reason: str) -> str | None:
        """The exception type by which retry policies know a job that failed for that reason."""
        return kind_of_reason(reason)

    def run(self, attempt: Attempt) -> Success:
        """Create the job, wait, and hand on its description."""
        return self.run_job(attempt, attempt.arguments)

    def run_job(
        self, attempt: Attempt, request: Mapping[str, Any], also: Mapping[str, Any] | None = None
    ) -> Success:
        """Create the job of a request, and wait; ``also`` is metadata beside its ARN."""
        name = self.job_name(attempt)
        answer = attempt.call(
            f"Create{self.resource}",
            {**request, f"{self.resource}Name": name, "Tags": attempt.tags},
        )
        arn = answer[f"{self.resource}Arn"]
        metadata = {self.shown_as or self.resource: {**(also or {}), self.arn_as: arn}}
        named = {f"{self.resource}Name": name}
        attempt.report(metadata, lambda: _stop(attempt, self.resource, named))
        attempt.wait(self.resource, name, self._ended)
        described = self.described(attempt, named)
        status = described[f"{self.resource}Status"]
        if status == "Completed":
            return Success(described, metadata)
        if status == "Stopped" and attempt.stopping():
            raise StepStopped
        reason = described.get("FailureReason") or f"The job ended with status {status}" + (
            f" ({described['SecondaryStatus']})." if "SecondaryStatus" in described else "."
        )
        raise StepFailure(
            prefixed(reason), kind=self.failure_kind(reason), metadata=metadata, properties=described
        )

    def let_go(self, metadata: Mapping[str, Any], send: Callable[[str, Mapping[str, Any]], Document]) -> None:
        """Stop the job; one that has ended needs no stopping."""
        arn = metadata.get(self.shown_as or self.resource, {}).get(self.arn_as)
        if arn is not None:
            with suppress(AwsError):
                send(f"Stop{self.resource}", {f"{self.resource}Name": arn.rpartition("/")[2]})

    def _ended(self, job: Document) -> bool:
        return job[f"{self.resource}Status"] in _TERMINAL


def prefixed(reason: str) -> str:
    """A job's failure reason as the step's: whatever the service is not to blame for is a ClientError."""
    if reason.startswith(("ClientError", "InternalServerError", "CapacityError")):
        return reason
    return f"ClientError: {reason}"


def _stop(attempt: Attempt, resource: str, named: Document) -> None:
    """Ask the job to stop; one that has ended by itself in the meantime needs no asking."""
    try:
        attempt.call(f"Stop{resource}", named)
    except StepFailure:
        return
