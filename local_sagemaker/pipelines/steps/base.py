"""What a type of step is: how the checker sees it, and how it runs.

A new type is one module with one StepType, entered in the table in ``steps/__init__.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local_sagemaker.errors import AwsError
from local_sagemaker.functions.process import Invocation
from local_sagemaker.pipelines.definition import Step
from local_sagemaker.pipelines.expressions import Scope, resolve
from local_sagemaker.pipelines.retry import kind_of_error
from local_sagemaker.s3.store import ObjectStore

if TYPE_CHECKING:
    from local_sagemaker.pipelines.callbacks import Callbacks

Document = dict[str, Any]


class StepFailure(Exception):
    """The step failed.

    ``reason`` is what the user reads as FailureReason (None: there is none), ``kind`` the exception type by
    which retry policies know the failure, ``metadata`` what the step says about itself, if that is new, and
    ``properties`` what steps that wait for the failure can read of it.
    """

    def __init__(
        self,
        reason: str | None,
        *,
        kind: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind
        self.metadata = metadata or {}
        self.properties = properties or {}


class StepStopped(Exception):
    """The step was stopped because its execution was."""


@dataclass(frozen=True)
class Success:
    """What a step that succeeded leaves behind."""

    properties: Mapping[str, Any]  # what ``Get: Steps.<name>.…`` reads
    metadata: Mapping[str, Any] = field(default_factory=dict)  # as in PipelineExecutionStepMetadata


@dataclass(frozen=True)
class Attempt:
    """One attempt to run one step, and what it may use."""

    step: Step
    arguments: Mapping[str, Any]  # resolved
    scope: Scope
    job_name: str  # unique; what SageMaker would call a job of this step
    execution_arn: str
    store: ObjectStore
    send: Callable[[str, Mapping[str, Any]], Document]  # ControlPlane.call
    invoke: Callable[[str, bytes], Invocation]  # a Lambda function by its ARN
    callbacks: Callbacks
    wait: Callable[[str, str, Callable[[Document], bool]], Document]  # Records.wait
    report: Callable[[Mapping[str, Any], Callable[[], None]], None]  # metadata; how to stop what now runs
    stopping: Callable[[], bool]
    record: Callable[[str], Document | None]  # what is recorded of a step that this one waited for

    def call(self, operation: str, request: Mapping[str, Any]) -> Document:
        """Run an operation. Raises StepFailure, in AWS's words, where it is refused."""
        try:
            return self.send(operation, request)
        except AwsError as error:
            fault = "InternalServerError" if error.status >= 500 else "ClientError"
            raise StepFailure(
                f"{fault}: Failed to invoke sagemaker:{operation}. Error Details: {error.message}",
                kind=kind_of_error(error),
            ) from error

    @property
    def tags(self) -> list[dict[str, str]]:
        """What SageMaker tags a pipeline's jobs with, beside the tags that the arguments ask for."""
        own = [
            {"Key": "sagemaker:pipeline-execution-arn", "Value": self.execution_arn},
            {"Key": "sagemaker:pipeline-step-name", "Value": self.step.name},
        ]
        return [*(self.arguments.get("Tags") or ()), *own]


@dataclass(frozen=True, kw_only=True)
class StepType:
    """One type of step. The fields say what the checker must know."""

    name: str
    fields: tuple[str, ...] = ()  # keys of a step of this type, beside those that every step has
    settings: Mapping[str, str] = field(
        default_factory=dict
    )  # such keys beside Arguments that hold one value, and its type: "string" or "boolean"
    create: str = ""  # the operation whose request the arguments are
    describe: str = ""  # the operation whose answer the step's properties are
    listed: Mapping[str, str] = field(
        default_factory=dict
    )  # properties beside these: the List operation's member
    filled_in: tuple[str, ...] = ()  # required members of the request that the service makes up
    properties: tuple[str, ...] = ()  # what can be read of a step without ``describe``; all of them texts
    cache_keys: tuple[str, ...] = ()  # AWS's list of the arguments that decide whether a result is used again

    def mistakes(self, step: Step) -> Iterable[str]:
        """What is wrong with the arguments, where no request shape says it."""
        del step
        return ()

    def readable(self, step: Step) -> Mapping[str, str]:
        """What can be read of a step without ``describe``: path -> type, as of a parameter."""
        del step
        return dict.fromkeys(self.properties, "String")

    def prepare(self, step: Step, scope: Scope) -> Document:
        """The step's arguments, every expression resolved."""
        resolved: Document = resolve(step.arguments, scope)
        return resolved

    def cache_key(self, arguments: Mapping[str, Any]) -> Document:
        """What must be equal in an earlier run for its result to be used again."""
        return {name: arguments[name] for name in self.cache_keys if name in arguments}

    def run(self, attempt: Attempt) -> Success:
        """Do what the step is for. Blocks until done; raises StepFailure and StepStopped."""
        raise NotImplementedError(self.name)

    def let_go(self, metadata: Mapping[str, Any], send: Callable[[str, Mapping[str, Any]], Document]) -> None:
        """Stop what a step began that nobody follows any more; ``send`` is ControlPlane.call."""
        del metadata, send
