"""Kernel SHAP in Clarify's flavour: what each feature adds, for any model that one can only ask.

For a coalition of features the model is asked about rows that have the row's values in the coalition and a baseline
row's values elsewhere. The coalitions are the same for all rows (``kernel_coalitions``), so everything is arrays:
one table of synthetic rows, predictions in large batches, one matrix product.

What costs is the asking. Where a row has the baseline's value in a feature, it makes no difference whether the feature
is known, so many coalitions give the same synthetic row. It is asked about once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from containers.analyzer.kernel_coalitions import Masks, coalitions
from containers.analyzer.shap_values import KERNEL, LOG_ODDS, Array, ShapValues, label_names
from containers.processing.job import DataError

Predict = Callable[[pd.DataFrame], Any]
Indices = NDArray[np.intp]

BATCH = 100_000  # synthetic rows that the model is asked about at once
ANSWERS = 1 << 22  # predictions that are kept at a time: 32 MB, and while they are made a few times that
# The nearest to 0 and 1 that a probability is taken for before its log-odds: a model may say 1 and mean nearly.
SURE = 2.0**-53


def kernel_shap(
    rows: pd.DataFrame,
    predict: Predict,
    baseline: pd.DataFrame,
    *,
    samples: int | None = None,
    use_logit: bool = False,
    seed: int = 0,
    labels: tuple[str, ...] = (),
    batch: int = BATCH,
) -> ShapValues:
    """Explain what ``predict`` says of each row.

    Args:
        rows: features only; text is swapped, never computed on.
        predict: rows to predictions, (rows,) or (rows, labels).
        baseline: rows that stand for knowing nothing; their predictions are averaged.
        samples: coalitions to ask about; shap's number where None.
        use_logit: values in log-odds; the model must predict probabilities.
        seed: of the coalitions.
        labels: names of the outputs.
        batch: rows that the model is asked about at once. It changes nothing but memory and speed.

    Raises:
        DataError: there is nothing to explain, or the predictions are not what they should be.
    """
    table = Table(rows, baseline)
    ask = Model(predict, batch)
    link = log_odds if use_logit else same
    expected = link(ask(table.baseline).mean(axis=0))
    total = link(ask(table.rows)) - expected
    design = coalitions(rows.shape[1], samples, seed)
    matrix, share = design.solution()
    values = share[None, :, None] * total[:, None, :]
    count = max(1, ANSWERS // max(1, len(design.masks) * len(expected)))
    for start in range(0, len(rows) if len(design.masks) else 0, count):
        part = slice(start, start + count)
        gains = link(table.expectations(ask, design.masks, part)) - expected
        values[part] += np.tensordot(gains, matrix, (1, 1)).swapaxes(1, 2)
    names = label_names(len(expected), labels)
    unit = LOG_ODDS if use_logit else ""
    return ShapValues(KERNEL, tuple(map(str, rows.columns)), names, values, expected, baseline, unit)


class Model:
    """Asks about many rows, a batch at a time; the answers are (rows, labels)."""

    def __init__(self, predict: Predict, batch: int = BATCH) -> None:
        self._predict = predict
        self.batch = max(1, batch)

    def __call__(self, rows: pd.DataFrame) -> Array:
        """All of them, in batches."""
        starts = range(0, len(rows), self.batch)
        return np.concatenate([self.once(rows.iloc[start : start + self.batch]) for start in starts])

    def once(self, rows: pd.DataFrame) -> Array:
        """One batch.

        Raises:
            DataError: there is not one finite number, or one list of them, for each row.
        """
        answer: NDArray[Any] = np.asarray(self._predict(rows))
        try:
            found = answer.astype(np.float64)
        except (ValueError, TypeError):
            raise DataError(
                f"the model predicted {str(answer.ravel()[0])!r} where a number is needed"
            ) from None
        if found.ndim == 1:
            found = found[:, None]
        if found.ndim != 2 or len(found) != len(rows) or not found.shape[1]:
            raise DataError(f"the model was asked about {len(rows)} rows and answered {found.shape}")
        if not np.isfinite(found).all():
            raise DataError("the model predicted something that is no finite number")
        return found


class Table:
    """Rows and baseline, column by column, and what mixes of the two there are."""

    def __init__(self, rows: pd.DataFrame, baseline: pd.DataFrame) -> None:
        """Raises DataError where there are no rows or no features, or a column is there twice."""
        if rows.empty or baseline.empty:
            what, empty = ("data", rows) if rows.empty else ("baseline", baseline)
            raise DataError(
                f"Data must contain features. The {what} has {len(empty)} rows, {empty.shape[1]} columns."
            )
        if not rows.columns.is_unique:
            twice = rows.columns[rows.columns.duplicated()][0]
            raise DataError(f"the data has more than one column '{twice}'")
        both = pd.concat([rows, as_in(baseline, rows)], ignore_index=True)
        self._names = list(rows.columns)
        self._columns = [both[name].array for name in self._names]
        self._codes = np.column_stack([pd.factorize(both[name])[0] for name in self._names])
        self._count = len(rows)
        self.rows, self.baseline = both.iloc[: len(rows)], both.iloc[len(rows) :]

    def expectations(self, ask: Model, masks: Masks, part: slice) -> Array:
        """The mean prediction over the baseline rows for each row of ``part`` and coalition: (rows, masks, labels)."""
        mine = np.arange(self._count)[part]
        total: Any = 0.0
        for base in range(self._count, len(self._codes)):
            rows, kept, where = different(masks, self._codes[mine] != self._codes[base])
            answers = [
                ask.once(self._mixed(mine[rows[start:end]], base, masks[kept[start:end]]))
                for start, end in ((start, start + ask.batch) for start in range(0, len(rows), ask.batch))
            ]
            total = total + np.concatenate(answers)[where]
        return np.asarray(total / (len(self._codes) - self._count))

    def _mixed(self, rows: Indices, base: int, known: Masks) -> pd.DataFrame:
        """The rows with their own values where known, and a baseline row's elsewhere."""
        return pd.DataFrame(
            {
                name: column.take(np.where(known[:, index], rows, base))
                for index, (name, column) in enumerate(zip(self._names, self._columns, strict=True))
            }
        )


