from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from containers.analyzer.analysis_report import BiasAnalysis, FacetMetrics, Metric, Section, text
from containers.analyzer.bias import analyze
from containers.analyzer.bias_config import BiasConfig, FacetConfig, from_analysis_config
from containers.analyzer.bias_errors import BiasError

PRE, POST = ("CI",), ("DPPL",)


def people(rows=200):
    """A table with every kind of column; half are women, and two of three of them are refused."""
    number = np.arange(rows)
    sex = np.where(number % 2 == 0, "F", "M")
    label = np.where(sex == "F", number % 3 == 0, number % 3 != 0).astype(int)
    return pd.DataFrame(
        {
            "sex": sex,
            "age": 20 + number % 50,
            "income": number * 1.5,
            "region": number % 3,
            "insured": number % 4 == 0,
            "label": label,
            "guess": np.where(number % 5 == 0, 1 - label, label),
            "chance": (number % 10) / 10,
        }
    )


def config(**changes):
    settings = {
        "label": "label",
        "positive": (1,),
        "facets": (FacetConfig("sex", ("F",)),),
        "predicted_label": "guess",
        "pre": PRE,
    }
    return BiasConfig(**{**settings, **changes})


def run(frame, **changes):
    return analyze(lambda: [frame], config(**changes))


def found(analysis, section="pre_training"):
    """{column: {value or threshold: {metric: value or error}}}"""
    return {
        column: {
            place.value_or_threshold: {
                metric.name: metric.value if metric.error is None else metric.error
                for metric in place.metrics
            }
            for place in places
        }
        for column, places in getattr(analysis, section).facets.items()
    }


def imbalance(inside, rows=200):
    return {"CI": (rows - 2 * inside) / rows}


@pytest.mark.parametrize(
    ("facet", "expected"),
    [
        (FacetConfig("sex", ("F",)), {"F": imbalance(100)}),
        (FacetConfig("sex"), {"F": imbalance(100), "M": imbalance(100)}),
        (FacetConfig("region", (2,)), {"2": imbalance(66)}),
        (FacetConfig("region", ("2",)), {"2": imbalance(66)}),  # a number written as text
        (FacetConfig("region", (0, 2)), {"0,2": imbalance(133)}),
        (FacetConfig("insured", (True,)), {"True": imbalance(50)}),
        (FacetConfig("insured", ("true",)), {"true": imbalance(50)}),
        (FacetConfig("insured", (1,)), {"1": imbalance(50)}),
        (FacetConfig("insured"), {"True": imbalance(50), "False": imbalance(150)}),
        (FacetConfig("region"), {"0": imbalance(67), "1": imbalance(67), "2": imbalance(66)}),
        (FacetConfig("age", (40,)), {"(40, 69]": imbalance(116)}),
        (FacetConfig("age", (40.5,)), {"(40.5, 69.0]": imbalance(116)}),
        (FacetConfig("age", ("40",)), {"(40.0, 69.0]": imbalance(116)}),
        (FacetConfig("age", (40, 41)), {"40,41": imbalance(8)}),  # several values are categories
        (FacetConfig("income", (150,)), {"(150.0, 298.5]": imbalance(99)}),
        (
            FacetConfig("age", (80,)),
            {"(69, 80]": {"CI": "CI: facet set is empty. Check that x[facet] has non-zero length."}},
        ),
        (
            FacetConfig("age", (69,)),
            {"": {"CI": "CI: facet set is empty. Check that x[facet] has non-zero length."}},
        ),
        (
            FacetConfig("region", (0.5,)),  # not the 0 that it would be as a whole number
            {"0.5": {"CI": "CI: facet set is empty. Check that x[facet] has non-zero length."}},
        ),
        (
            FacetConfig("sex", ("X",)),
            {"X": {"CI": "CI: facet set is empty. Check that x[facet] has non-zero length."}},
        ),
    ],
)
def test_which_rows_a_facet_means(facet, expected):
    """Categories by value, amounts by threshold, each value against the rest where none is given."""
    assert found(run(people(), facets=(facet,))) == {facet.column: expected}


@pytest.mark.parametrize(
    "change",
    [
        lambda column: column.astype("category"),
        lambda column: column.astype("string"),
        lambda column: column.astype("string[pyarrow]"),
    ],
)
def test_a_text_column_may_be_of_any_pandas_type(change):
    """Object, category, string: the same facet."""
    frame = people()
    frame["sex"] = change(frame["sex"])

    assert found(run(frame, facets=(FacetConfig("sex"),))) == {
        "sex": {"F": imbalance(100), "M": imbalance(100)}
    }


def test_texts_that_are_all_whole_numbers_are_amounts():
    """A column of digits that was read as text has a threshold like any other."""
    frame = people()
    frame["age"] = frame["age"].astype(str)

    assert found(run(frame, facets=(FacetConfig("age", (40,)),))) == {"age": {"(40, 69]": imbalance(116)}}


