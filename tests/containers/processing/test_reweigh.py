"""Reweighing: under the weights, label and facets are independent."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.flow import Label
from containers.processing.job import DataError
from containers.processing.reweigh import reweigh, weights

ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=60)


@given(ROWS)
def test_each_row_weighs_what_is_expected_of_its_kind_over_what_is_there(rows):
    """The formula, cell by cell, for any rows."""
    groups, positive = zip(*rows, strict=True)
    found = weights(groups, positive)

    for weight, (group, good) in zip(found, rows, strict=True):
        expected = groups.count(group) * positive.count(good) / len(rows)
        assert weight == pytest.approx(expected / rows.count((group, good)))


@given(ROWS)
def test_under_the_weights_the_label_says_nothing_of_the_group(rows):
    """Where every group has both labels: the weighted share of good outcomes is one in all of them."""
    rows = [*rows, *[(group, good) for group in "abc" for good in (True, False)]]
    groups, positive = (np.array(each) for each in zip(*rows, strict=True))
    found = weights(groups, positive)
    shares = [np.average(positive[groups == each], weights=found[groups == each]) for each in "abc"]

    assert shares == pytest.approx([positive.mean()] * 3)
    assert found.sum() == pytest.approx(len(rows))


@given(ROWS, st.randoms())
def test_the_order_of_rows_does_not_matter(rows, random):
    """A row's weight stays with it."""
    order = list(range(len(rows)))
    random.shuffle(order)
    before = weights(*zip(*rows, strict=True))
    after = weights(*zip(*(rows[index] for index in order), strict=True))

    assert after.tolist() == before[order].tolist()


FRAME = pd.DataFrame(
    {
        "sex": ["F", "F", "F", "M", "M", "M", None, "M"],
        "age": [70.5, 20.0, 66.0, 20.0, 80.0, 30.0, 20.5, np.nan],
        "paid": ["no", "yes", "no", "yes", "yes", "no", "yes", "no"],
    }
)
PAID = Label("paid", "string", "binary", ("no", "yes"))
SEX = {"column": "sex", "values": ["F"], "limits": []}
OLD = {"column": "age", "values": [60], "limits": []}


def settings(*facets, **fairness):
    return {
        "problem": "binary",
        "label": "paid",
        "positive": "yes",
        "facets": list(facets),
        "fairness": {"reweigh": True, "group_variable": "", "label_values": [], **fairness},
    }


def test_several_facets_are_crossed():
    """Old women are weighed against all others, not once as old and once as women; a missing value is no member."""
    found, said = reweigh(FRAME, PAID, settings(SEX, OLD))
    groups = [(sex == "F", age > 60) for sex, age in zip(FRAME["sex"], FRAME["age"], strict=True)]
    expected = weights([str(each) for each in groups], FRAME["paid"] == "yes")

    assert found.tolist() == expected.tolist()
    assert "sex: F and age: (60.0, 80.0], negative: 2 rows, each counts 0.5" in said


def test_a_facet_without_values_is_each_of_them():
    """Those with none are a group of their own."""
    found, said = reweigh(FRAME, PAID, settings({"column": "sex", "values": []}))

    assert found.tolist() == weights(FRAME["sex"].fillna("none"), FRAME["paid"] == "yes").tolist()
    assert "sex: the others, positive: 1 rows" in said


@pytest.mark.parametrize(
    ("problem", "label", "values", "good"),
    [
        ("multiclass", Label("grade", "string", "multiclass", ("a", "b", "c")), ["a", "b"], [1, 1, 0, 1]),
        ("multiclass", Label("grade", "integer", "multiclass", (1, 2, 3)), [3], [0, 0, 1, 0]),
        ("regression", Label("grade", "number", "regression"), [1.5], [0, 1, 1, 0]),
    ],
)
def test_what_a_good_outcome_is_follows_from_the_problem(problem, label, values, good):
    """Values of the label, or the number above which it lies."""
    grades = {"string": ["a", "b", "c", "a"], "integer": [1, 2, 3, 1], "number": [1.5, 2.0, 9.0, 0.1]}
    rows = pd.DataFrame({"sex": ["F", "M", "F", "M"], "grade": grades[label.type]})
    told = {**settings(SEX, label_values=values), "problem": problem, "label": "grade"}

    assert reweigh(rows, label, told)[0].tolist() == weights(rows["sex"], good).tolist()


def test_a_facet_that_nobody_is_in_is_named():
    """There is nothing to weigh."""
    with pytest.raises(DataError, match="no training row has sex W"):
        reweigh(FRAME, PAID, settings({"column": "sex", "values": ["W"]}))
