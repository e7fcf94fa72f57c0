"""Channels as the prep job leaves them, below a base of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from containers.contract import LABEL, PART_FILE, TrainingPaths

Tables = dict[str, pa.Table]


def table(problem: str, rows: int, seed: int) -> pa.Table:
    """A table with a signal in it, some values missing, and one feature that is a whole number."""
    draw = np.random.default_rng(seed)
    features = draw.normal(size=(rows, 6)).astype(np.float32)
    signal = 2 * features[:, 0] + features[:, 1] * features[:, 2] + draw.normal(size=rows)
    labels = {
        "binary": (signal > 0.5).astype(np.float32),
        "multiclass": np.digitize(signal, [-1, 1]).astype(np.float32),
        "regression": signal.astype(np.float32),
    }[problem]
    features[draw.random(features.shape) < 0.05] = np.nan
    columns = {f"feature_{index}": features[:, index] for index in range(6)}
    return pa.table({LABEL: labels, **columns, "count": draw.integers(0, 9, rows)})


@pytest.fixture
def paths(tmp_path: Path) -> TrainingPaths:
    return TrainingPaths(tmp_path)


@pytest.fixture
def write(paths: TrainingPaths) -> Callable[..., None]:
    """``write(train=table, …)`` puts a table into a channel."""

    def write(**tables: pa.Table) -> None:
        for channel, content in tables.items():
            paths.channel(channel).mkdir(parents=True, exist_ok=True)
            pq.write_table(content, paths.channel(channel) / PART_FILE)

    return write


@pytest.fixture
def channels(write: Callable[..., None]) -> Callable[[str], Tables]:
    """``channels("binary")`` fills the train and validation channels."""

    def fill(problem: str) -> Tables:
        tables = {"train": table(problem, 1500, 1), "validation": table(problem, 400, 2)}
        write(**tables)
        return tables

    return fill


@pytest.fixture
def make_table() -> Callable[[str, int, int], pa.Table]:
    return table
