from __future__ import annotations

import numpy as np
import pytest

from containers.contract import METRIC_GROUPS
from containers.processing.report import Assessment, Scored, assess, dataset


def rows(problem: str, count: int = 40, classes: int = 3, seed: int = 0) -> Scored:
    draw = np.random.default_rng(seed)
    if problem == "regression":
        return Scored(draw.normal(size=count), draw.normal(size=count))
    if problem == "binary":
        return Scored(np.arange(count) % 2.0, draw.random(count))
    return Scored(np.arange(count) % float(classes), draw.dirichlet(np.ones(classes), count))


def judged(problem: str, classes: tuple[str, ...] = ("a", "b", "c"), rule: str = "f1") -> Assessment:
    return assess(problem, classes, rows(problem), rows(problem, seed=1), rule=rule, resamples=5)


@pytest.mark.parametrize("problem", METRIC_GROUPS)
def test_metrics_lie_under_the_group_that_aws_reads(problem):
    """Each kind of problem has its group, and the validation rows their own metrics without intervals."""
    found = judged(problem).document()

    assert METRIC_GROUPS[problem] in found
    assert set(found["validation"]) == {
        name for name, entry in found[METRIC_GROUPS[problem]].items() if "value" in entry
    }


def test_a_threshold_that_cannot_be_chosen_says_why():
    """The rule, the default that stands in for it, and the reason."""
    one_class = Scored(np.zeros(40), np.random.default_rng(0).random(40))
    found = assess("binary", ("0", "1"), one_class, rows("binary"), rule="f1", resamples=5).document()

    assert found["threshold"]["value"] == 0.5
    assert found["threshold"]["reason"] == "all validation rows are of one class"


def test_each_class_has_its_own_line():
    """Rows, precision and recall by name; a class without rows or predictions has nulls."""
    probabilities = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.8, 0.2, 0.0]])
    few = Scored(np.array([0.0, 1.0, 1.0]), probabilities)
    found = assess("multiclass", ("low", "mid", "high"), few, few, rule="f1", resamples=5).document()

    assert found["classes"] == {
        "low": {"rows": 1, "precision": 0.5, "recall": 1.0},
        "mid": {"rows": 2, "precision": 1.0, "recall": 0.5},
        "high": {"rows": 0, "precision": None, "recall": None},
    }


def test_the_data_set_is_counted():
    """How many rows were scored, and of which class."""
    found = dataset("binary", ("no", "yes"), rows("binary", 10), rows("binary", 7))

    assert found == {"item_count": 7, "validation_item_count": 10, "class_counts": {"no": 4, "yes": 3}}
