"""The operators of a prep flow: one table that the checker, the job and the documentation read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TYPES = ("integer", "number", "string", "boolean", "timestamp")
NUMERIC = ("integer", "number", "boolean")  # what a flow calculates with
DATE_PARTS = (
    "year", "quarter", "month", "day", "day_of_year", "weekday", "weekend",
    "hour", "minute", "second", "epoch",
)  # fmt: skip
CYCLES = {
    "quarter": 4,
    "month": 12,
    "day": 31,
    "day_of_year": 366,
    "weekday": 7,
    "hour": 24,
    "minute": 60,
    "second": 60,
}

Step = Mapping[str, Any]  # one [[flow]] table


@dataclass(frozen=True)
class Field:
    """One field of an operator."""

    name: str
    kind: str  # a key of fields.KINDS
    help: str
    required: bool = False
    default: Any = None  # None: nothing is assumed
    choices: tuple[str, ...] = ()
    low: float | None = None  # bounds of a number, inclusive
    high: float | None = None
    only: tuple[str, ...] = ()  # only with these values of the operator's choice field (strategy, method)


@dataclass(frozen=True)
class Operator:
    """One operator: what it does, its fields, and the types of column it takes."""

    name: str
    help: str
    fields: tuple[Field, ...]
    takes: tuple[str, ...] = TYPES
    choice: str = ""  # the field that ``Field.only`` refers to

    def field(self, name: str) -> Field:
        """The field called ``name``."""
        return next(field for field in self.fields if field.name == name)


def _columns(help_: str, *, required: bool = True) -> Field:
    return Field("columns", "names", help_, required=required)


OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator("drop", "Leave columns out.", (_columns("the columns to leave out"),)),
        Operator("keep", "Leave every other column out.", (_columns("the columns to keep"),)),
        Operator(
            "deduplicate",
            "Keep the first of equal rows. Only in the batch, before the split; never while serving.",
            (_columns("the columns that make rows equal; all where not given", required=False),),
        ),
        Operator(
            "rename",
            "Give columns new names.",
            (Field("columns", "renames", 'old name -> new name: { "old" = "new" }', required=True),),
        ),
        Operator(
            "cast",
            "Change the type. What cannot be read as the new type becomes missing.",
            (
                _columns("the columns to change"),
                Field("to", "choice", "the new type", required=True, choices=TYPES),
            ),
        ),
        Operator(
            "impute",
            "Fill what is missing, or mark it.",
            (
                _columns("the columns to fill"),
                Field(
                    "strategy",
                    "choice",
                    "mean, median or mode of the training rows; constant; indicator: 0/1 in <name>_missing",
                    required=True,
                    choices=("mean", "median", "mode", "constant", "indicator"),
                ),
                Field("value", "value", "the constant", only=("constant",), required=True),
            ),
            choice="strategy",
        ),
        Operator(
            "text",
            "Tidy text. What is empty afterwards is missing.",
            (
                _columns("the columns to tidy"),
                Field(
                    "strip",
                    "boolean",
                    "take white space off both ends, and runs of it to one space",
                    default=True,
                ),
                Field("lower", "boolean", "all in lower case", default=False),
            ),
            takes=("string",),
        ),
        Operator(
            "encode",
            "Categories to numbers. A value that training did not see has a place of its own.",
            (
                _columns("the columns to encode"),
                Field(
                    "method",
                    "choice",
                    "ordinal: the category's index; one_hot: 0/1 columns <name>_<value> and <name>_other; "
                    "target: the mean label of the category's training rows",
                    required=True,
                    choices=("ordinal", "one_hot", "target"),
                ),
                Field(
                    "most",
                    "integer",
                    "keep this many of the most frequent categories; the rest count as unseen",
                    low=1,
                    only=("ordinal", "one_hot"),
                ),
                Field(
                    "smoothing",
                    "number",
                    "rows' worth of the overall mean that each category is mixed with",
                    default=20.0,
                    low=0,
                    only=("target",),
                ),
            ),
            takes=("string", "boolean", "integer"),
            choice="method",
        ),
        Operator(
            "scale",
            "Bring numbers to a common scale, measured on the training rows.",
            (
                _columns("the columns to scale"),
                Field(
                    "method",
                    "choice",
                    "standard: mean 0, deviation 1; min_max: 0 to 1; robust: median 0, interquartile range 1",
                    required=True,
                    choices=("standard", "min_max", "robust"),
                ),
            ),
            takes=NUMERIC,
        ),
        Operator(
            "outliers",
            "Bring extreme numbers back to a bound.",
            (
                _columns("the columns to bound"),
                Field(
                    "method",
                    "choice",
                    "clip: at the bounds given; winsorize: at quantiles of the training rows",
                    required=True,
                    choices=("clip", "winsorize"),
                ),
                Field("lower", "number", "no number stays below", only=("clip",)),
                Field("upper", "number", "no number stays above", only=("clip",)),
                Field(
                    "lower_quantile",
                    "number",
                    "the lower bound, as a quantile",
                    default=0.01,
                    low=0,
                    high=1,
                    only=("winsorize",),
                ),
                Field(
                    "upper_quantile",
                    "number",
                    "the upper bound, as a quantile",
                    default=0.99,
                    low=0,
                    high=1,
                    only=("winsorize",),
                ),
            ),
            takes=NUMERIC,
            choice="method",
        ),
        Operator(
            "bin",
            "Numbers to the index of the interval they fall into, 0 for the first.",
            (
                _columns("the columns to bin"),
                Field(
                    "method",
                    "choice",
                    "quantile: equally many training rows each; uniform: equally wide; edges: as given",
                    required=True,
                    choices=("quantile", "uniform", "edges"),
                ),
                Field(
                    "bins", "integer", "how many", default=10, low=2, high=1000, only=("quantile", "uniform")
                ),
                Field(
                    "edges",
                    "numbers",
                    "the inner borders, rising; a number on a border belongs above it",
                    required=True,
                    only=("edges",),
                ),
            ),
            takes=NUMERIC,
            choice="method",
        ),
        Operator(
            "date_parts",
            "A timestamp (UTC) to numbers: <name>_<part>. The timestamp itself goes.",
            (
                _columns("the timestamps"),
                Field("parts", "choices", "which parts", required=True, choices=DATE_PARTS),
                Field(
                    "cyclical",
                    "boolean",
                    "sine and cosine instead, <name>_<part>_sin and _cos, so that 23 h is next to 0 h",
                    default=False,
                ),
            ),
            takes=("timestamp",),
        ),
        Operator(
            "formula",
            "A new column from others. Missing in, missing out; what has no finite value is missing.",
            (
                Field("column", "name", "the new column", required=True),
                Field("expression", "name", "what it is: arithmetic over columns", required=True),
            ),
        ),
    )
}


def complete(step: Step) -> dict[str, Any]:
    """The step with every default that applies written out, so that a stored flow depends on no default."""
    operator = OPERATORS[step["operator"]]
    chosen = step.get(operator.choice)
    defaults = {
        field.name: field.default
        for field in operator.fields
        if field.default is not None and (not field.only or chosen in field.only)
    }
    return {"operator": operator.name, **defaults, **step}
