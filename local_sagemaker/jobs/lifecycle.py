"""What all jobs have in common: accepted at once, run in a thread, and always brought to an end.

``Jobs`` is created by ``ProcessingJobs`` and ``TrainingJobs``, which say what a job of their kind does. Whatever
happens in between (the data is not there, the disk is full, the runner dies, the server is killed), a job ends in
a terminal status with a reason: every way out of ``_live`` writes one, and ``recover`` does for those whose server
went away.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from local_sagemaker.control_plane import Operation
from local_sagemaker.errors import AwsError, ResourceInUse, ValidationException
from local_sagemaker.jobs.container import HOST, is_own
from local_sagemaker.jobs.failure import LIMIT, JobFailure, explain, shorten
from local_sagemaker.jobs.images import Images
from local_sagemaker.jobs.process import Outcome, ProcessRunner
from local_sagemaker.listing import page
from local_sagemaker.logs import log_path
from local_sagemaker.records import Closed, Exists, Missing, Records
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.settings import Settings

_log = logging.getLogger(__name__)

Document = dict[str, Any]

IN_PROGRESS, STOPPING = "InProgress", "Stopping"
COMPLETED, FAILED, STOPPED = "Completed", "Failed", "Stopped"
RUNNING = (IN_PROGRESS, STOPPING)

# What a completed job's folder need not hold, because S3 does. That of any other job is kept whole, to look at.
_IN_S3 = ("processing", "input/data", "input/sourcedir", "model", "output/data", "checkpoints", "packages")


@dataclass(frozen=True)
class Kind:
    """What distinguishes one kind of job by name."""

    name: str  # "TrainingJob": the record's kind, and the stem of every operation and key
    resource: str  # "training-job": in ARNs and folders
    title: str  # "training job": in messages
    log_group: str
    missing: str  # how AWS says that there is none of that name; always as a ValidationException


@dataclass(frozen=True)
class Job:
    """One job on its way."""

    name: str
    id: str  # unique over all kinds: "training-job/my-job"
    arn: str
    folder: Path  # what it sees as /opt/ml
    log: Path
    request: Document  # the Describe document at its creation


@dataclass(frozen=True)
class Ending:
    """How a job ended; ``fields`` are further keys of its Describe document."""

    status: str
    reason: str = ""
    fields: Mapping[str, Any] | None = None


class Stopped(Exception):
    """Somebody stopped the job before its process was started."""


class Jobs(ABC):
    """Create, Describe, List and Stop for one kind of job."""

    kind: ClassVar[Kind]

    def __init__(
        self, settings: Settings, records: Records, store: ObjectStore, runner: ProcessRunner
    ) -> None:
        self._settings = settings
        self._records = records
        self._store = store
        self._runner = runner
        self._images = Images(settings.images)
        self._threads: dict[str, threading.Thread] = {}

    # What a kind of job says about itself.

    @abstractmethod
    def _accept(self, request: Document) -> Document:
        """What the Describe document of a request has beside what all have. Raises AwsError to refuse it."""

    @abstractmethod
    def _run(self, job: Job) -> Ending:
        """Do all of it, from the inputs to the outputs. May raise JobFailure, Stopped, AwsError, OSError."""

    def _describe(self, document: Document) -> Document:
        """The document as it is answered."""
        return document

    def _ended(self, document: Document, ending: Ending) -> Document:  # noqa: ARG002 - for those who override it
        """Further changes to the document when the job ends."""
        return {}

    # The operations.

    def operations(self) -> dict[str, Operation]:
        """For the control plane."""
        name = self.kind.name
        return {
            f"Create{name}": self.create,
            f"Describe{name}": self.describe,
            f"List{name}s": self.list,
            f"Stop{name}": self.stop,
        }

    def create(self, request: Document) -> Document:
        """Accept a job and return at once. Raises ResourceInUse, ValidationException."""
        name = request[self._key("Name")]
        arn = self._settings.arn(self.kind.resource, name)
        now = time.time()
        stream = f"{name}/{HOST}-{int(now)}"
        document = {
            **request,
            **self._accept(request),
            self._key("Arn"): arn,
            self._key("Status"): IN_PROGRESS,
            "CreationTime": now,
            "LastModifiedTime": now,
            "_Folder": str(self._settings.jobs / self.kind.resource / name),
            "_LogGroup": self.kind.log_group,
            "_LogStream": stream,
        }
        try:
            self._records.create(self.kind.name, name, document)
        except Exists:
            raise ResourceInUse(
                f"Job name must be unique within an AWS account and region, and a {self.kind.title} with this "
                f"name already exists ({arn})"
            ) from None
        job = Job(
            name=name,
            id=f"{self.kind.resource}/{name}",
            arn=arn,
            folder=Path(document["_Folder"]),
            log=log_path(self._settings.logs, self.kind.log_group, stream),
            request=document,
        )
        self._runner.announce(job.id)
        thread = threading.Thread(target=self._live, args=(job,), name=job.id, daemon=True)
        self._threads[name] = thread
        thread.start()
        return {self._key("Arn"): arn}

    def describe(self, request: Document) -> Document:
        """The job as it is now. Raises ValidationException when there is none, as SageMaker does."""
        return self._describe(self._get(request[self._key("Name")]))

    def list(self, request: Document) -> Document:
        """Summaries of the jobs that the request's filters leave, newest first."""
        operation = f"List{self.kind.name}s"
        return page(operation, self._records.list(self.kind.name), request, kind=self.kind.name)

    def stop(self, request: Document) -> None:
        """Ask a job to stop; it ends as Stopped within the grace that its process has."""
        name = request[self._key("Name")]
        self._get(name)
        self._records.update(self.kind.name, name, self._stopping)
        self._runner.stop(f"{self.kind.resource}/{name}")

    def recover(self) -> None:
        """End the jobs that were running when the server went away: their processes went with it."""
        for document in self._records.list(self.kind.name):
            if document[self._key("Status")] in RUNNING:
                self._finish(
                    document[self._key("Name")],
                    Ending(
                        FAILED,
                        "InternalServerError: The local SageMaker was stopped while this job was running.",
                    ),
                )

    def close(self, seconds: float = 5) -> None:
        """Wait for the jobs' threads; the runner must have been closed before."""
        deadline = time.monotonic() + seconds
        for thread in list(self._threads.values()):
            thread.join(max(0, deadline - time.monotonic()))

    # One job's life.

    def _live(self, job: Job) -> None:
        try:
            ending = self._attempt(job)
        finally:
            self._runner.withdraw(job.id)
            self._threads.pop(job.name, None)
        self._finish(job.name, ending)
        if ending.status == COMPLETED:
            for name in filter(lambda name: is_own(job.folder, job.folder / name), _IN_S3):
                shutil.rmtree(job.folder / name, ignore_errors=True)

    def _attempt(self, job: Job) -> Ending:
        try:
            shutil.rmtree(job.folder, ignore_errors=True)  # of an earlier job whose record was deleted
            job.folder.mkdir(parents=True)
            return self._run(job)
        except Stopped:
            return Ending(STOPPED)
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must not stay in progress for ever
            if not isinstance(error, JobFailure | AwsError | OSError):
                _log.exception("%s", job.id)
            return Ending(FAILED, explain(error, "preparing the job"))

    def _finish(self, name: str, ending: Ending) -> None:
        def change(document: Document) -> Document:
            status = ending.status
            if document[self._key("Status")] == STOPPING and status == FAILED:
                status = STOPPED  # it was asked to, and how a process answers a signal is its own affair
            final = Ending(status, ending.reason, ending.fields)
            return {
                **document,
                **(ending.fields or {}),
                **self._ended(document, final),
                self._key("Status"): status,
                "LastModifiedTime": time.time(),
                **({"FailureReason": shorten(ending.reason, LIMIT)} if ending.reason else {}),
            }

        with contextlib.suppress(Missing, Closed):  # deleted, or left to the next server's recover()
            self._records.insist(self.kind.name, name, change)

    def _store_of(self, job: Job) -> ObjectStore:
        """The objects as the job's role may see and change them. Raises AwsError for a role that is not there."""
        return self._store.acting_as(job.request["RoleArn"])

    def _change(self, job: Job, fields: Mapping[str, Any]) -> None:
        """Update the job's document on its way. Raises Stopped when somebody stopped it meanwhile."""
        document = self._records.update(self.kind.name, job.name, {**fields, "LastModifiedTime": time.time()})
        self._go_on(document)

    def _go_on(self, document: Document) -> None:
        if document[self._key("Status")] == STOPPING:
            raise Stopped

    def _facts(self, outcome: Outcome) -> Document:
        """What is kept of how the process ran, beside AWS's fields."""
        return {
            "_Outcome": {
                "ExitCode": outcome.exit_code,
                "EndedBy": outcome.ended_by,
                "Isolation": outcome.isolation,
                "Cores": outcome.cores,
            }
        }

    def _stopping(self, document: Document) -> Document:
        status = document[self._key("Status")]
        if status not in RUNNING:
            raise ValidationException(
                f"The request was rejected because the {self.kind.title} is in status {status}."
            )
        return {**document, self._key("Status"): STOPPING, "LastModifiedTime": time.time()}

    def _get(self, name: str) -> Document:
        document = self._records.get(self.kind.name, name)
        if document is None:
            raise ValidationException(f"{self.kind.missing}: {name}")
        return document

    def _key(self, suffix: str) -> str:
        return f"{self.kind.name}{suffix}"
