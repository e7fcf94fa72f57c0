"""XGBoost's algorithm mode as a server: the model file of the archive alone, no code.

Answers as the image of version 3.2-0 does (https://github.com/aws/sagemaker-xgboost-container): CSV or libsvm in;
one prediction a line as CSV, or ``{"predictions": [{"score": 0.5}]}`` as JSON, out; 204 for an empty request, 415
for what cannot be read, 400 for what the model refuses, 406 for what cannot be written. Its recordio-protobuf is
not here.
"""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import xgboost

from local_sagemaker.jobs.runtimes import serving_formats as formats
from local_sagemaker.jobs.runtimes.serving import CannotServe, Reply, Request

_ACCEPTED = (formats.JSON, "application/jsonlines", "application/x-recordio-protobuf", formats.CSV)


class Algorithm:
    """One model, loaded. It uses one thread, as in the image."""

    def __init__(self, folder: Path) -> None:
        """Load the model file in ``folder``. Raises CannotServe."""
        self._booster = _load(_model_file(folder))
        self._booster.set_param("nthread", 1)
        self._batch = bool(os.environ.get("SAGEMAKER_BATCH"))

    def answer(self, request: Request) -> Reply:
        """The predictions, one for each row."""
        if not request.body:
            return Reply(b"", "text/html; charset=utf-8", 204)
        try:
            matrix = _matrix(request)
        except Exception as error:  # noqa: BLE001 - the image answers whatever goes wrong here so
            return _refusal(415, str(error))
        try:
            predictions = self._booster.predict(matrix, validate_features=False).tolist()
        except (ValueError, xgboost.core.XGBoostError) as error:
            return _refusal(400, f"Unable to evaluate payload provided: {_first_line(error)}")
        accept = _accept(request.accept)
        if accept not in _ACCEPTED:
            return _refusal(
                406,
                f"Accept type {accept} is not supported. Please use supported accept types: {list(_ACCEPTED)}.",
            )
        if self._batch:
            return Reply("".join(f"{each}\n" for each in predictions).encode(), accept)
        if accept == formats.JSON:
            scores = {"predictions": [{"score": each} for each in predictions]}
            return Reply(json.dumps(scores).encode(), accept)
        encoded = formats.encode(predictions, accept)
        return Reply(encoded if isinstance(encoded, bytes) else encoded.encode(), accept)


def _matrix(request: Request) -> Any:
    kind = (request.content_type or formats.CSV).partition(";")[0].strip().lower()
    if kind not in (formats.CSV, formats.LIBSVM, formats.X_LIBSVM):
        raise ValueError(
            f"Content-type {kind} not supported. Supported content-type is text/csv, text/libsvm, "
            "application/x-recordio-protobuf"
        )
    name = "csv" if kind == formats.CSV else "libsvm"
    try:
        return formats.decode_matrix(request.body, kind)
    except (ValueError, xgboost.core.XGBoostError) as error:
        raise ValueError(
            f"Loading {name} data failed with Exception, please ensure data is in {name} format:\n "
            f"{type(error)}\n {_first_line(error)}"
        ) from None


def _accept(asked: str) -> str:
    accept = asked.partition(";")[0].strip().lower()
    if accept in ("", "*/*"):
        return os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", formats.CSV)
    return accept


def _refusal(status: int, message: str) -> Reply:
    print(message, flush=True)  # noqa: T201 - the endpoint's log
    return Reply(message.encode(), "text/html; charset=utf-8", status)


def _model_file(folder: Path) -> Path:
    """The model's file: the archive's only one, or the one that is called as the algorithm calls it."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    named = [path for path in files if path.name == "xgboost-model"]
    if not files:
        raise CannotServe(f"Unable to load model: the model archive has no file at its top ({folder}).")
    if len(files) > 1 and not named:
        # The image takes whichever the file system lists first: a model that works by chance is no model.
        raise CannotServe(
            f"Unable to load model: the archive has {len(files)} files at its top "
            f"({', '.join(path.name for path in files)}) and none is called xgboost-model. The image loads any one of "
            "them: leave one, or name a script in SAGEMAKER_PROGRAM."
        )
    return (named or files)[0]


def _load(path: Path) -> Any:
    """The booster in a file: XGBoost's own formats, or a pickle, as the image's earlier versions left it."""
    content = path.read_bytes()
    try:
        booster = xgboost.Booster()
        booster.load_model(bytearray(content))
    except xgboost.core.XGBoostError as own:
        return _unpickled(path, content, _first_line(own))
    return booster


def _unpickled(path: Path, content: bytes, own: str) -> Any:
    try:
        booster = pickle.loads(content)  # noqa: S301 - the image does; a model archive is trusted as code is
    except Exception as error:  # noqa: BLE001 - any bytes may raise anything
        raise CannotServe(
            f"Unable to load model: Model {path} cannot be loaded:\nPickle load error={error}\n"
            f"XGB load model error={own}"
        ) from None
    booster = getattr(booster, "get_booster", lambda: booster)()
    if not isinstance(booster, xgboost.Booster):
        raise CannotServe(f"Unable to load model: {path} holds a {type(booster).__name__}, not a Booster.")
    return booster


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).partition("Stack trace:")[0].splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
