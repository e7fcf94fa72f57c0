"""Scores as partitions of Parquet: what they are called, and how they are written and counted."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from containers import contract
from containers.processing.job import DataError

MOST_PARTITIONS = 1000
NONE = "__HIVE_DEFAULT_PARTITION__"  # what Athena and Spark read as no value
SAFE = " .:~@+=-_"  # beside letters and digits, what stands in a partition's name as it is


@dataclass(frozen=True)
class Target:
    """Where the scores go, and which run they are of."""

    destination: str
    execution: str
    started: str  # ISO 8601; the day of the run, however late its last step is
    kms_key: str = ""
    database: str = ""  # of the Glue catalogue; without one, nothing is registered there
    table: str = ""


@dataclass(frozen=True)
class Written:
    """What lies in the destination now."""

    rows: int
    partitions: Sequence[str]
    objects: int


def partition(name: str, settings: Mapping[str, Any]) -> str:
    """What a partition is called: of a time, its day; a column that rows are parted by stands in the folders' names."""
    return f"{name}_date" if settings["columns"].get(name) == "timestamp" else name


def with_partitions(table: pa.Table, settings: Mapping[str, Any], target: Target) -> pa.Table:
    """The table with a column of texts for each partition."""
    for name in settings["batch"]["partition_by"]:
        table = _with(table, partition(name, settings), _partition(table, name, target))
    return table


def write(folder: Path, target: Target, by: Sequence[str]) -> Written:
    """Write the parts in ``folder``, and count what lies there then.

    Raises:
        DataError: there are too many partitions.
    """
    import awswrangler as wr
    import boto3

    files = sorted(folder.glob("*.parquet"))
    partitions = sorted(
        {_prefix(by, row) for file in files for row in pq.read_table(file, columns=list(by)).to_pylist()}
    )
    if len(partitions) > MOST_PARTITIONS:
        raise DataError(
            f"[batch] partition_by makes {len(partitions):,} partitions of {', '.join(by)}; at most "
            f"{MOST_PARTITIONS:,} are sensible: choose columns with fewer values"
        )
    root = target.destination.rstrip("/")
    session = boto3.Session()  # without one, awswrangler makes another for each call, half a second each
    shared = os.path.commonpath(partitions) if partitions else ""
    emptied = tuple(f"{root}/{each}" for each in partitions)
    left = [
        uri
        for uri in wr.s3.list_objects(f"{root}/{shared}", boto3_session=session)
        if uri.startswith(emptied)
    ]
    if left:
        wr.s3.delete_objects(left, boto3_session=session)
    kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": target.kms_key} if target.kms_key else None
    catalogue: dict[str, Any] = {}
    if target.database:
        wr.catalog.create_database(target.database, exist_ok=True, boto3_session=session)
        catalogue = {"database": target.database, "table": target.table}
    made: list[str] = []
    for file in files:
        frame = pq.read_table(file).to_pandas(types_mapper=pd.ArrowDtype)
        if len(frame):
            made += wr.s3.to_parquet(
                frame,
                path=f"{root}/",
                dataset=True,
                mode="append",
                partition_cols=list(by) or None,
                filename_prefix=f"{file.stem}-",
                s3_additional_kwargs=kms,
                boto3_session=session,
                **catalogue,
            )["paths"]
    found = (
        wr.s3.read_parquet(path=made, columns=[contract.MODEL_VERSION], boto3_session=session) if made else ()
    )
    return Written(len(found), partitions, len(made))


def _partition(table: pa.Table, name: str, target: Target) -> pa.Array:
    """The values of a partition, as texts that can be names of folders."""
    if name == contract.RUN_DATE:
        return pa.array([target.started[:10]] * len(table), pa.string())
    if name == contract.EXECUTION:
        return pa.array([target.execution] * len(table), pa.string())
    column = table.column(name)
    texts = (
        pc.strftime(column, "%Y-%m-%d") if pa.types.is_timestamp(column.type) else column.cast(pa.string())
    )
    distinct = {
        text: quote(text, safe=SAFE) or NONE for text in texts.unique().to_pylist() if text is not None
    }
    return pa.array([distinct.get(text, NONE) for text in texts.to_pylist()], pa.string())


def _with(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, values)
    return table.append_column(name, values)


def _prefix(by: Sequence[str], row: Mapping[str, str]) -> str:
    return "".join(f"{name}={row[name]}/" for name in by)
