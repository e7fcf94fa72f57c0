from __future__ import annotations

import numpy as np
import pytest

from containers.processing.plots import MOST, PICTURES, draw
from containers.processing.report import Scored, assess


def drawn(tmp_path, problem, labels, scores, classes=("0", "1"), importance=None):
    rows = Scored(np.asarray(labels, dtype=float), np.asarray(scores, dtype=float))
    assessment = assess(problem, classes, rows, rows, rule="f1", resamples=5)
    return draw(assessment, importance or {}, "Title with $1 and $2, {braces} and \\backslash", tmp_path)


def test_names_are_never_read_as_formulas(tmp_path):
    """Dollars, braces and underscores in names of classes and features are what they look like."""
    names = drawn(
        tmp_path, "binary", [0, 1, 0], [0.1, 0.9, 0.3], ("<$5", "$5 ^_{ $9"), {"a_{b $x$ \\frac": 1.0}
    )

    assert names == [*PICTURES["binary"], "feature_importance.png"]


def test_many_classes_and_features_still_make_a_picture(tmp_path):
    """More than can be read are coloured without numbers, or left out, and the title says so."""
    count = MOST + 10
    labels = np.arange(200) % count
    probabilities = np.random.default_rng(0).dirichlet(np.ones(count), 200)
    importance = {f"feature {index}": 1 / count for index in range(count)}
    names = drawn(
        tmp_path,
        "multiclass",
        labels,
        probabilities,
        tuple(f"class {index}" for index in range(count)),
        importance,
    )

    assert len(names) == 3


@pytest.mark.parametrize("rows", [1, 2, 9000])
@pytest.mark.parametrize("constant", [True, False])
def test_a_regression_of_any_size_is_drawn(tmp_path, rows, constant):
    """One row, equal predictions, or more rows than dots."""
    labels = np.random.default_rng(0).normal(size=rows)
    names = drawn(tmp_path, "regression", labels, np.zeros(rows) if constant else labels)

    assert names == list(PICTURES["regression"])


def test_constant_scores_are_drawn(tmp_path):
    """All rows in one bin, at either end."""
    for score in (0.0, 0.5, 1.0):
        assert drawn(tmp_path, "binary", [0, 1, 1], [score] * 3) == list(PICTURES["binary"])
