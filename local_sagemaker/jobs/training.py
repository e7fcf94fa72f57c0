"""Training jobs: channels from S3, one container, a model to S3.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html

What the container runs is one of three things: the command that the request names (``training_driver``), the
user's program through the framework toolkit (``training_toolkit``), or the image's own algorithm
(``training_algorithm``).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from local_sagemaker.errors import AwsError, ValidationException
from local_sagemaker.jobs import (
    archive,
    container,
    failure,
    metrics,
    training_algorithm,
    training_driver,
    training_request,
    training_toolkit,
)
from local_sagemaker.jobs.failure import JobFailure
from local_sagemaker.jobs.images import Runtime
from local_sagemaker.jobs.lifecycle import (
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    STOPPED,
    Document,
    Ending,
    Job,
    Jobs,
    Kind,
)
from local_sagemaker.jobs.process import Outcome, Task
from local_sagemaker.jobs.program import Container, Program
from local_sagemaker.jobs.shared_inputs import SharedInputs
from local_sagemaker.jobs.staging import Mirror, Source, stage

_DEFAULT_SECONDS = 86_400

# SecondaryStatus -> the message that DescribeTrainingJob gives with it.
_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}


class TrainingJobs(Jobs):
    """The operations on training jobs."""

    kind = Kind(
        name="TrainingJob",
        resource="training-job",
        title="training job",
        log_group="/aws/sagemaker/TrainingJobs",
        missing="Requested resource not found",
    )

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._readers: dict[str, metrics.Reader] = {}  # of the jobs that are running
        self._lent: dict[str, SharedInputs] = {}  # to jobs that have not begun

    def accepted(self, request: Document) -> Document:
        """What a job's document would begin with. Raises AwsError where the request would be refused."""
        return self._accept(request)

    def lend(self, inputs: SharedInputs, name: str) -> None:
        """Let the job of this name, which is about to be created, share its data with others."""
        self._lent[name] = inputs

    def take_back(self, name: str) -> None:
        """There is no job of this name after all."""
        self._lent.pop(name, None)

    def _accept(self, request: Document) -> Document:
        runtime = self._runtime(request)
        algorithm = request["AlgorithmSpecification"]
        training_request.check_mode(request, runtime)
        training_request.check_cluster(request.get("ResourceConfig", {}))
        for channel in request.get("InputDataConfig", []):
            training_request.check_channel(channel, algorithm["TrainingInputMode"])
        stopping = {"MaxRuntimeInSeconds": _DEFAULT_SECONDS} | request.get("StoppingCondition", {})
        training_request.check_spot(request, stopping)
        training_request.checkpoints(request)
        algorithm = training_request.with_metrics(algorithm, runtime)
        metrics.definitions(algorithm.get("MetricDefinitions", []))
        return {
            "AlgorithmSpecification": algorithm,
            "StoppingCondition": stopping,
            "HyperParameters": request.get("HyperParameters", {}),
            "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
            "EnableInterContainerTrafficEncryption": request.get(
                "EnableInterContainerTrafficEncryption", False
            ),
            "EnableManagedSpotTraining": request.get("EnableManagedSpotTraining", False),
            "ModelArtifacts": {"S3ModelArtifacts": _artifacts(request, "model")},
            **_transition({}, "Starting"),
        }

    def _describe(self, document: Document) -> Document:
        reader = self._readers.get(document["TrainingJobName"])
        return {**document, "FinalMetricDataList": reader.read()} if reader else document

    def _ended(self, document: Document, ending: Ending) -> Document:
        fields = {**document, **(ending.fields or {})}
        secondary = fields.get("_Secondary", ending.status)
        return _transition(document, secondary, over=True)

    def _stopping(self, document: Document) -> Document:
        document = super()._stopping(document)
        return {**document, **_transition(document, "Stopping")}

    def _run(self, job: Job) -> Ending:
        request = job.request
        self._change(job, "Downloading")
        shared = self._stage(job)
        image = self._configure(job)
        program = self._program(image, job)
        wanted = metrics.definitions(request["AlgorithmSpecification"].get("MetricDefinitions", []))
        reader = self._readers[job.name] = metrics.Reader(job.log, wanted)
        try:
            with ExitStack() as stack:
                mirror = self._restore(job, stack)
                self._change(job, "Training", TrainingStartTime=time.time())
                outcome = self._runner.run(self._task(job, program, shared))
                if mirror:
                    mirror.finish()
            fields = {
                **self._facts(outcome),
                "FinalMetricDataList": reader.read(),
                **_times(outcome),
            }
        finally:
            del self._readers[job.name]
        return self._ending(job, outcome, program, fields)

    def _stage(self, job: Job) -> dict[str, Path]:
        """Bring the data of every channel; ``Task.shared`` for those that share theirs."""
        lent = self._lent.pop(job.name, None)
        shared = {}
        for channel in job.request.get("InputDataConfig", []):
            source = _source(job, channel)
            if lent is None:
                stage(self._store_of(job), source, job.request["RoleArn"])
                continue
            source.destination.mkdir(parents=True, exist_ok=True)  # something to be seen in its place
            place = str(source.destination.relative_to(job.folder))
            shared[place] = lent.stage(self._store_of(job), source, job.request["RoleArn"])
        return shared

    def _runtime(self, request: Document) -> Runtime:
        algorithm = request.get("AlgorithmSpecification", {})
        if not algorithm.get("TrainingImage"):
            raise ValidationException(
                "The local SageMaker runs training images; AlgorithmSpecification names no TrainingImage."
            )
        return self._images.resolve(algorithm["TrainingImage"])

    def _configure(self, job: Job) -> Container:
        """Write what SageMaker writes to ``/opt/ml/input/config``, and make the folders a job writes to."""
        request = job.request
        folder = job.folder / "input" / "config"
        channels = {
            each["ChannelName"]: _channel(request, each) for each in request.get("InputDataConfig", [])
        }
        cluster = request.get("ResourceConfig", {})
        groups = cluster.get("InstanceGroups") or [cluster]
        resources = container.resource_config(groups[0].get("InstanceType", ""))
        container.write_json(folder / "hyperparameters.json", request["HyperParameters"])
        container.write_json(folder / "inputdataconfig.json", channels)
        container.write_json(folder / "resourceconfig.json", resources)
        container.write_json(folder / "trainingjobconfig.json", _public(request))
        if "CheckpointConfig" in request:
            checkpoints = {"LocalPath": training_request.CHECKPOINTS, **request["CheckpointConfig"]}
            container.write_json(folder / "checkpointconfig.json", checkpoints)
        for name in ("model", "output/data", "code", "packages"):
            (job.folder / name).mkdir(parents=True, exist_ok=True)
        return Container(
            folder=job.folder,
            runtime=self._runtime(request),
            hyperparameters=request["HyperParameters"],
            environment=request.get("Environment", {}),
            channels=channels,
            resources=resources,
            cores=self._settings.cores,
            name=job.name,
        )

    def _program(self, image: Container, job: Job) -> Program:
        algorithm = job.request["AlgorithmSpecification"]
        if algorithm.get("ContainerEntrypoint"):
            return training_driver.program(algorithm)
        if training_toolkit.wanted(image.hyperparameters, image.environment):
            return training_toolkit.program(image, self._store_of(job))
        return training_algorithm.program(image.runtime, algorithm["TrainingImage"])

    def _restore(self, job: Job, stack: ExitStack) -> Mirror | None:
        """Bring checkpoints of an earlier run back, and copy new ones to S3 while the job runs."""
        config = training_request.checkpoints(job.request)
        if config is None:
            return None
        path, uri = config
        folder = container.outside(job.folder, path)
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(JobFailure):  # there are none the first time
            stage(self._store_of(job), Source("checkpoints", f"{uri}/", folder), job.request["RoleArn"])
        return stack.enter_context(Mirror(self._store_of(job), folder, uri))

    def _task(self, job: Job, program: Program, shared: Mapping[str, Path]) -> Task:
        network = not job.request["EnableNetworkIsolation"]
        return Task(
            job=job.id,
            folder=job.folder,
            argv=program.argv,
            environment=container.merged(
                container.environment(self._settings, network=network, role=job.request["RoleArn"]),
                {"TRAINING_JOB_NAME": job.name, "TRAINING_JOB_ARN": job.arn},
                program.environment,
                job.request.get("Environment", {}),
            ),
            log=job.log,
            cwd=program.cwd,
            max_seconds=job.request["StoppingCondition"]["MaxRuntimeInSeconds"],
            network=network,
            shared=shared,
        )

    def _ending(self, job: Job, outcome: Outcome, program: Program, fields: Document) -> Ending:
        if outcome.ended_by == "lost":
            text = "InternalServerError: The process that ran this job was lost."
            return Ending(FAILED, failure.reason(text, job.log), fields)
        went_well = outcome.exit_code == 0 or outcome.ended_by in ("stop", "time limit")
        try:
            if outcome.ended_by == "itself" and went_well:
                self._change(job, "Uploading")
            self._upload(job, model=went_well)
        except (JobFailure, AwsError, OSError) as error:
            return Ending(FAILED, failure.explain(error, "uploading the model"), fields)
        if outcome.ended_by == "stop":
            return Ending(STOPPED, fields=fields)
        if outcome.ended_by == "time limit":
            seconds = job.request["StoppingCondition"]["MaxRuntimeInSeconds"]
            text = f"The training job ran past its StoppingCondition, MaxRuntimeInSeconds {seconds}."
            fields = {**fields, "_Secondary": "MaxRuntimeExceeded"}
            return Ending(STOPPED, failure.reason(text, job.log), fields)
        if not went_well:
            return Ending(FAILED, self._reason(job, outcome, program), fields)
        return Ending(COMPLETED, fields=fields)

    def _reason(self, job: Job, outcome: Outcome, program: Program) -> str:
        said = failure.read(job.folder / "output" / "failure")
        said = said or program.failure.replace("{code}", str(outcome.exit_code))
        kind = "" if said.startswith("ClientError: ") else "AlgorithmError: "
        # The log comes after, so a long message must not push the exit code out.
        return failure.reason(f"{kind}{failure.shorten(said, 600)}, exit code: {outcome.exit_code}", job.log)

    def _upload(self, job: Job, *, model: bool) -> None:
        """The model of a job that ended well or was stopped, and the other output of any."""
        parts = {"output": job.folder / "output" / "data"}
        if model:
            parts["model"] = job.folder / "model"
        for name, folder in parts.items():
            target = _artifacts(job.request, name)
            if not container.is_own(job.folder, folder):
                raise JobFailure(
                    f"AlgorithmError: In place of /opt/ml/{folder.relative_to(job.folder)} the job left a link that "
                    "leads out of it. Write the files themselves."
                )
            folder.mkdir(parents=True, exist_ok=True)  # the job may have taken it away
            if not target.endswith(".tar.gz"):
                self._store_of(job).upload(folder, target)
            elif name == "model" or any(folder.iterdir()):
                packed = job.folder / f"{name}.tar.gz"
                archive.pack(folder, packed)
                self._store_of(job).upload(packed, target)
                packed.unlink()

    def _change(self, job: Job, secondary: str, **fields: Any) -> None:  # type: ignore[override]
        def change(document: Document) -> Document:
            if document["TrainingJobStatus"] != IN_PROGRESS:
                return document
            return {**document, **fields, **_transition(document, secondary), "LastModifiedTime": time.time()}

        self._go_on(self._records.update(self.kind.name, job.name, change))


