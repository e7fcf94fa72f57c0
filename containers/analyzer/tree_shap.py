"""Exact SHAP values of a model of trees, read off the trees themselves: nothing is sampled, nothing predicted.

In the unit of the trees' sum (log-odds for ``binary:logistic``), not in probabilities. Two questions can be asked, as
Lundberg et al. distinguish them in *From local explanations to global understanding with explainable AI for trees*
(2020):

- without a baseline: what is not known is filled in from the rows that the trees were trained on, as far as the trees
  remember them (XGBoost's ``pred_contribs``);
- with baseline rows: what is not known is filled in from these. This is what Kernel SHAP estimates, exactly.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from containers.analyzer.shap_values import LOG_ODDS, TREE, Array, ShapValues, label_names
from containers.processing.job import DataError

TREES = ("gbtree", "dart")  # boosters
LOGISTIC = ("binary:logistic", "binary:logitraw", "reg:logistic")


def tree_shap(
    booster: xgboost.Booster,
    rows: pd.DataFrame,
    baseline: pd.DataFrame | None = None,
    labels: Sequence[str] = (),
) -> ShapValues:
    """Explain what the trees say of each row.

    For what one thing was made into (a category as columns of 0 and 1), see ``ShapValues.grouped``.

    Args:
        booster: trees; of a search, the best round and no later one is meant where it is marked in the model.
        rows: the columns that the booster was trained with, in its order.
        baseline: rows that stand for knowing nothing, of the same columns.
        labels: names of the outputs.

    Raises:
        DataError: the columns are not those of the booster, or there are no rows.
    """
    if rows.empty:
        raise DataError(
            f"Data must contain features. The data has {len(rows)} rows, {rows.shape[1]} columns."
        )
    for table in (rows,) if baseline is None else (rows, baseline):
        _check(booster, table)
    values, expected = _own(booster, rows) if baseline is None else _against(booster, rows, baseline)
    names = label_names(len(expected), labels)
    logistic = _config(booster)["objective"]["name"] in LOGISTIC
    unit = LOG_ODDS if logistic else "sum of the trees"
    return ShapValues(TREE, tuple(map(str, rows.columns)), names, values, expected, baseline, unit)


def _own(booster: xgboost.Booster, rows: pd.DataFrame) -> tuple[Array, Array]:
    """XGBoost's own: the last column is what is expected, the same for all rows."""
    data = xgboost.DMatrix(rows, enable_categorical=True)
    found = booster.predict(data, pred_contribs=True, iteration_range=_rounds(booster), strict_shape=True)
    values = np.asarray(found, dtype=np.float64).swapaxes(1, 2)
    return values[:, :-1], values[0, -1]


def _against(booster: xgboost.Booster, rows: pd.DataFrame, baseline: pd.DataFrame) -> tuple[Array, Array]:
    """shap's, imported when it is needed: it takes a second, and calls what matplotlib means to give up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        import shap

    if any(isinstance(kind, pd.CategoricalDtype) for kind in rows.dtypes):
        raise DataError(
            "tree SHAP with a baseline needs numbers; use it without one, or Kernel SHAP, for categories"
        )
    trees = booster[: _rounds(booster)[1]] if _rounds(booster)[1] else booster
    explainer = shap.TreeExplainer(trees, data=baseline, feature_perturbation="interventional")
    found = np.asarray(explainer.shap_values(rows, check_additivity=False), dtype=np.float64)
    # shap 0.51 adds the first class's base score to the expected value of every class, so the model is asked instead.
    sums = trees.predict(xgboost.DMatrix(baseline), output_margin=True, strict_shape=True)
    expected = np.asarray(sums, dtype=np.float64).mean(axis=0)
    return found.reshape(len(rows), rows.shape[1], len(expected)), expected


def _rounds(booster: xgboost.Booster) -> tuple[int, int]:
    """The rounds that predictions use; XGBoost marks the best one where training was stopped early. (0, 0) is all."""
    best = booster.attr("best_iteration")
    return (0, 0 if best is None else int(best) + 1)


def _check(booster: xgboost.Booster, rows: pd.DataFrame) -> None:
    kind = _config(booster)["gradient_booster"]["name"]
    if kind not in TREES:
        raise DataError(f"tree SHAP explains trees; the model's booster is '{kind}'")
    wanted = booster.feature_names
    if wanted is not None and list(rows.columns) != list(wanted):
        there = ", ".join(map(str, rows.columns))
        raise DataError(f"the model was trained with the columns {', '.join(wanted)}; the data has {there}")
    if rows.shape[1] != booster.num_features():
        raise DataError(
            f"the model was trained with {booster.num_features()} columns; the data has {rows.shape[1]}"
        )


def _config(booster: xgboost.Booster) -> dict[str, Any]:
    """What the booster is, by XGBoost's own names."""
    found: dict[str, Any] = json.loads(booster.save_config())["learner"]
    return found
