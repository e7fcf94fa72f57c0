"""Transform jobs: the operations, and the life of one.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html

A job holds its cores as others do, and its containers share them. One process serves a container, whatever
InstanceCount says.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local_sagemaker.endpoints.member import Members, Place, names
from local_sagemaker.endpoints.plan import Plans
from local_sagemaker.endpoints.program import Programs
from local_sagemaker.errors import AwsError, ValidationException
from local_sagemaker.jobs import failure
from local_sagemaker.jobs.failure import JobFailure
from local_sagemaker.jobs.lifecycle import COMPLETED, FAILED, Document, Ending, Job, Jobs, Kind, Stopped
from local_sagemaker.jobs.process import ProcessRunner
from local_sagemaker.jobs.scheduler import Closed, Withdrawn
from local_sagemaker.logs import log_path
from local_sagemaker.records import Records
from local_sagemaker.s3 import names as s3_names
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.settings import Settings
from local_sagemaker.transform import capture, checks, objects, options
from local_sagemaker.transform.containers import Containers, Patience
from local_sagemaker.transform.course import Course
from local_sagemaker.transform.data_log import DataLog
from local_sagemaker.transform.failed import ALGORITHM, CLIENT, Failed
from local_sagemaker.transform.objects import InputObject

_TRIES = 3  # starts of a container that has died, in vain, until nothing is asked of it any more
_SEE_LOGS = "See job logs for more information"
_SERVER_STOPPED = "InternalServerError: The local SageMaker was stopped while this job was running."
_PROCESSING = {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}


class TransformJobs(Jobs):
    """The operations on transform jobs."""

    kind = Kind(
        name="TransformJob",
        resource="transform-job",
        title="transform job",
        log_group="/aws/sagemaker/TransformJobs",
        missing="Could not find requested job with name",
    )

    def __init__(
        self, settings: Settings, records: Records, store: ObjectStore, runner: ProcessRunner
    ) -> None:
        super().__init__(settings, records, store, runner)
        programs = Programs(settings, store)
        self._plans = Plans(settings, records, programs)
        self._members = Members(settings, runner, programs)
        self._running: dict[str, Containers] = {}

    def _accept(self, request: Document) -> Document:
        checks.check(request)
        model, containers = self._plans.model(request["ModelName"])
        checks.check_containers(containers)
        if any(each.get("Mode") == "MultiModel" for each in containers):
            raise ValidationException("A transform job is for one model: the container's Mode is MultiModel.")
        return {
            "TransformInput": {"CompressionType": "None", "SplitType": "None", **request["TransformInput"]},
            "TransformOutput": {"AssembleWith": "None", "KmsKeyId": "", **request["TransformOutput"]},
            "DataProcessing": _PROCESSING | request.get("DataProcessing", {}),
            "_Containers": containers,
            "_RoleArn": model.get("ExecutionRoleArn", ""),
        }

    def _store_of(self, job: Job) -> ObjectStore:
        return self._store.acting_as(
            job.request["_RoleArn"]
        )  # its model's: a transform job has none of its own

    def stop(self, request: Document) -> None:
        """Ask a job to stop. What it has not finished leaves no output."""
        super().stop(request)
        containers = self._running.get(request["TransformJobName"])
        if containers is not None:  # it may take as long as they take to end
            threading.Thread(target=containers.stop, name="stop transform", daemon=True).start()

    def close(self, seconds: float = 5) -> None:
        """Start no container again: the runner is about to end them all."""
        del seconds
        for containers in list(self._running.values()):
            containers.abandon()

    def _ended(self, document: Document, ending: Ending) -> Document:
        del document, ending
        return {"TransformEndTime": time.time()}

    def _run(self, job: Job) -> Ending:
        sources = objects.find(
            self._store_of(job),
            job.request["TransformInput"]["DataSource"]["S3DataSource"],
            job.request["_RoleArn"],
        )
        for source in sources:
            self._store.check(*_target(job.request, source))
        try:
            with self._runner.cores(job.id) as cpus:
                return self._with_cores(job, sources, cpus)
        except Closed:
            raise JobFailure(_SERVER_STOPPED) from None
        except Withdrawn:
            raise Stopped from None

    def _with_cores(self, job: Job, sources: Sequence[InputObject], cpus: tuple[int, ...]) -> Ending:
        containers = self._prepare(job, cpus)
        self._running[job.name] = containers
        try:
            self._change(job, {"TransformStartTime": time.time()})
            containers.start()
            ending = self._transform(job, sources, containers)
        except (AwsError, OSError) as error:
            raise JobFailure(failure.explain(error, "writing the outputs")) from error
        except JobFailure:
            self._go_on_with(job, containers)  # a container that was told to end has not failed to start
            raise
        finally:
            self._running.pop(job.name, None)
            containers.stop()
        if ending.status == COMPLETED:
            shutil.rmtree(job.folder / "containers", ignore_errors=True)
        return ending

    def _prepare(self, job: Job, cpus: tuple[int, ...]) -> Containers:
        """Fetch what the containers need."""
        definitions, stem = job.request["_Containers"], job.request["_LogStream"]
        workers = min(len(cpus), job.request.get("MaxConcurrentTransforms") or len(cpus))
        variables = options.variables(job.request) | job.request.get("Environment", {})
        members = []
        for definition, name in zip(definitions, names(definitions), strict=True):
            environment = {
                # As many as AWS's images have: one for each core.
                "SAGEMAKER_MODEL_SERVER_WORKERS": str(workers),
                **definition.get("Environment", {}),
                **variables,
            }
            instance = stem.partition("/")[2]
            stream = stem if len(definitions) == 1 else f"{job.name}/{name}/{instance}"
            place = Place(
                job=f"{job.id}/{name}",
                folder=job.folder / "containers" / name,
                log_group=self.kind.log_group,
                stream=stream,
                cpus=cpus,
                tries=_TRIES,
            )
            try:
                members.append(self._members.make({**definition, "Environment": environment}, name, place))
            except (AwsError, OSError) as error:
                raise JobFailure(failure.explain(error, f"preparing the container {name!r}")) from None
            except JobFailure as error:
                raise JobFailure(f"{CLIENT}: {str(error).removeprefix(f'{CLIENT}: ')}") from None
        logs = [self._log(member.stream) for member in members]
        client = job.request.get("ModelClientConfig", {})
        patience = Patience(
            client.get("InvocationsTimeoutInSeconds", Patience.seconds),
            client.get("InvocationsMaxRetries", Patience.retries),
        )
        return Containers(members, logs, patience)

    def _transform(self, job: Job, sources: Sequence[InputObject], containers: Containers) -> Ending:
        data_log = DataLog(self._log(f"{job.request['_LogStream']}/data-log"))
        chosen = options.choose(job.request, containers.parameters())
        data_log.say(str(chosen))
        course = Course(
            job.request,
            chosen,
            store=self._store_of(job),
            containers=containers,
            go_on=lambda: self._go_on_with(job, containers),
            report=lambda source, failed: data_log.failed(str(source), failed),
        )
        failures = course.run(sources)
        if failures:
            return Ending(FAILED, _reason(failures, len(sources)))
        capture.write(self._store_of(job), job.request, [source.name for source in course.done])
        return Ending(COMPLETED)

    def _log(self, stream: str) -> Path:
        return log_path(self._settings.logs, self.kind.log_group, stream)

    def _go_on_with(self, job: Job, containers: Containers) -> None:
        """Raises Stopped where somebody stopped the job, JobFailure where the server goes."""
        if containers.abandoned:
            raise JobFailure(_SERVER_STOPPED)
        document = self._records.get(self.kind.name, job.name)
        if document is not None:
            self._go_on(document)


def _target(request: Document, source: InputObject) -> tuple[str, str]:
    bucket, prefix = s3_names.split_uri(request["TransformOutput"]["S3OutputPath"])
    return bucket, objects.output_key(prefix.rstrip("/"), source)


def _reason(failures: dict[InputObject, Failed], number: int) -> str:
    """SageMaker's words, then what it has only in the logs: the first object that failed, where and how."""
    (source, first), count = next(iter(failures.items())), len(failures)
    everything = {each.fault for each in failures.values()}
    fault = ALGORITHM if everything == {ALGORITHM} else CLIENT
    where = f", {first.where}" if first.where else ""
    said: Any = f" Message: {first.message.strip()}" if first.message.strip() else ""
    others = f" ({count} of {number} objects failed.)" if number > 1 else ""
    text = f"{fault}: {_SEE_LOGS}. {source}{where}: {first.line}.{others}{said}"
    return failure.reason(text, first.log) if first.fault == ALGORITHM and first.log else text
