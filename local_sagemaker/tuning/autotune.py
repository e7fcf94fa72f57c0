"""Autotune: the local SageMaker chooses the ranges, and the number of trials, that a request leaves open.

AWS does not tell how it chooses. Here: what AWS's documentation recommends for XGBoost, and for a hyperparameter
that has only a hint, the values around it.
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-autotune.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local_sagemaker.errors import ValidationException
from local_sagemaker.tuning.ranges import CATEGORICAL, CONTINUOUS, INTEGER, LINEAR, LOGARITHMIC, Range

TRIALS = 30
_AROUND = 5  # times and one over, for a hint that is a number

# https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost-tuning.html, narrowed to what is worth trying first.
_XGBOOST = (
    Range("alpha", CONTINUOUS, 1e-3, 10.0, LOGARITHMIC),
    Range("eta", CONTINUOUS, 0.01, 0.5, LOGARITHMIC),
    Range("gamma", CONTINUOUS, 0.0, 5.0, LINEAR),
    Range("lambda", CONTINUOUS, 1e-2, 100.0, LOGARITHMIC),
    Range("max_depth", INTEGER, 3, 10, LINEAR),
    Range("min_child_weight", CONTINUOUS, 1.0, 120.0, LOGARITHMIC),
    Range("subsample", CONTINUOUS, 0.5, 1.0, LINEAR),
    Range("colsample_bytree", CONTINUOUS, 0.5, 1.0, LINEAR),
)


def ranges(
    given: Sequence[Range], hints: Sequence[dict[str, str]], definition: dict[str, Any]
) -> tuple[Range, ...]:
    """The ranges given, one for each hint, and XGBoost's own where there is neither. Raises ValidationException."""
    image = definition["AlgorithmSpecification"].get("TrainingImage", "")
    known = {each.name: each for each in _XGBOOST} if "xgboost" in image else {}
    found = {each.name: each for each in given}
    for hint in hints:
        name = hint["Name"]
        if name in found:
            raise ValidationException(
                f"The hyperparameter {name!r} has a range, or is in AutoParameters, twice."
            )
        found[name] = known.get(name) or _around(name, hint["ValueHint"])
    if not found:
        static = definition.get("StaticHyperParameters", {})
        found = {name: each for name, each in known.items() if name not in static}
    if not found:
        raise ValidationException(
            "Autotune has no ranges to begin with: give ranges, or AutoParameters with a hint for each hyperparameter."
        )
    return tuple(found.values())


def _around(name: str, hint: str) -> Range:
    for kind, read in ((INTEGER, int), (CONTINUOUS, float)):
        try:
            number = read(hint)
        except ValueError:
            continue
        if number > 0:
            return Range(
                name,
                kind,
                max(read(1), number // _AROUND) if kind == INTEGER else number / _AROUND,
                number * _AROUND,
                LOGARITHMIC,
            )
    return Range(name, CATEGORICAL, values=(hint,))
