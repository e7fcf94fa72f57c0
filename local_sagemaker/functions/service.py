"""The Lambda API: Invoke runs the function's code; everything else is moto's.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import logging
import re
import threading
import uuid
from collections.abc import Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from local_sagemaker import aws_request
from local_sagemaker.errors import AwsError
from local_sagemaker.functions.process import LOG_TAIL, Function, Invocation, invoke
from local_sagemaker.other_services import OtherServices
from local_sagemaker.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MOST = 6 * 1024 * 1024  # bytes of a request or an answer
ATTEMPTS = 3  # of an invocation that nobody waits for
_INVOKE = re.compile(r"/[^/]+/functions/(?P<name>.+)/invocations/?")
_log = logging.getLogger(__name__)


# Whose function it is: moto's functions are the process's, but what leads to a call is one local SageMaker's.
_asked: ContextVar[Functions] = ContextVar("asked")


class Functions:
    """Lambda as a WSGI application, and for those who invoke from inside."""

    def __init__(self, settings: Settings, others: OtherServices) -> None:
        self._settings = settings
        self._others = others

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer Invoke; hand on the rest."""
        path = unquote(environ.get("PATH_INFO", ""))
        asked = _INVOKE.fullmatch(path) if environ.get("REQUEST_METHOD") == "POST" else None
        if asked is None:
            return self._others(environ, start_response)
        query = parse_qs(environ.get("QUERY_STRING", ""))
        function = self.find(asked["name"], query.get("Qualifier", [None])[0])
        payload = aws_request.body(environ)
        if len(payload) > MOST:
            raise AwsError(
                f"{len(payload)} byte payload is too large for an invocation (limit {MOST} bytes)",
                code="RequestTooLargeException",
                status=413,
            )
        how = environ.get("HTTP_X_AMZ_INVOCATION_TYPE", "RequestResponse")
        if how == "DryRun":
            return _send(start_response, "204 No Content", b"", {})
        if how == "Event":
            self.begin(function, payload)
            return _send(start_response, "202 Accepted", b"", {})
        done = self.invoke(function, payload)
        headers = {"X-Amz-Executed-Version": done.version}
        if done.error:
            headers["X-Amz-Function-Error"] = done.error
        if environ.get("HTTP_X_AMZ_LOG_TYPE") == "Tail":
            headers["X-Amz-Log-Result"] = base64.b64encode(done.log.encode()[-LOG_TAIL:]).decode()
        return _send(start_response, "200 OK", done.payload, headers)

    def find(self, name_or_arn: str, qualifier: str | None = None) -> Function:
        """The function, as moto keeps it. Raises AwsError(ResourceNotFoundException)."""
        self._others.load()
        from moto.awslambda.models import lambda_backends

        name, written = _parts(name_or_arn)
        region = name_or_arn.split(":")[3] if name_or_arn.startswith("arn:") else self._settings.region
        backend = lambda_backends[self._settings.account][region]
        try:
            kept: Any = backend.get_function(name, qualifier or written)
        except Exception:  # noqa: BLE001 - moto has a class of its own for each way of not being there
            arn = f"arn:aws:lambda:{region}:{self._settings.account}:function:{name}"
            raise AwsError(
                f"Function not found: {arn}", code="ResourceNotFoundException", status=404
            ) from None
        return Function(
            name=kept.function_name,
            arn=kept.function_arn,
            version=str(kept.version) if qualifier or written else "$LATEST",
            runtime=kept.run_time or "",
            handler=kept.handler or "",
            code=kept.code_bytes,
            timeout=float(kept.timeout),
            memory=int(kept.memory_size),
            environment=dict(kept.environment_vars),
            role=kept.role or "",
        )

    def call(self, arn: str, payload: bytes) -> Invocation:
        """Find a function and invoke it. Raises AwsError where it is not there or cannot be run."""
        return self.invoke(self.find(arn), payload)

    def invoke(self, function: Function, payload: bytes) -> Invocation:
        """Run it, wait, and keep its log where CloudWatch Logs finds it."""
        done = invoke(function, payload, self._settings)
        self._keep(function, done.log)
        return done

    def begin(self, function: Function, payload: bytes) -> None:
        """Run it without waiting; one that fails is tried again, as Lambda does with asynchronous invocations."""

        def attempts() -> None:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    done = self.invoke(function, payload)
                except AwsError as error:
                    _log.warning("function %s cannot be invoked: %s", function.name, error.message)
                    return
                if not done.error:
                    return
                _log.warning(
                    "attempt %d of function %s failed: %s", attempt, function.name, done.payload.decode()
                )

        threading.Thread(target=attempts, name=f"function {function.name}", daemon=True).start()

    def take_over(self) -> None:
        """Let moto run functions here too, where it is moto that calls them: for the messages of a queue, say."""
        from moto.awslambda.models import lambda_backends

        def invoke_of_the_asked(*arguments: Any, **named: Any) -> bytes:
            """``LambdaBackend.invoke``; in a thread of nobody's request, such as an alarm's, the latest is meant."""
            return _asked.get(self).run_for_moto(*arguments, **named)

        lambda_backends[self._settings.account][self._settings.region].invoke = invoke_of_the_asked

    def be_asked(self) -> None:
        """What moto does in this thread from now on, it does for this local SageMaker."""
        _asked.set(self)

    def run_for_moto(
        self,
        function_name: str,
        qualifier: str | None,
        body: Any,
        headers: Any,
        response_headers: dict[str, str],
    ) -> bytes:
        """``LambdaBackend.invoke``: a failure is a header, by which a queue keeps its message."""
        del headers
        try:
            done = self.invoke(
                self.find(function_name, qualifier), body.encode() if isinstance(body, str) else body
            )
        except AwsError as error:
            done = Invocation(error.message.encode(), log="", version="", error="Unhandled")
        if done.error:
            response_headers["x-amz-function-error"] = done.error
            _log.warning("function %s failed: %s", function_name, done.payload.decode(errors="replace"))
        return done.payload

    def _keep(self, function: Function, log: str) -> None:
        from moto.logs.models import logs_backends

        backend = logs_backends[self._settings.account][function.arn.split(":")[3]]
        group, stream = f"/aws/lambda/{function.name}", f"[{function.version}]{uuid.uuid4().hex}"
        backend.ensure_log_group(group)
        backend.create_log_stream(group, stream)
        from moto.core.utils import unix_time_millis

        now = unix_time_millis()
        lines = [{"timestamp": now, "message": line} for line in log.splitlines()]
        backend.put_log_events(group, stream, lines)


def _parts(name_or_arn: str) -> tuple[str, str | None]:
    """Name and qualifier of ``name``, ``name:qualifier`` or an ARN of either."""
    text = name_or_arn.partition(":function:")[2] or name_or_arn
    name, _, qualifier = text.partition(":")
    return name, qualifier or None


def _send(
    start_response: StartResponse, status: str, body: bytes, headers: dict[str, str]
) -> Iterable[bytes]:
    if len(body) > MOST:
        text = f"Response payload size exceeded maximum allowed payload size ({MOST} bytes)."
        body = f'{{"errorMessage": "{text}", "errorType": "Function.ResponseSizeTooLarge"}}'.encode()
        headers = {**headers, "X-Amz-Function-Error": "Unhandled"}
    start_response(
        status,
        [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("x-amzn-RequestId", str(uuid.uuid4())),
            *headers.items(),
        ],
    )
    return [body]
