"""What each operator makes of known rows."""

import math

import numpy as np
import pandas as pd
import pytest

nan = math.nan
AGE = [20, 31, nan, 45, 52, 20, 67, 31, 18, 40, 22, 30]


def col(frame, name):
    return frame[name].tolist()


def same(left, right):
    np.testing.assert_array_equal(np.asarray(left, float), np.asarray(right, float))


def test_impute_fills_with_what_the_training_rows_have(fit_apply):
    """Mean, median, mode and a constant; the mode is the smallest of the most frequent."""
    known = [age for age in AGE if not math.isnan(age)]
    expected = {"mean": np.mean(known), "median": np.median(known), "mode": 20}

    for strategy, value in expected.items():
        filled = fit_apply({"operator": "impute", "columns": ["age"], "strategy": strategy}, keep=["age"])
        assert filled["age"][2] == value
    constant = {"operator": "impute", "columns": ["age"], "strategy": "constant", "value": -1}
    assert fit_apply(constant, keep=["age"])["age"][2] == -1


def test_an_indicator_marks_and_leaves_the_gap(fit_apply):
    """The extra column is 1 where the value is missing; the column itself stays as it was."""
    marked = fit_apply({"operator": "impute", "columns": ["age"], "strategy": "indicator"}, keep=["age"])

    same(marked["age"], AGE)
    same(marked["age_missing"], [math.isnan(age) for age in AGE])


def test_times_and_texts_are_filled_too(fit_apply):
    """The mode of a text is a text, of a time a time."""
    made = fit_apply(
        {"operator": "impute", "columns": ["job", "when"], "strategy": "mode"},
        {"operator": "encode", "columns": ["job"], "method": "ordinal"},
        {"operator": "date_parts", "columns": ["when"], "parts": ["year"]},
        keep=["job", "when"],
    )

    assert made["job"][3] == made["job"][6] == made["job"][0]  # "cook" is the most frequent
    assert made["when_year"][1] == 1999  # every time occurs once, so the smallest


def test_ordinal_codes_follow_the_order_of_the_text(fit_apply):
    """What training did not see has the code after the last; what is missing stays missing."""
    rows = pd.DataFrame({"job": ["smith", "cook", "Cook ", "nurse", "pilot", None, "?", "  "]})
    made = fit_apply({"operator": "encode", "columns": ["job"], "method": "ordinal"}, keep=["job"], rows=rows)

    same(made["job"], [3, 1, 0, 2, 4, nan, nan, nan])


