"""Every service that is not ours: moto's application, loaded at first need and mounted in this process.

What it lacks, it answers with an exception or a page of HTML; here that becomes an error in the service's own
protocol that names the operation. Its state lives in memory and ends with the process. Its own S3 and SageMaker
are never reached: the front keeps those names.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from local_sagemaker import aws_request, stacks
from local_sagemaker.errors import AwsError, UnsupportedOperation
from local_sagemaker.operation_name import operation_name
from local_sagemaker.settings import Settings
from local_sagemaker.stacks import bridge

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from local_sagemaker.aws_request import WsgiApp

_log = logging.getLogger(__name__)


class OtherServices:
    """moto as a WSGI application. ``prepare`` runs once, when it has been loaded and before it answers.

    ``settings`` say for which account and region; ``endpoint`` is where stacks create what is not moto's.
    """

    def __init__(
        self,
        settings: Settings,
        prepare: Callable[[], None] = lambda: None,
        *,
        endpoint: str | None = None,
        entering: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._clients = None if endpoint is None else bridge.Clients(endpoint, settings.region)
        self._prepare = prepare
        self._entering = entering
        self._lock = threading.Lock()
        self._application: WsgiApp | None = None

    @property
    def loaded(self) -> bool:
        """Whether anything has needed it yet. Until then every other service is as it is at the start."""
        return self._application is not None

    def enter(self) -> None:
        """Say whose the calls of moto are that this thread makes from now on: its state is the whole process's."""
        if self._clients is not None:
            bridge.asked.set(self._clients)
        self._entering()

    def load(self) -> WsgiApp:
        """Import moto (0.3 s) unless it is there already."""
        with self._lock:
            if self._application is None:
                application = _moto(self._settings, through_services=self._clients is not None)
                self._prepare()
                self._application = application
            return self._application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with moto's answer. Raises UnsupportedOperation, in words that name service and operation."""
        from botocore.model import OperationNotFoundError

        application = self.load()
        aws_request.body(environ)
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], object]:
            started[:] = [(status, headers)]
            return lambda _: None

        self.enter()
        try:
            parts = application(environ, start)
            content = b"".join(parts)
        except (NotImplementedError, OperationNotFoundError):
            raise _unsupported(environ) from None
        status, headers = started[0]
        if not _is_an_answer(status, headers, content):
            raise _unsupported(environ)
        start_response(status, headers)
        return [content]


def _unsupported(environ: WSGIEnvironment) -> AwsError:
    return UnsupportedOperation(f"The local SageMaker does not support {operation_name(environ)}; AWS does.")


def _is_an_answer(status: str, headers: list[tuple[str, str]], content: bytes) -> bool:
    """AWS's services describe an error in their protocol; HTML and nothing at all are the web framework's."""
    types = [value for name, value in headers if name.lower() == "content-type"]
    return status < "400" or (content != b"" and not any("text/html" in kind for kind in types))


def _moto(settings: Settings, *, through_services: bool) -> WsgiApp:
    os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")  # roles attach AWS's policies by ARN
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    if settings.account != DEFAULT_ACCOUNT_ID:
        os.environ["MOTO_ACCOUNT_ID"] = settings.account  # the only way to tell it

    def create(backend: str | None) -> WsgiApp:
        if backend is None:
            raise NotImplementedError
        if backend == "cloudformation":
            stacks.prepare(through_services=through_services)
        application: WsgiApp = create_backend_app(backend)
        return application

    dispatcher: WsgiApp = DomainDispatcherApplication(create)
    return dispatcher
