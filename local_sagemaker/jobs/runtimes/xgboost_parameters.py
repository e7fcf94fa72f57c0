"""The hyperparameters of XGBoost's algorithm mode, and what each may be. Standard library only.

https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost_hyperparameters.html
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# What the image computes itself, because XGBoost does not; see ``xgboost_metrics``.
OWN_METRICS = (
    "accuracy",
    "balanced_accuracy",
    "f1",
    "f1_binary",
    "f1_macro",
    "mse",
    "precision",
    "precision_macro",
    "precision_micro",
    "r2",
    "recall",
    "recall_macro",
    "recall_micro",
)
MAXIMIZED = {"auc", "aucpr", "map", "ndcg", *OWN_METRICS} - {"mse"}
METRICS = (
    "aft-nloglik",
    "auc",
    "aucpr",
    "cox-nloglik",
    "error",
    "gamma-deviance",
    "gamma-nloglik",
    "interval-regression-accuracy",
    "logloss",
    "mae",
    "map",
    "mape",
    "merror",
    "mlogloss",
    "mphe",
    "ndcg",
    "poisson-nloglik",
    "rmse",
    "rmsle",
    "tweedie-nloglik",
    *OWN_METRICS,
)
_WITH_THRESHOLD = ("error", "ndcg", "map")  # error@0.7

OBJECTIVES = (
    "binary:hinge",
    "binary:logistic",
    "binary:logitraw",
    "count:poisson",
    "multi:softmax",
    "multi:softprob",
    "rank:map",
    "rank:ndcg",
    "rank:pairwise",
    "reg:gamma",
    "reg:linear",
    "reg:logistic",
    "reg:pseudohubererror",
    "reg:squarederror",
    "reg:squaredlogerror",
    "reg:tweedie",
    "survival:aft",
    "survival:cox",
)
_RENAMED = {"reg:linear": "reg:squarederror"}  # XGBoost 1.0 renamed it, 3.0 forgot the old name


class UserError(Exception):
    """The request or the data is at fault; the message says where."""


@dataclass(frozen=True)
class Parameter:
    """What one hyperparameter may be."""

    read: Callable[[str], Any]
    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False  # the bound itself is not allowed
    open_high: bool = False
    choices: tuple[str, ...] = ()
    passed_on: bool = True  # to XGBoost

    def parse(self, name: str, text: str) -> Any:
        """The value. Raises UserError."""
        try:
            value = self.read(text)
        except ValueError:
            kind = {int: "a whole number", float: "a number"}.get(self.read, "valid")  # type: ignore[call-overload]
            raise UserError(f"Hyperparameter {name}: {text!r} is not {kind}.") from None
        if self.choices:
            if value not in self.choices:
                known = ", ".join(self.choices)
                raise UserError(
                    f"Hyperparameter {name}: {text!r} is not one of {known}.{_near(text, self.choices)}"
                )
        elif isinstance(value, int | float) and not self._within(value):
            left, right = "(" if self.open_low else "[", ")" if self.open_high else "]"
            raise UserError(
                f"Hyperparameter {name}: {text} is not within {left}{self.low}, {self.high}{right}."
            )
        return value

    def _within(self, value: float) -> bool:
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below


def _whole(low: float = -math.inf, high: float = math.inf, *, passed_on: bool = True) -> Parameter:
    return Parameter(int, low, high, passed_on=passed_on)


def _number(low: float = -math.inf, high: float = math.inf, *, open_low: bool = False) -> Parameter:
    return Parameter(float, low, high, open_low=open_low)


def _one_of(*choices: str, passed_on: bool = True) -> Parameter:
    return Parameter(str, choices=choices, passed_on=passed_on)


def _text(*, passed_on: bool = True) -> Parameter:
    return Parameter(str, passed_on=passed_on)


def _metrics(text: str) -> list[str]:
    return [metric.strip() for metric in text.strip("[]").replace('"', "").replace("'", "").split(",")]


PARAMETERS: dict[str, Parameter] = {
    "num_round": _whole(1, passed_on=False),
    "early_stopping_rounds": _whole(1, passed_on=False),
    "csv_weights": _whole(0, 1, passed_on=False),
    "save_model_on_termination": _one_of("true", "false", passed_on=False),
    "_tuning_objective_metric": _text(passed_on=False),
    "objective": _one_of(*OBJECTIVES),
    "eval_metric": Parameter(_metrics),
    "num_class": _whole(2),
    "base_score": _number(),
    "seed": _whole(-(2**31), 2**31 - 1),
    "nthread": _whole(1),
    "verbosity": _whole(0, 3),
    "booster": _one_of("gbtree", "gblinear", "dart"),
    "eta": _number(0, 1),
    "gamma": _number(0),
    "max_depth": _whole(0),
    "min_child_weight": _number(0),
    "max_delta_step": _number(0),
    "subsample": _number(0, 1, open_low=True),
    "colsample_bytree": _number(0, 1, open_low=True),
    "colsample_bylevel": _number(0, 1, open_low=True),
    "colsample_bynode": _number(0, 1, open_low=True),
    "lambda": _number(0),
    "alpha": _number(0),
    "lambda_bias": _number(0, 1),
    "tree_method": _one_of("auto", "exact", "approx", "hist"),
    "scale_pos_weight": _number(0, open_low=True),
    "updater": _text(),
    "refresh_leaf": _whole(0, 1),
    "process_type": _one_of("default", "update"),
    "grow_policy": _one_of("depthwise", "lossguide"),
    "max_leaves": _whole(0),
    "max_bin": _whole(2),
    "num_parallel_tree": _whole(1),
    "monotone_constraints": _text(),
    "interaction_constraints": _text(),
    "sample_type": _one_of("uniform", "weighted"),
    "normalize_type": _one_of("tree", "forest"),
    "rate_drop": _number(0, 1),
    "one_drop": _whole(0, 1),
    "skip_drop": _number(0, 1),
    "tweedie_variance_power": Parameter(float, 1, 2, open_low=True, open_high=True),
    "huber_slope": _number(),
    "aft_loss_distribution": _one_of("normal", "logistic", "extreme"),
    "aft_loss_distribution_scale": _number(0, open_low=True),
    "sampling_method": _one_of("uniform", "gradient_based"),
    # Of older images; XGBoost has no use for them any more.
    "silent": _text(passed_on=False),
    "predictor": _text(passed_on=False),
    "dsplit": _one_of("row", "col", passed_on=False),
    "sketch_eps": _text(passed_on=False),
    "deterministic_histogram": _text(passed_on=False),
    "prob_buffer_row": _text(passed_on=False),
}


@dataclass(frozen=True)
class Configuration:
    """The hyperparameters of one job, understood."""

    num_round: int
    booster: dict[str, Any]  # XGBoost's own
    own_metrics: tuple[str, ...]
    watched: str  # the metric that early stopping looks at; empty: XGBoost's choice
    early_stopping_rounds: int | None
    weights: bool  # the second column of CSV
    save_on_termination: bool


def configuration(hyperparameters: Mapping[str, str]) -> Configuration:
    """Read the hyperparameters. Raises UserError for the first that cannot be."""
    values = {}
    for name, text in hyperparameters.items():
        if name not in PARAMETERS:
            raise UserError(f"Extraneous hyperparameter found: {name}.{_near(name, PARAMETERS)}")
        values[name] = PARAMETERS[name].parse(name, text)
    if "num_round" not in values:
        raise UserError("Missing required hyperparameter: num_round")
    objective = values.get("objective", "")
    if objective.startswith("multi:") and "num_class" not in values:
        raise UserError(f"Hyperparameter num_class is required for the objective {objective}.")
    metrics = _wanted_metrics(values, objective)
    booster = {name: value for name, value in values.items() if PARAMETERS[name].passed_on}
    booster.pop("eval_metric", None)
    if objective:
        booster["objective"] = _RENAMED.get(objective, objective)
    if theirs := [metric for metric in metrics if metric not in OWN_METRICS]:
        booster["eval_metric"] = theirs
    return Configuration(
        num_round=values["num_round"],
        booster=booster,
        own_metrics=tuple(metric for metric in metrics if metric in OWN_METRICS),
        watched=metrics[-1] if metrics else "",
        early_stopping_rounds=values.get("early_stopping_rounds"),
        weights=values.get("csv_weights", 0) == 1,
        save_on_termination=values.get("save_model_on_termination") == "true",
    )


def _wanted_metrics(values: Mapping[str, Any], objective: str) -> list[str]:
    """Those asked for, and the one that a tuning job looks at, each once."""
    metrics = list(values.get("eval_metric", []))
    tuned = values.get("_tuning_objective_metric", "").rpartition(":")[2]
    metrics = list(dict.fromkeys([*metrics, *filter(None, [tuned])]))
    for metric in metrics:
        _check_metric(metric, objective)
    return metrics


def _check_metric(metric: str, objective: str) -> None:
    name, at, threshold = metric.partition("@")
    if at:
        if name not in _WITH_THRESHOLD:
            raise UserError(
                f"Metric {metric!r} is not supported: only {', '.join(_WITH_THRESHOLD)} take a threshold."
            )
        try:
            float(threshold.rstrip("-"))
        except ValueError:
            raise UserError(f"Metric {metric!r}: the threshold must be a number.") from None
    elif name not in METRICS:
        raise UserError(f"Hyperparameter eval_metric: unknown metric {metric!r}.{_near(metric, METRICS)}")
    if name == "auc" and objective and not objective.startswith(("binary:", "rank:", "multi:")):
        raise UserError("Metric 'auc' can only be applied for classification and ranking problems.")
    if name == "aft-nloglik" and objective != "survival:aft":
        raise UserError("Metric 'aft-nloglik' can only be applied for the objective 'survival:aft'.")


def _near(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f" Did you mean {near[0]!r}?" if near else ""
