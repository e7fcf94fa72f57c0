"""Every explanation can be drawn, whatever the features are called and hold."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from containers.analyzer.explanation_pictures import MOST, draw, typical
from containers.analyzer.shap_values import KERNEL, ShapValues

TITLE = "Title with $1 and $2, {braces} and \\backslash"


def values(features, labels=("label0",), rows=30):
    random = np.random.default_rng(0)
    found = random.normal(size=(rows, len(features), len(labels)))
    return ShapValues(KERNEL, tuple(features), labels, found, np.zeros(len(labels)))


def test_what_is_drawn(tmp_path):
    """What matters, which way, the dependence of the first three, and three rows; each a picture with ink on it."""
    explained = values("abcde")
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 5)), columns=list("abcde"))
    names = draw(explained, rows, TITLE, tmp_path / "new")
    lowest, middle, highest = typical(explained, 0)

    assert names == [
        "shap_global.png",
        "shap_beeswarm.png",
        "shap_dependence_1.png",
        "shap_dependence_2.png",
        "shap_dependence_3.png",
        f"shap_waterfall_{lowest}.png",
        f"shap_waterfall_{middle}.png",
        f"shap_waterfall_{highest}.png",
    ]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(names)
    assert all(imread(tmp_path / "new" / name)[..., :3].std() > 0.05 for name in names)


def test_the_same_values_make_the_same_bytes(tmp_path):
    """Nothing in a picture is drawn by lot."""
    rows = pd.DataFrame({"a": range(30), "b": ["x", "y", "z"] * 10})
    names = draw(values("ab"), rows, TITLE, tmp_path / "one")
    draw(values("ab"), rows, TITLE, tmp_path / "two")

    assert [(tmp_path / "one" / name).read_bytes() for name in names] == [
        (tmp_path / "two" / name).read_bytes() for name in names
    ]


COLUMNS = {
    "numbers": [1.5, np.nan, np.inf, -np.inf, 0.0, 1e300],
    "nothing": [np.nan] * 6,
    "none": [None] * 6,
    "$words_{ $": ["<$5", "$5 ^_{ $9", None, "", "x" * 200, "é"],
    "truth": [True, False] * 3,
    "kinds": pd.Categorical(["a", "b", None, "a", "a", "b"], ["a", "b", "c"]),
    "times": pd.date_range("2026-01-01", periods=6),
    "whole": pd.array([1, 2, None, 4, 5, 6], dtype="Int64"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_whatever_a_feature_holds(tmp_path, name):
    """Numbers, words, dates, categories, truth values; missing and infinite ones, and formulas that are none."""
    rows = pd.DataFrame({name: COLUMNS[name]})

    assert len(draw(values([name], rows=6), rows, TITLE, tmp_path, chosen=[1, 2])) == 5


@pytest.mark.parametrize("labels", [("yes",), ("yes", "no", "$perhaps$"), tuple(f"l{i}" for i in range(12))])
@pytest.mark.parametrize("features", [2, MOST + 8])
def test_many_features_and_labels(tmp_path, features, labels):
    """What there is no room for is counted, in the titles and as one bar."""
    names = [f"a feature with a name that is very long indeed {number}" for number in range(features)]
    rows = pd.DataFrame(np.zeros((30, features)), columns=names)
    written = draw(values(names, labels), rows, TITLE, tmp_path, label=len(labels) - 1, chosen=[0])

    assert len(written) == 2 + min(3, features) + 1


def test_rows_that_are_all_the_same(tmp_path):
    """Nothing differs: one picture of one row stands for all."""
    explained = ShapValues(KERNEL, ("a",), ("label0",), np.zeros((4, 1, 1)), np.zeros(1))
    rows = pd.DataFrame({"a": [1, 1, 1, 1]})

    assert len(draw(explained, rows, TITLE, tmp_path)) == 4
    assert len(draw(values("a", rows=1), rows[:1], TITLE, tmp_path)) == 4


def test_more_rows_than_dots(tmp_path):
    """Evenly picked; it takes no longer."""
    rows = pd.DataFrame({"a": np.arange(20_000.0)})

    assert len(draw(values("a", rows=20_000), rows, TITLE, tmp_path, chosen=[])) == 3