def test_one_hot_has_a_column_for_what_it_does_not_know(fit_apply):
    """A missing value is in no column, an unseen one in <name>_other, names are fit for XGBoost."""
    rows = pd.DataFrame({"job": ["cook", "pilot", None]})
    made = fit_apply({"operator": "encode", "columns": ["job"], "method": "one_hot"}, keep=["job"], rows=rows)

    assert list(made) == ["job_Cook_", "job_cook", "job_nurse", "job_smith", "job_other"]
    assert made.to_numpy().tolist() == [[0, 1, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]


def test_only_the_most_frequent_categories_are_kept(fit_apply):
    """With ``most = 2`` the others count as unseen."""
    made = fit_apply({"operator": "encode", "columns": ["job"], "method": "one_hot", "most": 2}, keep=["job"])

    assert list(made) == ["job_cook", "job_nurse", "job_other"]


def test_target_encoding_mixes_each_mean_with_the_overall_mean(fit_apply):
    """(sum + smoothing * mean) / (rows + smoothing); unseen is the mean; missing is a category of its own."""
    rows = pd.DataFrame({"job": ["cook", "pilot", None]})
    step = {"operator": "encode", "columns": ["job"], "method": "target", "smoothing": 2.0}
    made = fit_apply(step, keep=["job"], rows=rows)

    # cook: rows 0 5 8 11 with labels no yes no yes; missing: rows 3 and 6, yes no; overall one half
    same(made["job"], [(2 + 1) / (4 + 2), 0.5, (1 + 1) / (2 + 2)])


def test_target_encoding_of_classes_gives_a_column_for_each(fit_apply):
    """With a multiclass label there is one mean for each class, and they add up to one."""
    step = {"operator": "encode", "columns": ["vip"], "method": "target"}
    made = fit_apply(step, keep=["vip"], problem="multiclass", positive=None)

    assert list(made) == ["vip_no", "vip_yes"]
    np.testing.assert_allclose(made.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("method", "offset", "divisor"),
    [
        ("standard", np.nanmean(AGE), np.nanstd(AGE)),
        ("min_max", 18, 67 - 18),
        ("robust", np.nanmedian(AGE), np.nanpercentile(AGE, 75) - np.nanpercentile(AGE, 25)),
    ],
)
def test_scales(fit_apply, method, offset, divisor):
    """(number - offset) / divisor, measured on what is there."""
    made = fit_apply({"operator": "scale", "columns": ["age"], "method": method}, keep=["age"])

    np.testing.assert_allclose(made["age"], (np.array(AGE) - offset) / divisor, rtol=1e-15)


def test_outliers_come_back_to_the_bound(fit_apply):
    """Clipped at the bounds given, or at quantiles of the training rows."""
    clipped = fit_apply(
        {"operator": "outliers", "columns": ["age"], "method": "clip", "upper": 50}, keep=["age"]
    )
    same(clipped["age"], np.minimum(AGE, 50))

    step = {"operator": "outliers", "columns": ["pay"], "method": "winsorize", "upper_quantile": 0.9}
    assert fit_apply(step, keep=["pay"])["pay"].max() == 300.0


def test_a_number_on_a_border_belongs_above_it(fit_apply):
    """Bins count from 0, and missing stays missing."""
    step = {"operator": "bin", "columns": ["age"], "method": "edges", "edges": [20, 40]}

    same(fit_apply(step, keep=["age"])["age"], [1, 1, nan, 2, 2, 1, 2, 1, 0, 2, 1, 1])


def test_quantile_bins_hold_equally_many_and_uniform_bins_are_equally_wide(fit_apply):
    """Measured on the training rows."""
    quantile = {"operator": "bin", "columns": ["pay"], "method": "quantile", "bins": 2}
    uniform = {"operator": "bin", "columns": ["pay"], "method": "uniform", "bins": 2}

    assert fit_apply(quantile, keep=["pay"])["pay"].value_counts().to_dict() == {0: 5, 1: 6}
    assert fit_apply(uniform, keep=["pay"])["pay"].value_counts().to_dict() == {0: 10, 1: 1}


def test_date_parts(fit_apply):
    """In UTC; weekday 0 is Monday; a missing time has no parts."""
    parts = [
        "year",
        "quarter",
        "month",
        "day",
        "day_of_year",
        "weekday",
        "weekend",
        "hour",
        "minute",
        "second",
        "epoch",
    ]
    rows = pd.DataFrame(
        {"when": ["2026-11-21T10:20:30+02:00", "2026-11-21 08:20:30", 1795249230, None, "soon"]}
    )
    made = fit_apply(
        {"operator": "date_parts", "columns": ["when"], "parts": parts}, keep=["when"], rows=rows
    )

    expected = [2026, 4, 11, 21, 325, 5, 1, 8, 20, 30, 1795249230]
    same(made.to_numpy(), [expected, expected, expected, [nan] * 11, [nan] * 11])


def test_cyclical_parts_meet_at_the_end(fit_apply):
    """The circle starts at the first value: hour 0, month 1."""
    step = {"operator": "date_parts", "columns": ["when"], "parts": ["hour", "month"], "cyclical": True}
    rows = pd.DataFrame({"when": ["2026-01-01T00:00", "2026-04-01T06:00", "2026-07-01T12:00"]})
    made = fit_apply(step, keep=["when"], rows=rows)

    assert list(made) == ["when_hour_sin", "when_hour_cos", "when_month_sin", "when_month_cos"]
    np.testing.assert_allclose(made, [[0, 1, 0, 1], [1, 0, 1, 0], [0, -1, 0, -1]], atol=1e-15)


def test_text_is_tidied(fit_apply):
    """White space goes, case goes, and what is empty then is missing."""
    rows = pd.DataFrame({"job": [" COOK", "cook\t ", "\n", "Head  Cook"]})
    made = fit_apply(
        {"operator": "text", "columns": ["job"], "lower": True},
        {"operator": "encode", "columns": ["job"], "method": "ordinal"},
        keep=["job"],
        rows=rows,
    )

    same(made["job"], [0, 0, nan, 3])


def test_casts(fit_apply):
    """Text to numbers and back; what cannot be read is missing; whole numbers lose their fraction."""
    rows = pd.DataFrame({"job": ["12.7", "-3", "x", None], "pay": [1.9, -1.9, nan, 5.0]})
    made = fit_apply(
        {"operator": "cast", "columns": ["job"], "to": "number"},
        {"operator": "cast", "columns": ["pay"], "to": "integer"},
        keep=["job", "pay"],
        rows=rows,
    )

    same(made["job"], [12.7, -3, nan, nan])
    same(made["pay"], [1, -1, nan, 5])


def test_times_become_numbers_and_numbers_times(fit_apply):
    """Seconds since 1970, both ways."""
    rows = pd.DataFrame({"when": ["2026-11-21T08:20:30.5Z", None], "pay": [86400.0, 1e300]})
    made = fit_apply(
        {"operator": "cast", "columns": ["when"], "to": "number"},
        {"operator": "cast", "columns": ["pay"], "to": "timestamp"},
        {"operator": "date_parts", "columns": ["pay"], "parts": ["day"]},
        keep=["when", "pay"],
        rows=rows,
    )

    same(made["when"], [1795249230.5, nan])
    same(made["pay_day"], [2, nan])


def test_rename_drop_and_keep_leave_the_order(fit_apply):
    """Columns stay where they were."""
    made = fit_apply(
        {"operator": "rename", "columns": {"age": "years"}},
        {"operator": "drop", "columns": ["vip"]},
        keep=["vip", "pay", "age"],
    )

    assert list(made) == ["years", "pay"]


FORMULAS = [
    ("a + b * 2 - 1", 7.0),
    ("a / b", 2 / 3),
    ("7 // b", 2.0),
    ("-7 % b", 2.0),
    ("a ** b", 8.0),
    ("-a", -2.0),
    ("a < b", 1.0),
    ("a == 2 and b != 3", 0.0),
    ("a > b or not 0", 1.0),
    ("min(a, b, 1) + max(a, b)", 4.0),
    ("abs(a - b) + sqrt(4) + round(2.5) + round(1.234, 2)", 1 + 2 + 2 + 1.23),
    ("exp(log(a)) + log1p(0)", math.exp(math.log(2))),
    ("where(a > 1, b, nothing)", 3.0),
    ("is_missing(nothing) * 10 + is_missing(a)", 10.0),
    ("word == 'cook'", 1.0),
    ("a / 0", nan),
    ("0 / 0", nan),
    ("a // 0", nan),
    ("a % 0", nan),
    ("0 ** -1", nan),
    ("(0 - 8) ** (1 / 3)", nan),
    ("log(0)", nan),
    ("sqrt(0 - 1)", nan),
    ("exp(1000)", nan),
    ("9 ** 9 ** 9 ** 9", nan),
    (f"a + {'9' * 400}", nan),
    ("1 / (1 / 0)", nan),
    ("nothing + 1", nan),
    ("nothing == nothing", nan),
    ("max(a, nothing)", nan),
    ("where(nothing, 1, 2)", nan),
    ("nothing and 0", nan),
]


@pytest.mark.parametrize(("expression", "value"), FORMULAS)
def test_formulas(expression, value):
    """Python's arithmetic; missing in, missing out; no finite value, missing."""
    from containers.flow.formula import formula

    table = {
        "a": np.array([2.0]),
        "b": np.array([3.0]),
        "nothing": np.array([nan]),
        "word": np.array(["cook"], dtype=object),
    }

    with np.errstate(all="ignore"):
        same(formula({"expression": expression, "column": "z"}, table)["z"], [value])
