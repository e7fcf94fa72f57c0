"""Our own serving image's server: the four functions of ``inference.py`` behind ``/ping`` and ``/invocations``.

    python3 -m containers.serving.server serve

gunicorn keeps a worker for each core and aiohttp speaks HTTP in it (docs/decisions/0189). The model is loaded once,
before the workers are forked, so that they share its memory. A worker answers one request at a time, with one thread.
SIGTERM ends it: no new connections, what is under way is answered.

Environment:
    SAGEMAKER_BIND_TO_PORT                      where it listens: 8080, as SageMaker expects, unless it says otherwise
    SAGEMAKER_MODEL_SERVER_WORKERS              processes that answer; one for each core unless it says otherwise
    SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT        what is written where a request does not say: application/json
    SM_MODEL_DIR                                where the model lies: /opt/ml/model
    DECISION_THRESHOLD                          see predictor.py

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import argparse
import gc
import os
import socket
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web
from aiohttp.worker import GunicornWebWorker
from gunicorn.app.base import BaseApplication

from containers.contract import BASE
from containers.serving import inference
from containers.serving.listener import Listener
from containers.serving.predictor import Predictor
from containers.serving.refusal import JSON, document

PORT, WORKERS = "SAGEMAKER_BIND_TO_PORT", "SAGEMAKER_MODEL_SERVER_WORKERS"
ACCEPT = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"
LARGEST = 100 << 20  # bytes of a request: what a transform job may ask for; an endpoint's limit is 6 MB
GRACE = 25  # seconds for what is under way; SageMaker kills 30 s after SIGTERM


class Worker(GunicornWebWorker):
    """aiohttp's worker, which shares connections with the others and ends the moment that it is told to."""

    handle_exit = GunicornWebWorker.handle_quit  # its own looks once a second

    def run(self) -> None:
        """aiohttp asks the loop for a server, and gets a listener of ours."""

        async def create_server(server: web.Server, *, sock: socket.socket, **_: object) -> Listener:
            return Listener(self.loop, sock, server)

        self.loop.create_server = create_server  # type: ignore[method-assign, assignment]
        super().run()


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with one application and no configuration but this."""

    def __init__(self, predictor: Predictor, host: str, port: int, workers: int) -> None:
        self._application = application(predictor, workers)
        self._settings = {
            "bind": f"{host}:{port}",
            "workers": workers,
            "worker_class": Worker,
            "preload_app": True,
            "keepalive": 75,  # longer than a caller keeps an idle connection, so that it is never the slower to close
            "timeout": 120,  # a worker that has been busy for longer is replaced
            "graceful_timeout": GRACE,
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108 - a heartbeat, no disk
            "control_socket_disable": True,
            "loglevel": "warning",
        }
        super().__init__()

    def load_config(self) -> None:
        """Called by gunicorn."""
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> web.Application:
        """Called by gunicorn, once, before it forks."""
        return self._application


def application(predictor: Predictor, workers: int) -> web.Application:
    """The contract of a serving container around one model."""
    default = os.environ.get(ACCEPT, JSON)
    parameters = {"MaxConcurrentTransforms": workers, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}

    async def ping(_: web.Request) -> web.Response:
        return web.Response()

    async def execution_parameters(_: web.Request) -> web.Response:
        return web.json_response(parameters)

    async def invocations(request: web.Request) -> web.Response:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _refused(413, f"A request may have {LARGEST} bytes.")
        accept = request.headers.get("Accept", "")
        return invoke(
            predictor,
            body,
            request.headers.get("Content-Type") or JSON,
            default if accept in ("", "*/*") else accept,
        )

    made = web.Application(client_max_size=LARGEST)
    made.router.add_get("/ping", ping)
    made.router.add_get("/execution-parameters", execution_parameters)
    made.router.add_post("/invocations", invocations)
    return made


def invoke(predictor: Predictor, body: bytes, content_type: str, accept: str) -> web.Response:
    """The four functions' answer, as the framework containers make a response of it."""
    try:
        asked = inference.input_fn(body, content_type)
        found = inference.output_fn(inference.predict_fn(asked, predictor), accept)
    except Exception:  # noqa: BLE001 - whatever happened, the next request is another
        traceback.print_exc()
        return _refused(500, "The request could not be answered; the endpoint's log says why.")
    if isinstance(found, tuple):
        text, kind = found
        return web.Response(body=text.encode(), headers={"Content-Type": kind})
    return web.Response(
        body=found.get_data(), status=found.status_code, headers={"Content-Type": found.content_type}
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Load the model and serve until told to end; the exit status."""
    parser = argparse.ArgumentParser(
        prog="serve", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "command", nargs="?", choices=["serve"], help="what SageMaker says when it starts a container"
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        port, workers = _number(PORT, 8080), _number(WORKERS, _cores())
        predictor = inference.model_fn(os.environ.get("SM_MODEL_DIR", f"{BASE}/model"))
    except ValueError as problem:
        print(f"cannot serve: {problem}", file=sys.stderr, flush=True)
        return 1
    gc.collect()
    gc.freeze()  # what is loaded stays: a collection would only copy its pages into every worker
    print(f"model loaded; {workers} workers at {options.host}:{port}", flush=True)
    Server(predictor, options.host, port, workers).run()
    return 0


def _number(name: str, otherwise: int) -> int:
    text = os.environ.get(name) or str(otherwise)
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{name} must be a number from 1 on, not {text!r}")
    return int(text)


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _refused(status: int, message: str) -> web.Response:
    return web.Response(text=document({"message": message}), status=status, content_type=JSON)


if __name__ == "__main__":
    sys.exit(main())
