"""The label: what a model learns, as a number, and back.

binary: 1 for the positive value, 0 for the other; multiclass: the index among the sorted classes; regression:
the number itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from containers.flow.errors import FlowError
from containers.flow.table import Numbers, conform, counted, is_missing, text_of

Class = str | int | float | bool


@dataclass(frozen=True)
class Label:
    """How the values of the label's column become numbers."""

    column: str
    type: str  # of the column: integer, number, string, boolean
    problem: str  # binary, multiclass, regression
    classes: tuple[Class, ...] = ()  # code -> value; binary: (negative, positive); regression: none
    missing: tuple[str, ...] = ()  # texts that mean "no value"

    def encode(self, values: Any) -> Numbers:
        """The values as numbers; NaN where the value is missing or no class that was learned."""
        column = conform(values, self.type, frozenset(self.missing))
        if self.problem == "regression":
            return np.asarray(column, dtype=np.float64)
        codes = np.full(len(column), np.nan)
        for code, value in enumerate(self.classes):
            codes[column == _canonical(value, self.type)] = code
        return codes

    def to_json(self) -> dict[str, Any]:
        """As a plain dict."""
        return asdict(self) | {"classes": list(self.classes), "missing": list(self.missing)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Label:
        """From what ``to_json`` made."""
        return cls(
            **{**document, "classes": tuple(document["classes"]), "missing": tuple(document["missing"])}
        )


def learn_label(
    values: Any,
    column: str,
    type_: str,
    problem: str,
    positive: Class | None = None,
    missing: tuple[str, ...] = (),
) -> Label:
    """The label's classes, from its values.

    Raises:
        FlowError: values are missing, or the classes are not what the problem needs.
    """
    read = conform(values, type_, frozenset(missing))
    absent = int(is_missing(read).sum())
    if absent:
        first = int(np.argmax(is_missing(read))) + 1
        raise FlowError(
            f"label '{column}': {absent} of {len(read)} rows have no {type_} value (first: row {first}); "
            "a row without a label cannot be learned from, take it out of the data"
        )
    if problem == "regression":
        if type_ not in ("integer", "number"):
            raise FlowError(f"label '{column}' is of type {type_}; regression needs a number")
        return Label(column, type_, problem, missing=missing)
    found = [_natural(value, type_) for value in counted(read)[0]]
    if len(found) < 2:
        raise FlowError(
            f"label '{column}' has one class, {_list(found) or 'none at all'}; learning needs at least two"
        )
    classes = _positive_last(found, column, type_, positive) if problem == "binary" else found
    return Label(column, type_, problem, tuple(classes), missing)


def _positive_last(found: list[Class], column: str, type_: str, positive: Class | None) -> list[Class]:
    """The two classes of a binary problem, the positive one last."""
    wanted = _canonical(positive, type_)
    others = [value for value in found if _canonical(value, type_) != wanted]
    if len(others) == len(found):
        close = get_close_matches(text_of(positive), map(text_of, found), n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        raise FlowError(
            f"label '{column}' has no value {positive!r} (positive); it has {_list(found)}.{hint}"
        )
    if len(found) > 2:
        raise FlowError(
            f"label '{column}' has {len(found)} values, {_list(found)}; a binary problem has two "
            "(clean the others, or set problem = 'multiclass')"
        )
    return [*others, *(value for value in found if value not in others)]


def _canonical(value: Class | None, type_: str) -> Any:
    """The value as it stands in a canonical column of the type."""
    return conform(np.array([value], dtype=object), type_)[0]


def _natural(value: Any, type_: str) -> Class:
    """A canonical value as a person would write it, which JSON can hold."""
    if type_ == "boolean":
        return bool(value)
    if type_ == "integer":
        return int(value)
    return float(value) if type_ == "number" else str(value)


def _list(values: list[Class]) -> str:
    """The first values, for a message."""
    return ", ".join(map(repr, values[:10])) + (", …" if len(values) > 10 else "")
