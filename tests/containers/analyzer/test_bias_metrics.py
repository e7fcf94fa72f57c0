from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from containers.analyzer.bias_arithmetic import Undefined
from containers.analyzer.bias_counts import Counts, add, count, select, tally
from containers.analyzer.bias_metrics_post import POST_TRAINING
from containers.analyzer.bias_metrics_pre import PRE_TRAINING
from containers.metrics.binary import BinarySample
from containers.metrics.estimate import values

METRICS = {name: function for name, (_, function) in (PRE_TRAINING | POST_TRAINING).items()}
RANGES = {
    "AD": (-1, 1),
    "CDDL": (-1, 1),
    "CDDPL": (-1, 1),
    "CI": (-1, 1),
    "DAR": (-1, 1),
    "DCA": (-math.inf, math.inf),
    "DCR": (-math.inf, math.inf),
    "DI": (0, math.inf),
    "DPL": (-1, 1),
    "DPPL": (-1, 1),
    "DRR": (-1, 1),
    "GE": (0, math.inf),
    "JS": (0, math.log(2)),
    "KL": (-math.inf, math.inf),
    "KS": (0, 1),
    "LP": (0, math.sqrt(2)),
    "RD": (-1, 1),
    "SD": (-1, 1),
    "TE": (-math.inf, math.inf),
    "TVD": (0, 1),
}
TURN = ("AD", "CDDL", "CDDPL", "CI", "DAR", "DCA", "DCR", "DPL", "DPPL", "DRR", "RD", "SD", "TE")
STAY = ("GE", "JS", "KS", "LP", "TVD")

CASE = st.tuples(
    st.booleans(), st.booleans(), st.booleans(), st.sampled_from("xyz")
)  # facet, label, prediction
ROWS = st.lists(CASE, min_size=1, max_size=40)
EVERY_CASE = [(f, y, p, g) for f in (0, 1) for y in (0, 1) for p in (0, 1) for g in "xyz"]
FULL_ROWS = ROWS.map(lambda rows: rows + EVERY_CASE)


def counted(rows):
    facet, label, prediction, group = zip(*rows, strict=True)
    return count(facet, label, prediction, group)


def computed(counts):
    """Every metric that has a value."""
    found = {}
    for name, function in METRICS.items():
        try:
            found[name] = function(counts)
        except Undefined as error:
            found[name] = str(error)
    return found


@given(ROWS)
def test_every_metric_is_in_its_range_or_says_why_it_has_no_value(rows):
    """Whatever the data, a value within the documented bounds, or a text."""
    for name, value in computed(counted(rows)).items():
        low, high = RANGES[name]
        assert isinstance(value, str) or low - 1e-12 <= value <= high + 1e-12, name


@given(FULL_ROWS)
def test_swapping_the_sides_turns_the_sign(rows):
    """Who is disadvantaged decides the sign of the differences, and nothing about the distances."""
    before = computed(counted(rows))
    after = computed(counted([(not facet, *rest) for facet, *rest in rows]))

    assert {name: -before[name] for name in TURN} == pytest.approx({name: after[name] for name in TURN})
    assert {name: before[name] for name in STAY} == pytest.approx({name: after[name] for name in STAY})
    assert before["DI"] == pytest.approx(1 / after["DI"])


@given(FULL_ROWS)
def test_swapping_the_labels_turns_the_difference_of_proportions(rows):
    """What counts as positive decides the sign of DPL and DPPL, and nothing about the distances of distributions."""
    before = computed(counted(rows))
    after = computed(counted([(facet, not label, not guess, group) for facet, label, guess, group in rows]))

    for name in ("DPL", "DPPL", "CDDL", "CDDPL"):
        assert before[name] == pytest.approx(-after[name])
    for name in ("JS", "KL", "KS", "LP", "TVD", "AD"):
        assert before[name] == pytest.approx(after[name])


@given(ROWS, st.randoms())
def test_the_order_of_rows_makes_no_difference(rows, random):
    """Digit for digit."""
    shuffled = list(rows)
    random.shuffle(shuffled)

    assert computed(counted(shuffled)) == computed(counted(rows))


@given(ROWS, st.integers(2, 5))
def test_rows_that_come_several_times_make_no_difference(rows, times):
    """Only shares count."""
    assert computed(counted(rows * times)) == pytest.approx(computed(counted(rows)))


