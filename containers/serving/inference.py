"""The four functions that AWS's framework containers call: serving on the XGBoost image, and on any other.

https://sagemaker.readthedocs.io/en/stable/frameworks/xgboost/using_xgboost.html

    model_fn(folder) -> Predictor
    input_fn(body, content type) -> Rows          of CSV, JSON, JSON Lines or Parquet
    predict_fn(Rows, Predictor) -> Answer
    output_fn(Answer, accept) -> the response     as CSV, JSON or JSON Lines

A request that is refused gets its status; what is wrong with a row is said for that row, and the other rows get their
predictions, where the answer's format has room for both (CSV has none: there, one bad row refuses the request).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from containers.serving import answers, rows
from containers.serving.answers import Answer
from containers.serving.predictor import Predictor, load
from containers.serving.refusal import Refused, response

_loaded: list[Predictor] = []  # input_fn gets no model, and must know which columns it reads


def model_fn(folder: str) -> Predictor:
    """The flow and the model in ``folder``."""
    predictor = load(Path(folder))
    _loaded[:] = [predictor]
    return predictor


def input_fn(body: bytes | str, content_type: str) -> rows.Rows | Refused:
    """The rows, or why there are none."""
    content = body.encode() if isinstance(body, str) else bytes(body)
    try:
        return rows.read(content, content_type, _loaded[0].flow)
    except Refused as refused:
        return refused


def predict_fn(asked: rows.Rows | Refused, predictor: Predictor) -> Answer | Refused:
    """The predictions of all rows at once."""
    return asked if isinstance(asked, Refused) else answers.answer(asked, predictor)


def output_fn(found: Answer | Refused, accept: str) -> Any:
    """The response: a pair of body and content type, or, for what is refused, one with its status."""
    try:
        if isinstance(found, Refused):
            raise found
        return answers.write(found, accept)
    except Refused as refused:
        problems = {} if isinstance(found, Refused) else answers.problems(found)
        return response(refused.status, {"message": str(refused), **problems})
