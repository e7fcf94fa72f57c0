"""Which rows train, which validate, which test.

A row's lot is drawn from its own content and the seed, so it does not depend on where the row stands or on what
other rows there are: the same row, in tomorrow's larger data, falls on the same side (but for the few next to the
border, which moves with the numbers), and equal rows fall together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from containers.contract import TEST, TRAIN, VALIDATION
from containers.flow.table import Numbers
from containers.processing.job import DataError

ADVICE = {
    "stratified": "every class needs at least three",
    "random": "more data, or strategy 'stratified', would help",
    "time": "more data, or other fractions, would help",
}
Sides = dict[str, np.ndarray[Any, Any]]  # name of the split -> the rows' positions, rising


def split(rows: pd.DataFrame, label: Numbers, settings: Mapping[str, Any]) -> Sides:
    """Positions of the rows of each split, by ``settings['split']``; ``label`` is the encoded label.

    Raises:
        DataError: there are too few rows, or too few of a class, for what is asked.
    """
    asked = settings["split"]
    classes = settings["problem"] != "regression"
    sides = STRATEGIES[asked["strategy"]](rows, label, asked)
    for name, positions in sides.items():
        if not len(positions):
            raise DataError(
                f"split: {name} would have no row; {len(rows)} row(s) are too few for these fractions"
            )
        absent: Any = np.setdiff1d(label, label[positions]) if classes else []
        if len(absent):
            raise DataError(
                f"split ({asked['strategy']}): {name}, {len(positions)} row(s), would have no row of class "
                f"{int(absent[0])}, which has {int((label == absent[0]).sum())} row(s); {ADVICE[asked['strategy']]}"
            )
    return sides


def lots(rows: pd.DataFrame, seed: int) -> Numbers:
    """For each row a number in [0, 1), drawn from its content and the seed."""
    content = pd.util.hash_pandas_object(rows, index=False, categorize=True).to_numpy(np.uint64)
    return _mix(content ^ _mix(np.array([seed], np.uint64))) / 2.0**64


def _stratified(rows: pd.DataFrame, label: Numbers, asked: Mapping[str, Any]) -> Sides:
    """The same share of every class on each side."""
    drawn = lots(rows, asked["seed"])
    parts = [_cut(np.flatnonzero(label == value), drawn, asked) for value in np.unique(label)]
    return {name: np.sort(np.concatenate([part[name] for part in parts])) for name in parts[0]}


def _random(rows: pd.DataFrame, _label: Numbers, asked: Mapping[str, Any]) -> Sides:
    sides = _cut(np.arange(len(rows)), lots(rows, asked["seed"]), asked)
    return {name: np.sort(positions) for name, positions in sides.items()}


def _time(rows: pd.DataFrame, _label: Numbers, asked: Mapping[str, Any]) -> Sides:
    """The latest rows test, those before them validate, the earliest train. Rows keep the order of time."""
    when = rows[asked["order_by"]]
    absent = int(when.isna().sum())
    if absent:
        raise DataError(f"split: {absent} of {len(rows)} rows have no '{asked['order_by']}' to be ordered by")
    order = np.argsort(when.to_numpy(), kind="stable")
    test, validation = _counts(len(rows), asked)
    borders = np.split(order, [len(rows) - test - validation, len(rows) - test])
    return dict(zip((TRAIN, VALIDATION, TEST), borders, strict=True))


def _cut(positions: np.ndarray[Any, Any], drawn: Numbers, asked: Mapping[str, Any]) -> Sides:
    """The rows with the smallest lots test, the next validate, the others train."""
    order = positions[np.argsort(drawn[positions], kind="stable")]
    test, validation = _counts(len(order), asked)
    return {
        TRAIN: order[test + validation :],
        VALIDATION: order[test : test + validation],
        TEST: order[:test],
    }


def _counts(rows: int, asked: Mapping[str, Any]) -> tuple[int, int]:
    """How many of so many rows test and validate: at least one each where there are three."""
    least = int(rows >= 3)
    return max(least, round(rows * asked["test"])), max(least, round(rows * asked["validation"]))


def _mix(numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The finalizer of splitmix64: every bit of the input moves every bit of the output."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray[Any, Any] = numbers ^ (numbers >> np.uint64(31))
    return mixed


STRATEGIES: dict[str, Callable[[pd.DataFrame, Numbers, Mapping[str, Any]], Sides]] = {
    "stratified": _stratified,
    "random": _random,
    "time": _time,
}