@pytest.mark.parametrize(
    ("rows", "kind", "expected"),
    [
        (1000, int, "(40, 69]"),  # 50 of 1000 ages differ: 5 %
        (1001, int, "40"),
        (1001, float, "(40.0, 69.0]"),
        (30, int, "(40, 49]"),
    ],
)
def test_few_whole_numbers_among_many_rows_are_categories(rows, kind, expected):
    """Clarify's rule, which makes the meaning of a facet depend on the size of the data."""
    frame = people(rows).astype({"age": kind})
    (places,) = found(run(frame, label="sex", positive=("M",), facets=(FacetConfig("age", (40,)),))).values()

    assert list(places) == [expected]


def test_rows_without_a_value_are_advantaged():
    """As in Clarify, the advantaged are all others, those included of whom nothing is known."""
    frame = people()
    frame.loc[frame["sex"] == "M", "sex"] = None
    frame["region"] = frame["region"].astype("Int64").mask(frame["region"] == 0)

    assert found(run(frame, facets=(FacetConfig("sex"), FacetConfig("region", (2,))))) == {
        "sex": {"F": imbalance(100)},
        "region": {"2": imbalance(66)},
    }


def test_several_facets_and_one_facet_twice():
    """Facets stand in the order of the configuration, all values of a column together."""
    facets = (FacetConfig("sex", ("M",)), FacetConfig("age", (40,)), FacetConfig("sex", ("F",)))
    analysis = run(people(), facets=facets)

    assert {column: list(places) for column, places in found(analysis).items()} == {
        "sex": ["M", "F"],
        "age": ["(40, 69]"],
    }


@pytest.mark.parametrize(
    ("label", "positive", "expected"),
    [
        ("label", (1,), "1"),
        ("label", ("1",), "1"),
        ("sex", ("M",), "M"),
        ("region", (1, 2), "1,2"),
        ("age", (40,), "(40, 69]"),
        ("income", (100.5,), "(100.5, 298.5]"),
    ],
)
def test_which_labels_are_positive(label, positive, expected):
    """Values or a threshold, and the text that stands for them in the report."""
    facets = (FacetConfig("region", (0,)),)
    analysis = run(people(), label=label, positive=positive, facets=facets, predicted_label=None)

    assert analysis.pre_training.label_value_or_threshold == expected


def test_a_regression_is_judged_by_a_threshold():
    """Labels and predictions above it are positive, up to the greater of both columns' greatest values."""
    frame = people()
    frame["estimate"] = frame["income"] * 2
    analysis = run(
        frame, label="income", positive=(150,), predicted_label="estimate", post=("AD", "DPPL"), pre=()
    )
    inside = frame["sex"] == "F"
    shares = (frame["estimate"] > 150).groupby(inside).mean()
    right = ((frame["estimate"] > 150) == (frame["income"] > 150)).groupby(inside).mean()

    assert found(analysis, "post_training") == {
        "sex": {"F": pytest.approx({"AD": right[False] - right[True], "DPPL": shares[False] - shares[True]})}
    }


def test_probabilities_count_from_above_their_threshold():
    """A probability that is the threshold is not above it."""
    frame = people()
    analysis = run(frame, predicted_label="chance", probability_threshold=0.5, post=POST)
    shares = (frame["chance"] > 0.5).groupby(frame["sex"]).mean()

    assert found(analysis, "post_training") == {
        "sex": {"F": {"DPPL": pytest.approx(shares["M"] - shares["F"])}}
    }


def test_the_flip_test_leaves_out_facet_and_labels_and_refuses_texts():
    """Texts have no distance: it works for the facet that is the only text, and not for the others."""
    facets = (FacetConfig("sex", ("F",)), FacetConfig("region", (1,)))
    analysis = run(people(), facets=facets, post=("FT",))
    results = found(analysis, "post_training")

    assert isinstance(results["sex"]["F"]["FT"], float)
    assert results["region"]["1"]["FT"] == "FlipTest does not support non-numeric columns"


def test_the_first_part_need_not_look_like_the_rest():
    """Whole numbers first and fractions later: the column holds amounts, as if it had been read at once."""
    frame = people()
    frame["score"] = np.where(np.arange(200) < 100, 1.0, 1.5)
    first = frame.head(100).astype({"score": "int64"})
    analysis = analyze(lambda: iter([first, frame.tail(100)]), config(facets=(FacetConfig("score", (1,)),)))

    assert found(analysis) == {"score": {"(1.0, 1.5]": imbalance(100)}}


