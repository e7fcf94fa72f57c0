"""What the checker says of a flow: one mistake, one sentence, and all of them at once."""

import subprocess
import sys

import pytest

from containers.flow_schema import OPERATORS, complete, problems, raw_columns

COLUMNS = {
    "age": "integer",
    "pay": "number",
    "job": "string",
    "city": "string",
    "when": "timestamp",
    "vip": "boolean",
    "y": "string",
}
# Makes the columns that no flow below talks about disappear.
REST = {"operator": "keep", "columns": ["age", "pay"]}


def step(operator, *columns, **fields):
    return {"operator": operator, **({"columns": list(columns)} if columns else {}), **fields}


SOUND = [
    step("deduplicate"),
    step("text", "job", "city"),
    step("impute", "job", strategy="constant", value="none"),
    step("impute", "pay", strategy="indicator"),
    step("impute", "age", "pay", strategy="median"),
    step("formula", column="rate", expression='pay / max(age, 1) + (job != city) + is_missing(col("city"))'),
    step("outliers", "pay", method="clip", upper=1000.0),
    step("bin", "age", method="edges", edges=[20, 40]),
    step("scale", "pay", method="standard"),
    step("encode", "job", method="target"),
    step("encode", "city", "vip", method="one_hot", most=5),
    step("date_parts", "when", parts=["hour", "weekday"], cyclical=True),
    step("rename", columns={"rate": "pay_rate"}),
]


def test_a_sound_flow_has_no_problems():
    """A flow that uses every operator well is passed without a word."""
    assert problems(SOUND, COLUMNS, "y") == []


BAD = [
    ([{"columns": ["age"]}], "flow 1 (?): 'operator' is missing"),
    (["drop"], "flow 1 (?): expected a table, got 'drop'"),
    ([step("scal", "age")], "flow 1 (scal): unknown operator 'scal'. Did you mean 'scale'?"),
    ([step(["drop"], "age")], "unknown operator ['drop']"),
    ([step("scale", "age")], "flow 1 (scale): 'method' is missing: standard, min_max or robust"),
    ([step("scale", "age", method="standart")], "Did you mean 'standard'?"),
    ([step("scale", "age", method="robust", metod=1)], "unknown field 'metod'. Did you mean 'method'?"),
    ([step("scale", columns="age", method="robust")], "'columns' must be a list of names, got 'age'"),
    ([step("drop", "age", "age")], "'columns' names age more than once"),
    ([step("drop", columns=[])], "'columns' must be a list of names, got []"),
    ([step("drop", "agee")], "flow 1 (drop): there is no column 'agee'. Did you mean 'age'?"),
    ([step("drop", "age"), step("drop", "age")], "'age' is not there any more: flow 1 (drop) dropped it"),
    ([REST, step("text", "job")], "'job' is not there any more: flow 1 (keep) did not keep it"),
    (
        [step("rename", columns={"age": "years"}), step("drop", "age")],
        "'age' is not there any more: flow 1 (rename) renamed it to 'years'",
    ),
    (
        [step("encode", "job", method="one_hot"), step("text", "job")],
        "flow 2 (text): 'job' is not there any more: flow 1 (encode) encoded it; its columns are called job_…",
    ),
    (
        [step("date_parts", "when", parts=["hour"]), step("drop", "when")],
        "flow 2 (drop): 'when' is not there any more: flow 1 (date_parts) took it apart",
    ),
    ([step("rename", columns={"age": "pay"})], "it would make a second column 'pay'"),
    ([step("rename", columns={"age": "x", "pay": "x"})], "it gives the name 'x' to more than one column"),
    (
        [step("scale", "job", method="robust")],
        "'job' is of type string; it takes integer, number, boolean. Encode it first.",
    ),
    ([step("text", "age")], "'age' is of type integer; it takes string. Cast it first."),
    ([step("encode", "pay", method="ordinal")], "Bin it first."),
    (
        [step("date_parts", "job", parts=["hour"])],
        "'job' is of type string; it takes timestamp. Cast it first.",
    ),
    ([step("date_parts", "when", parts=["houre"])], "has unknown 'houre'"),
    ([step("date_parts", "when", parts=["year"], cyclical=True)], "'year' does not come round again"),
    (
        [step("impute", "job", strategy="mean")],
        "'job' is of type string and has no mean; use mode or constant",
    ),
    ([step("impute", "age", strategy="constant")], "'value' is missing (the constant)"),
    ([step("impute", "age", strategy="constant", value="x")], "'age' is of type integer, which 'x' is not"),
    (
        [step("impute", "age", strategy="mean", value=3)],
        "'value' goes with strategy constant, not with 'mean'",
    ),
    ([step("outliers", "age", method="clip")], "'lower' or 'upper' is missing"),
    ([step("outliers", "age", method="clip", lower=3, upper=1)], "'lower' (3) is above 'upper' (1)"),
    (
        [step("outliers", "age", method="winsorize", upper_quantile=99)],
        "'upper_quantile' is 99; it must be at most 1",
    ),
    ([step("outliers", "age", method="winsorize", lower_quantile=0.99)], "must be below 'upper_quantile'"),
    ([step("bin", "age", method="edges", edges=[3, 1])], "'edges' must rise"),
    ([step("bin", "age", method="quantile", bins=1)], "'bins' is 1; it must be at least 2"),
    ([step("bin", "age", method="quantile", bins=2.5)], "'bins' must be a whole number"),
    (
        [step("encode", "job", method="target", smoothing=float("nan"))],
        "'smoothing' must be a number, got nan",
    ),
    ([step("text", "job", strip=False)], "nothing to do"),
    ([step("text", "job", lower="yes")], "'lower' must be true or false"),
    ([step("formula", column="z", expression="agee + 1")], "there is no column 'agee'. Did you mean 'age'?"),
    ([step("formula", column="z", expression="job + 1")], "calculates with text"),
    ([step("formula", column="z", expression="when + 1")], "'when' is a timestamp; take parts of it first"),
    ([step("formula", column="y", expression="age + 1")], "'y' is the label"),
    ([step("drop", "y")], "'y' is the label; the flow makes features"),
    ([step("drop", "age"), step("deduplicate")], "put it first: equal rows leave before the split"),
    (
        [step("rename", columns={"age": "label"})],
        "'label' is the label's name in prepared data; rename the feature",
    ),
    ([step("rename", columns={"age": "a<b"})], "'a<b' cannot be the name of a feature"),
    ([], "flow: 'job' is still of type string at the end; encode it or drop it"),
    ([], "flow: 'when' is still of type timestamp at the end; take date_parts of it or drop it"),
    ([step("drop", *[name for name in COLUMNS if name != "y"])], "flow: no feature is left at the end"),
]


