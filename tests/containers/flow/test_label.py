import numpy as np
import pandas as pd
import pytest

from containers.flow import FlowError, Label
from containers.flow.label import learn_label

nan = float("nan")


@pytest.mark.parametrize(
    ("values", "type_", "problem", "positive", "classes", "codes"),
    [
        (["no", "yes", "no"], "string", "binary", "yes", ("no", "yes"), [0, 1, 0]),
        (["no", "yes", "no"], "string", "binary", "no", ("yes", "no"), [1, 0, 1]),
        ([0, 1, 1], "integer", "binary", 1, (0, 1), [0, 1, 1]),
        ([True, False], "boolean", "binary", True, (False, True), [1, 0]),
        ([True, False], "boolean", "binary", False, (True, False), [0, 1]),
        ([10, 9, 100], "integer", "multiclass", None, (9, 10, 100), [1, 0, 2]),
        (["b", "a", "c", "a"], "string", "multiclass", None, ("a", "b", "c"), [1, 0, 2, 0]),
        ([1.5, -2.0], "number", "regression", None, (), [1.5, -2.0]),
    ],
)
def test_labels_become_numbers(values, type_, problem, positive, classes, codes):
    """1 for the positive value, the index of the sorted class, or the number itself; the same back from JSON."""
    label = learn_label(pd.Series(values), "y", type_, problem, positive)
    again = Label.from_json(label.to_json())

    assert label.classes == classes
    assert label.encode(pd.Series(values)).tolist() == codes
    assert again == label


def test_a_class_that_was_not_learned_is_missing():
    """A monitor that sees a new class sees a gap, not a wrong class."""
    label = learn_label(["a", "b"], "y", "string", "binary", "b")

    np.testing.assert_array_equal(label.encode(["b", "c", None]), [1, nan, nan])


@pytest.mark.parametrize(
    ("values", "type_", "problem", "positive", "said"),
    [
        (["a", None, "?", "b"], "string", "binary", "a", "2 of 4 rows have no string value (first: row 2)"),
        (["a", "a"], "string", "binary", "a", "has one class, 'a'; learning needs at least two"),
        ([], "string", "multiclass", None, "has one class, none at all"),
        (
            [">50K", "<=50K"],
            "string",
            "binary",
            ">50",
            "has no value '>50' (positive); it has '<=50K', '>50K'. Did",
        ),
        (
            [">50K", ">50K.", "<=50K"],
            "string",
            "binary",
            ">50K",
            "has 3 values, '<=50K', '>50K', '>50K.'; a binary",
        ),
        (["1", "2"], "string", "regression", None, "is of type string; regression needs a number"),
        ([1.0, nan], "number", "regression", None, "1 of 2 rows have no number value"),
    ],
)
def test_labels_that_cannot_be_learned_are_refused(values, type_, problem, positive, said):
    """Gaps with their count, one class, a positive value that is not there, a third value."""
    with pytest.raises(FlowError) as refused:
        learn_label(pd.Series(values, dtype=object), "y", type_, problem, positive, ("?",))
    assert said in str(refused.value)
