"""Split the ingested rows, fit the flow on the training rows, and apply it to all.

    python3 -m containers.processing.prep

The order is deduplicate, split, fit, apply: nothing that is fitted has seen a validation or test row.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from containers.contract import (
    DATA,
    FLOW,
    FLOW_FILE,
    HOLDOUT,
    LABEL,
    PART_FILE,
    TEST,
    TRAIN,
    WEIGHTS,
    ProcessingPaths,
)
from containers.flow import FittedFlow, FlowError, Label, apply, deduplicate, fit
from containers.flow.label import learn_label
from containers.flow.table import Numbers
from containers.processing import reweigh
from containers.processing.job import DataError, read_settings, run
from containers.processing.split import Sides, split


def main(paths: ProcessingPaths) -> None:
    """Make the outputs ``train``, ``validation``, ``test``, ``holdout`` and ``flow`` from the input ``data``.

    Where the settings ask for it, ``weights`` too: how much each row of ``train`` counts.

    Raises:
        DataError: the rows do not allow the split or the flow that the use case asks for.
    """
    settings = read_settings(paths)
    source = paths.input(DATA)
    if not any(source.glob("*.parquet")):
        raise DataError(f"{source}: no Parquet file; the input '{DATA}' is what ingest wrote")
    table = pq.read_table(source)
    rows = table.to_pandas()
    try:
        fitted, sides, kept = prepare(rows, settings)
        for name, positions in sides.items():
            _write(paths.output(name), _features(fitted, kept.iloc[positions]))
    except FlowError as error:
        raise DataError(str(error)) from None
    _write(paths.output(HOLDOUT), table.take(kept.index[sides[TEST]].to_numpy()))
    target = paths.output(FLOW) / FLOW_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(fitted.to_json(), encoding="utf-8")
    print(summary(fitted, sides, kept, dropped=len(rows) - len(kept)))
    if settings.get("fairness", {}).get("reweigh"):
        weights, said = reweigh.reweigh(kept.iloc[sides[TRAIN]], fitted.label, settings)
        reweigh.write(weights, paths.output(WEIGHTS))
        print(said)


def prepare(rows: pd.DataFrame, settings: Mapping[str, Any]) -> tuple[FittedFlow, Sides, pd.DataFrame]:
    """The fitted flow, which rows are on which side, and the rows that are left after deduplication."""
    flow, columns = settings["flow"], settings["columns"]
    kept = deduplicate(flow, rows)
    missing = tuple(settings["source"].get("missing", ()))
    about = {"problem": settings["problem"], "positive": settings.get("positive"), "missing": missing}
    name = settings["label"]
    label = learn_label(kept[name], name, columns[name], **about)
    sides = split(kept, label.encode(kept[name]), settings)
    fitted = fit(flow, kept.iloc[sides[TRAIN]], columns=columns, label=name, **about)
    return fitted, sides, kept


def _features(fitted: FittedFlow, rows: pd.DataFrame) -> pa.Table:
    """The label, then the features, of some rows."""
    label = _label(fitted.label, rows)
    features = apply(fitted, rows)
    names = [LABEL, *features.columns]
    return pa.table(
        [pa.array(label), *(pa.array(features[name].to_numpy()) for name in features)], names=names
    )


def _label(label: Label, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
    codes = label.encode(rows[label.column])
    return codes if label.problem == "regression" else codes.astype(np.int64)


def _write(folder: Path, table: pa.Table) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / PART_FILE)


def summary(fitted: FittedFlow, sides: Sides, rows: pd.DataFrame, *, dropped: int) -> str:
    """What was made, for the log: rows and label of each split, and the features."""
    lines = [f"{len(rows):,} rows" + (f" ({dropped:,} duplicates left out)" if dropped else "")]
    for name, positions in sides.items():
        label = fitted.label.encode(rows[fitted.label.column].iloc[positions])
        lines.append(f"  {name:<11}{len(positions):>10,}   {_label_summary(fitted.label, label)}")
    shown = ", ".join(fitted.features[:12]) + (", …" if len(fitted.features) > 12 else "")
    lines.append(f"{len(fitted.features)} features from {len(fitted.columns)} raw columns: {shown}")
    return "\n".join(lines)


def _label_summary(label: Label, codes: Numbers) -> str:
    if label.problem == "regression":
        return f"{label.column}: mean {codes.mean():.4g}, deviation {codes.std():.4g}"
    if label.problem == "binary":
        return f"{label.column} = {label.classes[1]}: {codes.mean():.2%}"
    shares = np.bincount(codes.astype(int), minlength=len(label.classes)) / len(codes)
    pairs = zip(label.classes[:6], shares, strict=False)
    return ", ".join(f"{value} {share:.1%}" for value, share in pairs) + (", …" if len(shares) > 6 else "")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    sys.exit(run(main, ProcessingPaths()))