@given(ROWS, ROWS)
def test_counts_of_parts_add_up(first, second):
    """Counting parts and adding is counting the whole."""
    whole = counted(first + second)
    parts = add([tally(*zip(*rows, strict=True)) for rows in (first, second)])
    again = select(parts, True, predicted=True, grouped=True)

    assert (again.rows == whole.rows).all()
    assert (again.groups == whole.groups).all()


@given(ROWS.map(lambda rows: rows + [(f, y, y, "x") for f in (0, 1) for y in (0, 1)]))
def test_a_perfect_model_has_the_bias_of_its_labels_and_no_other(rows):
    """All comparisons of predictions with labels are even; of what is predicted, as of what is observed."""
    found = computed(counted([(facet, label, label, group) for facet, label, _, group in rows]))

    assert {name: found[name] for name in ("AD", "DAR", "DCA", "DCR", "DRR", "GE", "RD", "SD", "TE")} == (
        dict.fromkeys(("AD", "DAR", "DCA", "DCR", "DRR", "GE", "RD", "SD", "TE"), 0)
    )
    assert found["DPPL"] == found["DPL"]
    assert found["CDDPL"] == found["CDDL"]


@given(ROWS)
def test_one_group_has_the_plain_demographic_disparity(rows):
    """With all rows in one group CDDL is the difference of two shares of the disadvantaged."""
    facet, label, *_ = (np.array(column) for column in zip(*rows, strict=True))
    assume(label.any() and not label.all())
    found = METRICS["CDDL"](count(facet, label, group=["x"] * len(rows)))

    assert found == pytest.approx(facet[~label].mean() - facet[label].mean())


@given(FULL_ROWS)
def test_the_sides_have_the_rates_of_the_evaluation_report(rows):
    """RD, SD, DAR and AD are differences of what the evaluation report calls recall and so on."""
    facet, label, prediction, _ = (np.array(column) for column in zip(*rows, strict=True))
    sides = {
        side: values(BinarySample(label[facet == side], prediction[facet == side].astype(float)))
        for side in (0, 1)
    }
    found = computed(counted(rows))
    same = {"RD": "recall", "DAR": "precision", "AD": "accuracy"}

    for name, rate in same.items():
        assert found[name] == pytest.approx(sides[0][rate] - sides[1][rate])
    assert found["SD"] == pytest.approx(sides[1]["true_negative_rate"] - sides[0]["true_negative_rate"])


# 6 advantaged rows: 1 true negative, 2 false positives, 0 false negatives, 3 true positives; 4 disadvantaged: 1 each.
BY_HAND = Counts(np.array([[[1, 2], [0, 3]], [[1, 1], [1, 1]]]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CI", (6 - 4) / 10),
        ("DPL", 3 / 6 - 2 / 4),
        ("KL", 0),
        ("DPPL", 5 / 6 - 2 / 4),
        ("DI", (2 / 4) / (5 / 6)),
        ("DCA", 3 / 5 - 2 / 2),
        ("DCR", 2 / 2 - 3 / 1),
        ("RD", 3 / 3 - 1 / 2),
        ("SD", 1 / 2 - 1 / 3),
        ("DAR", 3 / 5 - 1 / 2),
        ("DRR", 1 / 2 - 1 / 1),
        ("AD", 4 / 6 - 2 / 4),
        ("TE", 1 / 1 - 0 / 2),
        ("GE", sum((b / 1.2) ** 2 - 1 for b in (1, 2, 2, 1, 1, 1, 1, 2, 0, 1)) / 20),
    ],
)
def test_metrics_by_hand(name, expected):
    """Ten rows whose metrics can be computed in the head."""
    assert METRICS[name](BY_HAND) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "advantaged", "disadvantaged", "expected"),
    [
        ("TE", [[1, 0], [1, 1]], [[1, 0], [1, 1]], 0.0),  # infinite on both sides
        ("TE", [[1, 1], [1, 1]], [[1, 0], [1, 1]], math.inf),
        ("TE", [[1, 0], [1, 1]], [[1, 1], [1, 1]], -math.inf),
        ("TE", [[1, 0], [0, 1]], [[1, 0], [0, 1]], 0.0),  # nothing of nothing
        ("DI", [[1, 0], [1, 0]], [[1, 1], [1, 1]], math.inf),
        ("DI", [[1, 0], [1, 0]], [[1, 0], [1, 0]], 0.0),
        ("DCA", [[1, 0], [1, 0]], [[1, 1], [1, 1]], math.inf),
        ("DCR", [[0, 1], [0, 1]], [[1, 1], [1, 1]], -math.inf),
        ("RD", [[1, 1], [0, 0]], [[1, 1], [0, 1]], -1.0),  # no positive label: a recall of 0
        ("KL", [[4, 0], [4, 0]], [[1, 0], [3, 0]], 0.5 * math.log(2) + 0.5 * math.log(2 / 3)),
        (
            "KL",
            [[4, 0], [4, 0]],
            [[4, 0], [0, 0]],
            0.5 * math.log(0.5),
        ),  # a label that one side lacks is left out
        ("TVD", [[4, 0], [4, 0]], [[4, 0], [0, 0]], 0.25),
    ],
)
def test_quotients_by_nothing(name, advantaged, disadvantaged, expected):
    """0/0 is 0, n/0 infinite, two infinite quotients are equal; labels that one side lacks are left out."""
    assert METRICS[name](Counts(np.array([advantaged, disadvantaged]))) == pytest.approx(expected)


