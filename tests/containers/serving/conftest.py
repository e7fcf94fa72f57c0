"""A model as the pipeline makes it: roaming rows, ingested, prepared, trained on; and its archive, unpacked."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from containers import contract
from containers.contract import ProcessingPaths, TrainingPaths
from containers.processing import csv_files, prep
from containers.training import train
from pipelines.config import load
from pipelines.usecases import roaming


@dataclass(frozen=True)
class Trained:
    """Where the model lies, and the raw rows that it was not trained on."""

    folder: Path
    holdout: pd.DataFrame


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A model of 6,000 roaming transactions."""
    base = tmp_path_factory.mktemp("roaming")
    paths = ProcessingPaths(base)
    settings = load().usecase.model_dump(mode="json")
    rows = base / "rows.csv"
    roaming.write(rows, 6000, roaming.Knobs(seed=5))
    paths.settings.parent.mkdir(parents=True)
    paths.settings.write_text(json.dumps(settings), encoding="utf-8")
    ingested = csv_files.tables(rows, rows.name, settings["columns"], settings["source"])
    paths.input(contract.DATA).mkdir(parents=True)
    pq.write_table(pa.concat_tables(ingested), paths.input(contract.DATA) / contract.PART_FILE)
    prep.main(paths)
    channels = TrainingPaths(base / "training")
    for name in (contract.TRAIN, contract.VALIDATION, contract.FLOW):
        channels.channel(name).parent.mkdir(parents=True, exist_ok=True)
        channels.channel(name).symlink_to(paths.output(name))
    train.main(channels, {"problem": "binary", "rounds": "30", "max_depth": "4"})
    return Trained(channels.model, pq.read_table(paths.output(contract.HOLDOUT)).to_pandas())
