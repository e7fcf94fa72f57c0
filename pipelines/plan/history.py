"""Earlier executions of a pipeline as SageMaker's API tells them: definition, parameters, steps, and what they made.

Everything is asked for when it is needed, and once. The same calls work on AWS and on the local SageMaker.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from local_sagemaker.errors import AwsError, ResourceNotFound
from local_sagemaker.pipelines import parameters
from local_sagemaker.pipelines.definition import Definition, parse
from local_sagemaker.pipelines.expressions import ExpressionError, Scope
from local_sagemaker.pipelines.steps import STEP_TYPES
from local_sagemaker.pipelines.steps.outputs import OUTPUT_TYPES, declared

Document = Mapping[str, Any]
MOST = 100  # executions that are looked at, the newest first

# Type of step -> where its metadata names what it made, and how that is described.
_MADE = {
    "Processing": ("ProcessingJob", "describe_processing_job", "ProcessingJobName"),
    "Training": ("TrainingJob", "describe_training_job", "TrainingJobName"),
    "Tuning": ("TuningJob", "describe_hyper_parameter_tuning_job", "HyperParameterTuningJobName"),
    "Transform": ("TransformJob", "describe_transform_job", "TransformJobName"),
    "Model": ("Model", "describe_model", "ModelName"),
    "RegisterModel": ("RegisterModel", "describe_model_package", "ModelPackageName"),
    "EndpointConfig": ("EndpointConfig", "describe_endpoint_config", "EndpointConfigName"),
    "Endpoint": ("Endpoint", "describe_endpoint", "EndpointName"),
}
_TOP = 50  # training jobs of a search that a step's properties hold


@dataclass(frozen=True)
class PastStep:
    """A step of an execution."""

    name: str
    status: str
    ended: datetime.datetime | None
    metadata: Document
    cached: bool  # it did not run: another execution's result stands for it


class Past:
    """One execution that was started at some time."""

    def __init__(
        self,
        sagemaker: Any,
        read: Callable[[str], bytes],
        arn: str,
        pipeline: str,
        started: datetime.datetime,
    ) -> None:
        self._sagemaker = sagemaker
        self._read = read
        self.arn = arn
        self.started = started
        self._pipeline = pipeline
        self._made: dict[str, Document] = {}
        self._keys: dict[str, Document | None] = {}

    @property
    def id(self) -> str:
        """The last part of its ARN."""
        return self.arn.rpartition("/")[2]

    @property
    def pipeline_arn(self) -> str:
        """The pipeline's."""
        return self.arn.partition("/execution/")[0]

    @cached_property
    def definition(self) -> Definition:
        """What it ran, which a later update of the pipeline has not changed."""
        answer = self._sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=self.arn)
        return parse(json.loads(answer["PipelineDefinition"]))[0]

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The typed values with which it ran."""
        pages = self._sagemaker.get_paginator("list_pipeline_parameters_for_execution")
        given = [
            each
            for page in pages.paginate(PipelineExecutionArn=self.arn)
            for each in page["PipelineParameters"]
        ]
        return parameters.bind(self.definition.parameters, given)

    @cached_property
    def steps(self) -> dict[str, PastStep]:
        """Its steps by name."""
        pages = self._sagemaker.get_paginator("list_pipeline_execution_steps")
        listed = [
            each
            for page in pages.paginate(PipelineExecutionArn=self.arn)
            for each in page["PipelineExecutionSteps"]
        ]
        return {
            each["StepName"]: PastStep(
                each["StepName"],
                each["StepStatus"],
                each.get("EndTime"),
                each.get("Metadata", {}),
                "CacheHitResult" in each,
            )
            for each in listed
        }

    def properties(self, name: str) -> Document:
        """What ``Get: Steps.<name>.…`` read. Raises ExpressionError where it has been deleted since."""
        if name not in self._made:
            try:
                self._made[name] = self._describe(name)
            except (ClientError, KeyError) as error:
                raise ExpressionError(
                    f"step {name!r} of {self.id} cannot be described any more: {error}"
                ) from None
        return self._made[name]

    def key(self, name: str) -> Document | None:
        """The key attributes with which a step ran; None where they cannot be told any more."""
        if name not in self._keys:
            try:
                self._keys[name] = self._key(name)
            except (ExpressionError, AwsError, KeyError):
                self._keys[name] = None
        return self._keys[name]

    def _key(self, name: str) -> Document:
        step = self.definition.steps[name]
        kind = STEP_TYPES[step.type]
        arn = _arn(self.steps[name].metadata)
        execution = {
            "PipelineName": self._pipeline,
            "PipelineArn": self.pipeline_arn,
            "PipelineExecutionId": self.id,
            "PipelineExecutionArn": self.arn,
            "StartDateTime": self.started.isoformat(),
            "CurrentDateTime": "",  # of which nothing is known any more; it never equals another run's
            f"{step.type}JobName": arn.rpartition("/")[2],
        }
        scope = Scope(self.definition, self.parameters, execution, Made(self), self._read)
        return kind.cache_key(kind.prepare(step, scope))

    def _describe(self, name: str) -> Document:
        step = self.definition.steps[name]
        metadata = self.steps[name].metadata
        if step.type not in _MADE:
            return _told(metadata, declared(step))
        key, operation, argument = _MADE[step.type]
        arn = metadata[key]["Arn"]
        made = arn if argument == "ModelPackageName" else arn.rpartition("/")[2]
        described: dict[str, Any] = getattr(self._sagemaker, operation)(**{argument: made})
        if step.type == "Tuning":
            described["TrainingJobSummaries"] = self._best(made, described)
        return described

    def _best(self, name: str, job: Document) -> list[Document]:
        first = job.get("TrainingJobDefinition") or job["TrainingJobDefinitions"][0]
        config = job["HyperParameterTuningJobConfig"]
        objective = first.get("TuningObjective") or config["HyperParameterTuningJobObjective"]
        answer = self._sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name,
            SortBy="FinalObjectiveMetricValue",
            SortOrder="Descending" if objective["Type"] == "Maximize" else "Ascending",
            MaxResults=_TOP,
        )
        found: list[Document] = answer["TrainingJobSummaries"]
        return found


class Made(Mapping[str, Document]):
    """What the steps of one execution made, described when it is read."""

    def __init__(self, past: Past) -> None:
        self._past = past

    def __getitem__(self, name: str) -> Document:
        if name not in self._past.steps:
            raise KeyError(name)
        return self._past.properties(name)

    def __contains__(self, name: object) -> bool:
        return name in self._past.steps

    def __iter__(self) -> Iterator[str]:
        return iter(self._past.steps)

    def __len__(self) -> int:
        return len(self._past.steps)


class History:
    """The executions of a pipeline, the newest first, asked for as far as somebody looks."""

    def __init__(self, sagemaker: Any, s3: Any, pipeline: str) -> None:
        self._sagemaker = sagemaker
        self._s3 = s3
        self._pipeline = pipeline

    @cached_property
    def executions(self) -> list[Past]:
        """At most MOST of them; none of a pipeline that is not there."""
        try:
            answer = self._sagemaker.list_pipeline_executions(PipelineName=self._pipeline, MaxResults=MOST)
        except self._sagemaker.exceptions.ResourceNotFound:
            return []
        return [
            Past(self._sagemaker, self.read, each["PipelineExecutionArn"], self._pipeline, each["StartTime"])
            for each in answer["PipelineExecutionSummaries"]
        ]

    def read(self, uri: str) -> bytes:
        """An object of S3. Raises ResourceNotFound."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            body: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            raise ResourceNotFound(f"{uri}: {error}") from None
        return body

    def runs(self, step: str) -> Iterator[Past]:
        """The executions in which the step itself ran and succeeded, the newest first."""
        for past in self.executions:
            found = past.steps.get(step)
            if found and found.status == "Succeeded" and not found.cached:
                yield past


def _told(metadata: Document, outputs: Mapping[str, str]) -> Document:
    """What a step that makes nothing says of itself: a check its baselines, a function its outputs."""
    said = next((dict(value) for value in metadata.values() if isinstance(value, Mapping)), {})
    if outputs:
        texts = {each["Name"]: each["Value"] for each in said.get("OutputParameters", [])}
        said["OutputParameters"] = {
            name: _typed(texts[name], outputs[name]) for name in texts if name in outputs
        }
    return said


def _typed(text: str, kind: str) -> Any:
    return text if OUTPUT_TYPES.get(kind) is str else json.loads(text)


def _arn(metadata: Document) -> str:
    named = (value for value in metadata.values() if isinstance(value, Mapping))
    return next((value.get("Arn") or value.get("CheckJobArn") or "" for value in named), "")
