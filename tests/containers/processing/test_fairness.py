"""The bias of a model's predictions, with doubt and limits."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from containers.analyzer.bias import analyze
from containers.processing import fairness_plots
from containers.processing.fairness import bias_config, measure
from containers.processing.job import DataError


def no_features():
    raise AssertionError("nothing asks for the features")


def table(rows=400, seed=1, likelier=0.3):
    """Women are predicted positive less often; the region plays no part."""
    draw = np.random.default_rng(seed)
    women = draw.random(rows) < 0.4
    label = draw.random(rows) < 0.5
    predicted = draw.random(rows) < 0.2 + 0.4 * label + likelier * ~women
    return pd.DataFrame(
        {
            "sex": np.where(women, "F", "M"),
            "age": draw.uniform(18, 90, rows).round(1),
            "region": draw.choice(["north", "south"], rows),
            "label": np.where(label, "yes", "no"),
            "predicted_label": np.where(predicted, "yes", "no"),
        }
    )


def told(*facets, problem="binary", positive="yes", group="", label_values=()):
    return {
        "problem": problem,
        "positive": positive,
        "facets": [{"values": [], "limits": [], **facet} for facet in facets],
        "fairness": {"group_variable": group, "label_values": list(label_values)},
    }


SEX = {"column": "sex", "values": ["F"], "limits": ["|DPPL| <= 0.1", "DI >= 0.2"]}
FACETS = [SEX, {"column": "age", "values": [60]}, {"column": "region"}]


def test_the_values_are_the_analyzers():
    """Every metric of every facet, with a group variable, to the last digit."""
    rows, settings = table(), told(*FACETS, group="region")
    found = measure(rows, settings, no_features, resamples=5)
    report = analyze(lambda: [rows], bias_config(settings, "label", "predicted_label")).document()

    expected = {
        (column, facet["value_or_threshold"], metric["name"]): metric["value"]
        for column, facets in report["post_training_bias_metrics"]["facets"].items()
        for facet in facets
        for metric in facet["metrics"]
        if metric["name"] != "FT"
    }
    values = {
        (facet.column, facet.text, name): estimate.value
        for facet in found.facets
        for name, estimate in facet.metrics.items()
    }
    assert values == expected
    assert len(values) == 4 * 12


def test_the_intervals_are_those_of_resampled_rows():
    """Drawing counts is drawing rows: the deviation of DPPL is that of a difference of two shares."""
    rows = table(4000)
    (facet,) = measure(rows, told(SEX), no_features, resamples=1000).facets
    shares = rows.assign(good=rows["predicted_label"] == "yes").groupby("sex")["good"].agg(["mean", "size"])
    expected = np.sqrt((shares["mean"] * (1 - shares["mean"]) / shares["size"]).sum())
    low, high = facet.metrics["DPPL"].confidence_interval

    assert facet.metrics["DPPL"].standard_deviation == pytest.approx(expected, rel=0.1)
    assert low < facet.metrics["DPPL"].value < high
    assert measure(rows, told(SEX), no_features, resamples=1000).document() == (
        measure(rows, told(SEX), no_features, resamples=1000).document()
    )


def test_limits_are_judged():
    """One is missed, one is met; each names whom it is about."""
    found = measure(table(), told(SEX), no_features)

    assert [(each.metric, each.passed, each.facet) for each in found.verdicts] == [
        ("|DPPL|", False, "sex=F"),
        ("DI", True, "sex=F"),
    ]


@pytest.mark.parametrize(
    ("facet", "rows", "said"),
    [
        ({"column": "sex", "values": ["W"]}, table(), "Facet set is empty"),
        ({"column": "sex", "values": ["F", "M"]}, table(), "Neg"),
        ({"column": "age", "values": [95]}, table(), "Facet set is empty"),
        (SEX, table().assign(predicted_label="no"), "no row is predicted positive"),
        (SEX, table().assign(label="yes", predicted_label="yes").query("sex == 'M'"), "Facet set is empty"),
    ],
    ids=["unknown value", "everybody", "above the greatest", "nobody positive", "no such row"],
)
def test_an_undefined_metric_is_a_missed_limit(facet, rows, said):
    """With the reason; the job goes on."""
    limits = ["|DPPL| <= 1", "DI >= 0"]
    found = measure(rows, told({**facet, "limits": limits}), no_features, resamples=5)

    assert [verdict.passed for verdict in found.verdicts] == [False, False]
    assert all(said.lower() in verdict.message.lower() for verdict in found.verdicts)


def test_an_infinite_quotient_is_undefined():
    """When none of the others is predicted positive there is no telling how many times as often d is."""
    rows = table().assign(predicted_label=lambda all_: np.where(all_["sex"] == "F", "yes", "no"))
    (facet,) = measure(rows, told(SEX), no_features, resamples=5).facets

    assert facet.metrics["DI"].value is None
    assert facet.metrics["DI"].reason == "infinite: something is divided by 0"


def test_a_limit_may_name_any_of_the_21():
    """Those of the labels, of groups, and the flip test, for which alone the features are read."""
    limits = ["CI <= 1", "|DPL| <= 1", "|CDDL| <= 1", "|CDDPL| <= 1", "|FT| <= 1"]
    features = np.random.default_rng(0).normal(size=(400, 3))
    found = measure(table(), told({**SEX, "limits": limits}, group="region"), lambda: features, resamples=5)

    assert [verdict.passed for verdict in found.verdicts] == [True] * 5
    assert found.facets[0].metrics["FT"].confidence_interval is None


def test_regressions_and_classes_have_good_outcomes_too():
    """A number above which a prediction is one, or the classes that are."""
    rows = table()
    amounts = rows.assign(
        label=np.linspace(0, 10, 400), predicted_label=np.where(rows["sex"] == "F", 2.0, 8.0)
    )
    (numbers,) = measure(
        amounts, told(SEX, problem="regression", positive=None, label_values=[5]), no_features, resamples=5
    ).facets
    (classes,) = measure(
        rows, told(SEX, problem="multiclass", positive=None, label_values=["yes"]), no_features, resamples=5
    ).facets
    (binary,) = measure(rows, told(SEX), no_features, resamples=5).facets

    assert numbers.metrics["DPPL"].value == 1.0
    assert classes.metrics["DPPL"] == binary.metrics["DPPL"]


def test_amounts_without_a_threshold_are_refused():
    """In one line that says what is missing."""
    with pytest.raises(DataError, match=r"^facets: Threshold values must be provided .*'age' holds amounts"):
        measure(table(), told({"column": "age"}), no_features)


def test_without_facets_there_is_nothing_to_measure():
    """And nothing in the report."""
    assert measure(table(), told(), no_features) is None


def test_groups_are_counted_with_those_that_have_no_value():
    """Most frequent first."""
    rows = table()
    rows.loc[:9, "sex"] = None
    groups = measure(rows, told(SEX), no_features, resamples=5).groups["sex"]

    assert [each.value for each in groups] == ["M", "F", "(none)"]
    assert sum(each.rows for each in groups) == 400
    json.dumps(measure(rows, told(*FACETS), no_features, resamples=5).document(), allow_nan=False)


def test_every_facet_is_drawn_whatever_it_is_called(tmp_path):
    """File names hold no path, no blank and no formula; limits that parity just meets have no scale."""
    rows = table().rename(columns={"sex": "../$se x", "age": "ηλικία"})
    facets = [
        {"column": "../$se x", "values": ["F"], "limits": ["|DPPL| <= 0.1", "DI >= 1", "|RD| <= 0"]},
        {"column": "ηλικία", "values": [60], "limits": ["DI >= 0.8", "DI <= 1.25"]},
    ]
    found = measure(rows, told(*facets), no_features, resamples=20)
    before = measure(rows.assign(predicted_label="no"), told(*facets), no_features, resamples=20)

    names = fairness_plots.draw(found, before, "A $title", tmp_path)

    assert names == ["bias_se_x.png", "bias_2.png", "bias_limits.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert [mark.label.split("\n")[1] for mark in fairness_plots.limit_marks(found, before)] == [
        "|DPPL| <= 0.1",
        "DI >= 0.8",
        "DI <= 1.25",
    ]


@pytest.mark.parametrize(("part", "whole"), [(0, 10), (10, 10), (3, 10), (0, 1)])
def test_wilsons_interval_holds_the_share_and_stays_a_share(part, whole):
    """At the ends too, where the plain one has no width."""
    low, high = fairness_plots.wilson(part, whole)

    assert low + 1e-12 >= 0
    assert low - 1e-12 <= part / whole <= high + 1e-12
    assert high <= 1 + 1e-12
    assert high - low > 0.1
