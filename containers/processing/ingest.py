"""Read raw data, hold it against the use case's schema, and leave it as Parquet with a manifest.

    python3 -m containers.processing.ingest --source s3://bucket/raw/adult.data

Data is handled file by file and piece by piece, so it may be larger than memory: a file is brought to disk, read in
pieces, checked, and written on in parts of a million rows.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from containers.contract import DATA, MANIFEST, MANIFEST_FILE, PART_FILE, ProcessingPaths
from containers.processing import csv_files, parquet_files
from containers.processing.content import ContentHash
from containers.processing.job import DataError, read_settings, run
from containers.processing.schema import arrow_schema
from containers.versions import versions

PART_ROWS = 1_000_000
LABELS = 1000  # different labels that are counted; more is no classification

Tables = Callable[[Path, str, Mapping[str, str], Mapping[str, Any]], Iterator[pa.Table]]
FORMATS: dict[str, Tables] = {"csv": csv_files.tables, "parquet": parquet_files.tables}


def from_s3(source: str) -> Iterator[tuple[str, Path]]:
    """Each object of an S3 address (one object, or all below a prefix) with a local copy that lasts one turn.

    Names that start with ``_`` or ``.`` are Spark's and Hadoop's markers and no data.

    Raises:
        DataError: there is nothing, or it cannot be read.
    """
    import awswrangler as wr  # only this kind of source needs it
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        objects = sorted(wr.s3.list_objects(source))
        if source in objects:
            objects = [source]
        below = source.rstrip("/") + "/"
        chosen = [uri for uri in objects if uri == source or (uri.startswith(below) and _is_data(uri))]
        if not chosen:
            raise DataError(f"{source}: there is no object here{_nearest(source, objects)}")
        for uri in chosen:
            with tempfile.NamedTemporaryFile(prefix="ingest-") as copy:
                wr.s3.download(path=uri, local_file=copy)
                copy.flush()
                yield uri, Path(copy.name)
    except (BotoCoreError, ClientError) as error:
        raise DataError(f"{source}: cannot be read: {error}") from None


SOURCES: dict[str, Callable[[str], Iterator[tuple[str, Path]]]] = {"s3": from_s3}


def main(paths: ProcessingPaths, source: str) -> None:
    """Ingest ``source`` into the outputs ``data`` and ``manifest``.

    Raises:
        DataError: the data is not what the use case says; nothing is left in the outputs then.
    """
    settings = read_settings(paths)
    if not source.startswith("s3://") or len(source) == len("s3://"):
        raise DataError(f"--source {source!r}: expected an S3 address, s3://bucket/key or s3://bucket/prefix")
    reader = FORMATS[settings["source"]["format"]]
    columns: Mapping[str, str] = settings["columns"]
    out = Parts(paths.output(DATA), arrow_schema(columns))
    content = ContentHash(arrow_schema(columns))
    census = Census(settings)
    objects: list[dict[str, Any]] = []
    try:
        for uri, copy in SOURCES[settings["source"]["kind"]](source):
            objects.append({"uri": uri, "bytes": copy.stat().st_size})
            for table in reader(copy, uri, columns, settings["source"]):
                content.add(table)
                census.add(table)
                out.write(table)
        census.check(source)
        out.close()
    except BaseException:
        out.discard()
        raise
    manifest = {
        "source": source,
        "objects": objects,
        "bytes": sum(found["bytes"] for found in objects),
        "rows": census.rows,
        "columns": {name: {"type": t, "missing": census.missing[name]} for name, t in columns.items()},
        "label": census.label_counts(),
        "sha256": content.hexdigest(),
        "parts": out.count,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(("awswrangler", "numpy", "pandas", "pyarrow")),
    }
    target = paths.output(MANIFEST) / MANIFEST_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    missing = sum(census.missing.values())
    print(
        f"{census.rows:,} rows of {len(columns)} columns from {len(objects)} object(s), {missing:,} values missing"
    )
    print(f"content sha256 {manifest['sha256']}")


class Parts:
    """A folder of Parquet parts, each of at most ``PART_ROWS`` rows."""

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self._folder, self._schema = folder, schema
        self._writer: pq.ParquetWriter | None = None
        self._room = 0
        self.count = 0
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, table: pa.Table) -> None:
        """Write rows on; begin the next part where one is full."""
        while len(table):
            if self._room == 0:
                self._next()
            assert self._writer is not None  # noqa: S101 - _next has just opened it
            now, table = table.slice(0, self._room), table.slice(self._room)
            self._writer.write_table(now)
            self._room -= len(now)

    def close(self) -> None:
        """Finish the present part."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def discard(self) -> None:
        """Take back every part."""
        self.close()
        for number in range(self.count):
            self._path(number).unlink(missing_ok=True)

    def _next(self) -> None:
        self.close()
        self._writer = pq.ParquetWriter(self._path(self.count), self._schema)
        self._room = PART_ROWS
        self.count += 1

    def _path(self, number: int) -> Path:
        return self._folder / PART_FILE.replace("00000", f"{number:05d}")


class Census:
    """Counts of rows, missing values and labels."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._label = settings["label"]
        self._classes = settings["problem"] != "regression"
        self._labels: Counter[Any] = Counter()
        self.rows = 0
        self.missing: Counter[str] = Counter()

    def add(self, table: pa.Table) -> None:
        """Count a piece."""
        self.rows += len(table)
        for name in table.column_names:
            self.missing[name] += table.column(name).null_count
        if self._classes and len(self._labels) <= LABELS:
            for entry in pc.value_counts(table.column(self._label)).to_pylist():
                self._labels[entry["values"]] += entry["counts"]

    def check(self, source: str) -> None:
        """Whether there are rows, every one with a label, and more than one class of it."""
        if self.rows == 0:
            raise DataError(f"{source}: there are no rows")
        if self.missing[self._label]:
            raise DataError(
                f"{source}: the label '{self._label}' is missing in {self.missing[self._label]:,} of {self.rows:,} "
                "rows; a row without a label cannot be learned from, take it out of the data"
            )
        if self._classes and len(self._labels) == 1:
            raise DataError(
                f"{source}: the label '{self._label}' has one class, {next(iter(self._labels))!r}, in all "
                f"{self.rows:,} rows; learning needs at least two"
            )

    def label_counts(self) -> dict[str, int]:
        """Rows of each class, the largest first; {} where there are too many classes, or none."""
        return (
            {str(value): count for value, count in self._labels.most_common()}
            if len(self._labels) <= LABELS
            else {}
        )


def _is_data(uri: str) -> bool:
    name = uri.rsplit("/", 1)[-1]
    return bool(name) and name[0] not in "_."


def _nearest(source: str, objects: list[str]) -> str:
    """An object whose address merely starts like the source, for a message."""
    data = [uri for uri in objects if _is_data(uri)]
    return f"; did you mean {data[0]}?" if data and not source.endswith("/") else ""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--source", required=True, help="s3://bucket/key of one object, or s3://bucket/prefix of many"
    )
    sys.exit(run(main, ProcessingPaths(), source=parser.parse_args().source))
