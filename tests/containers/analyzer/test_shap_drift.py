"""When the order of the reasons has changed enough to say so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.analyzer.bias_drift import document
from containers.analyzer.shap_drift import similarity, violations

amounts = st.floats(0, 100, allow_subnormal=False)
values = st.dictionaries(st.sampled_from("abcdefgh"), amounts, min_size=1)

# AWS's documentation has this as its example.
ADMISSION = {"SAT score": 0.70, "GPA": 0.50, "Class rank": 0.05}
ADMISSION_LIVE = {"SAT score": 0.10, "GPA": 0.20, "Class rank": 0.70}


def analysis(**labels):
    explained = {
        label: {"global_shap_values": found, "expected_value": 0.5} for label, found in labels.items()
    }
    return {"version": "1.0", "explanations": {"kernel_shap": explained}}


def test_the_documentation_s_example():
    """(0.05 + 0.5 / log2 3 + 0.7 / 2) over (0.7 + 0.5 / log2 3 + 0.05 / 2)."""
    assert similarity(ADMISSION_LIVE, ADMISSION) == pytest.approx(0.6875, abs=5e-4)


def test_a_violation_is_told_in_the_container_s_words():
    """Of each label whose score is below 0.9; the others, and those that only one side has, are passed over."""
    current = analysis(yes=ADMISSION_LIVE, no=ADMISSION, new=ADMISSION_LIVE)
    found = violations(current, analysis(yes=ADMISSION, no=ADMISSION, old=ADMISSION))
    score = similarity(ADMISSION_LIVE, ADMISSION)

    assert document(found) == {
        "version": "1.0",
        "violations": [
            {
                "label": "yes",
                "metric_name": "shap",
                "constraint_check_type": "feature_attribution_drift_check",
                "description": f"Feature attribution drift {score} exceeds threshold 0.9",
            }
        ],
    }


@given(values, values)
def test_the_score_is_between_0_and_1(current, baseline):
    """And 1 for what has not changed, however much it is multiplied."""
    assert 0 <= similarity(current, baseline) <= 1 + 1e-12
    if any(baseline.values()) or len(baseline) == 1:
        assert similarity({name: 3 * value for name, value in baseline.items()}, baseline) == pytest.approx(1)


@given(st.permutations("abcdef"), values)
def test_the_order_of_the_features_in_the_files_makes_no_difference(names, baseline):
    """What counts is the order of their values."""
    current = {name: float(ord(name)) for name in "abcdef"}

    assert similarity({name: current[name] for name in names}, baseline) == pytest.approx(
        similarity(current, baseline)
    )


CASES = [
    ({"a": 0.0, "b": 0.0}, {"a": 0.0, "b": 0.0}, 1),  # nothing adds anything, now as before
    ({"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 0.0}, 0),  # now something does
    ({"a": 1.0}, {"a": 0.2}, 1),  # one feature has one order
    ({"a": 2.0, "b": -3.0}, {"a": -2.0, "b": 3.0}, 1),  # medians may be negative: magnitudes count
    ({"b": 1.0}, {"a": 1.0, "b": 0.0}, 0.63093),  # the only reason is a feature no more: second place
    ({"c": 1.0, "a": 0.5}, {"a": 1.0}, 0.63093),  # a new feature is first
]


@pytest.mark.parametrize(("current", "baseline", "score"), CASES)
def test_the_edges(current, baseline, score):
    """Nothing to rank, one feature, negative values, features that come and go."""
    assert similarity(current, baseline) == pytest.approx(score, abs=1e-5)


@pytest.mark.parametrize("other", [{}, {"explanations": {}}, {"explanations": {"pdp": []}}])
def test_a_report_without_values_violates_nothing(other):
    """A bias report, or one of partial dependence only, on either side."""
    assert violations(other, analysis(yes=ADMISSION)) == []
    assert violations(analysis(yes=ADMISSION), other) == []


def test_a_feature_without_a_value_adds_nothing():
    """null in the file."""
    found = violations(
        analysis(yes={"a": None, "b": 1.0, "c": 0.1}), analysis(yes={"a": 1.0, "b": 0.1, "c": 0.1})
    )

    assert len(found) == 1
