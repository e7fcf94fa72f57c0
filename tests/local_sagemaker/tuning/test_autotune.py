"""The ranges that Autotune chooses."""

from __future__ import annotations

from typing import Any

import pytest

from local_sagemaker.errors import ValidationException
from local_sagemaker.tuning import autotune
from local_sagemaker.tuning.ranges import CATEGORICAL, CONTINUOUS, INTEGER, LOGARITHMIC, Range

XGBOOST = {"AlgorithmSpecification": {"TrainingImage": "registry/sagemaker-xgboost:3.2-0"}}
OTHER: dict[str, Any] = {"AlgorithmSpecification": {"TrainingImage": "registry/something:1"}}


@pytest.mark.parametrize(
    ("hint", "chosen"),
    [
        ("10", Range("h", INTEGER, 2, 50, LOGARITHMIC)),
        ("1", Range("h", INTEGER, 1, 5, LOGARITHMIC)),
        ("0.5", Range("h", CONTINUOUS, 0.1, 2.5, LOGARITHMIC)),
        ("0", Range("h", CATEGORICAL, values=("0",))),
        ("-1.5", Range("h", CATEGORICAL, values=("-1.5",))),
        ("adam", Range("h", CATEGORICAL, values=("adam",))),
    ],
)
def test_a_hint_is_searched_around(hint: str, chosen: Range) -> None:
    """A number by orders of magnitude; whatever else is left as it is."""
    assert autotune.ranges((), [{"Name": "h", "ValueHint": hint}], OTHER) == (chosen,)


def test_what_is_known_of_an_algorithm_beats_a_hint() -> None:
    """XGBoost's eta has a range of its own."""
    (eta,) = autotune.ranges((), [{"Name": "eta", "ValueHint": "100"}], XGBOOST)

    assert (eta.low, eta.high) == (0.01, 0.5)


def test_what_is_given_stays() -> None:
    """A range of the request's is not touched, and a hint adds another."""
    given = Range("x", INTEGER, 1, 2)

    assert autotune.ranges((given,), [{"Name": "h", "ValueHint": "a"}], OTHER)[0] == given


def test_what_is_static_is_not_tuned() -> None:
    """Of the ranges known for XGBoost."""
    found = autotune.ranges((), [], {**XGBOOST, "StaticHyperParameters": {"eta": "0.1"}})

    assert "eta" not in [each.name for each in found]
    assert "max_depth" in [each.name for each in found]


def test_nothing_to_begin_with() -> None:
    """An algorithm that nothing is known of needs ranges or hints, each once."""
    with pytest.raises(ValidationException, match="no ranges to begin with"):
        autotune.ranges((), [], OTHER)
    with pytest.raises(ValidationException, match="twice"):
        autotune.ranges((Range("h", INTEGER, 1, 2),), [{"Name": "h", "ValueHint": "1"}], OTHER)
