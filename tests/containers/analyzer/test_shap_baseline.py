"""The rows that stand for knowing nothing, given or computed."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from containers.analyzer.shap_baseline import MOST, computed, given
from containers.processing.job import DataError

COLUMNS = ["age", "job"]
EXPECTED = pd.DataFrame({"age": [39, 50], "job": ["cook", "clerk"]})
FORMS = {
    "rows": [[39, "cook"], [50, "clerk"]],
    "records": [{"job": "cook", "age": 39, "more": 1}, {"age": 50, "job": "clerk"}],
    "a table": EXPECTED,
    "a table in another order": EXPECTED[["job", "age"]],
    "a table without header": EXPECTED.set_axis([0, 1], axis=1),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_the_rows(form):
    """As in the configuration, or fetched."""
    pd.testing.assert_frame_equal(given(FORMS[form], COLUMNS), EXPECTED)


def test_one_record_is_one_row():
    """The schema allows a record without a list around it."""
    pd.testing.assert_frame_equal(given({"age": 39, "job": "cook"}, COLUMNS), EXPECTED[:1])


REFUSED = [
    ("s3://bucket/rows.csv", "fetch s3://bucket/rows.csv first"),
    ([], "must be a list of rows or of records"),
    ([1, 2], "must be a list of rows or of records"),
    (["ab"], "must be a list of rows or of records"),
    ([[1]], "a row of 1 values; the data has 2 features"),
    ([{"age": 1}], "a record without 'job'"),
    (EXPECTED.assign(more=1), "has 3 columns; the data has 2 features"),
    (EXPECTED.rename(columns={"job": "work"}), "has the columns age, work; the data has age, job"),
]


@pytest.mark.parametrize(("baseline", "text"), REFUSED)
def test_what_is_no_baseline_is_refused(baseline, text):
    """With what it would have to be."""
    with pytest.raises(DataError, match=text):
        given(baseline, COLUMNS)


def people(random, rows):
    return pd.DataFrame(
        {
            "pay": random.normal(size=rows),
            "age": random.integers(18, 90, rows),
            "code": random.integers(0, 2, rows),
            "job": random.choice(["cook", "clerk", None], rows),
            "size": pd.Categorical(random.choice(["s", "m"], rows), ["s", "m", "l"]),
            "new": random.random(rows) < 0.5,
        }
    )


@examples(st.integers(1, 60), st.integers(0, 100), st.none() | st.integers(1, MOST))
def test_middles_have_the_types_and_the_range_of_the_data(rows, seed, clusters):
    """Means of amounts lie within; categories are some that there are; never more rows than there are."""
    data = people(np.random.default_rng(seed), rows)
    found = computed(data, clusters)

    assert 1 <= len(found) <= min(clusters or MOST, rows)
    assert list(found.dtypes) == list(data.dtypes)
    assert found["pay"].between(data["pay"].min(), data["pay"].max()).all()
    assert found["age"].between(data["age"].min(), data["age"].max()).all()
    for name in ("code", "job", "size", "new"):
        assert set(found[name].dropna()) <= set(data[name].dropna())


def test_clusters_are_found():
    """Three heaps are told apart, the largest first, and nobody had to say that there are three."""
    random = np.random.default_rng(0)
    heaps = np.repeat([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0]], [50, 30, 20], axis=0)
    data = pd.DataFrame(heaps + random.normal(size=heaps.shape), columns=["a", "b"])
    data["job"] = np.repeat(["cook", "clerk", "smith"], [50, 30, 20])
    found = computed(data.sample(frac=1, random_state=0))

    assert found["job"].tolist() == ["cook", "clerk", "smith"]
    assert found[["a", "b"]].to_numpy() == pytest.approx(np.array([[0, 0], [50, 0], [0, 50]]), abs=1)
    assert len(computed(data, clusters=1)) == 1


def test_the_same_rows_give_the_same_middles():
    """Twice, and of more rows than are clustered."""
    data = people(np.random.default_rng(0), 25_000)

    pd.testing.assert_frame_equal(computed(data), computed(data.copy()))


def test_columns_without_values_and_with_infinite_ones():
    """Missing everywhere, missing here and there, infinite, all the same, or text of which none is repeated."""
    data = pd.DataFrame(
        {
            "none": [np.nan] * 60,
            "some": [1.0, np.nan, 3.0] * 20,
            "far": [np.inf, -1.0, 1.0] * 20,
            "beyond": [np.inf, -np.inf] * 30,
            "same": [5.0] * 60,
            "id": [f"id-{number}" for number in range(60)],
            "empty": [None] * 60,
        }
    )
    found = computed(data, clusters=2)

    assert len(found) == 2
    assert found["none"].isna().all()
    assert np.isfinite(found["far"]).all()
    assert (found["same"] == 5).all()


def test_no_rows_have_no_middle():
    """Said in Clarify's words."""
    with pytest.raises(DataError, match="Data must contain features"):
        computed(EXPECTED[:0])


def test_a_cluster_may_know_nothing_of_a_column():
    """One heap has no codes and no pay at all; the other has: each keeps its own."""
    data = pd.DataFrame(
        {
            "a": [0.0] * 30 + [100.0] * 20,
            "code": [np.nan] * 30 + [7.0] * 20,
            "job": [None] * 30 + ["cook"] * 20,
        }
    )
    found = computed(data, clusters=2)

    assert found["a"].tolist() == [0, 100]
    assert found["code"].isna().tolist() == found["job"].isna().tolist() == [True, False]
    assert found.loc[1, ["code", "job"]].tolist() == [7, "cook"]