SOME, NONE = [[1, 1], [1, 1]], [[0, 0], [0, 0]]
NO_LABEL_IN_COMMON = "No instance of common facet found, dataset may be too small"
NO_GROUP = "Group variable is empty or not provided"


@pytest.mark.parametrize(
    ("names", "advantaged", "disadvantaged", "text"),
    [
        (["CI"], SOME, NONE, "CI: facet set is empty. Check that x[facet] has non-zero length."),
        (["CI"], NONE, SOME, "CI: negated facet set is empty. Check that x[~facet] has non-zero length."),
        (["DPL", "DPPL"], SOME, NONE, "Facet set is empty."),
        (["DPL", "DPPL"], NONE, SOME, "Negative facet set is empty."),
        (["AD", "DI", "TE"], SOME, NONE, "Facet set is empty"),
        (["AD", "TE"], NONE, SOME, "Negated Facet set is empty"),
        (["DCA", "DCR"], SOME, NONE, "DCO: Facet set is empty"),
        (["DAR", "DRR"], NONE, SOME, "DLR: Negated Facet set is empty"),
        (["RD", "SD"], SOME, NONE, "DLA: Facet set is empty"),
        (["KL", "JS", "LP", "TVD", "KS"], [[1, 1], [0, 0]], [[0, 0], [1, 1]], NO_LABEL_IN_COMMON),
        (["KL", "JS", "LP", "TVD", "KS"], SOME, NONE, NO_LABEL_IN_COMMON),
        (["CDDL", "CDDPL"], SOME, SOME, NO_GROUP),
        (["GE"], NONE, NONE, "dataset must be non-empty"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_why_a_metric_has_no_value(names, advantaged, disadvantaged, text):
    """Clarify's own words, and no warning of NumPy's."""
    counts = Counts(np.array([advantaged, disadvantaged]))

    assert {name: computed(counts)[name] for name in names} == dict.fromkeys(names, text)


@pytest.mark.parametrize(
    ("label", "text"), [(True, "No negative labels in set"), (False, "No positive labels in set")]
)
def test_one_class_has_no_conditional_disparity(label, text):
    """Nobody was rejected, or nobody accepted."""
    assert computed(count([True, False], [label] * 2, [True, False], ["x", "x"]))["CDDL"] == text


def test_all_false_negatives_have_no_entropy():
    """Nobody benefits, so benefit cannot be unequal."""
    with pytest.raises(Undefined, match="All predicted labels are false negatives"):
        METRICS["GE"](count([True, False], [True, True], [False, False]))


def test_rows_without_a_group_are_in_none():
    """A missing group leaves a row out of CDDL, and in everything else."""
    counts = count([1, 0, 1, 0], [1, 0, 0, 1], group=[1.0, 1.0, math.nan, 1.0])

    assert counts.rows.sum() == 4
    assert counts.groups is not None
    assert counts.groups.sum() == 3
