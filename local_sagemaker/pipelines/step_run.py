"""One step of an execution while it runs: cache, attempts, retries, and the record of all that."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_sagemaker.functions.process import Invocation
from local_sagemaker.pipelines import cache, state
from local_sagemaker.pipelines.callbacks import Callbacks
from local_sagemaker.pipelines.definition import Definition, Iteration, Step
from local_sagemaker.pipelines.expressions import ExpressionError, Scope
from local_sagemaker.pipelines.retry import Retries
from local_sagemaker.pipelines.steps import STEP_TYPES
from local_sagemaker.pipelines.steps.base import Attempt, StepFailure, StepStopped, Success
from local_sagemaker.pipelines.steps.for_each import child_name
from local_sagemaker.records import Closed, Records
from local_sagemaker.s3.store import ObjectStore

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Context:
    """What all steps of one execution share."""

    id: str
    name: str  # of its record
    arn: str
    pipeline: str
    pipeline_arn: str
    started: float  # epoch seconds
    definition: Definition
    parameters: Mapping[str, Any]  # typed
    records: Records
    store: ObjectStore
    call: Callable[[str, Mapping[str, Any]], dict[str, Any]]  # ControlPlane.call, by the pipeline's role
    invoke: Callable[[str, bytes], Invocation]  # a Lambda function by its ARN
    callbacks: Callbacks
    stopping: threading.Event = field(default_factory=threading.Event)

    def scope(
        self,
        results: Mapping[str, Mapping[str, Any]],
        iteration: Iteration | None = None,
        **variables: str,
    ) -> Scope:
        """What expressions can refer to now; ``variables`` are further execution variables."""
        own = {
            "StartDateTime": state.iso(self.started),
            "CurrentDateTime": state.iso(time.time()),
            "PipelineName": self.pipeline,
            "PipelineArn": self.pipeline_arn,
            "PipelineExecutionId": self.id,
            "PipelineExecutionArn": self.arn,
        }
        execution = {**own, **variables}
        return Scope(self.definition, self.parameters, execution, results, self.store.read, iteration)


@dataclass(frozen=True)
class Ended:
    """How a step ended."""

    status: str  # "Succeeded", "Failed" or "Stopped"
    properties: Mapping[str, Any] = field(default_factory=dict)
    broken: BaseException | None = None  # the record could not be written: the execution cannot carry on


class StepRun:
    """Runs one step in a thread. ``results`` are the properties of the steps that it waited for."""

    def __init__(self, context: Context, step: Step, results: Mapping[str, Mapping[str, Any]]) -> None:
        self._context = context
        self._step = step
        self._type = STEP_TYPES[step.type]
        self._results = results
        self._kind = state.steps_kind(context.name)
        self._cache = cache.StepCache(context.records, context.pipeline)
        self._lock = threading.Lock()  # guards _stop_work
        self._stop_work: Callable[[], None] | None = None

    def start(self, on_end: Callable[[Ended], None]) -> None:
        """Begin; ``on_end`` is called from the step's thread, exactly once."""

        def body() -> None:
            try:
                ended = self._run()
            except BaseException as error:  # noqa: BLE001 - the execution must hear of every end
                ended = Ended("Failed", broken=error)
            on_end(ended)

        threading.Thread(
            target=body, name=f"step {self._step.name} of {self._context.name}", daemon=True
        ).start()

    def stop(self) -> None:
        """Stop the step's work, if there is any yet; the context says that the execution is stopping."""
        with self._lock:
            stop_work, self._stop_work = self._stop_work, None
        if stop_work:
            state.stop_step(self._context.records, self._context.name, self._step.name)
            stop_work()

    def _run(self) -> Ended:
        document: dict[str, Any] = {
            "StepName": self._step.name,
            "StepDisplayName": self._step.display_name,
            "StepDescription": self._step.description,
            "StepStatus": "Starting",
            "StartTime": time.time(),
            "AttemptCount": 0,
            "_Type": self._step.type,
        }
        if self._step.iteration:
            document["IterationContext"] = context_of(self._step.iteration)
        self._context.records.create(self._kind, self._step.name, document)
        retries = Retries(self._step.retry)
        attempt = 0
        while True:
            if self._context.stopping.is_set():
                return self._end("Stopped")
            try:
                return self._succeeded(*self._attempt(attempt))
            except StepStopped:
                return self._end("Stopped")
            except Closed:
                raise
            except StepFailure as failure:
                wait = None if self._context.stopping.is_set() else retries.wait_after(failure.kind)
                if wait is None:
                    return self._end("Failed", failure.reason, failure.metadata, failure.properties)
                log.info("step %s failed (%s); again in %g s", self._step.name, failure.reason, wait)
            except Exception as error:
                log.exception("step %s of %s broke", self._step.name, self._context.name)
                return self._end(
                    "Failed",
                    f"InternalServerError: the local SageMaker broke on this step ({error}); see its log.",
                )
            self._context.stopping.wait(wait)
            attempt += 1
            self._context.records.update(self._kind, self._step.name, {"AttemptCount": attempt})

    def _attempt(self, attempt: int) -> tuple[Success, cache.Key, bool]:
        """One attempt: the result, the cache key, and whether the result is new."""
        prefix = self._step.arguments.get(self._type.filled_in[0]) if self._type.filled_in else None
        name = state.job_name(self._context.id, self._step.name, prefix if isinstance(prefix, str) else None)
        own = {f"{self._step.type}JobName": name}
        scope = self._context.scope(self._results, self._step.iteration, **own)
        try:
            arguments = self._type.prepare(self._step, scope)
        except ExpressionError as error:
            raise StepFailure(f"ClientError: {error}") from error
        key = self._type.cache_key(arguments)
        if attempt == 0:
            hit = self._look_up(key)
            if hit:
                return Success(hit.properties, hit.metadata), key, False
        result = self._type.run(
            Attempt(
                step=self._step,
                arguments=arguments,
                scope=scope,
                job_name=name,
                execution_arn=self._context.arn,
                store=self._context.store,
                send=self._context.call,
                invoke=self._context.invoke,
                callbacks=self._context.callbacks,
                wait=self._context.records.wait,
                report=self._report,
                stopping=self._context.stopping.is_set,
                record=self._record_of,
            )
        )
        return result, key, True

    def _record_of(self, name: str) -> dict[str, Any] | None:
        """Of a step by the name that it has in the definition: in a ForEach, that of the same iteration."""
        iteration = self._step.iteration
        if iteration and self._context.definition.steps[name].loop == iteration.loop:
            name = child_name(name, iteration.index)
        return self._context.records.get(self._kind, name)

    def _look_up(self, key: cache.Key) -> cache.Hit | None:
        config = self._step.cache
        if not config or not config.get("Enabled") or not self._type.cache_keys:
            return None
        expire_after = config.get("ExpireAfter")
        since = time.time() - cache.seconds(expire_after) if expire_after else 0.0
        hit = self._cache.find(self._step.name, key, since)
        if hit:
            change = {"CacheHitResult": {"SourcePipelineExecutionArn": hit.execution_arn}}
        else:
            reason = self._cache.why_missed(self._step.name, key)
            log.info("step %s is not taken from the cache: %s", self._step.name, reason)
            change = {"_CacheMiss": reason}  # type: ignore[dict-item]
        self._context.records.update(self._kind, self._step.name, change)
        return hit

    def _report(self, metadata: Mapping[str, Any], stop_work: Callable[[], None]) -> None:
        """The step's work has begun: say so, and remember how to stop it."""
        change = {"StepStatus": "Executing", "Metadata": dict(metadata)}
        self._context.records.insist(self._kind, self._step.name, change)
        with self._lock:
            self._stop_work = stop_work
        if self._context.stopping.is_set():
            self.stop()

    def _succeeded(self, result: Success, key: cache.Key, is_new: bool) -> Ended:  # noqa: FBT001
        document = state.end_step(
            self._context.records,
            self._context.name,
            self._step.name,
            "Succeeded",
            metadata=result.metadata,
            private={"_Properties": dict(result.properties)},
        )
        if is_new and self._type.cache_keys:
            hit = cache.Hit(self._context.arn, result.metadata, result.properties)
            self._cache.remember(self._step.name, key, document["EndTime"], hit)
        return Ended("Succeeded", result.properties)

    def _end(
        self,
        status: str,
        reason: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> Ended:
        state.end_step(
            self._context.records,
            self._context.name,
            self._step.name,
            status,
            reason=reason,
            metadata=metadata,
            private={"_Properties": dict(properties)} if properties else None,
        )
        return Ended(status, properties or {})


def context_of(iteration: Iteration) -> dict[str, Any]:
    """What a listing says of the iteration that a step is for."""
    item = iteration.item if isinstance(iteration.item, str) else json.dumps(iteration.item)
    return {"ParentStepName": iteration.loop, "Index": iteration.index, "Item": item}
