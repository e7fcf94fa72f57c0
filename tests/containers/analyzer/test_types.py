"""What a value is, and what that makes of its column."""

import math
from decimal import Decimal

import pyarrow as pa
import pytest

from containers.analyzer.types import Kinds, read

TEXTS = [
    ("3", Kinds(integral=1)),
    ("-12", Kinds(integral=1)),
    ("+5", Kinds(integral=1)),
    (" 77516", Kinds(integral=1)),  # UCI Adult has a space after each comma
    ("007", Kinds(integral=1)),
    ("99999999999999999999999", Kinds(integral=1)),
    ("3.0", Kinds(fractional=1)),
    ("3.", Kinds(fractional=1)),
    (".5", Kinds(fractional=1)),
    ("-1e-3", Kinds(fractional=1)),
    ("1.200000000000000000e+01", Kinds(fractional=1)),  # as numpy.savetxt writes it
    ("", Kinds()),
    ("1e999", Kinds()),  # no finite number
    (" ", Kinds(text=1)),
    ("0x1F", Kinds(text=1)),
    ("1,000", Kinds(text=1)),
    ("1_000", Kinds(text=1)),
    ("nan", Kinds(text=1)),
    ("inf", Kinds(text=1)),
    ("true", Kinds(text=1)),
    ("\uff12", Kinds(text=1)),  # a digit, but not one of ours
    ("-", Kinds(text=1)),
    (".", Kinds(text=1)),
]


@pytest.mark.parametrize(("text", "kinds"), TEXTS)
def test_what_a_text_is(text: str, kinds: Kinds) -> None:
    """A text is the number it spells, and else a text; blank is missing."""
    values = read(pa.array([text]))

    assert values.kinds == kinds
    assert values.missing == 1 - kinds.present
    assert len(values.numbers) == kinds.integral + kinds.fractional
    assert len(values.texts) == kinds.text


COLUMNS = [
    (pa.array([1, None, 3], pa.int32()), Kinds(integral=2), [1, 3]),
    (pa.array([1.5, math.nan, math.inf, None]), Kinds(fractional=1), [1.5]),
    (pa.array([True, False, None]), Kinds(text=2), []),
    (pa.array(["a", "7", None]).dictionary_encode(), Kinds(integral=1, text=1), [7]),
    (pa.array(["2.5"], pa.large_string()), Kinds(fractional=1), [2.5]),
    (pa.array([Decimal("1.25"), None]), Kinds(fractional=1), [1.25]),
    (pa.array([2**64 - 1], pa.uint64()), Kinds(integral=1), [2.0**64]),
    (pa.array([0], pa.timestamp("us")), Kinds(text=1), []),
    (pa.array([0], pa.date32()), Kinds(text=1), []),
    (pa.array([None, None], pa.null()), Kinds(), []),
    (pa.array([], pa.string()), Kinds(), []),
]


@pytest.mark.parametrize(("column", "kinds", "numbers"), COLUMNS)
def test_what_a_column_of_parquet_is(column: pa.Array, kinds: Kinds, numbers: list[float]) -> None:
    """Numbers keep their type, text is looked at, everything else is text."""
    values = read(column)

    assert values.kinds == kinds
    assert values.missing == len(column) - kinds.present
    assert values.numbers.tolist() == numbers


INFERRED = [
    (Kinds(), "Unknown"),
    (Kinds(integral=9), "Integral"),
    (Kinds(integral=9, fractional=1), "Fractional"),
    (Kinds(integral=9, fractional=9, text=1), "String"),
]


@pytest.mark.parametrize(("kinds", "inferred"), INFERRED)
def test_the_type_of_a_column_holds_all_its_values(kinds: Kinds, inferred: str) -> None:
    """The inferred type is the narrowest that every value is of."""
    assert kinds.inferred_type == inferred
    assert kinds.share(inferred) == 1.0


SHARES = [
    (Kinds(integral=4), "Fractional", 1.0),
    (Kinds(integral=3, fractional=1), "Integral", 0.75),
    (Kinds(integral=3, text=1), "Integral", 0.75),
    (Kinds(fractional=4), "String", 0.0),  # a column that was text and is now all numbers has changed
    (Kinds(), "String", 1.0),  # no value is of the wrong type; completeness has a word on it
]


@pytest.mark.parametrize(("kinds", "expected", "share"), SHARES)
def test_how_much_of_a_column_is_of_a_type(kinds: Kinds, expected: str, share: float) -> None:
    """Integral values are Fractional too; numbers are no Strings."""
    assert kinds.share(expected) == share
