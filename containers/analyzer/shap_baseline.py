"""The rows that stand for knowing nothing of one: as they are given, or the middles of clusters of the data.

Where no baseline is given, Clarify clusters the data into 1 to 12 rows (k-prototypes). So does this: means of amounts,
the most frequent of categories. How many clusters is Clarify's secret; here as few as keep what one more would tell
below ``GAIN``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans

from containers.analyzer.bias_columns import Profile
from containers.analyzer.shap_values import Array
from containers.processing.job import DataError

MOST = 12  # clusters, Clarify's limit
GAIN = 0.1  # of all variance, that one more cluster must explain
SAMPLE = 10_000  # rows that are clustered; of more, these are picked evenly
CATEGORIES = 50  # of a column that count as different; all further ones count as one


def given(baseline: Sequence[Any] | Mapping[str, Any] | pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The baseline of ``analysis_config.json``: lists of values, or JSON records, or a table that was fetched.

    Raises:
        DataError: it is something else, or has other columns.
    """
    if isinstance(baseline, str):
        raise DataError(f"shap.baseline: fetch {baseline} first, and give the rows")
    rows = [baseline] if isinstance(baseline, Mapping) else baseline
    if not isinstance(rows, pd.DataFrame):
        if not rows or not all(
            isinstance(row, Sequence | Mapping) and not isinstance(row, str) for row in rows
        ):
            raise DataError(f"shap.baseline must be a list of rows or of records, got {baseline!r}")
        rows = pd.DataFrame([_record(row, columns) for row in rows], columns=list(columns))
    if rows.shape[1] != len(columns):
        raise DataError(f"shap.baseline has {rows.shape[1]} columns; the data has {len(columns)} features")
    if all(isinstance(name, int) for name in rows.columns):  # a file without header
        rows = rows.set_axis(list(columns), axis=1)
    if set(rows.columns) != set(columns):
        raise DataError(
            f"shap.baseline has the columns {', '.join(map(str, rows.columns))}; the data has {', '.join(columns)}"
        )
    return rows[list(columns)]


def computed(rows: pd.DataFrame, clusters: int | None = None, seed: int = 0) -> pd.DataFrame:
    """The middles of clusters of the rows, the largest cluster first; the same rows give the same middles.

    Args:
        rows: features only.
        clusters: 1 to 12; as few as tell most where None.
        seed: where k-means begins.
    """
    if rows.empty:
        raise DataError("Data must contain features. There are no rows to make a baseline of.")
    sample = rows.iloc[:: -(-len(rows) // SAMPLE)]
    amounts = [name for name in sample.columns if is_amount(sample[name])]
    points = _points(sample, amounts)
    most = min(MOST if clusters is None else clusters, len(np.unique(points, axis=0)))
    members = _labels(points, most, seed) if clusters is not None else _few(points, most, seed)
    order = np.argsort(-np.bincount(members), kind="stable")
    middles = [_middle(sample[members == cluster], amounts) for cluster in order]
    made = pd.DataFrame(middles, columns=sample.columns)
    return made.astype({name: sample[name].dtype for name in sample.columns}, errors="ignore")


def is_amount(column: pd.Series[Any]) -> bool:
    """Clarify's rule, of facets and of partial dependence: amounts are floats, and integers many of which differ."""
    profile = Profile()
    profile.add(column)
    return profile.type in ("float", "integer") and profile.continuous(())


def _record(row: Sequence[Any] | Mapping[str, Any], columns: Sequence[str]) -> list[Any]:
    if not isinstance(row, Mapping):
        if len(row) != len(columns):
            raise DataError(
                f"shap.baseline has a row of {len(row)} values; the data has {len(columns)} features"
            )
        return list(row)
    missing = [name for name in columns if name not in row]
    if missing:
        raise DataError(f"shap.baseline has a record without {', '.join(map(repr, missing))}")
    return [row[name] for name in columns]


def _points(rows: pd.DataFrame, amounts: Sequence[str]) -> Array:
    """Amounts in standard deviations; categories as 0 and 1, so weighted that a difference is one deviation."""
    columns = []
    for name in rows.columns:
        if name in amounts:
            values = _finite(rows[name]) - _finite(rows[name]).mean()
            deviation = values.std(ddof=0)
            scale = deviation if deviation > 0 else 1.0
            columns.append(values.fillna(0.0).to_numpy()[:, None] / scale)
        else:
            found, _ = pd.factorize(rows[name])
            frequent = np.argsort(-np.bincount(found + 1), kind="stable")[:CATEGORIES]
            columns.append((found[:, None] + 1 == frequent) / np.sqrt(2))
    return np.asarray(np.concatenate(columns, axis=1), dtype=np.float64)


def _labels(points: Array, clusters: int, seed: int) -> Any:
    return KMeans(max(1, clusters), n_init=1, random_state=seed).fit_predict(points)


def _few(points: Array, most: int, seed: int) -> Any:
    """The clusters, as many as each tell at least ``GAIN`` of the whole variance."""
    labels = np.zeros(len(points), np.int64)
    whole = left = float(np.square(points - points.mean(axis=0)).sum())
    for count in range(2, most + 1):
        model = KMeans(count, n_init=1, random_state=seed).fit(points)
        if left - model.inertia_ < GAIN * whole:
            break
        labels, left = model.labels_, model.inertia_
    return labels


def _middle(rows: pd.DataFrame, amounts: Sequence[str]) -> list[Any]:
    return [_mean(rows[name]) if name in amounts else _mode(rows[name]) for name in rows.columns]


def _mean(column: pd.Series[Any]) -> Any:
    mean = _finite(column).mean()
    return round(mean) if pd.api.types.is_integer_dtype(column) else mean


def _mode(column: pd.Series[Any]) -> Any:
    counts = column.value_counts(sort=False)
    return counts.index[int(np.argmax(counts.to_numpy()))] if len(counts) else None


def _finite(column: pd.Series[Any]) -> pd.Series[float]:
    """The amounts; what is missing or infinite is nan."""
    numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return pd.Series(np.where(np.isfinite(numbers), numbers, np.nan))
