"""Script mode as a server: a user's ``model_fn``, ``input_fn``, ``predict_fn`` and ``output_fn``, or ``transform_fn``.

What a script leaves out does what it does in the image: https://github.com/aws/sagemaker-containers and
https://sagemaker.readthedocs.io/en/stable/frameworks/sklearn/using_sklearn.html#serve-a-model.
"""

from __future__ import annotations

import importlib
import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_sagemaker.jobs.runtimes import serving_formats as formats
from local_sagemaker.jobs.runtimes.serving import CannotServe, Reply, Request

Function = Callable[..., Any]

_HTML = "text/html; charset=utf-8"  # what Flask says of a body whose type nobody named
_FAILED = (
    b"<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n"
    b"<p>The endpoint's log has the traceback.</p>\n"
)


class Script:
    """A user's module, its model loaded."""

    def __init__(self, module: Any, folder: Path, *, matrices: bool) -> None:
        """Load the model in ``folder``.

        Args:
            module: has the functions.
            folder: ``/opt/ml/model``.
            matrices: what ``input_fn`` makes by default are XGBoost's DMatrix, not arrays.

        Raises:
            CannotServe: the functions exclude each other, or there is no ``model_fn``. Whatever ``model_fn`` raises.
        """
        own: dict[str, Function] = {
            name: function
            for name in ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")
            if (function := getattr(module, name, None))
        }
        if "transform_fn" in own and own.keys() & {"input_fn", "predict_fn", "output_fn"}:
            raise CannotServe(
                "Cannot use transform_fn implementation with input_fn, predict_fn, and/or output_fn"
            )
        if "model_fn" not in own:
            raise CannotServe(
                f"Please provide a model_fn implementation: {module.__name__} has none, and the image has no default."
            )
        self._input = own.get("input_fn") or (formats.decode_matrix if matrices else _array)
        self._predict = own.get("predict_fn") or (_predict_matrix if matrices else _predict)
        self._output = own.get("output_fn") or _write
        self._transform = own.get("transform_fn") or self._steps
        self._model = own["model_fn"](str(folder))

    def answer(self, request: Request) -> Reply:
        """Run the functions; what they raise is the log's, and the client gets a 500."""
        content_type = request.content_type or formats.JSON
        accept = request.accept
        if accept in ("", "*/*"):
            accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", formats.JSON)
        body = request.body.decode() if content_type in formats.TEXTS else request.body
        try:
            return _reply(self._transform(self._model, body, content_type, accept))
        except Exception:  # noqa: BLE001 - a user's code
            traceback.print_exc()
            return Reply(_FAILED, _HTML, 500)

    def _steps(self, model: Any, body: str | bytes, content_type: str, accept: str) -> Any:
        try:
            data = self._input(body, content_type)
        except formats.UnsupportedFormat as error:
            return _error(error, 415)
        prediction = self._predict(data, model)
        try:
            return self._output(prediction, accept)
        except formats.UnsupportedFormat as error:
            return _error(error, 406)


def load(program: str, folder: Path, *, matrices: bool) -> Script:
    """The script that the image is told to run, by the name of its file or module. Raises CannotServe."""
    module = importlib.import_module(program.removesuffix(".py").replace("/", "."))
    return Script(module, folder, matrices=matrices)


def _array(body: str | bytes, content_type: str) -> Any:
    import numpy as np

    array = formats.decode(body, content_type)
    return array.astype(np.float32) if content_type in formats.TEXTS else array


def _predict(data: Any, model: Any) -> Any:
    return model.predict(data)


def _predict_matrix(data: Any, model: Any) -> Any:
    return model.predict(data, validate_features=False)


def _write(prediction: Any, accept: str) -> tuple[str | bytes, str]:
    return formats.encode(prediction, accept), accept


def _reply(result: Any) -> Reply:
    """What Flask makes of what a script returned: a pair of body and type, a response, a text, a mapping."""
    if isinstance(result, Reply):
        return result
    if hasattr(result, "get_data"):  # a Flask or Werkzeug response
        headers = {name: value for name, value in result.headers.items() if name.lower() == _CUSTOM}
        return Reply(result.get_data(), result.content_type or _HTML, result.status_code, headers)
    body, kind = result if isinstance(result, tuple) else (result, _HTML)
    if isinstance(body, dict | list):
        return Reply(json.dumps(body).encode(), formats.JSON)
    if not isinstance(body, str | bytes | bytearray):
        raise TypeError(
            f"output_fn must return text or bytes, or a pair of these and a type, not {type(body).__name__}"
        )
    return Reply(body.encode() if isinstance(body, str) else bytes(body), kind)


def _error(error: Exception, status: int) -> Reply:
    document = {
        "error": type(error).__name__,
        "error-message": str(error),
        "stack-trace": traceback.format_exc(),
    }
    return Reply(json.dumps(document).encode(), formats.JSON, status)


_CUSTOM = "x-amzn-sagemaker-custom-attributes"
