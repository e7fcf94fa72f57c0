"""The values that AWS's own containers wrote, from the data that they were given."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from containers.analyzer.analysis_report import number, text
from containers.analyzer.bias import analyze
from containers.analyzer.bias_config import from_analysis_config
from containers.analyzer.bias_counts import Counts
from containers.analyzer.bias_drift import document, violations
from containers.analyzer.bias_metrics_post import POST_TRAINING

LAST_DIGIT = 1e-15  # how sums of floats are rounded: relative, where equality is too much to ask

GERMAN = {
    "label": "credit_risk",
    "label_values_or_threshold": [1],
    "facet": [{"name_or_index": "age", "value_or_threshold": [40]}],
    "group_variable": "personal_status_sex",
    "methods": {"pre_training_bias": {"methods": "all"}},
}
CHECK_STEP = {
    "label": "Label",
    "label_values_or_threshold": [1],
    "facet": [{"name_or_index": "F1", "value_or_threshold": [0.5]}],
    "group_variable": "F2",
    "methods": {"pre_training_bias": {"methods": "all"}},
}
MONITOR = {
    "label": "Target",
    "label_values_or_threshold": [1],
    "predicted_label": "predicted_label",
    "facet": [{"name_or_index": "Sex", "value_or_threshold": [0]}],
    "group_variable": "Age",
    "methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"}},
}


def parts(frame, rows=97):
    return lambda: (frame.iloc[start : start + rows] for start in range(0, len(frame), rows))


def analysis(frame, config, rows=97):
    return analyze(parts(frame, rows), from_analysis_config(config, list(frame.columns))).document()


def values(section, facet):
    (found,) = section["facets"][facet]
    return {metric["name"]: metric["value"] for metric in found["metrics"]}


@pytest.fixture
def monitor(shared_data):
    def read(name):
        return pd.read_csv(shared_data(f"bias-monitor/{name}.csv"))

    return read


@pytest.fixture
def check_step(shared_data):
    frame = pd.read_csv(shared_data("checkstep/clarify/dataset.csv"), header=None)
    return frame.set_axis(["Label", "F1", "F2", "F3", "F4"], axis=1)


def test_german_credit_gives_what_the_container_wrote_to_the_byte(shared_data):
    """All eight measures of the data, the texts, the order and the layout of the file."""
    frame = pd.read_csv(shared_data("german-credit/SouthGermanCredit.asc"), sep=" ")
    frame = frame.rename(columns={"kredit": "credit_risk", "alter": "age", "famges": "personal_status_sex"})
    written = json.loads(shared_data("german-credit/analysis.json").read_text())
    del written["post_training_bias_metrics"]  # of a model that is not public

    assert text(analysis(frame, GERMAN)) == text(written)


def test_what_the_container_wrote_is_written_again_to_the_byte(shared_data):
    """The layout of the file: reading and writing it changes nothing."""
    written = shared_data("german-credit/analysis.json").read_text()

    assert text(json.loads(written)) == written


def test_the_predictions_for_german_credit_give_what_the_container_wrote(shared_data):
    """Eleven measures follow from how many rows were predicted rightly and wrongly; GE is summed otherwise there."""
    written = json.loads(shared_data("german-credit/analysis.json").read_text())["post_training_bias_metrics"]
    expected = {
        name: value for name, value in values(written, "age").items() if name not in ("CDDPL", "FT")
    }  # they need the rows
    counts = Counts(np.array([[[112, 116], [27, 473]], [[32, 40], [5, 195]]]))
    found = {name: POST_TRAINING[name][1](counts) for name in expected}

    assert math.isclose(found.pop("GE"), expected.pop("GE"), rel_tol=LAST_DIGIT)
    assert found == expected


def test_the_check_steps_data_gives_its_baseline(shared_data, check_step):
    """An interval of floats as facet; LP is one unit in the last place off, for how the container's BLAS rounds."""
    written = json.loads(shared_data("checkstep/clarify/data_bias/good_cases/analysis.json").read_text())
    found = analysis(check_step, CHECK_STEP)
    exact = values(found["pre_training_bias_metrics"], "F1")
    expected = values(written["pre_training_bias_metrics"], "F1")

    assert math.isclose(exact.pop("LP"), expected.pop("LP"), rel_tol=LAST_DIGIT)
    assert exact == expected
    assert [
        (place["value_or_threshold"], [metric["description"] for metric in place["metrics"]])
        for place in found["pre_training_bias_metrics"]["facets"]["F1"]
    ] == [
        (place["value_or_threshold"], [metric["description"] for metric in place["metrics"]])
        for place in written["pre_training_bias_metrics"]["facets"]["F1"]
    ]


@pytest.mark.parametrize(("case", "beyond"), [("good", set()), ("bad", {"KS"})])
def test_the_check_steps_verdicts(shared_data, check_step, case, beyond):
    """The good case passes, although LP is a last place off; the bad one fails, for KS alone."""
    baseline = json.loads(shared_data(f"checkstep/clarify/data_bias/{case}_cases/analysis.json").read_text())
    found = violations(analysis(check_step, CHECK_STEP), baseline)

    assert {violation.metric_name for violation in found} == beyond


def test_the_monitors_baseline_has_all_21_values(shared_data, monitor):
    """Every metric, digit for digit; but for JS, whose logarithms are another library's."""
    expected = json.loads(shared_data("bias-monitor/expected.json").read_text())["baseline"]
    document = analysis(monitor("baseline"), MONITOR)
    found = values(document["pre_training_bias_metrics"], "Sex") | values(
        document["post_training_bias_metrics"], "Sex"
    )

    assert math.isclose(found.pop("JS"), expected.pop("JS"), rel_tol=LAST_DIGIT)
    assert found == expected


def test_the_monitors_violations(shared_data, monitor):
    """The same metrics are beyond their baseline by the same values, an infinite one among them."""
    expected = json.loads(shared_data("bias-monitor/expected.json").read_text())
    post = {"methods": {"post_training_bias": {"methods": "all"}}}
    before, now = (analysis(monitor(name), MONITOR | post) for name in ("baseline", "monitored"))
    report = document(violations(now, before))

    assert {violation["metric_name"]: violation["description"] for violation in report["violations"]} == {
        name: f"Metric value {value} doesn't meet the baseline constraint requirement {expected['baseline'][name]}"
        for name, value in expected["monitored_violations"].items()
    }
    assert {(each["facet"], each["facet_value"]) for each in report["violations"]} == {("Sex", "0")}


@pytest.mark.parametrize("rows", [1, 10, 333, 10_000])
def test_the_size_of_the_parts_makes_no_difference(monitor, rows):
    """Read row by row or at once: the same document."""
    frame = monitor("baseline").head(100)

    assert analysis(frame, MONITOR, rows) == analysis(frame, MONITOR, len(frame))


def test_a_written_number_is_read_as_it_was():
    """Infinite values survive the file."""
    assert [number(written) for written in ("Infinity", "-Infinity", 0.5, None)] == [
        math.inf,
        -math.inf,
        0.5,
        None,
    ]
