"""SageMaker's wire protocol: JSON 1.1, one path, the operation named by a header.

Source: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from local_sagemaker import aws_request, json_text
from local_sagemaker.control_plane import ControlPlane
from local_sagemaker.errors import AwsError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_TARGET = "SageMaker."
_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    500: "Internal Server Error",
    501: "Not Implemented",
}
_log = logging.getLogger(__name__)


class SageMakerApi:
    """The control plane as a WSGI application."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._control_plane = control_plane

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request: 200 with the operation's answer, or an error in AWS's shape."""
        request_id = str(uuid.uuid4())
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-RequestId", request_id)]
        try:
            key = aws_request.caller(environ).access_key
            status, answer = 200, self._control_plane.call(_operation(target), _request(environ), by=key)
        except AwsError as error:
            status, answer = error.status, {"__type": error.code, "message": error.message}
        except Exception as error:  # noqa: BLE001 - the border: a client gets AWS's error, never a traceback
            _log.exception("%s failed (request %s)", target, request_id)
            message = f"{target.removeprefix(_TARGET)} failed inside the local SageMaker: {error!r}"
            status, answer = 500, {"__type": "InternalFailure", "message": message}
        if status != 200:
            headers.append(("x-amzn-ErrorType", answer["__type"]))
        body = json.dumps(answer).encode()
        headers.append(("Content-Length", str(len(body))))
        start_response(f"{status} {_REASONS.get(status, 'Error')}", headers)
        return [body]


def _operation(target: str) -> str:
    if not target.startswith(_TARGET):
        message = f"The header X-Amz-Target must be SageMaker.<operation>, not {target!r}."
        raise AwsError(message, code="UnknownOperationException", status=404)
    return target.removeprefix(_TARGET)


def _request(environ: WSGIEnvironment) -> dict[str, Any]:
    length = environ.get("CONTENT_LENGTH")
    ends = environ.get("wsgi.input_terminated", False)
    stream = environ["wsgi.input"]
    body = stream.read(int(length)) if length else stream.read() if ends else b""
    try:
        request = json_text.parse(body or b"{}")
    except ValueError as error:
        raise AwsError(f"The request's body is not JSON: {error}", code="SerializationException") from None
    if not isinstance(request, dict):
        raise AwsError("The request's body must be a JSON object.", code="SerializationException")
    return request
