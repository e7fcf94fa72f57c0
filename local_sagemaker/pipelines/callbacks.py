"""Callbacks: a step asks by a message in a queue, and waits until somebody answers with the token that it holds.

The message's body is JSON with token, pipelineExecutionArn, status and the step's arguments. While a callback is
open its execution does not stop: a second message, with the status Stopping, asks for the answer.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopPipelineExecution.html
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Callable, Mapping
from typing import Any

from local_sagemaker.control_plane import Operation
from local_sagemaker.errors import ConflictException, ResourceNotFound, ValidationException
from local_sagemaker.pipelines import state
from local_sagemaker.pipelines.steps.outputs import read
from local_sagemaker.records import Records

Document = dict[str, Any]

CALLBACK = "PipelineCallback"
_ALPHABET = string.ascii_letters + string.digits
_TOKEN_LENGTH = 10


class Callbacks:
    """The callbacks of one local SageMaker. ``send`` puts a text into the queue of a URL."""

    def __init__(self, records: Records, send: Callable[[str, str], None]) -> None:
        self._records = records
        self._send = send

    def operations(self) -> dict[str, Operation]:
        """The operations by name."""
        return {
            "SendPipelineExecutionStepSuccess": self.succeed,
            "SendPipelineExecutionStepFailure": self.fail,
        }

    def open(self, execution_arn: str, step: str, outputs: Mapping[str, str]) -> str:
        """A token for a step, which declares those outputs."""
        token = "".join(secrets.choice(_ALPHABET) for _ in range(_TOKEN_LENGTH))
        document = {
            "PipelineExecutionArn": execution_arn,
            "_Execution": execution_arn.split(":pipeline/", 1)[1],
            "_Step": step,
            "_Outputs": dict(outputs),
        }
        self._records.create(CALLBACK, token, document)
        return token

    def ask(self, url: str, token: str, arguments: Mapping[str, Any], status: str = "Executing") -> None:
        """Send the message. Raises AwsError."""
        callback = self._named(token)
        body = {
            "token": token,
            "pipelineExecutionArn": callback["PipelineExecutionArn"],
            "arguments": dict(arguments),
            "status": status,
        }
        self._send(url, json.dumps(body))

    def answer(self, token: str) -> Document:
        """Wait for the answer: ``Succeeded``, with ``OutputParameters`` if so, else ``FailureReason``."""
        answered = self._records.wait(CALLBACK, token, lambda document: "_Answer" in document)["_Answer"]
        return dict(answered)

    def succeed(self, request: Document) -> Document:
        """SendPipelineExecutionStepSuccess."""
        given = {each["Name"]: each["Value"] for each in request.get("OutputParameters", [])}
        declared = self._named(request["CallbackToken"])["_Outputs"]
        outputs: Document = {}
        for name, text in given.items():
            try:
                outputs[name] = read(text, declared.get(name, "String"))
            except ValueError as error:
                raise ValidationException(f"OutputParameters: {name!r} of the step: {error}.") from None
        return self._answer(request, {"Succeeded": True, "OutputParameters": outputs})

    def fail(self, request: Document) -> Document:
        """SendPipelineExecutionStepFailure."""
        return self._answer(request, {"Succeeded": False, "FailureReason": request.get("FailureReason")})

    def _answer(self, request: Document, answer: Document) -> Document:
        answer = {**answer, "ClientRequestToken": request.get("ClientRequestToken")}
        name = request["CallbackToken"]

        def change(callback: Document) -> Document:
            earlier = callback.get("_Answer")
            if earlier == answer:  # the same request again
                return callback
            step = self._records.get(state.steps_kind(callback["_Execution"]), callback["_Step"])
            status = step["StepStatus"] if step else "gone"
            if earlier or status not in ("Executing", "Stopping") or not _is_of(step, name):
                raise ConflictException(
                    f"The callback of step {callback['_Step']!r} of {callback['PipelineExecutionArn']} cannot be "
                    f"answered: {'it has been already' if earlier else f'the step is {status}'}."
                )
            return {**callback, "_Answer": answer}

        self._named(name)
        return self._records.update(CALLBACK, name, change)

    def _named(self, token: str) -> Document:
        found = self._records.get(CALLBACK, token)
        if found is None:
            raise ResourceNotFound(f"There is no callback with the token {token!r}.")
        return found


def _is_of(step: Mapping[str, Any] | None, token: str) -> bool:
    """Whether it is this attempt of the step that waits for the token: a retry has one of its own."""
    metadata = (step or {}).get("Metadata", {})
    return bool(metadata.get("Callback", {}).get("CallbackToken") == token)
