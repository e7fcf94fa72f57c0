"""Partial dependence: what values are tried, and that the mean is over everybody."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.analyzer.kernel_shap import Model
from containers.analyzer.pdp import bins, categories, partial_dependence

numbers = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50)
ROWS = pd.DataFrame(
    {
        "age": [17.0, 40.0, np.nan, 90.0],
        "job": ["cook", "cook", None, "clerk"],
        "code": [7, 7, 7, 7],
        "size": pd.Categorical(["s", "m", "s", "s"], ["s", "m", "l"]),
        "new": [True, False, True, True],
    }
)


@given(numbers, st.integers(1, 30))
def test_the_bins_cover_every_value(values, count):
    """Equally wide, from the least to the greatest; the shares add up to 1."""
    middles, shares = bins(pd.Series(values), count)

    assert sum(shares) == pytest.approx(1)
    assert len(middles) == len(shares) == (count if min(values) < max(values) else 1)
    assert min(values) <= middles[0] <= middles[-1] <= max(values)
    assert np.diff(middles, 2) == pytest.approx(0, abs=1e-9 * max(1, np.ptp(values)))


@given(st.lists(st.sampled_from("abcd"), min_size=1))
def test_categories_come_by_frequency(values):
    """All of them, with shares that add up to 1."""
    found, shares = categories(pd.Series(values))

    assert set(found) == set(values)
    assert list(shares) == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)


KINDS = [
    ("age", True, [29.1666667, 53.5, 77.8333333], [2 / 3, 0, 1 / 3]),
    ("job", False, ["cook", "clerk"], [2 / 3, 1 / 3]),
    ("code", True, [7], [1]),  # one of four differs: an amount, by Clarify's rule
    ("size", False, ["s", "m"], [0.75, 0.25]),
    ("new", False, [True, False], [0.75, 0.25]),
]


@pytest.mark.parametrize(("feature", "numerical", "values", "shares"), KINDS)
def test_what_a_column_holds_decides(feature, numerical, values, shares):
    """Floats are amounts; texts, truth values and categories are categories; what is missing is neither."""
    found = partial_dependence(ROWS, feature, Model(lambda rows: np.zeros(len(rows))), 3)

    assert found.numerical is numerical
    assert list(found.values) == (pytest.approx(values) if numerical else values)
    assert found.distribution == pytest.approx(shares)


def test_integers_of_which_few_differ_are_categories():
    """Fewer than 5 %, as of facets; the document says so."""
    rows = pd.DataFrame({"code": [1, 2] * 50, "amount": range(100)})
    ask = Model(lambda rows: rows["amount"])
    found = [partial_dependence(rows, name, ask, 4).document() for name in rows]

    assert [each["data_type"] for each in found] == ["categorical", "numerical"]
    assert found[0]["feature_values"] == [1, 2]
    assert found[0]["model_predictions"] == [[49.5, 49.5]]
    assert found[1]["feature_values"] == found[1]["model_predictions"][0] == [12.375, 37.125, 61.875, 86.625]


@pytest.mark.parametrize("batch", [1, 3, 7, 1000])
def test_the_mean_is_over_all_rows_whatever_the_batch(batch):
    """Everybody with this value, everything else as it was; each label for itself."""
    random = np.random.default_rng(0)
    rows = pd.DataFrame(random.normal(size=(20, 3)), columns=list("abc"))

    def model(frame):
        return np.stack([frame["a"] * frame["b"], frame["c"] + frame["a"]], axis=1)

    found = partial_dependence(rows, "a", Model(model, batch), 5, ["x", "y"])
    values = np.array(found.values)

    assert found.predictions[:, 0] == pytest.approx(values * rows["b"].mean())
    assert found.predictions[:, 1] == pytest.approx(values + rows["c"].mean())
    assert found.document()["label_headers"] == ["x", "y"]
    assert np.shape(found.document()["model_predictions"]) == (2, 5)


def test_the_model_gets_the_column_s_own_type():
    """Categories stay categories, truth values truth values."""
    kinds = set()

    def model(rows):
        kinds.add((str(rows["size"].dtype), str(rows["new"].dtype), str(rows["job"].dtype)))
        return np.zeros(len(rows))

    for feature in ("size", "new", "job"):
        partial_dependence(ROWS, feature, Model(model), 3)

    assert kinds == {("category", "bool", "object")}


def test_a_column_without_any_value_has_no_curve():
    """Nothing to try; the number of labels is known all the same."""
    rows = pd.DataFrame({"a": [np.nan, np.nan], "b": [1, 2]})
    found = partial_dependence(rows, "a", Model(lambda rows: rows["b"]), 3).document()

    assert (found["feature_values"], found["data_distribution"]) == ([], [])
    assert found["model_predictions"] == [[]]


@pytest.mark.parametrize("name", ["self", "a b", "$x", "", "index", "é"])
def test_a_feature_may_be_called_anything(name):
    """Also what a function of pandas calls its own arguments."""
    rows = pd.DataFrame({name: [1.0, 3.0], "b": [1, 2]})
    found = partial_dependence(rows, name, Model(lambda frame: frame[name]), 2)

    assert found.predictions[:, 0] == pytest.approx([1.5, 2.5])
