"""Raw rows that are hard to serve, in every format; and what evaluation says of them."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from containers import contract, prepared
from containers.flow import FittedFlow, apply
from containers.processing.model_archive import load as load_archive
from tests.containers.serving.conftest import Trained


def hard_rows(trained: Trained, flow: FittedFlow, count: int = 1000) -> pd.DataFrame:
    """Raw rows; every eighth cell is empty, every tenth text one that training never saw."""
    draw = np.random.default_rng(3)
    table = trained.holdout.head(count)[list(flow.columns)].astype(object)
    for name in table:
        if flow.columns[name] == "string":
            table.loc[draw.random(len(table)) < 0.1, name] = "never seen"
        table.loc[draw.random(len(table)) < 0.125, name] = None
    return table.where(table.notna(), None)


def written(rows: pd.DataFrame, kind: str) -> Any:
    """The rows as the body of a request."""
    return WRITERS[kind](rows)


def offline(trained: Trained, rows: pd.DataFrame, folder: Path) -> np.ndarray[Any, Any]:
    """The scores that evaluation would give: flow, Parquet, model archive. ``folder`` is empty."""
    flow = FittedFlow.from_json((trained.folder / contract.FLOW_FILE).read_text(encoding="utf-8"))
    features = apply(flow, rows)
    table = pa.table({contract.LABEL: np.zeros(len(rows)), **{name: features[name] for name in features}})
    archive = folder / "archive"
    archive.mkdir()
    with tarfile.open(archive / contract.MODEL_ARCHIVE, "w:gz") as packed:
        for path in trained.folder.iterdir():
            packed.add(path, path.name)
    (folder / "rows").mkdir()
    pq.write_table(table, folder / "rows" / contract.PART_FILE)
    model = load_archive(archive)
    return model.score(prepared.read(folder / "rows", "rows", model.features))


def as_csv(rows: pd.DataFrame) -> str:
    return rows.to_csv(index=False)


def as_json_lines(rows: pd.DataFrame) -> str:
    return "\n".join(json.dumps(row, default=str) for row in rows.to_dict("records"))


def as_json(rows: pd.DataFrame) -> str:
    return json.dumps({"instances": rows.to_dict("records")}, default=str)


def as_parquet(rows: pd.DataFrame) -> bytes:
    body = io.BytesIO()
    rows.to_parquet(body)
    return body.getvalue()


WRITERS = {
    "text/csv": as_csv,
    "application/json": as_json,
    "application/jsonlines": as_json_lines,
    "application/x-parquet": as_parquet,
}
