"""What the use cases' flows and training parameters are worth: a model on real and on generated rows."""

import tomllib
from pathlib import Path

import pyarrow as pa
import pytest

from containers.flow import apply
from containers.flow_schema import problems
from containers.processing import csv_files, prep
from pipelines.usecases import roaming

USECASES = Path(roaming.__file__).parent


def settings_of(name):
    return tomllib.loads((USECASES / f"{name}.toml").read_text())


def areas(path, settings):
    """The test AUC of the model that the settings describe, and of a logistic regression on the same features."""
    import xgboost
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.preprocessing import scale

    table = pa.concat_tables(csv_files.tables(path, path.name, settings["columns"], settings["source"]))
    fitted, sides, rows = prep.prepare(table.to_pandas(), settings)
    label, features = fitted.label.encode(rows[settings["label"]]), apply(fitted, rows)
    data = {name: xgboost.DMatrix(features.iloc[side], label[side]) for name, side in sides.items()}
    asked = settings["training"]
    booster = xgboost.train(
        {
            **asked["booster"],
            "objective": "binary:logistic",
            "eval_metric": "auc",
            "seed": asked["seed"],
            "nthread": 2,
        },
        data["train"],
        asked["rounds"],
        evals=[(data["validation"], "validation")],
        early_stopping_rounds=asked["early_stopping_rounds"],
        verbose_eval=False,
    )
    scores = booster.predict(data["test"], iteration_range=(0, booster.best_iteration + 1))
    plain = scale(features.fillna(features.median()).fillna(0))
    linear = LogisticRegression(max_iter=200).fit(plain[sides["train"]], label[sides["train"]])
    linear_scores = linear.decision_function(plain[sides["test"]])
    return roc_auc_score(label[sides["test"]], scores), roc_auc_score(label[sides["test"]], linear_scores)


@pytest.mark.parametrize("name", ["roaming", "adult"])
def test_flows_are_sound(name):
    """Neither use case has anything that the checker would name."""
    settings = settings_of(name)

    assert problems(settings["flow"], settings["columns"], settings["label"]) == []


def test_adult_reaches_an_auc_of_0_92(shared_data):
    """On real data, where a logistic regression stays below the gate."""
    settings = settings_of("adult")
    boosted, linear = areas(shared_data("adult/adult.data"), settings)

    assert boosted >= 0.925
    assert linear < settings["gate"]["at_least"] <= boosted


def test_roaming_can_be_learned_but_not_by_a_straight_line(tmp_path):
    """20,000 generated rows: the model passes its gate with room, a logistic regression is far from it."""
    settings = settings_of("roaming")
    roaming.write(tmp_path / "r.csv", 20_000, roaming.Knobs())
    boosted, linear = areas(tmp_path / "r.csv", settings)

    assert settings["gate"]["at_least"] + 0.015 < boosted < 0.98
    assert linear < 0.88
