"""The model server inside a serving container: ``/ping`` and ``/invocations`` on a port of loopback.

    python3 -m local_sagemaker.jobs.runtimes.model_server RUNTIME

RUNTIME is a name of ``images.RUNTIMES``. ``SAGEMAKER_PROGRAM`` names a script; without one the XGBoost image serves
its model file. ``SAGEMAKER_BIND_TO_PORT`` says where, ``SAGEMAKER_MODEL_SERVER_WORKERS`` how many processes answer
(one unless told; the images take one for each core). Each answers one request at a time, as a worker of the images
does, because scripts count on it; ``/ping`` is answered at any time.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from local_sagemaker.http_server import HttpServer
from local_sagemaker.jobs.runtimes import serving_toolkit, serving_workers
from local_sagemaker.jobs.runtimes.serving import CannotServe, Model, Reply, Request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MODEL = "/opt/ml/model"
PORT, WORKERS, PROGRAM = "SAGEMAKER_BIND_TO_PORT", "SAGEMAKER_MODEL_SERVER_WORKERS", "SAGEMAKER_PROGRAM"
LARGEST = 6  # megabytes of a request, which transform jobs ask for
_PROJECT = str(Path(__file__).parents[3])
_REASONS = {200: "OK", 204: "No Content", 400: "Bad Request", 404: "Not Found", 500: "Internal Server Error"}


class Application:
    """The contract of a serving container as a WSGI application around one model."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer ``GET /ping``, ``GET /execution-parameters`` and ``POST /invocations``."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path == "/ping":
            return _send(start_response, Reply(b"", "application/json"))
        if path == "/execution-parameters" and method == "GET":
            return _send(start_response, Reply(json.dumps(_parameters()).encode(), "application/json"))
        if path != "/invocations" or method != "POST":
            return _send(start_response, Reply(b"Not Found", "text/plain", 404))
        request = Request(
            environ["wsgi.input"].read(), environ.get("CONTENT_TYPE", ""), environ.get("HTTP_ACCEPT", "")
        )
        return _send(start_response, self._model.answer(request))


class OneAtATime:
    """A model in this process."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Reply:
        """The model's answer, or a 500 for what it raised."""
        with self._lock:
            return serving_workers.reply(self._model, request)


def load(runtime: str, environment: Mapping[str, str], folder: Path) -> Model:
    """What a container of that runtime answers with. Raises CannotServe, and whatever a script raises."""
    program = environment.get(PROGRAM)
    if program:
        return serving_toolkit.load(program, folder, matrices=runtime == "xgboost")
    if runtime == "xgboost":
        from local_sagemaker.jobs.runtimes.xgboost_serving import Algorithm  # which needs XGBoost

        return Algorithm(folder)
    raise CannotServe(
        f"The {runtime} image serves with a script: set {PROGRAM} to its name and SAGEMAKER_SUBMIT_DIRECTORY to where "
        "it lies, /opt/ml/model/code for code in the model archive."
    )


def _parameters() -> dict[str, int | str]:
    return {"MaxConcurrentTransforms": _workers(), "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": LARGEST}


def _workers() -> int:
    said = os.environ.get(WORKERS, "1")
    if not said.isdigit() or int(said) < 1:
        raise CannotServe(f"{WORKERS} is {said!r}; it must be a number of processes.")
    return int(said)


def _send(start_response: StartResponse, reply: Reply) -> Iterable[bytes]:
    start_response(
        f"{reply.status} {_REASONS.get(reply.status, 'Status')}",
        [("Content-Type", reply.content_type), *reply.headers.items()],
    )
    return [reply.body]


def main(runtime: str) -> int:
    """Load the model, and answer until the process is ended."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    # Before the model is loaded: a ping that comes meanwhile waits, and is answered the moment it can be.
    listener = socket.create_server(("127.0.0.1", int(os.environ.get(PORT, "8080"))), backlog=1024)

    def loaded() -> Model:
        model = load(runtime, os.environ, Path(MODEL))
        print(f"Model loaded successfully for worker : {os.getpid()}", flush=True)  # noqa: T201
        return model

    if _PROJECT in sys.path:  # what is needed of it is loaded; a script finds its own modules only
        sys.path.remove(_PROJECT)
    try:
        number = _workers()
        model = serving_workers.Workers(number, loaded) if number > 1 else OneAtATime(loaded())
    except CannotServe as problem:
        print(problem, file=sys.stderr, flush=True)  # noqa: T201
        return 1
    HttpServer(Application(model), listener=listener).start()
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
