"""Fail: ends the execution as failed, with a message of the pipeline's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from local_sagemaker.pipelines.definition import Step
from local_sagemaker.pipelines.expressions import expression, text_of
from local_sagemaker.pipelines.problem import hint
from local_sagemaker.pipelines.steps.base import Attempt, StepFailure, StepType, Success


@dataclass(frozen=True, kw_only=True)
class FailStep(StepType):
    """Nothing can depend on it, and an execution that reached it cannot be retried."""

    def mistakes(self, step: Step) -> Iterable[str]:
        """Anything but one ErrorMessage."""
        for key, value in step.arguments.items():
            if key != "ErrorMessage":
                yield f"Cannot parse object, unknown property {key!r}.{hint(key, ('ErrorMessage',))}"
            elif not isinstance(value, str) and not expression(value):
                yield f"ErrorMessage is a text or an expression, not {value!r}."

    def run(self, attempt: Attempt) -> Success:
        """Fail. Without a message there is no FailureReason, and ErrorMessage is empty, as on AWS."""
        message = text_of(attempt.arguments.get("ErrorMessage", ""))
        raise StepFailure(message or None, metadata={"Fail": {"ErrorMessage": message}})


FAIL = FailStep(name="Fail")
