"""The laws of the flow: what holds for every operator, every flow and every value."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from containers.flow import FittedFlow, FlowError, apply, deduplicate, fit

COLUMNS = {
    "age": "integer",
    "pay": "number",
    "job": "string",
    "when": "timestamp",
    "vip": "boolean",
    "y": "string",
}
ABOUT = {"columns": COLUMNS, "label": "y", "problem": "binary", "positive": "yes", "missing": ["?"]}
JOBS = ["cook", " Cook", "nurse", "?", "", None, "[x]<y", "über", "1", "other", "missing"]

number = st.one_of(
    st.none(), st.floats(-1e9, 1e9), st.sampled_from([0.0, -0.0, 1e-300, 1e300, math.nan, math.inf])
)
instant = st.one_of(
    st.none(), st.datetimes(min_value=pd.Timestamp("1700-01-01"), max_value=pd.Timestamp("2200-01-01"))
)
row = st.fixed_dictionaries(
    {
        "age": st.one_of(st.none(), st.integers(-5, 130)),
        "pay": number,
        "job": st.one_of(st.sampled_from(JOBS), st.text(max_size=4)),
        "when": st.one_of(
            st.none(), instant.map(lambda t: t and t.isoformat()), st.sampled_from(["soon", "", "2026"])
        ),
        "vip": st.sampled_from([True, False, None]),
    }
)
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.just([1]), st.just({"a": 1})
)
strange_row = st.fixed_dictionaries({name: ANYTHING for name in COLUMNS if name != "y"})


def step(operator, *columns, **fields):
    return {"operator": operator, **({"columns": list(columns)} if columns else {}), **fields}


# Steps that leave every column there and of its type, so that any of them can follow any other.
STEPS = [
    step("text", "job"),
    step("text", "job", strip=False, lower=True),
    step("impute", "age", "pay", strategy="mean"),
    step("impute", "pay", strategy="median"),
    step("impute", "job", "vip", "age", strategy="mode"),
    step("impute", "job", strategy="constant", value="none"),
    step("impute", "vip", strategy="constant", value=True),
    step("scale", "age", "pay", method="standard"),
    step("scale", "pay", method="min_max"),
    step("scale", "age", method="robust"),
    step("outliers", "pay", method="clip", lower=-5, upper=1e6),
    step("outliers", "age", "pay", method="winsorize"),
    step("bin", "pay", method="quantile", bins=4),
    step("bin", "pay", method="uniform"),
    step("bin", "age", method="edges", edges=[0, 18, 65]),
    step("formula", column="pay", expression="log1p(abs(pay)) / (age - 30) ** 0.5"),
    step("formula", column="pay", expression="where(pay > age and job != 'cook', pay % 7, exp(age / 10))"),
    step("cast", "age", to="integer"),
]
STEPS.append(step("formula", column="age", expression="round(age * 1.5, 1) // 2 + is_missing(pay)"))
# Steps that make the rest of the columns fit for a model.
ENDS = [
    step("encode", "job", method="ordinal"),
    step("encode", "job", method="ordinal", most=2),
    step("encode", "job", method="one_hot"),
    step("encode", "job", method="target"),
    step("encode", "job", method="target", smoothing=0),
]
DATES = [
    step("date_parts", "when", parts=["year", "weekday", "weekend", "hour", "epoch"]),
    step(
        "date_parts", "when", parts=["month", "day", "hour", "minute", "second", "day_of_year"], cyclical=True
    ),
    step("cast", "when", to="number"),
]
flows = st.builds(
    lambda middle, end, date: [step("impute", "when", strategy="indicator"), *middle, end, date],
    st.lists(st.sampled_from(STEPS), max_size=4),
    st.sampled_from(ENDS),
    st.sampled_from(DATES),
)


MANY = 257  # times over, so that a batch takes the ways that only larger tables take


def frame_of(rows, labels=None):
    """Rows as they come out of Parquet: every column of its type."""
    frame = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "y"])
    frame["age"] = frame["age"].astype("float64")
    frame["pay"] = frame["pay"].astype("float64")
    return frame if labels is None else frame.assign(y=labels)


# In every training set, so that no column is empty and there are two classes.
ANCHORS = [
    {"age": 20, "pay": 1.0, "job": "cook", "when": "2026-01-01T10:00:00", "vip": True},
    {"age": 60, "pay": 9.0, "job": "nurse", "when": "2025-12-31T23:59:59", "vip": False},
]


def trained(flow, rows):
    rows = [*ANCHORS, *rows]
    labels = (["yes", "no"] * len(rows))[: len(rows)]
    try:
        return fit(flow, frame_of(rows, labels), **ABOUT)
    except FlowError:  # a formula has left an operator after it nothing to learn from
        reject()


def bits(frame):
    """Every bit of the numbers, with one NaN."""
    values = frame.to_numpy(np.float64)
    return np.where(np.isnan(values), np.nan, values).tobytes()


slow = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@slow
@given(flows, st.lists(row, max_size=12), st.lists(row, min_size=1, max_size=8))
def test_one_row_gives_what_it_gives_in_the_batch(flow, train, rows):
    """To the last bit, whatever the flow, whatever the row, and whoever its neighbours are."""
    fitted = trained(flow, train)
    batch = apply(fitted, frame_of(rows * MANY)).iloc[: len(rows)]

    for index, one in enumerate(rows):
        alone = apply(fitted, pd.DataFrame([one]))
        assert bits(alone) == bits(batch.iloc[[index]])
    assert len(batch) == len(rows)
    assert list(batch) == list(fitted.features)


@slow
@given(flows, st.lists(row, max_size=12), st.lists(row, max_size=8))
def test_the_json_is_the_whole_flow(flow, train, rows):
    """What comes back from JSON makes the same numbers and the same JSON, and the JSON is strict."""
    fitted = trained(flow, train)
    text = fitted.to_json()
    again = FittedFlow.from_json(text)

    assert again.to_json() == text
    assert bits(apply(again, frame_of(rows))) == bits(apply(fitted, frame_of(rows)))
    json.loads(text, parse_constant=pytest.fail)


@slow
@given(flows, st.lists(st.one_of(row, strange_row), min_size=1, max_size=6))
def test_nothing_in_a_row_makes_serving_fail(flow, rows):
    """Unseen, missing and misplaced values of any type give a number or a gap, the same one alone or together."""
    fitted = trained(flow, [])
    frame = pd.DataFrame(rows * MANY, dtype=object)
    batch = apply(fitted, frame)

    values = batch.to_numpy()
    assert (np.isfinite(values) | np.isnan(values)).all()
    for index in range(len(rows)):
        assert bits(apply(fitted, frame.iloc[[index]])) == bits(batch.iloc[[index]])


@slow
@given(flows, st.lists(row, min_size=1, max_size=10), st.randoms())
def test_the_order_of_rows_to_apply_does_not_matter(flow, rows, random):
    """Rows do not see each other."""
    fitted = trained(flow, rows)
    order = list(range(len(rows)))
    random.shuffle(order)

    assert bits(apply(fitted, frame_of(rows)).iloc[order]) == bits(
        apply(fitted, frame_of([rows[i] for i in order]))
    )


def test_long_columns_and_single_rows_take_the_same_road(columns):
    """Vectorised loops round as the loop over a single number does, for many numbers."""
    draw = np.random.default_rng(3)
    rows = pd.DataFrame(
        {"age": draw.integers(0, 99, 3000), "pay": draw.lognormal(3, 3, 3000), "y": ["a", "b"] * 1500}
    )
    flow = [
        step("keep", "age", "pay"),
        step(
            "formula", column="e", expression="exp(age / 7) + log(pay) * log1p(pay) + sqrt(pay) + pay ** 0.3"
        ),
        step("formula", column="f", expression="pay % 3.7 + pay // 1.3 + age ** 2 + 1.7 ** (age / 9)"),
        step("scale", "pay", method="standard"),
    ]
    fitted = fit(flow, rows, columns=columns, label="y", problem="binary", positive="a")
    batch = apply(fitted, rows)

    for index in range(0, 3000, 61):
        assert bits(apply(fitted, rows.iloc[[index]])) == bits(batch.iloc[[index]])


def test_raw_columns_that_the_flow_reads_must_be_there(frame, columns):
    """A column that is absent is an error that names it; one that is not needed may be absent."""
    flow = [step("drop", "when", "vip", "job"), step("scale", "pay", method="robust")]
    fitted = fit(flow, frame, columns=columns, label="y", problem="binary", positive="yes")

    assert list(apply(fitted, frame[["age", "pay"]])) == ["age", "pay"]
    with pytest.raises(FlowError, match="columns are absent: pay; found: age"):
        apply(fitted, frame[["age"]])


def test_no_rows_give_no_rows(frame, columns):
    """An empty request is answered with an empty table that has its columns."""
    flow = [step("keep", "age", "job"), step("encode", "job", method="one_hot")]
    fitted = fit(flow, frame, columns=columns, label="y", problem="binary", positive="yes")

    assert apply(fitted, frame.iloc[:0]).shape == (0, len(fitted.features))


def test_an_empty_column_cannot_be_learned_from(frame, columns):
    """The message names the operator and the column."""
    empty = frame.assign(pay=math.nan)
    for operator in (
        step("impute", "pay", strategy="mean"),
        step("scale", "pay", method="standard"),
        step("bin", "pay", method="quantile"),
        step("outliers", "pay", method="winsorize"),
    ):
        with pytest.raises(
            FlowError, match=f"{operator['operator']}: 'pay' has no value in the training rows"
        ):
            fit(
                [step("keep", "pay"), operator],
                empty,
                columns=columns,
                label="y",
                problem="binary",
                positive="yes",
            )


def test_numbers_that_cannot_be_measured_are_refused(columns):
    """A deviation that overflows is a sentence, not an infinite number in the JSON."""
    rows = pd.DataFrame({"pay": [1e300, -1e300], "y": ["a", "b"]})
    flow = [step("keep", "pay"), step("scale", "pay", method="standard")]

    with pytest.raises(FlowError, match="scale: numbers too large to be measured in: pay; clip them first"):
        fit(flow, rows, columns=columns, label="y", problem="binary", positive="a")


def test_a_flow_that_does_not_fit_is_refused_before_anything_is_learned(frame, columns):
    """fit checks the flow as the settings' checker does."""
    with pytest.raises(FlowError, match="there is no column 'agee'"):
        fit([step("drop", "agee")], frame, columns=columns, label="y", problem="binary", positive="yes")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not a fitted flow: JSONDecodeError"),
        ("[]", "not a fitted flow: TypeError"),
        ('{"version": 99}', "version 99; this code reads 1"),
        ('{"version": 1}', "not a fitted flow: KeyError: 'columns'"),
    ],
)
def test_json_that_is_no_fitted_flow_is_refused(text, said):
    """Torn files and flows of another version have their sentence."""
    with pytest.raises(FlowError, match=said):
        FittedFlow.from_json(text)


def test_equal_rows_leave_the_batch_and_only_the_batch(columns):
    """The first of equal rows stays, by the columns named; apply keeps every row."""
    rows = pd.DataFrame({"age": [1, 1, 2, 1], "pay": [5.0, 5.0, 5.0, 6.0], "y": ["a", "a", "b", "b"]})
    flow = [step("deduplicate"), step("keep", "age", "pay")]

    assert deduplicate(flow, rows).index.tolist() == [0, 2, 3]
    assert deduplicate([step("deduplicate", "age")], rows).index.tolist() == [0, 2]
    fitted = fit(flow, rows, columns=columns, label="y", problem="binary", positive="a")
    assert len(apply(fitted, rows)) == 4
    assert "deduplicate" not in fitted.to_json()
