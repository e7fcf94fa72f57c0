"""Processing jobs: inputs from S3, one container, outputs to S3.

https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html

Two things differ from AWS, both on purpose. A job that exits with 0 and leaves all its outputs empty fails here,
naming them: on AWS it completes, and the next step fails for want of them. And a job has one instance.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_sagemaker.errors import AwsError, ValidationException
from local_sagemaker.jobs import container, failure
from local_sagemaker.jobs.failure import JobFailure
from local_sagemaker.jobs.lifecycle import (
    COMPLETED,
    FAILED,
    STOPPED,
    Document,
    Ending,
    Job,
    Jobs,
    Kind,
)
from local_sagemaker.jobs.process import Outcome, Task
from local_sagemaker.jobs.staging import Mirror, Source, stage

LOCAL = "/opt/ml/processing/"  # where SageMaker wants all inputs and outputs
_DEFAULT_SECONDS = 86_400  # AWS's MaxRuntimeInSeconds where a request says nothing


@dataclass(frozen=True)
class _Output:
    name: str
    folder: Path  # on this machine
    path: str  # in the container
    uri: str
    continuous: bool


class ProcessingJobs(Jobs):
    """The operations on processing jobs."""

    kind = Kind(
        name="ProcessingJob",
        resource="processing-job",
        title="processing job",
        log_group="/aws/sagemaker/ProcessingJobs",
        missing="Could not find requested job with name",
    )

    def _accept(self, request: Document) -> Document:
        application = request["AppSpecification"]
        image = application["ImageUri"]
        runtime = self._images.resolve(image)
        if not application.get("ContainerEntrypoint") and not runtime.entrypoint:
            raise ValidationException(
                f"The image {image} has no entry point that the local SageMaker knows. "
                'Name it in AppSpecification.ContainerEntrypoint, for example ["python3", "-m", "package.module"].'
            )
        count = request["ProcessingResources"]["ClusterConfig"].get("InstanceCount", 1)
        if count > 1:
            raise ValidationException(
                f"The local SageMaker runs a processing job on one instance; InstanceCount is {count}."
            )
        _check_inputs(request.get("ProcessingInputs", []))
        _check_outputs(request.get("ProcessingOutputConfig", {}).get("Outputs", []))
        stopping = {"MaxRuntimeInSeconds": _DEFAULT_SECONDS} | request.get("StoppingCondition", {})
        return {"StoppingCondition": stopping}

    def _run(self, job: Job) -> Ending:
        for source in _sources(job):
            stage(self._store_of(job), source, job.request["RoleArn"])
        self._configure(job)
        outputs = list(_outputs(job))
        for output in outputs:
            output.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            mirrors = [
                stack.enter_context(Mirror(self._store_of(job), output.folder, output.uri))
                for output in outputs
                if output.continuous
            ]
            task = self._task(job)
            self._change(job, {"ProcessingStartTime": time.time()})
            outcome = self._runner.run(task)
            for mirror in mirrors:
                mirror.finish()
        return self._ending(job, outcome, outputs)

    def _configure(self, job: Job) -> None:
        folder = job.folder / "config"
        cluster = job.request["ProcessingResources"]["ClusterConfig"]
        container.write_json(folder / "processingjobconfig.json", _configuration(job.request))
        container.write_json(
            folder / "resourceconfig.json", container.resource_config(cluster.get("InstanceType", ""))
        )
        for name in ("output", "processing", "packages"):
            (job.folder / name).mkdir(exist_ok=True)

    def _task(self, job: Job) -> Task:
        application = job.request["AppSpecification"]
        entrypoint = (
            application.get("ContainerEntrypoint") or self._images.resolve(application["ImageUri"]).entrypoint
        )
        network = not job.request.get("NetworkConfig", {}).get("EnableNetworkIsolation", False)
        return Task(
            job=job.id,
            folder=job.folder,
            argv=(*entrypoint, *application.get("ContainerArguments", [])),
            environment=container.merged(
                container.environment(self._settings, network=network, role=job.request["RoleArn"]),
                {"PROCESSING_JOB_ARN": job.arn, "PROCESSING_JOB_NAME": job.name},
                job.request.get("Environment", {}),
            ),
            log=job.log,
            # Docker starts in "/", which here is this machine's own: a relative path must stay in the job.
            cwd="/opt/ml/processing",
            max_seconds=job.request["StoppingCondition"]["MaxRuntimeInSeconds"],
            network=network,
        )

    def _ending(self, job: Job, outcome: Outcome, outputs: list[_Output]) -> Ending:
        message = failure.read(job.folder / "output" / "message")
        fields = {
            "ProcessingStartTime": outcome.started,
            "ProcessingEndTime": outcome.ended,
            **({"ExitMessage": message} if message else {}),
            **self._facts(outcome),
        }
        if outcome.ended_by == "stop":
            return Ending(STOPPED, fields=fields)
        if outcome.ended_by == "time limit":
            seconds = job.request["StoppingCondition"]["MaxRuntimeInSeconds"]
            text = f"The processing job ran past its StoppingCondition, MaxRuntimeInSeconds {seconds}."
            return Ending(STOPPED, failure.reason(text, job.log), fields)
        if outcome.ended_by == "lost":
            text = "InternalServerError: The process that ran this job was lost."
            return Ending(FAILED, failure.reason(text, job.log), fields)
        if outcome.exit_code:
            text = f"AlgorithmError: {message}, exit code: {outcome.exit_code}"
            return Ending(FAILED, failure.reason(text, job.log), fields)
        try:
            self._upload(job, outputs)
        except (JobFailure, AwsError, OSError) as error:
            return Ending(FAILED, failure.explain(error, "uploading the outputs"), fields)
        return Ending(COMPLETED, fields=fields)

    def _upload(self, job: Job, outputs: list[_Output]) -> None:
        for output in outputs:
            if not container.is_own(job.folder, output.folder):
                raise JobFailure(
                    f"AlgorithmError: In place of the output {output.name!r} ({output.path}) the job left a link "
                    "that leads out of it. Write the files themselves."
                )
        left = [output for output in outputs if output.folder.is_dir() or output.folder.is_file()]
        numbers = [self._store_of(job).upload(output.folder, output.uri) for output in left]
        if outputs and not any(numbers):
            names = ", ".join(f"{output.name!r} ({output.path})" for output in outputs)
            raise JobFailure(
                failure.reason(f"AlgorithmError: The job ended well but wrote no output to {names}.", job.log)
            )


def _check_inputs(inputs: list[Document]) -> None:
    for each in inputs:
        if "DatasetDefinition" in each:
            raise ValidationException(
                f"The input {each['InputName']!r} has a DatasetDefinition (Athena, Redshift), which the local "
                "SageMaker does not run. Put the data into S3 and use S3Input."
            )
        source = each.get("S3Input")
        if source is None or each.get("AppManaged"):
            continue
        where = f"The input {each['InputName']!r}"
        _check_path(where, source.get("LocalPath"))
        if source.get("S3InputMode", "File") == "Pipe":
            raise ValidationException(f"{where} has S3InputMode Pipe; the local SageMaker has File.")
        if source.get("S3CompressionType", "None") == "Gzip":
            raise ValidationException(
                f"{where} has S3CompressionType Gzip, which SageMaker applies in Pipe mode only. "
                "Leave it out and decompress in the job."
            )


def _check_outputs(outputs: list[Document]) -> None:
    for each in outputs:
        where = f"The output {each['OutputName']!r}"
        if "FeatureStoreOutput" in each:
            raise ValidationException(
                f"{where} goes to a feature group, which the local SageMaker does not do yet."
            )
        if "S3Output" in each and not each.get("AppManaged"):
            _check_path(where, each["S3Output"].get("LocalPath"))


def _check_path(where: str, path: str | None) -> None:
    if not path:
        raise ValidationException(f"{where} has no LocalPath, which is required unless AppManaged is true.")
    if not f"{path}/".startswith(LOCAL) or ".." in path.split("/"):
        raise ValidationException(f"{where} has the LocalPath {path}; it must lie below {LOCAL}")


def _sources(job: Job) -> Iterator[Source]:
    for each in job.request.get("ProcessingInputs", []):
        source = each.get("S3Input")
        if source and not each.get("AppManaged"):
            yield Source(
                name=each["InputName"],
                uri=source["S3Uri"],
                destination=container.outside(job.folder, source["LocalPath"]),
                manifest=source["S3DataType"] == "ManifestFile",
            )


def _outputs(job: Job) -> Iterator[_Output]:
    for each in job.request.get("ProcessingOutputConfig", {}).get("Outputs", []):
        target = each.get("S3Output")
        if target and not each.get("AppManaged"):
            yield _Output(
                name=each["OutputName"],
                folder=container.outside(job.folder, target["LocalPath"]),
                path=target["LocalPath"],
                uri=target["S3Uri"],
                continuous=target["S3UploadMode"] == "Continuous",
            )


def _configuration(request: Document) -> dict[str, Any]:
    """``processingjobconfig.json``: the request again, every member present."""
    application = request["AppSpecification"]
    outputs = request.get("ProcessingOutputConfig", {})
    return {
        "ProcessingJobArn": request.get("ProcessingJobArn"),
        "ProcessingJobName": request["ProcessingJobName"],
        "AppSpecification": {"ContainerEntrypoint": None, "ContainerArguments": None, **application},
        "Environment": request.get("Environment", {}),
        "ProcessingInputs": request.get("ProcessingInputs", []),
        "ProcessingOutputConfig": {"KmsKeyId": None, **outputs} if outputs else None,
        "ProcessingResources": request["ProcessingResources"],
        "RoleArn": request["RoleArn"],
        "StoppingCondition": request["StoppingCondition"],
    }
