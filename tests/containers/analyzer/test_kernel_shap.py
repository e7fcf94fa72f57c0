"""Kernel SHAP holds to Shapley's axioms, whatever the model, the data and the size of the batches."""

from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.analyzer.kernel_shap import SURE, kernel_shap, log_odds
from containers.processing.job import DataError

# Rows, features, labels, rows of the baseline.
shapes = st.tuples(st.integers(1, 8), st.integers(1, 6), st.integers(1, 3), st.integers(1, 3))


def table(random, rows, features):
    """Few different values, so that many are equal to the baseline's."""
    return pd.DataFrame(random.integers(0, 3, (rows, features)), columns=[f"f{i}" for i in range(features)])


def wild(random, features, labels):
    """A model in which everything depends on everything."""
    weights = random.normal(size=(features, 5))
    out = random.normal(size=(5, labels))
    return lambda rows: np.tanh(rows.to_numpy() @ weights + 0.3) @ out


def shapley(predict, row, baseline):
    """The definition: the mean of what a feature changes, over all orders in which the features become known."""
    names = list(row.columns)
    coalitions = [some for size in range(len(names) + 1) for some in combinations(names, size)]
    mixes = [baseline.assign(**{name: row[name].iloc[0] for name in known}) for known in coalitions]
    answers = predict(pd.concat(mixes)).reshape(len(coalitions), len(baseline), -1).mean(axis=1)
    worth = {frozenset(known): answer for known, answer in zip(coalitions, answers, strict=True)}
    orders = factorial(len(names))

    def changes(name):
        for known in coalitions:
            if name not in known:
                before, after = factorial(len(known)), factorial(len(names) - len(known) - 1)
                yield before * after / orders * (worth[frozenset({*known, name})] - worth[frozenset(known)])

    return np.array([sum(changes(name)) for name in names])


@given(shapes, st.integers(0, 1000))
def test_with_all_coalitions_the_values_are_shapley_s(shape, seed):
    """By definition, for each row, feature and label, with one baseline row or several."""
    rows, features, labels, base = shape
    random = np.random.default_rng(seed)
    data, baseline, model = (
        table(random, rows, features),
        table(random, base, features),
        wild(random, features, labels),
    )
    found = kernel_shap(data, model, baseline)

    assert found.values[0] == pytest.approx(shapley(model, data.iloc[:1], baseline), abs=1e-9)
    assert found.expected == pytest.approx(model(baseline).mean(axis=0))


@given(shapes, st.integers(0, 1000), st.none() | st.integers(1, 30), st.booleans())
def test_the_values_add_up_to_the_prediction(shape, seed, samples, use_logit):
    """Efficiency, to 1e-9, however few coalitions were asked about."""
    rows, features, labels, base = shape
    random = np.random.default_rng(seed)
    inner = wild(random, features, labels)

    def model(frame):
        return 1 / (1 + np.exp(-inner(frame)))

    data = table(random, rows, features)
    found = kernel_shap(
        data, model, table(random, base, features), samples=samples, use_logit=use_logit, seed=seed
    )
    predicted = model(data)
    if use_logit:
        predicted = np.log(predicted / (1 - predicted))

    assert np.abs(found.values.sum(axis=1) + found.expected - predicted).max() < 1e-9


@given(shapes, st.integers(0, 1000), st.integers(20, 60))
def test_of_a_linear_model_the_values_are_its_terms(shape, seed, samples):
    """Weight times distance from the mean baseline, from few coalitions too."""
    rows, features, labels, base = shape
    random = np.random.default_rng(seed)
    weights = random.normal(size=(features, labels))
    data, baseline = table(random, rows, features), table(random, base, features)
    found = kernel_shap(data, lambda frame: frame.to_numpy() @ weights + 2, baseline, samples=samples)
    apart = data.to_numpy() - baseline.to_numpy().mean(axis=0)

    assert found.values == pytest.approx(apart[:, :, None] * weights[None], abs=1e-9)


@given(st.integers(2, 6), st.integers(0, 1000))
def test_features_that_do_the_same_get_the_same_and_those_that_do_nothing_nothing(features, seed):
    """Symmetry and dummy."""
    random = np.random.default_rng(seed)
    data, baseline = table(random, 4, features + 1), table(random, 1, features + 1)
    data["f1"], baseline["f1"] = data["f0"], baseline["f0"]
    weights = random.normal(size=features - 2)

    def model(rows):
        values = rows.to_numpy()
        return np.tanh(values[:, 0] * values[:, 1] + values[:, 2:-1] @ weights) ** 2

    found = kernel_shap(data, model, baseline).values

    assert found[:, 0] == pytest.approx(found[:, 1], abs=1e-9)
    assert found[:, -1] == pytest.approx(0, abs=1e-9)


@given(shapes, st.integers(0, 1000), st.integers(1, 40), st.none() | st.integers(2, 30))
def test_the_size_of_the_batches_makes_no_difference(shape, seed, batch, samples):
    """One row at a time or all at once, and never more than a batch."""
    rows, features, labels, base = shape
    random = np.random.default_rng(seed)
    data, baseline, model = (
        table(random, rows, features),
        table(random, base, features),
        wild(random, features, labels),
    )
    asked = []

    def counting(frame):
        asked.append(len(frame))
        return model(frame)

    whole = kernel_shap(data, model, baseline, samples=samples)
    found = kernel_shap(data, counting, baseline, samples=samples, batch=batch)

    assert found.values == pytest.approx(whole.values, abs=1e-12)
    assert max(asked) <= batch


