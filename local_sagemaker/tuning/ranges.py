"""The ranges that a tuning job searches, and the texts in which SageMaker writes hyperparameters.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_sagemaker.errors import ValidationException

INTEGER, CONTINUOUS, CATEGORICAL = "Integer", "Continuous", "Categorical"
LINEAR, LOGARITHMIC, REVERSE, AUTO = "Linear", "Logarithmic", "ReverseLogarithmic", "Auto"

# Auto is SageMaker's own choice, by rules that it does not tell. Here: a range that spans this factor is searched
# by orders of magnitude.
_WIDE = 100


@dataclass(frozen=True)
class Range:
    """What one hyperparameter may be: numbers from ``low`` to ``high``, or one of ``values``."""

    name: str
    kind: str  # INTEGER, CONTINUOUS or CATEGORICAL
    low: float = 0  # an int for INTEGER
    high: float = 0
    scaling: str = LINEAR  # never AUTO
    values: tuple[str, ...] = ()  # CATEGORICAL only

    def holds(self, text: str) -> bool:
        """Whether a hyperparameter written so lies in the range."""
        if self.kind == CATEGORICAL:
            return text in self.values
        try:
            number = self.number(text)
        except ValueError:
            return False
        return self.low <= number <= self.high

    def number(self, text: str) -> float:
        """The number that a text means. Raises ValueError."""
        return int(text) if self.kind == INTEGER else float(text)

    @property
    def first(self) -> str:
        """Some text that lies in the range."""
        return self.values[0] if self.kind == CATEGORICAL else repr(self.low)


def read(wire: Mapping[str, Any]) -> tuple[Range, ...]:
    """The ranges of a ParameterRanges structure. Raises ValidationException."""
    found = [
        *(_numeric(INTEGER, each) for each in wire.get("IntegerParameterRanges", [])),
        *(_numeric(CONTINUOUS, each) for each in wire.get("ContinuousParameterRanges", [])),
        *(_categorical(each) for each in wire.get("CategoricalParameterRanges", [])),
    ]
    for name in repeated(each.name for each in found):
        raise ValidationException(f"The hyperparameter {name!r} has more than one range.")
    return tuple(found)


def repeated(names: Iterable[str]) -> list[str]:
    """Names that come more than once."""
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    return [name for name, times in seen.items() if times > 1]


def cells(ranges: Sequence[Range]) -> int:
    """The number of combinations of categorical ranges."""
    return math.prod(len(each.values) for each in ranges)


def _numeric(kind: str, wire: Mapping[str, str]) -> Range:
    name = wire["Name"]
    low, high = (_bound(kind, name, key, wire[key]) for key in ("MinValue", "MaxValue"))
    if low > high:
        raise ValidationException(
            f"The range of {name!r} is empty: MinValue {wire['MinValue']} is above MaxValue {wire['MaxValue']}."
        )
    scaling = wire.get("ScalingType", AUTO)
    if scaling == AUTO:
        scaling = LOGARITHMIC if low > 0 and high / low >= _WIDE else LINEAR
    _check_scaling(kind, name, low, high, scaling)
    return Range(name, kind, low, high, scaling)


def _check_scaling(kind: str, name: str, low: float, high: float, scaling: str) -> None:
    if scaling == LOGARITHMIC and low <= 0:
        raise ValidationException(
            f"The range of {name!r} has ScalingType {LOGARITHMIC} and MinValue {low}; logarithmic scaling needs "
            "values greater than 0."
        )
    if scaling != REVERSE:
        return
    if kind == INTEGER:
        raise ValidationException(
            f"The range of {name!r} has ScalingType {REVERSE}, which is for continuous ranges, not integer ones."
        )
    if low < 0 or high >= 1:
        raise ValidationException(
            f"The range of {name!r} has ScalingType {REVERSE} and goes from {low} to {high}; it must lie within "
            "0 <= x < 1."
        )


def _bound(kind: str, name: str, key: str, text: str) -> float:
    try:
        number: float = int(text) if kind == INTEGER else float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        wanted = "a whole number" if kind == INTEGER else "a number"
        raise ValidationException(f"The range of {name!r} has {key} {text!r}, which is not {wanted}.")
    return number


def _categorical(wire: Mapping[str, Any]) -> Range:
    name, values = wire["Name"], wire["Values"]
    for value in repeated(values):
        raise ValidationException(f"The range of {name!r} has the value {value!r} more than once.")
    return Range(name, CATEGORICAL, values=tuple(values))
