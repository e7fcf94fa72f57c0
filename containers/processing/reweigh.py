"""Weights under which label and facets are independent in the training rows: reweighing.

A row with label y of the group g weighs P(g) P(y) / P(g, y): what would be expected of its kind, over what is there.
Kamiran & Calders, *Data preprocessing techniques for classification without discrimination* (2012). With several facets
a group is a crossing of all of them, so that no crossing pays for another.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from containers.analyzer.bias_errors import BiasError
from containers.contract import PART_FILE, WEIGHT
from containers.flow import Label
from containers.flow.table import Numbers
from containers.processing.fairness import bias_config, members
from containers.processing.job import DataError

Weights = npt.NDArray[np.float64]


def weights(groups: Any, positive: Any) -> Weights:
    """The weight of each row, from its group (any values) and whether its label is positive; their sum is the rows'.

    That holds where every group has both labels. One that has only one keeps it: there is no row to move weight to.
    """
    table = pd.DataFrame({"group": np.asarray(groups), "positive": np.asarray(positive, bool)})
    of_group = table.groupby("group", dropna=False)["positive"].transform("size")
    of_label = table.groupby("positive")["positive"].transform("size")
    of_both = table.groupby(["group", "positive"], dropna=False)["positive"].transform("size")
    found: Weights = (of_group * of_label / (of_both * len(table))).to_numpy(np.float64)
    return found


def reweigh(rows: pd.DataFrame, label: Label, settings: Mapping[str, Any]) -> tuple[Weights, str]:
    """The weights of raw training ``rows``, and what to say of them in the log.

    Raises:
        DataError: a facet's column holds amounts, and the settings do not say above which; or a facet has no rows.
    """
    groups = _groups(rows, settings)
    positive = _positive(rows, label, settings)
    found = weights(groups, positive)
    return found, summary(groups, positive, found)


def summary(groups: npt.NDArray[np.object_], positive: npt.NDArray[np.bool_], found: Weights) -> str:
    """How much the rows of each group and label count."""
    lines = ["weights, by which label and facets are independent:"]
    table = pd.DataFrame({"group": groups, "positive": positive, "weight": found})
    for (group, good), part in table.groupby(["group", "positive"]):
        outcome = "positive" if good else "negative"
        lines.append(f"  {group}, {outcome}: {len(part):,} rows, each counts {part['weight'].iloc[0]:.4g}")
    return "\n".join(lines)


def write(found: Weights, folder: Path) -> None:
    """As one Parquet file, a row for each training row, in their order."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({WEIGHT: found}), folder / PART_FILE)


def _groups(rows: pd.DataFrame, settings: Mapping[str, Any]) -> npt.NDArray[np.object_]:
    """The crossing of facets that each row is in, by name."""
    config = bias_config(settings, settings["label"])
    names = []
    try:
        for facet in settings["facets"]:
            name = np.full(len(rows), f"{facet['column']}: the others", object)
            for text, inside in members(facet, rows, config):
                if facet.get("values") and not inside.any():
                    raise DataError(f"fairness.reweigh: no training row has {facet['column']} {text}")
                name[inside] = f"{facet['column']}: {text}"
            names.append(name)
    except BiasError as error:
        raise DataError(f"facets: {error}") from None
    crossed = [" and ".join(parts) for parts in zip(*names, strict=True)]
    return np.array(crossed, object)


def _positive(rows: pd.DataFrame, label: Label, settings: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    codes: Numbers = label.encode(rows[label.column])
    if label.problem == "binary":
        return np.asarray(codes == 1, bool)
    wanted = settings["fairness"]["label_values"]
    if label.problem == "regression":
        return np.asarray(codes > wanted[0], bool)
    texts = set(map(str, wanted))
    return np.isin(codes, [code for code, value in enumerate(label.classes) if str(value) in texts])
