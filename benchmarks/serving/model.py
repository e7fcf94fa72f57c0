"""Train a model of roaming transactions as the pipeline does, for both servers.

python -m benchmarks.serving.model FOLDER    leaves model/ (the unpacked archive) and rows.parquet (raw, never seen)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from containers import contract
from containers.contract import ProcessingPaths, TrainingPaths
from containers.processing import csv_files, prep
from containers.training import train
from pipelines.config import load
from pipelines.usecases import roaming

ROWS = 20_000


def main(folder: Path) -> None:
    """Ingest, prep and train below ``folder``."""
    paths, channels = ProcessingPaths(folder / "prep"), TrainingPaths(folder)
    settings = load().usecase.model_dump(mode="json")
    rows = folder / "rows.csv"
    roaming.write(rows, ROWS, roaming.Knobs(seed=5))
    paths.settings.parent.mkdir(parents=True)
    paths.settings.write_text(json.dumps(settings), encoding="utf-8")
    paths.input(contract.DATA).mkdir(parents=True)
    tables = csv_files.tables(rows, rows.name, settings["columns"], settings["source"])
    pq.write_table(pa.concat_tables(tables), paths.input(contract.DATA) / contract.PART_FILE)
    prep.main(paths)
    for name in (contract.TRAIN, contract.VALIDATION, contract.FLOW):
        channels.channel(name).parent.mkdir(parents=True, exist_ok=True)
        channels.channel(name).symlink_to(paths.output(name))
    train.main(channels, {"problem": "binary", "rounds": "150", "max_depth": "5"})
    (paths.output(contract.HOLDOUT) / contract.PART_FILE).rename(folder / "rows.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
