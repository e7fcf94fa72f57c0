"""Operators for texts and categories: ``text`` and ``encode``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from containers.flow.table import Column, Numbers, Table, counted, is_missing, map_values, texts_of

UNFIT = re.compile(r"[^\w.+-]+")  # for the name of a feature; XGBoost refuses [ ] and <


def text(step: Mapping[str, Any], table: Table) -> Table:
    """Tidy texts; what is empty afterwards is missing."""

    def tidy(value: str) -> str | None:
        value = " ".join(value.split()) if step["strip"] else value
        return (value.lower() if step["lower"] else value) or None

    return table | {name: map_values(table[name], tidy, None, object) for name in step["columns"]}


def learn_encode(
    step: Mapping[str, Any], table: Table, target: Numbers, classes: list[str]
) -> dict[str, Any]:
    """What each category becomes. ``target`` is (rows, outputs); ``classes`` name its columns."""
    if step["method"] == "target":
        return {
            name: _learn_target(name, texts_of(table[name]), target, classes, step["smoothing"])
            for name in step["columns"]
        }
    learned: dict[str, Any] = {}
    taken = set(table)
    for name in step["columns"]:
        codes = _learn_codes(texts_of(table[name]), step.get("most"))
        learned[name] = {"categories": codes}
        if step["method"] == "one_hot":
            learned[name]["columns"] = _names(name, [*codes, "other"], taken)
    return learned


def encode(step: Mapping[str, Any], learned: Mapping[str, Any], table: Table) -> Table:
    """Categories to numbers; several columns stand where the one stood."""
    encoded: Table = {}
    for name, column in table.items():
        if name in step["columns"]:
            encoded |= ENCODERS[step["method"]](name, learned[name], texts_of(column))
        else:
            encoded[name] = column
    return encoded


def _learn_codes(texts: Column, most: int | None) -> dict[str, int]:
    """Category -> index, in the order of the text; the most frequent ones where there is a limit."""
    distinct, counts = counted(texts[~is_missing(texts)])
    frequent = np.argsort(-counts, kind="stable")[:most]
    return {str(distinct[index]): code for code, index in enumerate(sorted(frequent))}


def _learn_target(
    name: str, texts: Column, target: Numbers, classes: list[str], smoothing: float
) -> dict[str, Any]:
    """Category -> its mean label, drawn to the overall mean by ``smoothing`` rows' worth of it."""
    prior = target.mean(axis=0)
    codes, distinct = pd.factorize(texts, use_na_sentinel=False)
    counts = np.bincount(codes, minlength=len(distinct))[:, None]
    sums = np.column_stack(
        [np.bincount(codes, weights=output, minlength=len(distinct)) for output in target.T]
    )
    means = (sums + smoothing * prior) / (counts + smoothing)
    rows = {
        None if pd.isna(value) else str(value): row.tolist()
        for value, row in zip(distinct, means, strict=True)
    }
    missing = rows.pop(None, prior.tolist())
    columns = [name] if len(prior) == 1 else _names(name, classes, set())
    return {
        "categories": dict(sorted(rows.items())),
        "missing": missing,
        "unseen": prior.tolist(),
        "columns": columns,
    }


def _ordinal(name: str, learned: Mapping[str, Any], texts: Column) -> Table:
    codes = learned["categories"]
    return {name: map_values(texts, lambda value: codes.get(value, len(codes)), np.nan, np.float64)}


def _one_hot(_name: str, learned: Mapping[str, Any], texts: Column) -> Table:
    codes = learned["categories"]
    index = map_values(texts, lambda value: codes.get(value, len(codes)), -1, np.int64)
    return {column: (index == code).astype(float) for code, column in enumerate(learned["columns"])}


def _target(_name: str, learned: Mapping[str, Any], texts: Column) -> Table:
    means = learned["categories"]
    return {
        column: map_values(
            texts,
            lambda value, output=output: means.get(value, learned["unseen"])[output],  # type: ignore[misc]
            learned["missing"][output],
            np.float64,
        )
        for output, column in enumerate(learned["columns"])
    }


def _names(name: str, values: list[str], taken: set[str]) -> list[str]:
    """``<name>_<value>`` for each value, fit for a feature, none of them twice and none taken."""
    names = []
    for value in values:
        fit = f"{name}_{UNFIT.sub('_', value)}"
        while fit in taken:
            fit += "_"
        taken.add(fit)
        names.append(fit)
    return names


ENCODERS = {"ordinal": _ordinal, "one_hot": _one_hot, "target": _target}
