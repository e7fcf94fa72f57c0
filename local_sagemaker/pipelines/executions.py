"""Executions, as resources: start, stop, retry, describe, list. The engine does the work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from local_sagemaker.arns import caller, resource_name
from local_sagemaker.authorization.keys import key_of
from local_sagemaker.control_plane import ControlPlane, Operation
from local_sagemaker.errors import ConflictException, ResourceNotFound, ValidationException
from local_sagemaker.functions.process import Invocation
from local_sagemaker.listing import cut, page
from local_sagemaker.pipelines import graph, parameters, selective, state
from local_sagemaker.pipelines.callbacks import Callbacks
from local_sagemaker.pipelines.definition import Definition, load
from local_sagemaker.pipelines.execution import Execution, Progress
from local_sagemaker.pipelines.expressions import resolve, text_of
from local_sagemaker.pipelines.step_run import Context
from local_sagemaker.pipelines.steps import STEP_TYPES
from local_sagemaker.pipelines.stored import PIPELINE, StoredPipelines, tokens_kind, version_kind
from local_sagemaker.records import Records
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.settings import Settings

_PAGE = 100  # the SDK's list_steps() reads one page only


class Executions:
    """The executions of one local SageMaker, running and past."""

    def __init__(
        self,
        settings: Settings,
        records: Records,
        store: ObjectStore,
        control_plane: ControlPlane,
        pipelines: StoredPipelines,
        invoke: Callable[[str, bytes], Invocation],
        callbacks: Callbacks,
    ) -> None:
        self._settings = settings
        self._records = records
        self._store = store
        self._control_plane = control_plane
        self._pipelines = pipelines
        self._invoke = invoke
        self._callbacks = callbacks
        self._running: dict[str, Execution] = {}
        self._lock = threading.Lock()  # guards _running, and that a change of status happens once

    def operations(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "StartPipelineExecution": self.start,
            "StopPipelineExecution": self.stop,
            "RetryPipelineExecution": self.retry,
            "UpdatePipelineExecution": self.update,
            "DescribePipelineExecution": self.describe,
            "DescribePipelineDefinitionForExecution": self.describe_definition,
            "ListPipelineExecutions": self.list,
            "ListPipelineExecutionSteps": self.list_steps,
            "ListPipelineParametersForExecution": self.list_parameters,
        }

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        """Begin an execution; returns at once. The same token again answers the same execution."""
        pipeline = self._pipelines.named(request["PipelineName"])
        name = pipeline["PipelineName"]
        earlier = self._records.get(tokens_kind(name), request["ClientRequestToken"])
        if earlier is not None:
            return earlier
        version = self._pipelines.version(pipeline, request)
        definition = load(version["PipelineDefinition"])
        values = parameters.bind(definition.parameters, request.get("PipelineParameters", []))
        selection = self._selection(definition, request)
        now = time.time()
        identity = state.new_execution_id()
        record = f"{name}/execution/{identity}"
        arn = self._settings.arn("pipeline", record)
        document = {
            "PipelineArn": pipeline["PipelineArn"],
            "PipelineExecutionArn": arn,
            "PipelineExecutionDisplayName": request.get(
                "PipelineExecutionDisplayName", f"execution-{round(now * 1000)}"
            ),
            "PipelineExecutionDescription": request.get("PipelineExecutionDescription"),
            "PipelineExecutionStatus": "Executing",
            "CreationTime": now,
            "StartTime": now,
            "LastModifiedTime": now,
            "CreatedBy": caller(self._settings),
            "LastModifiedBy": caller(self._settings),
            "ParallelismConfiguration": request.get(
                "ParallelismConfiguration", pipeline.get("ParallelismConfiguration")
            ),
            "SelectiveExecutionConfig": request.get("SelectiveExecutionConfig"),
            "PipelineVersionId": version["PipelineVersionId"],
            "PipelineVersionAliases": version["PipelineVersionAliases"],
            "RoleArn": request.get("RoleArn", pipeline["RoleArn"]),
            "_Pipeline": name,
            "_Id": identity,
            "PipelineParameters": [{"Name": key, "Value": text_of(value)} for key, value in values.items()],
        }
        context = self._context(document, definition)
        document |= _experiment(context, request.get("MlflowExperimentName"))
        token = request["ClientRequestToken"]
        with self._records.together():
            earlier = self._records.get(tokens_kind(name), token)
            if earlier is not None:  # somebody with the same token was quicker
                return earlier
            self._records.create(state.EXECUTION, record, document)
            for step in selection.copied if selection else ():
                source = request["SelectiveExecutionConfig"]["SourcePipelineExecutionArn"]
                copy = {**step, "SelectiveExecutionResult": {"SourcePipelineExecutionArn": source}}
                self._records.create(state.steps_kind(record), step["StepName"], copy)
            self._records.create(tokens_kind(name), token, {"PipelineExecutionArn": arn})
            self._records.update(PIPELINE, name, {"LastRunTime": now, "LastExecutionTime": now})
            self._records.update(
                version_kind(name),
                str(version["PipelineVersionId"]),
                {"LastExecutionPipelineExecutionArn": arn},
            )
        self._run(record, document, context, only=selection.steps if selection else None)
        return document

    def stop(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask the execution to stop; its running jobs are stopped, and then it is Stopped."""
        name, document = self._named(request["PipelineExecutionArn"])
        with self._lock:
            execution = self._running.get(name)
        if execution is None:
            raise _impossible(document, "stopped")
        document = self._records.update(state.EXECUTION, name, _stopping)
        execution.stop()
        return document

    def retry(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry on an execution that failed or was stopped.

        What succeeded stays, unless it ran because something failed; the rest runs again.
        """
        name, document = self._named(request["PipelineExecutionArn"])
        steps = state.steps(self._records, name)
        if any(step["_Type"] == "Fail" for step in steps):
            raise ValidationException(
                f"Pipeline execution '{document['PipelineExecutionArn']}' cannot be retried: a Fail step ended it."
            )

        def again(document: dict[str, Any]) -> dict[str, Any]:
            if document["PipelineExecutionStatus"] not in ("Failed", "Stopped", "CompletedWithFailures"):
                raise _impossible(document, "retried")
            kept = {key: value for key, value in document.items() if not key.endswith("FailureReason")}
            parallel = request.get("ParallelismConfiguration", document.get("ParallelismConfiguration"))
            return {
                **kept,
                "PipelineExecutionStatus": "Executing",
                "LastModifiedTime": time.time(),
                "ParallelismConfiguration": parallel,
            }

        document = self._records.update(state.EXECUTION, name, again)
        definition = self._definition(document)
        for step in _to_repeat(steps, definition):
            self._records.delete(state.steps_kind(name), step)
        selected = (document.get("SelectiveExecutionConfig") or {}).get("SelectedSteps")
        only = [step["StepName"] for step in selected] if selected else None
        self._run(name, document, self._context(document, definition), only=only)
        return document

    def update(self, request: dict[str, Any]) -> dict[str, Any]:
        """Change an execution's name, description or parallelism."""
        name, _ = self._named(request["PipelineExecutionArn"])
        change = {key: value for key, value in request.items() if key != "PipelineExecutionArn"}
        document = self._records.update(state.EXECUTION, name, {**change, "LastModifiedTime": time.time()})
        with self._lock:
            execution = self._running.get(name)
        if execution and "ParallelismConfiguration" in change:
            execution.set_parallel(change["ParallelismConfiguration"]["MaxParallelExecutionSteps"])
        return document

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        """The execution."""
        return self._named(request["PipelineExecutionArn"])[1]

    def describe_definition(self, request: dict[str, Any]) -> dict[str, Any]:
        """The definition that the execution runs, whatever the pipeline has become since."""
        _, document = self._named(request["PipelineExecutionArn"])
        return self._pipelines.numbered(document["_Pipeline"], document["PipelineVersionId"])

    def list(self, request: dict[str, Any]) -> dict[str, Any]:
        """A page of the executions of a pipeline."""
        pipeline = self._pipelines.named(request["PipelineName"])
        own = [
            document
            for document in self._records.list(state.EXECUTION)
            if document["_Pipeline"] == pipeline["PipelineName"]
        ]
        return page(
            "ListPipelineExecutions",
            own,
            request,
            kind=state.EXECUTION,
            filters={
                "PipelineName": lambda *_: True,
                "PipelineVersionAlias": lambda document, alias: alias in document["PipelineVersionAliases"],
            },
        )

    def list_steps(self, request: dict[str, Any]) -> dict[str, Any]:
        """A page of the execution's steps that have begun, newest first unless asked otherwise."""
        if "PipelineExecutionArn" not in request:
            raise ValidationException("PipelineExecutionArn must be given.")
        name, _ = self._named(request["PipelineExecutionArn"])
        rows, token = cut(
            state.steps(self._records, name),
            key=lambda step: [step["StartTime"], step["StepName"]],
            descending=request.get("SortOrder", "Descending") == "Descending",
            size=request.get("MaxResults", _PAGE),
            token=request.get("NextToken"),
            query=request,
        )
        return {"PipelineExecutionSteps": rows, "NextToken": token}

    def list_parameters(self, request: dict[str, Any]) -> dict[str, Any]:
        """A page of the values of all parameters, defaults included, as texts."""
        _, document = self._named(request["PipelineExecutionArn"])
        rows, token = cut(
            document["PipelineParameters"],
            key=lambda row: [row["Name"]],
            descending=False,
            size=request.get("MaxResults", _PAGE),
            token=request.get("NextToken"),
            query=request,
        )
        return {"PipelineParameters": rows, "NextToken": token}

    def recover(self) -> None:
        """End what a process that is gone left unfinished, saying why; nothing stays Executing for ever."""
        for name, document in self._records.items(state.EXECUTION):
            if document["PipelineExecutionStatus"] in state.EXECUTION_TERMINAL:
                continue
            stopping = document["PipelineExecutionStatus"] == "Stopping"
            status = "Stopped" if stopping else "Failed"
            left = [
                step
                for step in state.steps(self._records, name)
                if step["StepStatus"] not in state.STEP_TERMINAL
            ]
            for step in left:  # a tuning job goes on by itself; without its step that would be for nobody
                STEP_TYPES[step["_Type"]].let_go(step.get("Metadata", {}), self._control_plane.call)
            unfinished = [step["StepName"] for step in left]
            during = f" while {_steps(unfinished)} ran" if unfinished else ""
            for step in unfinished:
                state.end_step(
                    self._records,
                    name,
                    step,
                    status,
                    reason="The local SageMaker was stopped while this step ran.",
                )
            reason = f"The local SageMaker was stopped{during}. RetryPipelineExecution carries on from there."
            state.end_execution(self._records, name, status, reason)

    def close(self) -> None:
        """Start no further step. What runs is ended by whoever runs the jobs, or found by the next recover."""
        with self._lock:
            running = [*self._running.values()]
        for execution in running:
            execution.abandon()

    def _run(
        self,
        name: str,
        document: Mapping[str, Any],
        context: Context,
        only: Iterable[str] | None,
    ) -> None:
        steps = state.steps(self._records, name)
        progress = Progress(
            ended={step["StepName"]: step["StepStatus"] for step in steps},
            results={step["StepName"]: step.get("_Properties", {}) for step in steps},
        )
        parallel = (document.get("ParallelismConfiguration") or {}).get("MaxParallelExecutionSteps")
        execution = Execution(context, parallel=parallel, only=only, progress=progress, on_end=self._ended)
        with self._lock:
            self._running[name] = execution
        execution.start()

    def _ended(self, execution: Execution) -> None:
        with self._lock:
            if self._running.get(execution.name) is execution:  # else a retry has taken its place already
                del self._running[execution.name]

    def _selection(self, definition: Definition, request: Mapping[str, Any]) -> selective.Selection | None:
        config = request.get("SelectiveExecutionConfig")
        if config is None:
            return None
        source = config.get("SourcePipelineExecutionArn")
        steps = None
        if source is not None:
            name, document = self._named(source)
            if document["_Pipeline"] != resource_name(request["PipelineName"]):
                raise ValidationException(
                    f"Invalid SourcePipelineExecutionArn: {source} is an execution of another pipeline."
                )
            if document["PipelineExecutionStatus"] not in state.EXECUTION_TERMINAL:
                raise ValidationException(f"Invalid SourcePipelineExecutionArn: {source} has not ended yet.")
            steps = state.steps(self._records, name)
        return selective.select(definition, [step["StepName"] for step in config["SelectedSteps"]], steps)

    def _context(self, document: Mapping[str, Any], definition: Definition) -> Context:
        return Context(
            id=document["_Id"],
            name=f"{document['_Pipeline']}/execution/{document['_Id']}",
            arn=document["PipelineExecutionArn"],
            pipeline=document["_Pipeline"],
            pipeline_arn=document["PipelineArn"],
            started=document["CreationTime"],
            definition=definition,
            parameters=parameters.bind(definition.parameters, document["PipelineParameters"]),
            records=self._records,
            store=self._store.acting_as(document["RoleArn"]),
            call=partial(self._control_plane.call, by=key_of(document["RoleArn"])),
            invoke=self._invoke,
            callbacks=self._callbacks,
        )

    def _definition(self, document: Mapping[str, Any]) -> Definition:
        version = self._pipelines.numbered(document["_Pipeline"], document["PipelineVersionId"])
        return load(version["PipelineDefinition"])

    def _named(self, arn: str) -> tuple[str, dict[str, Any]]:
        """The record's name and document. Raises ResourceNotFound."""
        name = resource_name(arn)
        document = self._records.get(state.EXECUTION, name)
        if document is None:
            raise ResourceNotFound(f"Pipeline execution '{arn}' does not exist.")
        return name, document


def _experiment(context: Context, mlflow_experiment: str | None) -> dict[str, Any]:
    """What the definition says about tracking, resolved. Recorded; nothing here tracks."""
    scope = context.scope({})
    mlflow = resolve(context.definition.mlflow, scope)
    if mlflow_experiment is not None:
        mlflow["MlflowExperimentName"] = mlflow_experiment
    return {
        "PipelineExperimentConfig": resolve(context.definition.experiment, scope),
        "MLflowConfig": mlflow,
    }


def _to_repeat(steps: Iterable[Mapping[str, Any]], definition: Definition) -> set[str]:
    """The steps that a retry runs again: those that did not succeed, and all that comes after them.

    A ForEach that runs again for itself keeps its children that succeeded; one that comes after, none.
    """
    own = [step for step in steps if "SelectiveExecutionResult" not in step]
    loops = {step["StepName"]: step.get("IterationContext", {}).get("ParentStepName") for step in own}
    unfinished = {step["StepName"] for step in own if step["StepStatus"] != "Succeeded"}
    unfinished |= {loops[name] for name in unfinished if loops[name]}  # it may have succeeded all the same
    after = graph.reach(graph.reversed_edges(graph.upstream(definition)), unfinished)
    return unfinished | after | {name for name, loop in loops.items() if loop in after}


def _stopping(document: dict[str, Any]) -> dict[str, Any]:
    if document["PipelineExecutionStatus"] in state.EXECUTION_TERMINAL:
        raise _impossible(document, "stopped")
    return {**document, "PipelineExecutionStatus": "Stopping", "LastModifiedTime": time.time()}


def _impossible(document: Mapping[str, Any], what: str) -> ConflictException:
    arn, status = document["PipelineExecutionArn"], document["PipelineExecutionStatus"]
    return ConflictException(f"Pipeline execution '{arn}' cannot be {what}: it is {status}.")


def _steps(names: list[str]) -> str:
    word = "step" if len(names) == 1 else "steps"
    return f"{word} {', '.join(map(repr, names))}"
