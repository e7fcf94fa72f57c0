"""Inside the process of an invocation: load the handler, call it, and leave its answer in a file.

    python3 bootstrap.py <answer file>        the event comes on standard input

The answers, of errors too, are those of AWS's Python runtime.
https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

FAILED = 1  # exit status: the answer is an error


class Context:
    """What a handler gets beside the event.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self.function_name = environment["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = environment["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = environment["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = environment["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn = environment["_LOCAL_INVOKED_ARN"]
        self.aws_request_id = environment["_LOCAL_REQUEST_ID"]
        self.identity = None
        self.client_context = None
        self._ends = time.monotonic() + float(environment["_LOCAL_TIMEOUT"])

    def get_remaining_time_in_millis(self) -> int:
        """Before the invocation is ended."""
        return max(0, int((self._ends - time.monotonic()) * 1000))


class Problem(Exception):
    """The function cannot be called: AWS's kind of error and its sentence."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def main(answer_file: str) -> int:
    """Call the handler that ``_HANDLER`` names; the exit status."""
    context = Context(dict(os.environ))
    try:
        handler = load(os.environ["_HANDLER"])
        answer, status = marshal(handler(json.loads(sys.stdin.read() or "{}"), context)), 0
    except Problem as problem:
        answer, status = error(problem.kind, str(problem), [], context), FAILED
    except BaseException as raised:  # noqa: BLE001 - whatever a handler raises is its answer
        frames = traceback.format_list(traceback.extract_tb(raised.__traceback__)[1:])
        traceback.print_exc()
        answer, status = error(type(raised).__name__, str(raised), frames, context), FAILED
    with open(answer_file, "w", encoding="utf-8") as file:  # noqa: PTH123 - no need of pathlib in every invocation
        file.write(answer)
    return status


def load(name: str) -> Callable[[Any, Context], Any]:
    """``package.module.function``, or with slashes. Raises Problem in AWS's words."""
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise Problem(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)",
        )
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as failed:
        traceback.print_exc()
        raise Problem(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {failed}"
        ) from None
    except SyntaxError as failed:
        where = f"{failed.msg} ({os.path.basename(failed.filename or '')}, line {failed.lineno})"  # noqa: PTH119
        raise Problem(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {where}"
        ) from None
    handler: Callable[[Any, Context], Any] | None = getattr(module, function_name, None)
    if handler is None:
        raise Problem(
            "Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'"
        )
    return handler


def marshal(answer: Any) -> str:
    """The answer as JSON. Raises Problem where it has none."""
    try:
        return json.dumps(answer)
    except (TypeError, ValueError) as failed:
        raise Problem("Runtime.MarshalError", f"Unable to marshal response: {failed}") from None


def error(kind: str, message: str, frames: list[str], context: Context) -> str:
    """AWS's form of an error."""
    return json.dumps(
        {
            "errorMessage": message,
            "errorType": kind,
            "requestId": context.aws_request_id,
            "stackTrace": frames,
        }
    )


if __name__ == "__main__":
    sys.path.pop(0)  # this file's own folder, which a function has no business with
    sys.exit(main(sys.argv[1]))
