"""The hyperparameters of XGBoost's algorithm mode."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sagemaker.jobs.runtimes.xgboost_parameters import PARAMETERS, UserError, configuration

WRONG = [
    ({}, r"^Missing required hyperparameter: num_round$"),
    ({"num_round": "0"}, r"num_round: 0 is not within \[1, inf\]"),
    ({"num_round": "ten"}, r"num_round: 'ten' is not a whole number"),
    ({"num_round": "10", "eta": "2"}, r"eta: 2 is not within \[0, 1\]"),
    ({"num_round": "10", "eta": "nan"}, r"eta: nan is not within"),
    ({"num_round": "10", "subsample": "0"}, r"subsample: 0 is not within \(0, 1\]"),
    (
        {"num_round": "10", "max_dept": "3"},
        r"Extraneous hyperparameter found: max_dept\. Did you mean 'max_depth'\?",
    ),
    ({"num_round": "10", "objective": "reg:squarederor"}, r"Did you mean 'reg:squarederror'\?"),
    (
        {"num_round": "10", "objective": "multi:softmax"},
        r"num_class is required for the objective multi:softmax",
    ),
    ({"num_round": "10", "eval_metric": "rmsee"}, r"unknown metric 'rmsee'\. Did you mean 'rmse'\?"),
    ({"num_round": "10", "eval_metric": "rmse@1"}, r"only error, ndcg, map take a threshold"),
    ({"num_round": "10", "eval_metric": "error@x"}, r"'error@x': the threshold must be a number"),
    ({"num_round": "10", "eval_metric": "auc", "objective": "reg:gamma"}, r"'auc' can only be applied"),
]


@pytest.mark.parametrize(("hyperparameters", "says"), WRONG)
def test_what_is_refused(hyperparameters: dict[str, str], says: str) -> None:
    """Each refusal names the hyperparameter, the value and what would be right."""
    with pytest.raises(UserError, match=says):
        configuration(hyperparameters)


def test_what_is_handed_to_xgboost() -> None:
    """Values have their types, the old objective its new name, and what is not XGBoost's stays behind."""
    found = configuration(
        {
            "num_round": "50",
            "objective": "reg:linear",
            "max_depth": "5",
            "eta": "0.2",
            "silent": "0",
            "early_stopping_rounds": "3",
            "csv_weights": "1",
            "eval_metric": "mae, f1,rmse",
            "_tuning_objective_metric": "validation:rmse",
        }
    )

    assert found.booster == {
        "objective": "reg:squarederror",
        "max_depth": 5,
        "eta": 0.2,
        "eval_metric": ["mae", "rmse"],
    }
    assert (found.num_round, found.early_stopping_rounds, found.weights) == (50, 3, True)
    assert (found.own_metrics, found.watched) == (("f1",), "rmse")


@given(st.sampled_from(sorted(PARAMETERS)), st.text(max_size=6))
def test_any_text_is_a_value_or_a_user_error(name: str, text: str) -> None:
    """No value makes the reading of hyperparameters break in another way."""
    with contextlib.suppress(UserError):
        configuration({"num_round": "1", name: text})
