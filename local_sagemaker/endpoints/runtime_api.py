"""The runtime API: InvokeEndpoint.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from local_sagemaker.aws_request import caller
from local_sagemaker.control_plane import Guard
from local_sagemaker.endpoints.connection import Answer
from local_sagemaker.endpoints.deployments import Deployments
from local_sagemaker.endpoints.fleet import INFERENCE_ID, Fleet
from local_sagemaker.endpoints.hosted import Invocation, Refused
from local_sagemaker.endpoints.metrics import invocation
from local_sagemaker.endpoints.server import INVOCATION_SECONDS
from local_sagemaker.endpoints.variant import LOG_GROUP, Variant
from local_sagemaker.errors import AwsError, UnsupportedOperation
from local_sagemaker.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LARGEST = 6 * 1024 * 1024  # bytes of a request
_PATH = re.compile(r"/endpoints/([^/]+)/invocations")
_PREFIX = "HTTP_X_AMZN_SAGEMAKER_"
# What of a request's headers a container sees; SageMaker takes all others off.
_PASSED = {
    "CONTENT_TYPE": "Content-Type",
    "HTTP_ACCEPT": "Accept",
    f"{_PREFIX}CUSTOM_ATTRIBUTES": "X-Amzn-SageMaker-Custom-Attributes",
    f"{_PREFIX}INFERENCE_ID": INFERENCE_ID,
}
_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


def invokes(environ: WSGIEnvironment) -> bool:
    """Whether a request is for this application."""
    return _PATH.fullmatch(environ.get("PATH_INFO", "")) is not None


class Runtime:
    """InvokeEndpoint as a WSGI application."""

    def __init__(self, settings: Settings, deployments: Deployments, guard: Guard | None = None) -> None:
        self._settings = settings
        self._guard = guard
        self._deployments = deployments

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with what the model answered, or an error in AWS's shape."""
        found = _PATH.fullmatch(environ.get("PATH_INFO", ""))
        name = unquote(found[1]) if found else ""
        if self._guard is not None:
            self._guard(caller(environ).access_key, "InvokeEndpoint", _asked(name, environ))
        body = _body(environ)
        try:
            variant, answer = self._invoke(name, body, environ)
        except Refused as refused:
            return self._model_error(name, refused, start_response)
        headers = [
            ("Content-Type", answer.headers.get("content-type", "")),
            ("Content-Length", str(len(answer.body))),
            ("x-Amzn-Invoked-Production-Variant", variant),
            ("x-amzn-RequestId", str(uuid.uuid4())),
        ]
        if attributes := answer.headers.get(_ATTRIBUTES.lower()):
            headers.append((_ATTRIBUTES, attributes))
        start_response("200 OK", headers)
        return [answer.body]

    def _invoke(self, name: str, body: bytes, environ: WSGIEnvironment) -> tuple[str, Answer]:
        began = time.monotonic()
        with self._deployments.serving(name, INVOCATION_SECONDS) as fleet:
            if fleet is None:
                raise _invalid(f"Endpoint {name} of account {self._settings.account} not found.")
            variant = _variant(fleet, environ.get(f"{_PREFIX}TARGET_VARIANT"))
            asked_for = Invocation(body, _passed(environ), _target(environ, name, variant))
            host = _host(environ, variant)
            asked = time.monotonic()
            status = 500
            try:
                answer = fleet.answer(variant, asked_for, host)
                status = answer.status
            except (Refused, AwsError) as refused:
                status = refused.status
                raise
            finally:
                counts = invocation(status, time.monotonic() - asked, asked - began, variant.size)
                self._deployments.metrics.record(name, variant.name, counts)
            return variant.name, answer

    def _model_error(self, name: str, refused: Refused, start_response: StartResponse) -> Iterable[bytes]:
        region, account = self._settings.region, self._settings.account
        whose = "client" if 400 <= refused.status < 500 else "server"
        group = f"{LOG_GROUP}/{name}"
        document: Mapping[str, Any] = {
            "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if whose == "client" else "INTERNAL_FAILURE_FROM_MODEL",
            "LogStreamArn": f"arn:aws:logs:{region}:{account}:log-group:{group}",
            "Message": (
                f"Received {whose} error ({refused.status}) from {refused.name} with message "
                f'"{refused.message}". See https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}'
                f"#logEventViewer:group={group} in account {account} for more information."
            ),
            "OriginalMessage": refused.message,
            "OriginalStatusCode": refused.status,
        }
        text = json.dumps(document).encode()
        start_response(
            "424 Failed Dependency",
            [
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(text))),
                ("x-amzn-ErrorType", "ModelError"),
                ("x-amzn-RequestId", str(uuid.uuid4())),
            ],
        )
        return [text]


def _asked(name: str, environ: WSGIEnvironment) -> dict[str, str]:
    """The request, as far as permissions are about it."""
    target = environ.get(f"{_PREFIX}TARGET_MODEL")
    return {"EndpointName": name, **({"TargetModel": target} if target else {})}


def _body(environ: WSGIEnvironment) -> bytes:
    """The request's body. Raises AwsError for one that is larger than SageMaker takes."""
    stream = environ["wsgi.input"]
    body: bytes = stream.read(LARGEST + 1)
    if len(body) > LARGEST:
        raise _invalid(
            "1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length less "
            f"than or equal to {LARGEST}"
        )
    return body


def _variant(fleet: Fleet, target: str | None) -> Variant:
    if target is None:
        return fleet.choose()
    variant = fleet.variant(target)
    if variant is None:
        raise _invalid(f"Variant {target} not found for Request")
    return variant


def _target(environ: WSGIEnvironment, name: str, variant: Variant) -> str | None:
    """The model that is asked: of a variant that has many, and of no other."""
    target = environ.get(f"{_PREFIX}TARGET_MODEL")
    if target is not None and not variant.multi_model:
        raise _invalid(
            f"Endpoint {name} is not a multi-model endpoint and does not support target model header."
        )
    if target is None and variant.multi_model:
        raise _invalid(
            f"Endpoint {name} is a multi-model endpoint: say which model with the target model header."
        )
    return target


def _host(environ: WSGIEnvironment, variant: Variant) -> str | None:
    """The container that is asked alone: of a model whose containers are invoked directly, and of no other."""
    host = environ.get(f"{_PREFIX}TARGET_CONTAINER_HOSTNAME")
    if not variant.direct and host is not None:
        raise _invalid("TargetContainerHostname is for endpoints whose containers are invoked directly.")
    if variant.direct and host not in variant.hosts:
        raise _invalid(f"TargetContainerHostname must be one of {', '.join(variant.hosts)}.")
    return host


def _passed(environ: WSGIEnvironment) -> dict[str, str]:
    if f"{_PREFIX}INFERENCE_COMPONENT" in environ:
        raise UnsupportedOperation("The local SageMaker has no inference components; AWS does.")
    return {name: environ[key] for key, name in _PASSED.items() if environ.get(key)}


def _invalid(message: str) -> AwsError:
    return AwsError(message, code="ValidationError")
