"""What the trees say themselves, and that it is what Kernel SHAP estimates."""

import numpy as np
import pandas as pd
import pytest
import xgboost

from containers.analyzer.kernel_shap import kernel_shap
from containers.analyzer.shap_values import LOG_ODDS, TREE
from containers.analyzer.tree_shap import tree_shap
from containers.processing.job import DataError

SHORT = 1e-4  # XGBoost adds up in floats of 24 bits
PROBLEMS = {
    "binary": {"objective": "binary:logistic"},
    "multiclass": {"objective": "multi:softprob", "num_class": 3},
    "regression": {"objective": "reg:squarederror"},
}


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    made = pd.DataFrame(random.normal(size=(600, 5)), columns=list("abcde"))
    made.loc[::7, "c"] = np.nan
    return made


def trained(rows, problem, early=None):
    """Trees; with ``early``, of which only the best rounds count, as they come back from a file."""
    labels = {
        "binary": rows["a"] * rows["b"] + rows["e"] > 0,
        "multiclass": (rows["a"] > 0).astype(int) + (rows["b"] > rows["d"]),
        "regression": rows["a"] * rows["b"] - rows["d"],
    }[problem]
    train, test = (xgboost.DMatrix(rows[part], labels[part]) for part in (slice(400), slice(400, 600)))
    booster = xgboost.train(
        PROBLEMS[problem] | {"max_depth": 3, "nthread": 1},
        train,
        60,
        evals=[(test, "test")],
        early_stopping_rounds=early,
        verbose_eval=False,
    )
    return xgboost.Booster(model_file=bytearray(booster.save_raw()))


def sums(booster, rows):
    best = booster.attr("best_iteration")
    rounds = (0, 0 if best is None else int(best) + 1)
    found = booster.predict(
        xgboost.DMatrix(rows), output_margin=True, iteration_range=rounds, strict_shape=True
    )
    return found.astype(float)


@pytest.mark.parametrize("early", [None, 2])
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("against", [0, 3])
def test_the_values_add_up_to_the_sum_of_the_trees(rows, problem, early, against):
    """Each row and label, with a baseline and without, and of the best rounds only where training was stopped."""
    booster = trained(rows, problem, early)
    found = tree_shap(booster, rows[:50], rows[50 : 50 + against] if against else None)

    assert found.method == TREE
    assert found.values.shape == (50, 5, 3 if problem == "multiclass" else 1)
    assert found.values.sum(axis=1) + found.expected == pytest.approx(sums(booster, rows[:50]), abs=SHORT)


@pytest.mark.parametrize("early", [None, 2])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_with_a_baseline_trees_and_kernel_agree(rows, problem, early):
    """Two roads to the same exact values: from the trees, and from asking about all coalitions."""
    booster = trained(rows, problem, early)
    trees = tree_shap(booster, rows[:40], rows[40:43])
    kernel = kernel_shap(rows[:40], lambda frame: sums(booster, frame), rows[40:43])

    assert trees.values == pytest.approx(kernel.values, abs=SHORT)
    assert trees.expected == pytest.approx(kernel.expected, abs=SHORT)
    assert trees.ranking() == kernel.ranking()


def test_the_unit_is_told(rows):
    """Log-odds are no probabilities."""
    assert tree_shap(trained(rows, "binary"), rows[:5]).unit == LOG_ODDS
    assert tree_shap(trained(rows, "regression"), rows[:5]).unit == "sum of the trees"


def test_columns_of_one_thing_are_added_up(rows):
    """What a category was made into counts as one; what is in no group stays; nothing is lost."""
    found = tree_shap(trained(rows, "binary"), rows[:5])
    grouped = found.grouped({"pair": ["a", "d"]})

    assert grouped.features == ("pair", "b", "c", "e")
    assert grouped.values[:, 0] == pytest.approx(found.values[:, 0] + found.values[:, 3])
    assert grouped.values.sum(axis=1) == pytest.approx(found.values.sum(axis=1))
    assert (grouped.unit, grouped.method, grouped.labels) == (found.unit, found.method, found.labels)


def test_columns_of_categories(rows):
    """XGBoost's own categories, without a baseline; with one it is said what else there is."""
    job = pd.Series(np.resize(["cook", "clerk", "smith"], len(rows)), rows.index, dtype="category")
    made = rows.assign(job=job)
    matrix = xgboost.DMatrix(made, (job == "cook") ^ (rows["a"] > 0), enable_categorical=True)
    booster = xgboost.train(PROBLEMS["binary"] | {"nthread": 1}, matrix, 10)

    assert set(tree_shap(booster, made[:50]).ranking()[:2]) == {"job", "a"}
    with pytest.raises(DataError, match="needs numbers; use it without one, or Kernel SHAP"):
        tree_shap(booster, made[:50], made[:1])


def test_what_cannot_be_explained_is_refused(rows):
    """Other columns, another order, no rows, no trees; each says what it is."""
    booster = trained(rows, "binary")
    linear = xgboost.train({"booster": "gblinear"}, xgboost.DMatrix(rows.fillna(0), rows["a"]), 2)
    nameless = xgboost.train(PROBLEMS["binary"], xgboost.DMatrix(rows.to_numpy(), rows["a"] > 0), 2)

    with pytest.raises(DataError, match="trained with the columns a, b, c, d, e; the data has b, a"):
        tree_shap(booster, rows[["b", "a"]])
    with pytest.raises(DataError, match="the data has a, b"):
        tree_shap(booster, rows, rows[["a", "b"]])
    with pytest.raises(DataError, match="The data has 0 rows"):
        tree_shap(booster, rows[:0])
    with pytest.raises(DataError, match="the model's booster is 'gblinear'"):
        tree_shap(linear, rows)
    with pytest.raises(DataError, match="trained with 5 columns; the data has 2"):
        tree_shap(nameless, rows[["a", "b"]])
