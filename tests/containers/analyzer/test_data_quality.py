"""Statistics, constraints and violations: the goldens of the real container, and the laws between the three."""

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from containers.analyzer.constraints import domains, suggest
from containers.analyzer.profile import CATEGORIES, DatasetProfile, profile
from containers.analyzer.reading import in_blocks, tables
from containers.analyzer.statistics import statistics
from containers.analyzer.violations import violations
from containers.processing.job import DataError

GOLDEN = "checkstep/quality/data_quality"
BARE = {"csv": {"header": False}}
NEWER = ("approximate_num_distinct_values", "completeness")  # keys that newer images write


def of(columns: Mapping[str, list[Any]], constraints: Mapping[str, Any] | None = None) -> DatasetProfile:
    return profile([pa.table(dict(columns))], domains(constraints) if constraints else {})


def checked(
    baseline: Mapping[str, list[Any]],
    current: Mapping[str, list[Any]],
    config: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[tuple[str, str]]:
    """Feature and check of each violation of the constraints that ``baseline`` suggests."""
    before = of(baseline)
    constraints = suggest(before)
    constraints["monitoring_config"] |= config or {}
    for feature in constraints["features"]:
        feature["monitoring_config_overrides"] = (overrides or {}).get(feature["name"], {})
    found = violations(of(current, constraints), constraints, statistics(before))
    return [(one["feature_name"], one["constraint_check_type"]) for one in found["violations"]]


def test_the_container_s_statistics_to_the_last_digit(shared_data: Callable[[str], Path]) -> None:
    """Mean, sum, deviation, range, buckets and sketch of all six columns are the real ones, key by key."""
    folder = shared_data(GOLDEN)
    written = statistics(profile(tables(folder / "baseline_dataset.csv", BARE)))
    for feature in written["features"]:
        for key in NEWER:
            del feature["numerical_statistics"][key]

    expected = json.loads((folder / "statistics.json").read_text())
    assert json.dumps(written, indent=1) == json.dumps(expected, indent=1)


def test_the_container_s_constraints(shared_data: Callable[[str], Path]) -> None:
    """Suggested constraints are the real ones, but for two settings that newer images write."""
    folder = shared_data(GOLDEN)
    written = suggest(profile(tables(folder / "baseline_dataset.csv", BARE)))
    for key in ("categorical_comparison_threshold", "categorical_drift_method"):
        del written["monitoring_config"]["distribution_constraints"][key]

    assert written == json.loads((folder / "good_cases" / "constraints.json").read_text())


@pytest.mark.parametrize(("case", "found"), [("good_cases", []), ("bad_cases", ["_c5"])])
def test_the_container_s_verdict(case: str, found: list[str], shared_data: Callable[[str], Path]) -> None:
    """The good case passes; in the bad one, _c5 should be text and is numbers."""
    folder = shared_data(GOLDEN)
    constraints = json.loads((folder / case / "constraints.json").read_text())
    dataset = profile(tables(folder / "baseline_dataset.csv", BARE), domains(constraints))

    written = violations(dataset, constraints, json.loads((folder / "statistics.json").read_text()))

    assert [(one["feature_name"], one["constraint_check_type"]) for one in written["violations"]] == [
        (name, "data_type_check") for name in found
    ]


def test_statistics_of_texts(shared_data: Callable[[str], Path]) -> None:
    """The one golden of a text column: its categories, and its domain."""
    folder = shared_data("checkstep/monitor")
    golden = json.loads((folder / "statistics.json").read_text())
    text = golden["features"][0]["string_statistics"]["distribution"]["categorical"]["buckets"][0]["value"]
    dataset = of({"message": [text] * 418})
    written = statistics(dataset)
    del written["features"][0]["string_statistics"]["completeness"]

    assert written == golden
    assert suggest(dataset)["features"][0] == {
        "name": "message",
        "inferred_type": "String",
        "completeness": 1.0,
        "string_constraints": {"domains": [text]},
    }


def test_an_empty_column_is_unknown() -> None:
    """Nothing is said of a column without values but that it has none."""
    dataset = of({"a": ["", None]})

    assert statistics(dataset)["features"] == [
        {
            "name": "a",
            "inferred_type": "Unknown",
            "string_statistics": {
                "common": {"num_present": 0, "num_missing": 2},
                "distinct_count": 0.0,
                "completeness": 0.0,
            },
        }
    ]
    assert suggest(dataset)["features"] == [{"name": "a", "inferred_type": "Unknown", "completeness": 0.0}]


def test_many_categories_are_no_domain() -> None:
    """Up to 120 texts are listed, 121 are not."""
    few, many = ([f"t{index}" for index in range(CATEGORIES + extra)] for extra in (0, 1))

    assert len(suggest(of({"a": few}))["features"][0]["string_constraints"]["domains"]) == CATEGORIES
    assert "string_constraints" not in suggest(of({"a": many}))["features"][0]
    assert "distribution" not in statistics(of({"a": many}))["features"][0]["string_statistics"]


LETTERS = ["a", "b", "c", "d"] * 50
NUMBERS = [float(number) for number in range(200)]
CHECKS: list[tuple[str, dict[str, list[Any]], dict[str, list[Any]], dict[str, Any], list[tuple[str, str]]]] = [
    ("same", {"a": NUMBERS}, {"a": NUMBERS}, {}, []),
    ("integers fit fractions", {"a": ["0.5", "1"]}, {"a": ["3", "1"]}, {}, []),
    ("fractions among integers", {"a": ["1", "2"]}, {"a": ["1", "2.5"]}, {}, [("a", "data_type_check")]),
    ("half may differ", {"a": ["1", "2"]}, {"a": ["1", "2.5"]}, {"datatype_check_threshold": 0.5}, []),
    ("a text among numbers", {"a": ["1", "2"]}, {"a": ["1", "x"]}, {}, [("a", "data_type_check")]),
    ("missing", {"a": NUMBERS}, {"a": [None, *NUMBERS]}, {}, [("a", "completeness_check")]),
    ("as incomplete as ever", {"a": [None, *NUMBERS]}, {"a": [None, *NUMBERS]}, {}, []),
    ("new text", {"a": LETTERS}, {"a": [*LETTERS, "x"]}, {}, [("a", "categorical_values_check")]),
    ("some may be new", {"a": LETTERS}, {"a": [*LETTERS, "x"]}, {"domain_content_threshold": 0.9}, []),
    (
        "too many new texts to be counted",
        {"a": LETTERS},
        {"a": [*LETTERS * 9, *map(str, range(CATEGORIES)), "x"]},
        {"domain_content_threshold": 0.9},
        [],
    ),
    ("moved", {"a": NUMBERS}, {"a": [x + 90 for x in NUMBERS]}, {}, [("a", "baseline_drift_check")]),
    ("hardly moved", {"a": NUMBERS}, {"a": [x + 40 for x in NUMBERS]}, {}, []),
    (
        "hardly moved, but to few rows no allowance is made",
        {"a": NUMBERS},
        {"a": [x + 40 for x in NUMBERS]},
        {"distribution_constraints": {"comparison_method": "Simple"}},
        [("a", "baseline_drift_check")],
    ),
    (
        "moved, and nobody asks",
        {"a": NUMBERS},
        {"a": [x + 90 for x in NUMBERS]},
        {"distribution_constraints": {"perform_comparison": "Disabled"}},
        [],
    ),
    ("other shares", {"a": LETTERS}, {"a": ["a"] * 200}, {}, [("a", "baseline_drift_check")]),
    (
        "other shares by chi-square",
        {"a": LETTERS},
        {"a": [*LETTERS, *["a"] * 90]},
        {"distribution_constraints": {"categorical_drift_method": "ChiSquared"}},
        [("a", "baseline_drift_check")],
    ),
    (
        "the same by chi-square",
        {"a": LETTERS},
        {"a": LETTERS[2:]},
        {"distribution_constraints": {"categorical_drift_method": "ChiSquared"}},
        [],
    ),
    ("off", {"a": NUMBERS}, {"a": ["x"]}, {"evaluate_constraints": "Disabled"}, []),
    ("fewer columns", {"a": ["1"], "b": ["1"]}, {"a": ["1"]}, {}, [("Missing columns", "missing_column_check")]),
    ("more columns", {"a": ["1"]}, {"a": ["1"], "b": ["1"]}, {}, [("Extra columns", "extra_column_check")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("baseline", "current", "config", "found"), [pytest.param(*case[1:], id=case[0]) for case in CHECKS]
)
def test_what_is_a_violation(
    baseline: dict[str, list[Any]],
    current: dict[str, list[Any]],
    config: dict[str, Any],
    found: list[tuple[str, str]],
) -> None:
    """A data set against what another one suggested, with these settings for all features."""
    assert checked(baseline, current, config) == found


def test_a_feature_s_own_settings_come_first() -> None:
    """Overrides change one feature's checks, and only what they name."""
    before = {"a": ["1", "2"], "b": ["1", "2"]}
    now = {"a": ["1", "x"], "b": ["1", "x"]}

    assert checked(before, now, overrides={"a": {"datatype_check_threshold": 0.5}}) == [
        ("b", "data_type_check")
    ]
    assert checked(before, now, overrides={"a": {"evaluate_constraints": "Disabled"}}) == [
        ("b", "data_type_check")
    ]
    lenient = {"distribution_constraints": {"comparison_threshold": 0.9}}
    assert checked({"a": NUMBERS}, {"a": [x + 90 for x in NUMBERS]}, overrides={"a": lenient}) == []


@pytest.mark.parametrize("place", ["string_constraints", "num_constraints", None])
@pytest.mark.parametrize("name", ["monitoring_config_overrides", "monitoringConfigOverrides"])
def test_overrides_are_found_where_aws_puts_them(place: str | None, name: str) -> None:
    """AWS's files have them beside the constraints or among them, under either name."""
    constraints = suggest(of({"a": ["1", "2"]}))
    feature = constraints["features"][0]
    (feature if place is None else feature.setdefault(place, {}))[name] = {"datatype_check_threshold": 0.5}

    assert violations(of({"a": ["1", "x"]}, constraints), constraints) == {"violations": []}


TEXTS = [
    (
        {"a": ["1", "2", "3", "4"]},
        {"a": ["1", "2", "3", "x"]},
        "Data type match requirement is not met. Expected data type: Integral, Expected match: 100.0%. "
        "Observed: Only 75.0% of data is Integral.",
    ),
    (
        {name: ["1"] for name in "abcdefghij"},
        {name: ["1"] for name in "abcdefghijk"},
        "There are extra columns in current dataset. Number of columns in current dataset: 11, "
        "Number of columns in baseline constraints: 10",
    ),
]


@pytest.mark.parametrize(("baseline", "current", "text"), TEXTS)
def test_texts_that_are_known_are_the_container_s(
    baseline: dict[str, list[Any]], current: dict[str, list[Any]], text: str
) -> None:
    """Whoever looks for AWS's words finds them."""
    found = violations(of(current), suggest(of(baseline)))

    assert [one["description"] for one in found["violations"]] == [text]


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({}, "'features' must be a list"),
    ({"features": [{"inferred_type": "String"}]}, "features[0] has no 'name'"),
    ({"features": [{"name": "a", "inferred_type": "Integer"}]}, "Did you mean 'Integral'?"),
    ({"features": [{"name": "a", "completeness": "all"}]}, "completeness is 'all'; it must be a number"),
    (
        {"features": [{"name": "a"}], "monitoring_config": {"evaluate_constraints": True}},
        "evaluate_constraints is True; it must be one of Enabled, Disabled",
    ),
    (
        {"features": [{"name": "a", "monitoring_config_overrides": {"datatype_check_threshold": "1"}}]},
        "constraints of 'a': datatype_check_threshold is '1'",
    ),
]


@pytest.mark.parametrize(("constraints", "message"), BROKEN)
def test_constraints_that_are_none_are_said(constraints: dict[str, Any], message: str) -> None:
    """A constraints file is edited by hand: the message says where and what."""
    with pytest.raises(DataError) as caught:
        violations(of({"a": ["1"]}), constraints)
    assert message in str(caught.value)


def test_no_rows_are_no_baseline() -> None:
    """A data set without rows is refused."""
    with pytest.raises(DataError, match="no rows"):
        of({"a": []})


def test_a_column_of_lists_is_refused() -> None:
    """By name, with what to do about it."""
    with pytest.raises(DataError, match="column 'a' is of type list<item: int64>, which cannot be analysed"):
        of({"a": [[1], [2]]})


values = st.one_of(
    st.none(),
    st.integers(-(10**20), 10**20).map(str),
    st.floats(allow_nan=False).map(str),
    st.sampled_from(["a", "b", "3", " 4", "true", "-"]),
    st.text(max_size=3),
)
columns = st.integers(1, 40).flatmap(
    lambda rows: st.dictionaries(
        st.text(min_size=1, max_size=3),
        st.lists(values, min_size=rows, max_size=rows).map(lambda column: pa.array(column, pa.string())),
        min_size=1,
        max_size=4,
    )
)


@given(columns)
def test_a_data_set_meets_its_own_constraints(dataset: dict[str, Any]) -> None:
    """Whatever is in it, by any method, with no allowance for few rows."""
    before = of(dataset)
    constraints = copy.deepcopy(suggest(before))
    constraints["monitoring_config"]["distribution_constraints"] |= {
        "comparison_method": "Simple",
        "comparison_threshold": 0.0,
        "categorical_comparison_threshold": 0.0,
    }

    assert violations(of(dataset, constraints), constraints, statistics(before)) == {"violations": []}


@settings(max_examples=20)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=8), st.integers(0, 3), st.integers(50, 300))
def test_how_files_are_cut_makes_no_difference(sizes: list[int], seed: int, block: int) -> None:
    """The same rows in other pieces give the same documents, byte by byte."""
    generator = np.random.default_rng(seed)
    rows = sum(sizes)
    whole = pa.table(
        {
            "number": generator.normal(size=rows),
            "text": generator.choice(["a", "b", "c"], rows),
            "either": generator.choice(["1", "2.5", "x", ""], rows, p=[0.5, 0.4, 0.05, 0.05]),
        }
    )
    pieces = [whole.slice(end - size, size) for size, end in zip(sizes, np.cumsum(sizes), strict=True)]

    once, cut = profile(in_blocks([whole], block)), profile(in_blocks(pieces, block))

    assert json.dumps(statistics(once)) == json.dumps(statistics(cut))
    assert suggest(once) == suggest(cut)


