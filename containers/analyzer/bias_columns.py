"""What must be known of a whole column before its rows can be counted: its type, its values, its greatest value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd

Type = Literal["text", "integer", "float", "category"]

# Integers of which at least this share differ are amounts; of which less, codes.
UNIQUENESS = 0.05


class Profile:
    """A column, read part by part."""

    def __init__(self) -> None:
        self.rows = 0  # that have a value
        self.missing = 0
        self.maximum: Any = None  # of numbers
        self._distinct: dict[Any, None] = {}  # in order of appearance; of floats, none are kept
        self._types: set[Type] = set()

    def add(self, part: pd.Series[Any]) -> None:
        """Take note of one more part."""
        present = part.dropna()
        kind = type_of(present)
        self.rows += len(present)
        self.missing += len(part) - len(present)
        if present.empty:
            return
        self._types.add(kind)
        if kind in ("integer", "float"):
            largest = present.max().item()
            self.maximum = largest if self.maximum is None else max(self.maximum, largest)
        if kind == "float":
            self._distinct.clear()  # floats are amounts, however few there are
        elif "float" not in self._types:
            self._distinct.update(dict.fromkeys(present.unique().tolist()))

    @property
    def type(self) -> Type:
        """The type that holds all parts."""
        for kind in ("text", "category", "float"):
            if kind in self._types:
                return kind
        return "integer"

    @property
    def values(self) -> list[Any]:
        """The values in order of appearance; not for floats."""
        return list(self._distinct)

    def continuous(self, values: Sequence[Any]) -> bool:
        """Is it a column of amounts, of which ``values`` is a threshold, or one of categories?

        Clarify's rules: several values are categories. Floats are amounts. Integers, and texts that are all
        integers, are amounts if 5 % or more of them differ.
        """
        if len(values) > 1 or self.type == "category":
            return False
        if self.type == "float":
            return True
        if self.type == "text" and (self.missing or not all(map(is_integer, self._distinct))):
            return False
        return self.rows > 0 and len(self._distinct) / self.rows >= UNIQUENESS

    def greatest(self) -> Any:
        """The greatest number, of texts that are numbers too."""
        return max(map(int, self._distinct)) if self.type == "text" else self.maximum


def type_of(part: pd.Series[Any]) -> Type:
    """The type of the values of one part."""
    if isinstance(part.dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(part):
        return "category"
    if pd.api.types.is_integer_dtype(part):
        return "integer"
    return "float" if pd.api.types.is_float_dtype(part) else "text"


def is_numeric(part: pd.Series[Any]) -> bool:
    """Can distances be computed with it?"""
    return pd.api.types.is_numeric_dtype(part)  # bool is numeric


def is_integer(text: object) -> bool:
    """Does the text say a whole number?"""
    try:
        int(str(text))
    except ValueError:
        return False
    return True
