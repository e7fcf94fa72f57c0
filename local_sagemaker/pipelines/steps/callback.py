"""Callback: sends a message to a queue, and waits until somebody answers.

https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps-types.html (Callback step)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from local_sagemaker.errors import AwsError
from local_sagemaker.pipelines.definition import Step
from local_sagemaker.pipelines.expressions import Scope, resolve
from local_sagemaker.pipelines.steps import outputs
from local_sagemaker.pipelines.steps.base import Attempt, Document, StepFailure, StepType, Success

_LONGEST_URL = 256


@dataclass(frozen=True, kw_only=True)
class CallbackStep(StepType):
    """There is no limit to the wait. A stop asks for the answer as well, and waits for it."""

    def mistakes(self, step: Step) -> Iterable[str]:
        """No queue; outputs that are none."""
        url = step.settings.get("SqsQueueUrl")
        if url is None:
            yield "SqsQueueUrl is missing."
        elif isinstance(url, str) and (
            not url.startswith(("https://", "http://")) or len(url) > _LONGEST_URL
        ):
            yield f"SqsQueueUrl is the URL of a queue, of at most {_LONGEST_URL} characters, not {url!r}."
        yield from outputs.mistakes(step)

    def readable(self, step: Step) -> Mapping[str, str]:
        """The outputs that the step declares."""
        return outputs.readable(step)

    def prepare(self, step: Step, scope: Scope) -> Document:
        """What the message says, and which queue it goes to."""
        return {
            "SqsQueueUrl": resolve(step.settings["SqsQueueUrl"], scope),
            "Inputs": super().prepare(step, scope),
            "OutputParameters": outputs.declared(step),
        }

    def run(self, attempt: Attempt) -> Success:
        """Ask, wait, and hand on what was answered."""
        url, inputs = attempt.arguments["SqsQueueUrl"], attempt.arguments["Inputs"]
        callbacks = attempt.callbacks
        token = callbacks.open(
            attempt.execution_arn, attempt.step.name, attempt.arguments["OutputParameters"]
        )
        about = {"CallbackToken": token, "SqsQueueUrl": url}

        def ask_for_the_end() -> None:
            with suppress(AwsError):  # the queue may be gone
                callbacks.ask(url, token, inputs, "Stopping")

        attempt.report({"Callback": about}, ask_for_the_end)
        try:
            callbacks.ask(url, token, inputs)
        except AwsError as error:
            raise StepFailure(
                f"ClientError: Failed to invoke sqs:SendMessage. Error Details: {error.message}",
                metadata={"Callback": about},
            ) from error
        answer = callbacks.answer(token)
        if not answer["Succeeded"]:
            raise StepFailure(answer["FailureReason"], metadata={"Callback": about})
        values = answer["OutputParameters"]
        return Success(
            {outputs.MEMBER: values}, {"Callback": {**about, outputs.MEMBER: outputs.listed(values)}}
        )


CALLBACK = CallbackStep(
    name="Callback",
    fields=("CacheConfig", "OutputParameters"),
    settings={"SqsQueueUrl": "string"},
    cache_keys=("SqsQueueUrl", "Inputs", "OutputParameters"),
)