def _transition(document: Document, secondary: str, *, over: bool = False) -> Document:
    """SecondaryStatus and its transitions, now that the job comes to ``secondary``."""
    now = time.time()
    past = document.get("SecondaryStatusTransitions", [])
    if past and "EndTime" not in past[-1]:
        past = [*past[:-1], {**past[-1], "EndTime": now}]
    step = {"Status": secondary, "StartTime": now, "StatusMessage": _MESSAGES[secondary]}
    return {
        "SecondaryStatus": secondary,
        "SecondaryStatusTransitions": [*past, {**step, "EndTime": now} if over else step],
    }


def _times(outcome: Outcome) -> Document:
    seconds = max(1, round(outcome.ended - outcome.started))
    return {
        "TrainingStartTime": outcome.started,
        "TrainingEndTime": outcome.ended,
        "TrainingTimeInSeconds": seconds,
        "BillableTimeInSeconds": seconds,
    }


def _artifacts(request: Document, name: str) -> str:
    """Where ``model`` or ``output`` goes: an archive, or with CompressionType NONE a prefix."""
    config = request["OutputDataConfig"]
    base = f"{config['S3OutputPath'].rstrip('/')}/{request['TrainingJobName']}/output/{name}"
    return f"{base}/" if config.get("CompressionType") == "NONE" else f"{base}.tar.gz"


def _source(job: Job, channel: Document) -> Source:
    source = channel["DataSource"]["S3DataSource"]
    return Source(
        name=channel["ChannelName"],
        uri=source["S3Uri"],
        destination=job.folder / "input" / "data" / channel["ChannelName"],
        manifest=source["S3DataType"] == "ManifestFile",
    )


def _channel(request: Document, channel: Document) -> Mapping[str, Any]:
    """One entry of ``inputdataconfig.json``."""
    source = channel["DataSource"]["S3DataSource"]
    mode = channel.get("InputMode", request["AlgorithmSpecification"]["TrainingInputMode"])
    return {
        **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
        "TrainingInputMode": mode,
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }


def _public(document: Document) -> Document:
    return {key: value for key, value in document.items() if not key.startswith("_")}
