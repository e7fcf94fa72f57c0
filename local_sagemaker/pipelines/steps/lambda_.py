"""Lambda: invokes a function with the step's arguments, and offers what it answers to later steps.

https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps-types.html (Lambda step)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local_sagemaker.errors import AwsError
from local_sagemaker.pipelines.definition import Step
from local_sagemaker.pipelines.expressions import Scope, resolve
from local_sagemaker.pipelines.steps import outputs
from local_sagemaker.pipelines.steps.base import Attempt, Document, StepFailure, StepType, Success

_ARN = "arn:"


@dataclass(frozen=True, kw_only=True)
class LambdaStep(StepType):
    """The step waits for the function, whose own timeout is the step's. A function cannot be stopped on its way."""

    def mistakes(self, step: Step) -> Iterable[str]:
        """No function; outputs that are none."""
        function = step.settings.get("FunctionArn")
        if function is None:
            yield "FunctionArn is missing."
        elif isinstance(function, str) and not function.startswith(_ARN):
            yield f"FunctionArn is the ARN of a function, not {function!r}."
        yield from outputs.mistakes(step)

    def readable(self, step: Step) -> Mapping[str, str]:
        """The outputs that the step declares."""
        return outputs.readable(step)

    def prepare(self, step: Step, scope: Scope) -> Document:
        """The event, and which function it goes to."""
        return {
            "FunctionArn": resolve(step.settings["FunctionArn"], scope),
            "Event": super().prepare(step, scope),
            "OutputParameters": outputs.declared(step),
        }

    def run(self, attempt: Attempt) -> Success:
        """Invoke the function, and take the declared outputs from what it answers."""
        arn = attempt.arguments["FunctionArn"]
        metadata = {"Lambda": {"Arn": arn}}
        attempt.report(metadata, lambda: None)
        try:
            done = attempt.invoke(arn, json.dumps(attempt.arguments["Event"]).encode())
        except AwsError as error:
            raise StepFailure(
                f"ClientError: Failed to invoke lambda:Invoke. Error Details: {error.message}",
                metadata=metadata,
            ) from error
        if done.error:
            raise StepFailure(
                f"ClientError: The Lambda function failed: {_said(done.payload)}", metadata=metadata
            )
        values = _outputs(done.payload, attempt.arguments["OutputParameters"], metadata)
        shown = {"Arn": arn, outputs.MEMBER: outputs.listed(values)}
        return Success({outputs.MEMBER: values}, {"Lambda": shown})


def _outputs(payload: bytes, wanted: Mapping[str, str], metadata: Document) -> Document:
    """What was declared, out of the answer. Raises StepFailure for what is not there or of another type."""
    answer: Any = json.loads(payload or b"null")
    if wanted and not isinstance(answer, Mapping):
        kind = type(answer).__name__
        reason = (
            f"The Lambda function should answer an object with {', '.join(wanted)}; it answered a {kind}."
        )
        raise StepFailure(f"ClientError: {reason}", metadata=metadata)
    for name, kind in wanted.items():
        if name not in answer:
            found = ", ".join(map(str, answer)) or "nothing"
            reason = f"The Lambda function did not answer the output {name!r}; it answered {found}."
            raise StepFailure(f"ClientError: {reason}", metadata=metadata)
        value = answer[name]
        if not outputs.fits(value, kind):
            reason = (
                f"The Lambda function answered {value!r} for the output {name!r}, which should be a {kind}."
            )
            raise StepFailure(f"ClientError: {reason}", metadata=metadata)
    return {name: answer[name] for name in wanted}


def _said(payload: bytes) -> str:
    try:
        error = json.loads(payload)
        return f"{error.get('errorType', 'Error')}: {error.get('errorMessage', '')}"
    except (ValueError, AttributeError):
        return payload.decode(errors="replace")


LAMBDA = LambdaStep(
    name="Lambda",
    fields=("CacheConfig", "OutputParameters"),
    settings={"FunctionArn": "string"},
    cache_keys=("FunctionArn", "Event", "OutputParameters"),
)
