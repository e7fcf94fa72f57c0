"""The pipeline's life in SageMaker: publish, upsert, start, look. Plain boto3; no SDK import."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import ClientError

from pipelines.config import Config
from pipelines.errors import RunError, UsageError, suggestion
from pipelines.publish import Publication, upload
from pipelines.tuning_progress import TuningProgress, progress

MOST = 1_048_576  # characters of a definition that CreatePipeline takes
RUNNING = frozenset({"Executing", "Stopping"})  # an execution in any other status has ended


@dataclass(frozen=True)
class Step:
    """One step of an execution, as SageMaker lists it."""

    name: str
    status: str
    started: datetime | None
    ended: datetime | None
    metadata: Mapping[str, Any]
    failure: str = ""
    cached_from: str = ""  # the execution whose result stands for this one
    tuning: TuningProgress | None = None  # of a tuning step

    @property
    def job_arn(self) -> str:
        """The ARN of what the step made: a job, a package; empty for conditions and the like."""
        named = (
            entry.get("Arn") or entry.get("CheckJobArn", "")
            for entry in self.metadata.values()
            if isinstance(entry, dict)
        )
        return next(filter(None, named), "")

    @property
    def outcome(self) -> str:
        """Of a condition, ``True`` or ``False``; empty for anything else."""
        outcome: str = self.metadata.get("Condition", {}).get("Outcome", "")
        return outcome

    @property
    def seconds(self) -> float | None:
        """How long the step took, once it has ended."""
        return (self.ended - self.started).total_seconds() if self.started and self.ended else None


@dataclass(frozen=True)
class Execution:
    """One run of a pipeline."""

    arn: str
    status: str
    started: datetime
    steps: Sequence[Step] = field(default=())
    failure: str = ""

    @property
    def id(self) -> str:
        """The last part of the ARN; the folder of the run's outputs has this name."""
        return self.arn.rsplit("/", 1)[-1]

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.status in RUNNING