def test_statistics_agree_with_pandas(shared_data: Callable[[str], Path]) -> None:
    """UCI Adult: counts, means, deviations and categories are those that pandas finds."""
    path = shared_data("adult/adult.data")
    frame = pd.read_csv(path, header=None)
    dataset = profile(tables(path, BARE))

    for index, feature in enumerate(statistics(dataset)["features"]):
        column = frame[index]
        if "numerical_statistics" in feature:
            found = feature["numerical_statistics"]
            assert found["sum"] == column.sum()
            assert found["std_dev"] == pytest.approx(column.std(ddof=0), rel=1e-12)
            assert found["approximate_num_distinct_values"] == pytest.approx(column.nunique(), rel=0.05)
        else:
            buckets = feature["string_statistics"]["distribution"]["categorical"]["buckets"]
            assert {one["value"]: one["count"] for one in buckets} == column.value_counts().to_dict()


def test_csv_and_parquet_of_the_same_rows_agree(tmp_path: Path) -> None:
    """The type of a number is seen in its text as it is in Parquet."""
    frame = pd.DataFrame({"i": [1, 2, 3], "f": [0.5, None, 2.0], "s": ["x", "y", None]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")

    from_csv = profile(tables(tmp_path / "a.csv", {"csv": {}}))
    from_parquet = profile(tables(tmp_path / "a.parquet", {"parquet": {}}))

    assert statistics(from_csv) == statistics(from_parquet)
    assert suggest(from_csv) == suggest(from_parquet)
