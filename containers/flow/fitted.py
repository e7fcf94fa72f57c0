"""Fit a flow, apply it, and keep it as JSON.

The order of a batch: ``deduplicate``, then the split, then ``fit`` on the training rows, ``apply`` to all.
``apply`` keeps every row and its place; ``deduplicate`` is the one operator that it leaves out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from containers.flow.categories import encode, learn_encode, text
from containers.flow.dates import date_parts
from containers.flow.errors import FlowError
from containers.flow.formula import formula
from containers.flow.label import Class, Label, learn_label
from containers.flow.missing import impute, learn_impute
from containers.flow.numbers import bin_, learn_bin, learn_outliers, learn_scale, outliers, scale
from containers.flow.shape import cast, drop, keep, rename
from containers.flow.table import Numbers, Table, conform, finite
from containers.flow_schema import complete, problems, raw_columns

VERSION = 1
Step = Mapping[str, Any]

# Operators that need to know nothing of the training rows.
PLAIN: dict[str, Callable[[Step, Table], Table]] = {
    "cast": cast,
    "date_parts": date_parts,
    "drop": drop,
    "formula": formula,
    "keep": keep,
    "rename": rename,
    "text": text,
}
# Operators that learn from the training rows: how they learn, and how they apply what they learned.
Learn = Callable[[Step, Table], dict[str, Any]]
LEARNING: dict[str, tuple[Learn, Callable[[Step, Mapping[str, Any], Table], Table]]] = {
    "bin": (learn_bin, bin_),
    "impute": (learn_impute, impute),
    "outliers": (learn_outliers, outliers),
    "scale": (learn_scale, scale),
}


@dataclass(frozen=True)
class FittedFlow:
    """A flow with all that it learned. ``apply`` needs nothing else."""

    columns: Mapping[str, str]  # the raw columns that it reads: name -> type
    missing: tuple[str, ...]  # texts that mean "no value"; blank always does
    label: Label
    steps: tuple[Step, ...]  # the operators with every field written out, and what they "learned"
    features: tuple[str, ...]  # the columns that come out, in order

    def to_json(self) -> str:
        """As JSON that a person can read; numbers keep every digit."""
        document = {
            "version": VERSION,
            "columns": dict(self.columns),
            "missing": list(self.missing),
            "label": self.label.to_json(),
            "steps": [dict(step) for step in self.steps],
            "features": list(self.features),
        }
        return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)

    @classmethod
    def from_json(cls, text_: str) -> FittedFlow:
        """From what ``to_json`` made.

        Raises:
            FlowError: it is not a fitted flow, or one of a version that this code does not read.
        """
        try:
            document = json.loads(text_)
            if document["version"] != VERSION:
                raise FlowError(
                    f"the fitted flow is of version {document['version']}; this code reads {VERSION}"
                )
            return cls(
                columns=document["columns"],
                missing=tuple(document["missing"]),
                label=Label.from_json(document["label"]),
                steps=tuple(document["steps"]),
                features=tuple(document["features"]),
            )
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise FlowError(f"not a fitted flow: {type(error).__name__}: {error}") from None


def fit(
    flow: Sequence[Step],
    train: pd.DataFrame,
    *,
    columns: Mapping[str, str],
    label: str,
    problem: str,
    positive: Class | None = None,
    missing: Sequence[str] = (),
) -> FittedFlow:
    """Learn the flow and the label from the training rows.

    ``columns`` is the raw schema (name -> type), ``problem`` is binary, multiclass or regression, and
    ``positive`` the label's value that counts as 1 (binary); ``missing`` are the texts that mean "no value".

    Raises:
        FlowError: the flow does not fit the columns, or the rows do not allow what it asks for.
    """
    wrong = problems(flow, columns, label, multiclass=problem == "multiclass")
    if wrong:
        raise FlowError("; ".join(wrong))
    learned_label = learn_label(train[label], label, columns[label], problem, positive, tuple(missing))
    target, classes = _target(learned_label, train)
    needed = raw_columns(flow, columns, label)
    table = _read(train, needed, tuple(missing))
    steps = []
    for step in map(complete, flow):
        if step["operator"] == "deduplicate":
            continue
        learned = _learn(step, table, target, classes)
        step = step | ({"learned": learned} if learned else {})
        table = _applied([step], table)
        steps.append(step)
    return FittedFlow(needed, tuple(missing), learned_label, tuple(steps), tuple(table))


def apply(fitted: FittedFlow, rows: pd.DataFrame) -> pd.DataFrame:
    """The features of raw rows: a float64 column for each of ``fitted.features``, NaN where missing.

    Values that training did not see, and values that are missing or cannot be read, never raise.

    Raises:
        FlowError: a raw column that the flow reads is not there.
    """
    absent = [name for name in fitted.columns if name not in rows.columns]
    if absent:
        raise FlowError(
            f"columns are absent: {', '.join(absent)}; found: {', '.join(map(str, rows.columns))}"
        )
    features = transform(fitted, _read(rows, fitted.columns, fitted.missing))
    return pd.DataFrame(features, index=rows.index)


def transform(fitted: FittedFlow, table: Table) -> dict[str, Numbers]:
    """The features of canonical columns (see ``table.conform``), for who has no use for a data frame."""
    table = _applied(fitted.steps, table)
    return {name: finite(table[name]) for name in fitted.features}


def matrix(fitted: FittedFlow, table: Table) -> Numbers:
    """The same as one array, (rows, features): quicker for few rows, and all in memory at once for many."""
    table = _applied(fitted.steps, table)
    return finite(np.column_stack([table[name] for name in fitted.features]))


def deduplicate(flow: Sequence[Step], rows: pd.DataFrame) -> pd.DataFrame:
    """Raw rows without those that ``deduplicate`` steps call equal to an earlier one. The index stays."""
    for step in flow:
        if step["operator"] == "deduplicate":
            rows = rows.drop_duplicates(subset=step.get("columns"), keep="first")
    return rows


def _read(rows: pd.DataFrame, columns: Mapping[str, str], missing: tuple[str, ...]) -> Table:
    """The raw columns, canonical."""
    texts = frozenset(missing)
    return {name: conform(rows[name], type_, texts) for name, type_ in columns.items()}


def _target(label: Label, train: pd.DataFrame) -> tuple[Numbers, list[str]]:
    """What ``encode`` averages: the label as one column of numbers, or one 0/1 column for each class."""
    codes = label.encode(train[label.column])
    if label.problem != "multiclass":
        return codes[:, None], []
    return (codes[:, None] == np.arange(len(label.classes))).astype(float), list(map(str, label.classes))


@np.errstate(all="ignore")  # what has no finite value is dealt with, not warned of
def _learn(step: Step, table: Table, target: Numbers, classes: list[str]) -> dict[str, Any]:
    """What a step learns from the training rows; {} where it learns nothing."""
    if step["operator"] == "encode":
        return learn_encode(step, table, target, classes)
    if step["operator"] not in LEARNING:
        return {}
    learned = LEARNING[step["operator"]][0](step, table)
    try:
        json.dumps(learned, allow_nan=False)
    except ValueError:
        names = ", ".join(step["columns"])
        raise FlowError(
            f"{step['operator']}: numbers too large to be measured in: {names}; clip them first"
        ) from None
    return learned


@np.errstate(all="ignore")
def _applied(steps: Sequence[Step], table: Table) -> Table:
    """The table after steps that have learned."""
    for step in steps:
        table = step_applied(step, table)
    return table


def step_applied(step: Step, table: Table) -> Table:
    """The table after one step that has learned."""
    operator = step["operator"]
    if operator in PLAIN:
        return PLAIN[operator](step, table)
    transform = encode if operator == "encode" else LEARNING[operator][1]
    return transform(step, step.get("learned", {}), table)
