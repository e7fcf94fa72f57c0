"""The server that one would write first: Flask behind gunicorn, a data frame for each request, the same flow and model.

gunicorn --workers 2 --bind 127.0.0.1:PORT benchmarks.serving.plain:app    with SM_MODEL_DIR
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import xgboost as xgb
from flask import Flask, jsonify, request

from containers.contract import FLOW_FILE, MODEL_FILE
from containers.flow import FittedFlow, apply

FOLDER = Path(os.environ["SM_MODEL_DIR"])

flow = FittedFlow.from_json((FOLDER / FLOW_FILE).read_text(encoding="utf-8"))
model = xgb.Booster(model_file=str(FOLDER / MODEL_FILE))
app = Flask(__name__)


@app.get("/ping")
def ping() -> str:
    """Well."""
    return ""


@app.post("/invocations")
def invocations() -> Any:
    """The probability and the decision of each row."""
    rows = pd.DataFrame(request.get_json()["instances"])
    probabilities = model.predict(xgb.DMatrix(apply(flow, rows)))
    decisions = [flow.label.classes[int(probability >= 0.5)] for probability in probabilities]
    return jsonify(
        predictions=[
            {"decision": decision, "probability": float(probability)}
            for decision, probability in zip(decisions, probabilities, strict=True)
        ]
    )