def test_many_rows_are_solved_part_by_part(monkeypatch):
    """What is kept of the answers is bounded; the values are the same."""
    random = np.random.default_rng(0)
    data, baseline, model = table(random, 50, 5), table(random, 2, 5), wild(random, 5, 2)
    whole = kernel_shap(data, model, baseline).values
    monkeypatch.setattr("containers.analyzer.kernel_shap.ANSWERS", 100)

    assert kernel_shap(data, model, baseline).values == pytest.approx(whole, abs=1e-12)


def test_no_synthetic_row_is_asked_about_twice():
    """Of a row that has the baseline's value in all but two features there are four mixes at most."""
    data = pd.DataFrame([[1, 1, *[0] * 8]], columns=list("abcdefghij"))
    asked = []

    def model(rows):
        asked.append(rows.copy())
        return rows.sum(axis=1)

    found = kernel_shap(data, model, data * 0)

    assert len(asked[-1]) == 4
    assert not asked[-1].duplicated().any()
    assert found.values[0, :, 0] == pytest.approx([1, 1, *[0] * 8], abs=1e-9)


def test_more_features_than_a_word_has_bits():
    """70 features: coalitions are told apart all the same."""
    random = np.random.default_rng(0)
    data, baseline = table(random, 5, 70), table(random, 1, 70)
    weights = random.normal(size=70)
    found = kernel_shap(data, lambda rows: rows.to_numpy() @ weights, baseline, samples=400)

    assert found.values[:, :, 0] == pytest.approx((data.to_numpy() - baseline.to_numpy()) * weights, abs=1e-9)


def test_text_is_swapped_and_types_are_kept():
    """The model gets words as words, whole numbers as whole numbers, and missing values as they were."""
    data = pd.DataFrame(
        {
            "job": ["cook", None, "clerk"],
            "age": [30, 40, 50],
            "pay": [1.5, np.nan, 2.5],
            "city": pd.Categorical(["a", "b", "a"], ["a", "b", "c"]),
            "new": [True, False, True],
        }
    )
    baseline = pd.DataFrame([["cook", 39.0, 2.0, "c", True]], columns=data.columns)
    kinds = set()

    def model(rows):
        kinds.add(tuple(map(str, rows.dtypes)))
        return (
            rows["job"].map({"cook": 1.0, "clerk": 3.0}).fillna(0)
            + rows["age"] / 10
            + rows["pay"].fillna(7)
            + rows["city"].astype(object).map({"a": 0.5, "b": 0.25, "c": 0})
        )

    found = kernel_shap(data, model, baseline).values[:, :, 0]

    assert kinds == {("object", "int64", "float64", "category", "bool")}
    assert found == pytest.approx(
        np.array([[0, -0.9, -0.5, 0.5, 0], [-1, 0.1, 5, 0.25, 0], [2, 1.1, 0.5, 0.5, 0]]), abs=1e-9
    )


def test_a_baseline_between_two_whole_numbers_is_kept():
    """39.5 is not sent as 39."""
    data = pd.DataFrame({"a": [40, 41], "b": [1, 1]})
    found = kernel_shap(data, lambda rows: rows["a"], pd.DataFrame([[39.5, 1]], columns=["a", "b"]))

    assert found.expected == 39.5
    assert found.values[:, 0, 0] == pytest.approx([0.5, 1.5])


def test_log_odds_of_what_is_certain_are_large_and_finite():
    """A model that says exactly 1 or 0."""
    assert log_odds(np.array([0.0, 0.5, 1.0])) == pytest.approx([np.log(SURE), 0, -np.log(SURE)])


FRAME = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
REFUSED = [
    (FRAME.iloc[:0], FRAME, {}, lambda rows: rows["a"], "The data has 0 rows"),
    (FRAME[[]], FRAME[[]], {}, lambda rows: rows["a"], "0 columns"),
    (FRAME, FRAME.iloc[:0], {}, lambda rows: rows["a"], "The baseline has 0 rows"),
    (FRAME, FRAME[["b", "a"]], {}, lambda rows: rows["a"], "the baseline has the columns b, a"),
    (FRAME.set_axis(["a", "a"], axis=1), FRAME, {}, lambda rows: 0, "more than one column 'a'"),
    (FRAME, FRAME, {}, lambda rows: [1.0], "asked about 2 rows and answered"),
    (FRAME, FRAME, {}, lambda rows: [np.nan] * len(rows), "no finite number"),
    (FRAME, FRAME, {}, lambda rows: ["yes"] * len(rows), "the model predicted 'yes'"),
    (FRAME, FRAME, {"use_logit": True}, lambda rows: rows["a"], "the model predicted 1.5"),
    (FRAME, FRAME, {"use_logit": True}, lambda rows: -rows["a"], "the model predicted -1.5"),
]


@pytest.mark.parametrize(("rows", "baseline", "options", "model", "text"), REFUSED)
def test_what_cannot_be_explained_is_refused(rows, baseline, options, model, text):
    """Nothing to explain, another table as baseline, or predictions that are none."""
    with pytest.raises(DataError, match=text):
        kernel_shap(rows, model, baseline, **options)
