"""The fitted flow and the model together: raw rows to probabilities and decisions."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb

from containers.contract import DECISION_THRESHOLD, FLOW_FILE, MODEL_FILE, MODEL_INFO_FILE
from containers.flow import FittedFlow
from containers.flow.label import Class
from containers.serving.features import Features, Numbers


@dataclass(frozen=True)
class Predictor:
    """One model archive, loaded."""

    flow: FittedFlow
    features: Features  # (rows, features) what the model sees of the canonical raw columns
    booster: xgb.Booster
    problem: str
    threshold: float = 0.5  # binary: a probability of at least this is a yes

    def score(self, features: Numbers) -> Numbers:
        """(rows,) probabilities of the positive class or predictions; multiclass (rows, classes)."""
        if self._in_place:
            return np.asarray(
                self.booster.inplace_predict(features, validate_features=False), dtype=np.float64
            )
        return np.asarray(self._predict(features), dtype=np.float64)

    def decide(self, scores: Numbers) -> list[Class | float]:
        """The class of each row, as the label's column calls it; of a regression the prediction itself."""
        if self.problem == "regression":
            return [float(score) for score in scores]
        codes = (scores >= self.threshold).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return [self.flow.label.classes[code] for code in codes]

    def explain(self, features: Numbers) -> list[dict[str, float]]:
        """What each feature added to a row's margin (exact tree SHAP; log-odds of a binary problem), largest first.

        Of a multiclass problem, to the margin of the most probable class. The entry ``base`` is the mean.
        """
        contributions = np.asarray(self._predict(features, pred_contribs=True), dtype=np.float64)
        if contributions.ndim == 3:
            most = self.score(features).argmax(axis=1)
            contributions = contributions[np.arange(len(most)), most]
        names = [*self.flow.features, "base"]
        order = np.argsort(-np.abs(contributions[:, :-1]), axis=1, kind="stable")
        places = np.column_stack([np.full(len(order), len(names) - 1), order])
        return [
            {names[place]: float(row[place]) for place in each}
            for row, each in zip(contributions, places, strict=True)
        ]

    @cached_property
    def _in_place(self) -> bool:
        """Whether predicting without a matrix gives the matrix's bits: of ordinary trees it does (decision 172)."""
        configuration = json.loads(self.booster.save_config())
        return str(configuration["learner"]["gradient_booster"]["name"]) == "gbtree"

    def _predict(self, features: Numbers, *, pred_contribs: bool = False) -> Any:
        """Without the features' names, which ``load`` has compared once and for all."""
        matrix = xgb.DMatrix(features, nthread=1)
        return self.booster.predict(matrix, pred_contribs=pred_contribs, validate_features=False)


def load(folder: Path) -> Predictor:
    """The predictor in an unpacked ``model.tar.gz``.

    Raises:
        ValueError: it is not a model of containers.training.train with its flow, or the threshold is no probability.
    """
    absent = [name for name in (MODEL_FILE, MODEL_INFO_FILE, FLOW_FILE) if not (folder / name).is_file()]
    if absent:
        raise ValueError(
            f"{folder} holds no {', '.join(absent)}: this is no model of containers.training.train"
        )
    flow = FittedFlow.from_json((folder / FLOW_FILE).read_text(encoding="utf-8"))
    info = json.loads((folder / MODEL_INFO_FILE).read_text(encoding="utf-8"))
    if tuple(info["features"]) != flow.features:
        raise ValueError("the model and the flow in the archive do not have the same features")
    booster = xgb.Booster(model_file=bytearray((folder / MODEL_FILE).read_bytes()))
    # A worker a core answers, in AWS's image and in ours; more threads would wait milliseconds for each other.
    booster.set_param({"nthread": 1})
    return Predictor(flow, Features(flow), booster, info["problem"], _threshold())


def _threshold() -> float:
    text = os.environ.get(DECISION_THRESHOLD, "0.5")
    try:
        threshold = float(text)
    except ValueError:
        threshold = -1.0
    if not 0 <= threshold <= 1:
        raise ValueError(f"{DECISION_THRESHOLD} must be a probability, not {text!r}")
    return threshold
