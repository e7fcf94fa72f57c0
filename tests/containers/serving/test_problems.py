"""Models of every kind of problem and of every booster: the scores of the matrix, in every format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from containers import contract
from containers.flow import apply, fit
from containers.serving import inference
from containers.serving.predictor import load
from tests.containers.serving.rows import WRITERS, written

COLUMNS = {"size": "number", "colour": "string", "age": "integer", "y": "string"}
FLOW = [{"operator": "encode", "columns": ["colour"], "method": "one_hot"}]
OBJECTIVES = {
    "binary": {"objective": "binary:logistic"},
    "multiclass": {"objective": "multi:softprob", "num_class": 3},
    "regression": {"objective": "reg:squarederror"},
}
BOOSTERS = {
    "trees": {"max_depth": 6},
    "forest": {"max_depth": 4, "num_parallel_tree": 4},
    "leaves": {"max_leaves": 15, "grow_policy": "lossguide"},
    "dart": {"booster": "dart", "rate_drop": 0.3},
    "linear": {"booster": "gblinear"},
}
ROUNDS = 20


def raw(count: int = 300) -> pd.DataFrame:
    """Raw rows with gaps."""
    draw = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "size": draw.normal(size=count),
            "colour": draw.choice(["red", "green", "blue"], count),
            "age": draw.integers(0, 90, count),
        }
    ).astype(object)
    for name in table:
        table.loc[draw.random(count) < 0.2, name] = None
    return table


def model(folder: Path, problem: str, booster: str) -> Path:
    """A folder as train.py leaves it."""
    rows = raw()
    numbers = rows[["size", "age"]].astype(float).fillna(0)
    target = numbers["size"] + (rows["colour"] == "red") + numbers["age"] / 50
    codes = np.digitize(target, np.quantile(target, [0.5] if problem == "binary" else [0.33, 0.66]))
    labels = target if problem == "regression" else pd.Series([f"class {code}" for code in codes])
    columns = COLUMNS | {"y": "number" if problem == "regression" else "string"}
    positive = "class 1" if problem == "binary" else None
    flow = fit(FLOW, rows.assign(y=labels), columns=columns, label="y", problem=problem, positive=positive)
    matrix = xgb.DMatrix(apply(flow, rows), flow.label.encode(labels))
    trained = xgb.train(
        {**OBJECTIVES[problem], **BOOSTERS[booster], "nthread": 1, "verbosity": 0}, matrix, ROUNDS
    )
    trained.save_model(folder / contract.MODEL_FILE)
    (folder / contract.FLOW_FILE).write_text(flow.to_json(), encoding="utf-8")
    info = {"problem": problem, "features": list(flow.features)}
    (folder / contract.MODEL_INFO_FILE).write_text(json.dumps(info), encoding="utf-8")
    return folder


def ask(folder: Path, body: Any, kind: str) -> list[dict[str, Any]]:
    predictor = inference.model_fn(str(folder))
    text, _ = inference.output_fn(
        inference.predict_fn(inference.input_fn(body, kind), predictor), "application/json"
    )
    return list(json.loads(text)["predictions"])


@pytest.mark.parametrize("booster", BOOSTERS)
@pytest.mark.parametrize("problem", OBJECTIVES)
def test_every_model_is_scored_as_offline(tmp_path: Path, problem: str, booster: str) -> None:
    """Rows together and one by one have the bits of the whole matrix, gaps and unseen values among them."""
    predictor = load(model(tmp_path, problem, booster))
    rows = raw()
    rows.loc[0] = [None, None, None]
    rows.loc[1, "colour"] = "unseen"
    features = apply(predictor.flow, rows)
    offline = predictor.booster.predict(xgb.DMatrix(features)).astype(np.float64)

    together = predictor.score(features.to_numpy())
    assert together.tobytes() == offline.tobytes()
    for place in range(30):
        assert predictor.score(features.to_numpy()[[place]]).tobytes() == offline[[place]].tobytes()


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("problem", OBJECTIVES)
def test_every_format_gives_the_same(tmp_path: Path, problem: str, kind: str) -> None:
    """A class with its probabilities, or a number, whatever the format of the rows."""
    folder = model(tmp_path, problem, "trees")
    rows = raw(20)
    found = ask(folder, written(rows, kind), kind)
    assert found == ask(folder, written(rows, "application/json"), "application/json")
    if problem == "regression":
        assert all(each.keys() == {"prediction"} for each in found)
    if problem == "multiclass":
        for each in found:
            assert each["decision"] == max(each["probabilities"], key=each["probabilities"].get)
            assert sum(each["probabilities"].values()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("problem", OBJECTIVES)
def test_every_model_explains_a_row(tmp_path: Path, problem: str) -> None:
    """Base and contributions add up to the margin, of the class that was decided on."""
    folder = model(tmp_path, problem, "trees")
    rows = raw(5)
    body = json.dumps({"instances": rows.to_dict("records"), "explain": True})
    predictor = load(folder)
    margins = predictor.booster.predict(xgb.DMatrix(apply(predictor.flow, rows)), output_margin=True)
    for each, margin in zip(ask(folder, body, "application/json"), margins, strict=True):
        assert sum(each["contributions"].values()) == pytest.approx(np.max(margin), abs=1e-4)
