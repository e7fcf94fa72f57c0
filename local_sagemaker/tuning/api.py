"""The operations on hyperparameter tuning jobs."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from typing import Any

from local_sagemaker.control_plane import ControlPlane, Operation
from local_sagemaker.errors import AwsError, ResourceInUse, ResourceNotFound, ValidationException
from local_sagemaker.jobs.failure import LIMIT, shorten
from local_sagemaker.jobs.process import ProcessRunner
from local_sagemaker.jobs.training import TrainingJobs
from local_sagemaker.listing import page
from local_sagemaker.records import Closed, Exists, Missing, Records
from local_sagemaker.settings import Settings
from local_sagemaker.tuning import plan, trials, warm_start
from local_sagemaker.tuning.run import Ending, Run, inputs_folder

_log = logging.getLogger(__name__)

Document = dict[str, Any]

KIND = "HyperParameterTuningJob"
_NAME, _STATUS = f"{KIND}Name", f"{KIND}Status"
_LOG_GROUP = "/aws/sagemaker/HyperParameterTuningJobs"  # our own: on AWS a tuning job has no log


class HyperParameterTuningJobs:
    """Create, Describe, List, Stop and Delete tuning jobs, and list the training jobs of one.

    Make it after the training jobs and before the pipelines: each recovers, and closes, in that order.
    """

    def __init__(
        self,
        settings: Settings,
        records: Records,
        control_plane: ControlPlane,
        runner: ProcessRunner,
        training_jobs: TrainingJobs,
    ) -> None:
        self._settings = settings
        self._records = records
        self._control_plane = control_plane
        self._runner = runner
        self._training_jobs = training_jobs
        self._runs: dict[str, tuple[Run, threading.Thread]] = {}
        self._lock = threading.Lock()

    def operations(self) -> dict[str, Operation]:
        """For the control plane."""
        return {
            f"Create{KIND}": self.create,
            f"Describe{KIND}": self.describe,
            f"List{KIND}s": self.list,
            f"Stop{KIND}": self.stop,
            f"Delete{KIND}": self.delete,
            f"ListTrainingJobsFor{KIND}": self.list_training_jobs,
        }

    def create(self, request: Document) -> Document:
        """Accept a tuning job and return at once. Raises ResourceInUse, ValidationException."""
        name = request[_NAME]
        if self._records.get(KIND, name) is not None:
            raise _taken(self._settings.arn("hyper-parameter-tuning-job", name))
        understood = plan.read(request, self._training_jobs.accepted)
        warm_start.check(request, understood, self._records)
        inherited = warm_start.inherit(request, understood, self._records)
        now = time.time()
        config = request["HyperParameterTuningJobConfig"]
        seed = config.get("RandomSeed")
        document = {
            **request,
            f"{KIND}Arn": self._settings.arn("hyper-parameter-tuning-job", name),
            _STATUS: "InProgress",
            "CreationTime": now,
            "LastModifiedTime": now,
            "_Seed": secrets.randbelow(2**31) if seed is None else seed,
            "_Minimize": understood.minimize,
            "_Tuned": {
                each.name: each.kind for one in understood.definitions.values() for each in one.ranges
            },
            "_LogGroup": _LOG_GROUP,
            "_LogStream": f"{name}/progress-{int(now)}",
            "_WarmStart": {"Used": inherited.used, "Dropped": inherited.dropped},
        }
        try:
            self._records.create(KIND, name, document)
        except Exists:
            raise _taken(document[f"{KIND}Arn"]) from None
        self._begin(document, understood)
        return {f"{KIND}Arn": document[f"{KIND}Arn"]}

    def describe(self, request: Document) -> Document:
        """The tuning job as it is now. Raises ResourceNotFound."""
        document = self._get(request[_NAME])
        found = trials.summaries(self._records, request[_NAME])
        answer = {**document, **trials.counters(found)}
        minimize = document["_Minimize"]
        answer["BestTrainingJob"] = trials.best(found, minimize=minimize)
        if document.get("WarmStartConfig", {}).get("WarmStartType") == warm_start.IDENTICAL:
            everyone = [*found, *warm_start.parents_summaries(document, self._records)]
            answer["OverallBestTrainingJob"] = trials.best(everyone, minimize=minimize)
        return answer

    def list(self, request: Document) -> Document:
        """Summaries of the tuning jobs that the request's filters leave, newest first."""
        rows = []
        for document in self._records.list(KIND):
            config = document["HyperParameterTuningJobConfig"]
            own = {"Strategy": config["Strategy"], "ResourceLimits": config["ResourceLimits"]}
            rows.append({**document, **own})
        answer = page(f"List{KIND}s", rows, request, kind=KIND)
        key = f"{KIND}Summaries"
        answer[key] = [
            {**row, **trials.counters(trials.summaries(self._records, row[_NAME]))} for row in answer[key]
        ]
        return answer

    def list_training_jobs(self, request: Document) -> Document:
        """Summaries of a tuning job's trials. Sorted by the objective, those without a value are left out."""
        self._get(request[_NAME])
        by_objective = request.get("SortBy") == "FinalObjectiveMetricValue"
        rows = [
            {**each, "FinalObjectiveMetricValue": trials.objective(each)}
            for each in trials.summaries(self._records, request[_NAME])
            if not by_objective or trials.objective(each) is not None
        ]
        wanted = {"SortBy": "Name", "SortOrder": "Ascending", **request}  # as AWS documents them
        filters = {_NAME: lambda *_: True}
        return page(f"ListTrainingJobsFor{KIND}", rows, wanted, kind="TrainingJob", filters=filters)

    def stop(self, request: Document) -> None:
        """Start no more training jobs and stop those that run. Raises ResourceNotFound, ValidationException."""
        name = request[_NAME]
        self._get(name)
        self._records.update(KIND, name, _stopping)
        with self._lock:
            run = self._runs.get(name)
        if run:
            run[0].stop()

    def delete(self, request: Document) -> None:
        """Forget a tuning job that has ended; its training jobs stay."""
        document = self._records.get(KIND, request[_NAME])
        if document is None:
            return
        if document[_STATUS] in trials.RUNNING:
            raise ValidationException(
                f"The tuning job {request[_NAME]!r} is {document[_STATUS]}; stop it before it is deleted."
            )
        self._records.delete(KIND, request[_NAME])
        for summary in trials.summaries(self._records, request[_NAME]):
            self._records.delete(trials.kind(request[_NAME]), summary["TrainingJobName"])

    def recover(self) -> None:
        """Go on with the tuning jobs that were running when the server went away; finished trials count."""
        shutil.rmtree(inputs_folder(self._settings), ignore_errors=True)  # of a server that was killed
        for document in self._records.list(KIND):
            if document[_STATUS] not in trials.RUNNING:
                continue
            try:
                self._begin(document, plan.read(document, self._training_jobs.accepted))
            except AwsError as error:  # such as an image that is not known any more
                reason = f"The local SageMaker was stopped, and cannot go on: {error.message}"
                self._finish(document[_NAME], Ending("Failed", reason))

    def close(self, seconds: float = 5) -> None:
        """Leave the tuning jobs as they are; the next process goes on with them."""
        with self._lock:
            runs = list(self._runs.values())
        for run, _ in runs:
            run.abandon()
        deadline = time.monotonic() + seconds
        for _, thread in runs:
            thread.join(max(0, deadline - time.monotonic()))

    def _begin(self, document: Document, understood: plan.Plan) -> None:
        name = document[_NAME]
        run = Run(
            document,
            understood,
            warm_start.inherit(document, understood, self._records),
            settings=self._settings,
            records=self._records,
            control_plane=self._control_plane,
            runner=self._runner,
            training_jobs=self._training_jobs,
        )
        if document[_STATUS] == "Stopping":
            run.stop()
        thread = threading.Thread(target=self._live, args=(name, run), name=f"tuning {name}", daemon=True)
        with self._lock:
            self._runs[name] = run, thread
        thread.start()

    def _live(self, name: str, run: Run) -> None:
        try:
            ending = run.live()
        except Closed:
            ending = None  # the server is going, and the next one's recover() goes on
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must not stay in progress for ever
            _log.exception("tuning job %s", name)
            run.give_up()
            ending = Ending("Failed", f"InternalServerError: {type(error).__name__}: {error}")
        if ending is not None:
            self._finish(name, ending)
        with self._lock:
            self._runs.pop(name, None)

    def _finish(self, name: str, ending: Ending) -> None:
        def change(document: Document) -> Document:
            now = time.time()
            status = "Stopped" if document[_STATUS] == "Stopping" else ending.status
            reason = {"FailureReason": shorten(ending.reason, LIMIT)} if ending.reason else {}
            return {
                **document,
                **(ending.fields or {}),
                **(reason if status == "Failed" else {}),
                _STATUS: status,
                f"{KIND.removesuffix('Job')}EndTime": now,
                "LastModifiedTime": now,
                "ConsumedResources": {"RuntimeInSeconds": max(1, round(now - document["CreationTime"]))},
            }

        try:
            self._records.update(KIND, name, change)
        except (Missing, Closed):
            return

    def _get(self, name: str) -> Document:
        document = self._records.get(KIND, name)
        if document is None:
            raise ResourceNotFound(f"Amazon SageMaker can't find a tuning job with the name {name!r}.")
        return document


def _stopping(document: Document) -> Document:
    if document[_STATUS] not in trials.RUNNING:
        raise ValidationException(
            f"The request was rejected because the hyperparameter tuning job is in status {document[_STATUS]}."
        )
    return {**document, _STATUS: "Stopping", "LastModifiedTime": time.time()}


def _taken(arn: str) -> ResourceInUse:
    return ResourceInUse(
        "Tuning job names must be unique within an AWS account and region, and one with this name already exists "
        f"({arn})"
    )