def different(masks: Masks, varies: Masks) -> tuple[Indices, Indices, Indices]:
    """Which synthetic rows differ, when a feature that does not vary makes none.

    Args:
        masks: (coalitions, features).
        varies: does the row differ from the baseline here? (rows, features).

    Returns:
        The row and the coalition of each that differs, and (rows, coalitions): which of them it is.
    """
    patterns, of_row = np.unique(varies, axis=0, return_inverse=True)
    found = [
        np.unique(codes(masks & pattern), return_index=True, return_inverse=True) for pattern in patterns
    ]
    first = [index for _, index, _ in found]
    sizes = np.array([len(index) for index in first])[of_row]
    kept = np.concatenate([first[pattern] for pattern in of_row])
    starts = np.cumsum(sizes) - sizes
    where = np.stack([inverse for _, _, inverse in found])[of_row] + starts[:, None]
    return np.repeat(np.arange(len(varies)), sizes), kept, where


def codes(masks: Masks) -> NDArray[Any]:
    """One number for each mask, or bytes where there are more than 64 features: equal where the masks are."""
    packed = np.packbits(masks, axis=1)
    padded = np.zeros((len(packed), -(-packed.shape[1] // 8) * 8), np.uint8)
    padded[:, : packed.shape[1]] = packed
    if padded.shape[1] == 8:
        return padded.view(np.uint64)[:, 0]
    return np.array([row.tobytes() for row in padded], dtype=object)


def as_in(baseline: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The baseline with the columns and, where that loses nothing, the types of the rows.

    39.0 in a column of whole numbers is sent to the model as 39.

    Raises:
        DataError: the columns are others.
    """
    if list(baseline.columns) != list(rows.columns):
        raise DataError(
            f"the baseline has the columns {', '.join(map(str, baseline.columns))}; "
            f"the data has {', '.join(map(str, rows.columns))}"
        )
    made = {}
    for name in rows.columns:
        column, kind = baseline[name], rows[name].dtype
        try:
            alike = column.astype(kind)
        except (ValueError, TypeError):
            alike = column
        made[name] = alike if bool((alike == column).eq(column.notna()).all()) else column
    return pd.DataFrame(made)


def same(predictions: Array) -> Array:
    """The predictions themselves."""
    return predictions


def log_odds(predictions: Array) -> Array:
    """Log-odds of probabilities.

    Raises:
        DataError: they are none.
    """
    low, high = predictions.min(), predictions.max()
    if low < 0 or high > 1:
        raise DataError(f"use_logit needs probabilities; the model predicted {low if low < 0 else high:g}")
    sure = predictions.clip(SURE, 1 - SURE)
    return np.asarray(np.log(sure / (1 - sure)))