class Service:
    """SageMaker, S3 and the log service of one environment."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.name = config.pipeline_name
        self._clients: dict[str, Any] = {}

    @cached_property
    def _session(self) -> boto3.Session:
        environment = self.config.environment
        if environment.endpoint is None:
            return boto3.Session(region_name=environment.region)
        # Settings that name an endpoint never get to see real credentials.
        return boto3.Session("local", "local", region_name=environment.region)

    def client(self, service: str) -> Any:
        """The boto3 client for ``service``."""
        if service not in self._clients:
            endpoint = os.environ.get("AWS_ENDPOINT_URL", self.config.environment.endpoint)
            retries = ClientConfig(retries={"mode": "standard", "max_attempts": 5}, connect_timeout=5)
            self._clients[service] = self._session.client(service, endpoint_url=endpoint, config=retries)
        return self._clients[service]

    @cached_property
    def sagemaker(self) -> Any:
        """The SageMaker client."""
        return self.client("sagemaker")

    @cached_property
    def s3(self) -> Any:
        """The S3 client."""
        return self.client("s3")

    def publish(self, publication: Publication) -> int:
        """Upload code and settings that are not there yet; returns how many objects that were."""
        return upload(publication, self.config.environment.bucket, self.s3)

    def request(self, definition: str) -> dict[str, Any]:
        """What UpdatePipeline is asked for. Raises RunError where the definition is longer than SageMaker takes."""
        if len(definition) > MOST:
            raise RunError(
                f"The definition of '{self.name}' has {len(definition):,} characters, and SageMaker takes {MOST:,}: "
                "move long texts (settings, lists) into files that the steps read, or part the pipeline in two"
            )
        environment = self.config.environment
        request: dict[str, Any] = {
            "PipelineName": self.name,
            "PipelineDefinition": definition,
            "RoleArn": environment.role,
        }
        if environment.parallel_steps:
            request["ParallelismConfiguration"] = {"MaxParallelExecutionSteps": environment.parallel_steps}
        return request

    def upsert(self, definition: str, tags: Sequence[Mapping[str, str]]) -> str:
        """Create or update the pipeline, and return what was done: created, updated or unchanged."""
        request = self.request(definition)
        deployed = self._describe()
        if deployed is None:
            self.sagemaker.create_pipeline(**request, Tags=list(tags))
            return "created"
        if all(deployed.get(key) == value for key, value in request.items()):
            return "unchanged"
        self.sagemaker.update_pipeline(**request)
        return "updated"

    def deployed_definition(self) -> dict[str, Any]:
        """The definition that SageMaker has of the pipeline."""
        deployed = self._describe()
        if deployed is None:
            raise self._absent()
        definition: dict[str, Any] = json.loads(deployed["PipelineDefinition"])
        return definition

    def definition_of(self, arn: str) -> dict[str, Any]:
        """The definition that an execution has run."""
        answer = self.sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
        definition: dict[str, Any] = json.loads(answer["PipelineDefinition"])
        return definition

    def parameters_of(self, arn: str) -> dict[str, str]:
        """The values that an execution was started with, the definition's own where nothing else was said."""
        defaults = {
            each["Name"]: str(each["DefaultValue"])
            for each in self.definition_of(arn).get("Parameters", [])
            if "DefaultValue" in each
        }
        given = self._pages("list_pipeline_parameters_for_execution", "PipelineParameters", arn)
        return defaults | {each["Name"]: each["Value"] for each in given}

    def start(self, parameters: Mapping[str, str]) -> str:
        """Start an execution and return its ARN."""
        request = [{"Name": name, "Value": value} for name, value in sorted(parameters.items())]
        answer = self.sagemaker.start_pipeline_execution(PipelineName=self.name, PipelineParameters=request)
        arn: str = answer["PipelineExecutionArn"]
        return arn

    def stop(self, arn: str) -> None:
        """Ask SageMaker to stop an execution."""
        self.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)

    def execution(self, arn: str) -> Execution:
        """The execution with its steps, oldest first."""
        answer = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return Execution(
            arn,
            answer["PipelineExecutionStatus"],
            answer["CreationTime"],
            [
                _step(step, self._tuning(step))
                for step in self._pages("list_pipeline_execution_steps", "PipelineExecutionSteps", arn)
            ][::-1],
            answer.get("FailureReason", ""),
        )

    def executions(self, most: int = 20) -> list[Execution]:
        """The newest executions, newest first, without their steps."""
        try:
            answer = self.sagemaker.list_pipeline_executions(PipelineName=self.name, MaxResults=most)
        except self.sagemaker.exceptions.ResourceNotFound:
            raise self._absent() from None
        return [
            Execution(entry["PipelineExecutionArn"], entry["PipelineExecutionStatus"], entry["StartTime"])
            for entry in answer["PipelineExecutionSummaries"]
        ]

    def find(self, execution: str | None) -> Execution:
        """The execution whose id or ARN is given, or the newest one."""
        known = self.executions(100)
        if not known:
            raise UsageError(
                f"Pipeline '{self.name}' has not run yet. Start it: python -m pipelines start --wait"
            )
        if execution is None:
            return self.execution(known[0].arn)
        for entry in known:
            if execution in (entry.id, entry.arn):
                return self.execution(entry.arn)
        raise UsageError(
            f"There is no execution '{execution}'. {suggestion(execution, [e.id for e in known])}"
        )

    def log(self, job_arn: str, *, since: int = 0) -> Iterator[tuple[int, str]]:
        """What a job has printed: (milliseconds since the epoch, line), oldest first, from ``since`` on.

        A tuning job itself prints nothing: its trials do, whose names begin with its own.
        """
        kind, _, name = job_arn.split(":")[-1].partition("/")
        groups = {
            "processing-job": ("/aws/sagemaker/ProcessingJobs", f"{name}/"),
            "training-job": ("/aws/sagemaker/TrainingJobs", f"{name}/"),
            "transform-job": ("/aws/sagemaker/TransformJobs", f"{name}/"),
            "hyper-parameter-tuning-job": ("/aws/sagemaker/TrainingJobs", f"{name}-"),
        }
        if kind not in groups:
            raise UsageError(f"{job_arn} is no job, so it has no log.")
        group, streams = groups[kind]
        pages = self.client("logs").get_paginator("filter_log_events")
        try:
            for page in pages.paginate(logGroupName=group, logStreamNamePrefix=streams, startTime=since):
                yield from ((event["timestamp"], event["message"]) for event in page["events"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise

    def read_json(self, uri: str) -> Any:
        """A JSON object of S3."""
        return json.loads(self.read_bytes(uri))

    def read_bytes(self, uri: str) -> bytes:
        """An object of S3."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            found = self.s3.get_object(Bucket=bucket, Key=key)
        except self.s3.exceptions.NoSuchKey:
            raise RunError(f"{uri} is not there") from None
        content: bytes = found["Body"].read()
        return content

    def outputs(self, job_arn: str) -> dict[str, str]:
        """The output addresses of a processing job, by name."""
        job = self.sagemaker.describe_processing_job(ProcessingJobName=job_arn.rsplit("/", 1)[-1])
        return {
            output["OutputName"]: output["S3Output"]["S3Uri"]
            for output in job["ProcessingOutputConfig"]["Outputs"]
        }

    def _tuning(self, entry: Mapping[str, Any]) -> TuningProgress | None:
        """How far the tuning job of a step is; None where it has none, or it has been deleted."""
        arn = entry.get("Metadata", {}).get("TuningJob", {}).get("Arn", "")
        if not arn:
            return None
        try:
            return progress(
                self.sagemaker.describe_hyper_parameter_tuning_job(
                    HyperParameterTuningJobName=arn.rsplit("/", 1)[-1]
                )
            )
        except self.sagemaker.exceptions.ResourceNotFound:
            return None

    def _absent(self) -> UsageError:
        return UsageError(f"There is no pipeline '{self.name}' yet. Create it: python -m pipelines upsert")

    def _describe(self) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = self.sagemaker.describe_pipeline(PipelineName=self.name)
        except self.sagemaker.exceptions.ResourceNotFound:
            return None
        return answer

    def _pages(self, operation: str, member: str, arn: str) -> Iterator[dict[str, Any]]:
        for page in self.sagemaker.get_paginator(operation).paginate(PipelineExecutionArn=arn):
            yield from page[member]


def _step(entry: Mapping[str, Any], tuning: TuningProgress | None) -> Step:
    return Step(
        entry["StepName"],
        entry["StepStatus"],
        entry.get("StartTime"),
        entry.get("EndTime"),
        entry.get("Metadata", {}),
        entry.get("FailureReason", ""),
        entry.get("CacheHitResult", {}).get("SourcePipelineExecutionArn", ""),
        tuning,
    )
