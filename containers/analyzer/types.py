"""What kind of value a value is, and what type that makes a column.

A CSV file says nothing of types, so text is looked at: ``3`` is Integral, ``3.0`` and ``3e0`` are Fractional,
whatever is no number is String. One text makes the whole column a String.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-statistics.html
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from containers.analyzer.kll import Numbers

INTEGRAL, FRACTIONAL, STRING, UNKNOWN = "Integral", "Fractional", "String", "Unknown"
TYPES = (INTEGRAL, FRACTIONAL, STRING, UNKNOWN)
NUMERIC = (INTEGRAL, FRACTIONAL)

INTEGRAL_TEXT = r"^ *[-+]?[0-9]+ *$"
NUMBER_TEXT = r"^ *[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)? *$"


@dataclass(frozen=True)
class Kinds:
    """How many values of each kind a column holds; missing ones are of none."""

    integral: int = 0
    fractional: int = 0
    text: int = 0

    def __add__(self, other: Kinds) -> Kinds:
        return Kinds(
            self.integral + other.integral, self.fractional + other.fractional, self.text + other.text
        )

    @property
    def present(self) -> int:
        """How many values there are."""
        return self.integral + self.fractional + self.text

    @property
    def inferred_type(self) -> str:
        """The narrowest type that holds every value; Unknown where there is none."""
        if self.text:
            return STRING
        if self.fractional:
            return FRACTIONAL
        return INTEGRAL if self.integral else UNKNOWN

    def share(self, expected: str) -> float:
        """The share of values that are of the type ``expected``.

        An Integral value is Fractional too. In a column of texts ``12`` is a text like the others; in a column of
        nothing but numbers no value is a String.
        """
        fits = {
            INTEGRAL: self.integral,
            FRACTIONAL: self.integral + self.fractional,
            STRING: self.present if self.text else 0,
            UNKNOWN: self.present,
        }
        return fits[expected] / self.present if self.present else 1.0


@dataclass(frozen=True)
class Values:
    """The values of a piece of a column, told apart; each in the order of the rows."""

    kinds: Kinds
    missing: int
    numbers: Numbers
    texts: npt.NDArray[np.object_]  # that are no numbers
    written: pa.Array | None  # every value as the file has it; None where the file has numbers, not text


def read(column: pa.Array) -> Values:
    """Tell the values of a column apart. Empty text, NaN and infinite numbers are missing."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type):
        numbers = _numbers(column)
        return Values(Kinds(integral=len(numbers)), len(column) - len(numbers), numbers, _no_texts(), None)
    if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        numbers = _numbers(column)
        return Values(Kinds(fractional=len(numbers)), len(column) - len(numbers), numbers, _no_texts(), None)
    return _read_text(column.cast(pa.string()))


def _read_text(column: pa.Array) -> Values:
    written = column.filter(pc.not_equal(pc.fill_null(column, ""), ""))
    integral = pc.match_substring_regex(written, INTEGRAL_TEXT)
    numeric = integral
    if pc.sum(integral).as_py() != len(written):
        numeric = pc.match_substring_regex(written, NUMBER_TEXT)
    numbers = _numbers(pc.utf8_trim(written.filter(numeric), " "))
    integers, all_numbers = pc.sum(integral).as_py() or 0, pc.sum(numeric).as_py() or 0
    infinite = all_numbers - len(numbers)  # 1e999
    kinds = Kinds(integers, all_numbers - infinite - integers, len(written) - all_numbers)
    texts = written.filter(pc.invert(numeric)).to_numpy(zero_copy_only=False)
    return Values(kinds, len(column) - len(written) + infinite, numbers, texts, written)


def _numbers(column: pa.Array) -> Numbers:
    """The finite numbers of a column of numbers, or of texts that are numbers."""
    values: Numbers = column.drop_null().cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values[np.isfinite(values)]


def _no_texts() -> npt.NDArray[np.object_]:
    return np.empty(0, dtype=object)
