"""The front: one application on one port that hands each request to the service it is signed for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from local_sagemaker.aws_request import caller
from local_sagemaker.endpoints import runtime_api
from local_sagemaker.errors import AwsError, UnsupportedOperation
from local_sagemaker.http_request import DisconnectedError, MalformedRequestError
from local_sagemaker.operation_name import operation_name
from local_sagemaker.protocols import error_answer, json_answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from local_sagemaker.aws_request import WsgiApp

HEALTH = "/_local_sagemaker/health"  # no bucket can be named like this: S3 allows no underscore
_log = logging.getLogger(__name__)


class Front:
    """Dispatches on the service in the credential scope. A WSGI application.

    ``services`` maps signing names to applications, ``others`` answers for all that are not in it, and ``health``
    is what the health endpoint says.
    """

    def __init__(
        self, services: Mapping[str, WsgiApp], others: WsgiApp, health: Callable[[], Mapping[str, Any]]
    ) -> None:
        self._services = services
        self._others = others
        self._health = health

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, whatever it is: with the service's answer, or an error in the service's protocol."""
        if environ.get("PATH_INFO") == HEALTH:
            return json_answer(self._health()).send(start_response)
        service = self._services.get(caller(environ).service, self._others)
        try:
            return service(environ, start_response)
        except AwsError as error:
            return error_answer(environ, error).send(start_response)
        except (DisconnectedError, MalformedRequestError):
            raise  # nobody is left to answer, or the server refuses the request itself
        except Exception as error:  # noqa: BLE001 - the border: a client gets AWS's error, never a traceback
            name = operation_name(environ)
            _log.exception("%s failed", name)
            failure = AwsError(
                f"{name} failed inside the local SageMaker: {error!r}", code="InternalFailure", status=500
            )
            return error_answer(environ, failure).send(start_response)


class SageMakerServices:
    """All that signs as ``sagemaker``: the control plane, and the data planes (runtime, metrics, feature store)."""

    def __init__(self, control_plane: WsgiApp, runtime: WsgiApp) -> None:
        self._control_plane = control_plane
        self._runtime = runtime

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The control plane speaks JSON with a target; the data planes are REST, and only the runtime is there."""
        if environ.get("HTTP_X_AMZ_TARGET"):
            return self._control_plane(environ, start_response)
        if runtime_api.invokes(environ):
            return self._runtime(environ, start_response)
        raise UnsupportedOperation(
            f"The local SageMaker does not support {operation_name(environ)}; AWS does."
        )