@pytest.mark.parametrize(("flow", "said"), BAD)
def test_each_mistake_has_its_sentence(flow, said):
    """What is wrong, where, and what would be right."""
    found = problems(flow, COLUMNS, "y")

    assert any(said in problem for problem in found), found


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_flow():
    """Three mistakes in three steps are three sentences, and none hides another."""
    flow = [step("drop", "jobb"), step("scale", "age", method="x"), step("text", "pay"), *SOUND[1:]]

    found = problems(flow, COLUMNS, "y")

    assert [problem.split(" ")[1] for problem in found] == ["1", "2", "3"]


def test_columns_that_only_the_data_names_may_be_referred_to():
    """After one_hot the columns are called <name>_<value>, and a later step may use them."""
    flow = [
        step("keep", "age", "job"),
        step("encode", "job", method="one_hot"),
        step("formula", column="z", expression='col("job_cook") * age'),
        step("drop", "job_other"),
    ]

    assert problems(flow, COLUMNS, "y") == []


def test_target_encoding_of_classes_makes_a_column_for_each():
    """With a multiclass label the encoded column is gone, and its name with it."""
    flow = [
        step("keep", "age", "job"),
        step("encode", "job", method="target"),
        step("scale", "job", method="robust"),
    ]

    assert problems(flow, COLUMNS, "y") == []
    assert "its columns are called job_…" in problems(flow, COLUMNS, "y", multiclass=True)[0]


def test_a_flow_reads_only_the_raw_columns_that_it_needs():
    """What is dropped or not kept before anything reads it need not be there while serving; nor need the label."""
    flow = [
        step("deduplicate", "city"),
        step("drop", "when"),
        step("formula", column="z", expression="pay * 2"),
        step("keep", "age", "z"),
    ]

    assert raw_columns(flow, COLUMNS, "y") == {"age": "integer", "pay": "number"}


def test_defaults_are_written_out_where_they_apply():
    """A completed step depends on no default, and holds none that goes with another method."""
    assert complete(step("encode", "job", method="target"))["smoothing"] == 20.0
    assert "smoothing" not in complete(step("encode", "job", method="ordinal"))


def test_every_operator_and_field_explains_itself():
    """The documentation is made of these."""
    assert [f"{o.name}.{f.name}" for o in OPERATORS.values() for f in o.fields if not f.help] == []
    assert [o.name for o in OPERATORS.values() if not o.help.endswith(".")] == []


def test_checking_needs_only_the_standard_library():
    """Settings are checked where neither pandas nor numpy is installed."""
    code = "import sys, containers.flow_schema; print(sorted({'numpy', 'pandas'} & {*sys.modules}))"

    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