def test_ten_times_the_data_does_not_need_more_memory():
    """What is kept of the data are counts: parts come and go."""

    def peak(parts):
        part = people(2000)
        both = config(facets=(FacetConfig("sex"), FacetConfig("age", (40,))), group="region", post=POST)
        tracemalloc.start()
        analyze(lambda: (part.copy() for _ in range(parts)), both)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1)  # what Python and pandas keep from their first use

    assert peak(20) < 1.5 * peak(2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"label": "lable"},
            "Headers must contain label. The data has no column 'lable'. Did you mean 'label'?",
        ),
        (
            {"facets": (FacetConfig("height", (1,)),)},
            "Unable to locate the facet. The data has no column 'height'. (known: sex, age,",
        ),
        (
            {"group": "regoin"},
            "Feature names not found. The data has no column 'regoin'. Did you mean 'region'?",
        ),
        (
            {"facets": (FacetConfig("age"),)},
            "Threshold values must be provided for continuous features: 'age' holds amounts",
        ),
        (
            {"facets": (FacetConfig("age", ("old",)),)},
            "Facet/label value provided must be a single numeric threshold for continuous data: 'age'",
        ),
        (
            {"predicted_label": "chance", "post": POST},
            "Predicted Label Column series data type is not the same as Label Column series. "
            "'label' holds categories (integer), 'chance' amounts (float).",
        ),
        (
            {"predicted_label": "sex", "probability_threshold": 0.5},
            "probability_threshold is 0.5, but the column 'sex' does not hold probabilities.",
        ),
        (
            {"predicted_label": "chance", "probability_threshold": 1.0, "post": POST},
            "No Label values are present in the predicted Label Column",
        ),
    ],
)
def test_data_that_does_not_fit_is_refused(changes, message):
    """With Clarify's own words where they are known, and what is there."""
    with pytest.raises(BiasError) as error:
        run(people(), **changes)

    assert str(error.value).startswith(message)


def test_no_rows_are_refused():
    """An empty file has no bias."""
    with pytest.raises(BiasError, match="Data must contain features"):
        run(people().head(0))


COLUMNS = ["sex", "age", "label", "guess"]
ANALYSIS_CONFIG = {
    "dataset_type": "text/csv",
    "label": "label",
    "label_values_or_threshold": [1],
    "facet": [{"name_or_index": 0}, {"name_or_index": "age", "value_or_threshold": [40]}],
    "group_variable": "sex",
    "predicted_label": 3,
    "probability_threshold": 0.7,
    "methods": {
        "pre_training_bias": {"methods": ["KS", "CI"]},
        "post_training_bias": {"methods": "all"},
        "report": {"name": "report"},
    },
}


def test_the_analysis_configuration_is_clarifys():
    """Columns by name or position; metrics in the order of the report."""
    config = from_analysis_config(ANALYSIS_CONFIG, COLUMNS)

    assert config == BiasConfig(
        label="label",
        positive=(1,),
        facets=(FacetConfig("sex"), FacetConfig("age", (40,))),
        group="sex",
        predicted_label="guess",
        probability_threshold=0.7,
        pre=("CI", "KS"),
        post=("AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "FT", "GE", "RD", "SD", "TE"),
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": None}, "Headers must contain label. The analysis configuration names none."),
        ({"label": 4}, "Headers must contain label. There is no column 4: the data has 4 columns."),
        ({"facet": []}, "Analysis configuration schema validation error. A bias analysis needs 'facet'."),
        ({"label_values_or_threshold": []}, "Positive label values or thresholds are empty for Label column"),
        ({"predicted_label": None}, "predicted_label_column has to be provided for Post training metrics"),
        (
            {"methods": {"pre_training_bias": {"methods": ["KSS"]}}},
            "Invalid metric_name: there is no metric 'KSS' (known: CDDL, CI, DPL, JS, KL, KS, LP, TVD). "
            "Did you mean 'KS'?",
        ),
    ],
)
def test_a_configuration_that_lacks_something_is_refused(changes, message):
    """Before any data is read."""
    with pytest.raises(BiasError) as error:
        from_analysis_config(ANALYSIS_CONFIG | changes, COLUMNS)

    assert str(error.value) == message


def test_values_that_json_has_not():
    """Infinite values are texts; without a value stands null, and why."""
    metrics = (
        Metric("DI", "Disparate Impact (DI)", float("inf")),
        Metric("TE", "Treatment Equality (TE)", float("-inf")),
        Metric("KL", "Kullback-Liebler Divergence (KL)", float("nan")),
        Metric("CI", "Class Imbalance (CI)", None, "Facet set is empty"),
    )
    section = Section("label", {"sex": [FacetMetrics("F", metrics)]}, "1")
    written = json.loads(text(BiasAnalysis(post_training=section).document()))

    assert list(written) == ["version", "post_training_bias_metrics"]
    assert written["post_training_bias_metrics"]["facets"]["sex"][0]["metrics"] == [
        {"name": "DI", "description": "Disparate Impact (DI)", "value": "Infinity"},
        {"name": "TE", "description": "Treatment Equality (TE)", "value": "-Infinity"},
        {"name": "KL", "description": "Kullback-Liebler Divergence (KL)", "value": None},
        {"name": "CI", "description": "Class Imbalance (CI)", "error": "Facet set is empty", "value": None},
    ]
