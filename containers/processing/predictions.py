"""What the model says of each test row, beside the facets of the raw row: the data of bias and quality analyses.

Facets are taken from the rows as they were before the flow, which may have dropped or encoded them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from containers.contract import HOLDOUT, LABEL, PART_FILE, PREDICTED_LABEL, PROBABILITY, TEST, ProcessingPaths
from containers.metrics.estimate import Array
from containers.processing.job import DataError
from containers.processing.model_archive import TrainedModel
from containers.processing.report import Scored


def facet_columns(settings: Mapping[str, Any]) -> list[str]:
    """The raw columns that fairness needs: those of the facets, and the group variable."""
    named = [facet["column"] for facet in settings.get("facets", ())]
    group = settings.get("fairness", {}).get("group_variable")
    return list(dict.fromkeys([*named, *([group] if group else [])]))


def predict(
    paths: ProcessingPaths,
    settings: Mapping[str, Any],
    model: TrainedModel,
    test: Scored,
    threshold: float | None,
) -> Any:
    """One row a test row: the facets, the label, what is predicted, and, where the problem is binary, how surely.

    Raises:
        DataError: the raw test rows lack a facet, or are not the prepared ones.
    """
    columns = facet_columns(settings)
    rows = _raw(paths.input(HOLDOUT), columns, len(test.labels)) if columns else pa.table({})
    return beside(rows, model, test, threshold)


def beside(rows: pa.Table, model: TrainedModel, test: Scored, threshold: float | None) -> Any:
    """``rows``, the facets, with the labels and predictions of the same rows.

    Raises:
        DataError: a facet has a name that the predictions need.
    """
    found = dict(zip(rows.column_names, rows.columns, strict=True))
    labels, predicted = test.labels, decisions(model.problem, test.scores, threshold)
    if model.problem != "regression":
        values = pa.array(model.label_values)
        labels, predicted = (values.take(pa.array(each.astype(np.int64))) for each in (labels, predicted))
    made = {LABEL: labels, PREDICTED_LABEL: predicted}
    if model.problem == "binary":
        made[PROBABILITY] = test.scores
    taken = [name for name in rows.column_names if name in made]
    if taken:
        raise DataError(f"facets: '{taken[0]}' is a name that the predictions need; rename the column")
    return pa.table({**found, **made})


def decisions(problem: str, scores: Array, threshold: float | None) -> Array:
    """What the scores come to: 0 or 1, the likeliest class, or the number itself."""
    if problem == "binary":
        return (scores >= (0.5 if threshold is None else threshold)).astype(np.float64)
    return scores.argmax(axis=1).astype(np.float64) if problem == "multiclass" else scores


def write(table: Any, folder: Path) -> None:
    """As one Parquet file."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / PART_FILE)


def _raw(folder: Path, columns: list[str], rows: int) -> Any:
    file = folder / PART_FILE
    if not file.is_file():
        raise DataError(f"'{HOLDOUT}' is missing: facets are read from the raw test rows, expected {file}")
    try:
        found = pq.read_table(file)
    except pa.ArrowInvalid as error:
        raise DataError(
            f"'{HOLDOUT}': {file.name} is not a Parquet file ({str(error).splitlines()[0]})"
        ) from error
    absent = [name for name in columns if name not in found.column_names]
    if absent:
        there = ", ".join(found.column_names)
        raise DataError(f"facets: '{HOLDOUT}' has no column '{absent[0]}'. There are {there}")
    if found.num_rows != rows:
        raise DataError(f"'{HOLDOUT}' has {found.num_rows} rows, '{TEST}' {rows}: they must be the same rows")
    return found.select(columns)
