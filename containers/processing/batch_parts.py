"""Good rows, cut into parts, each in two forms: lines to be sent to a model, and a table of all their columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from containers import contract
from containers.contract import ProcessingPaths
from containers.processing.job import DataError

PART_ROWS = 100_000  # several files, so that several instances can share the work


class Parts:
    """Good rows, cut into parts: each once as lines to be sent, and once as a table."""

    def __init__(self, paths: ProcessingPaths, sent: list[str]) -> None:
        self._rows, self._table = paths.output(contract.ROWS), paths.output(contract.TABLE)
        self._sent = sent  # the columns that the model reads
        self._schema: pa.Schema | None = None
        self._lines: IO[str] | None = None
        self._writer: pq.ParquetWriter | None = None
        self._number, self._room, self._row = 0, 0, 0
        for folder in (self._rows, self._table):
            folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def add(self, table: pa.Table, where: str) -> None:
        """Write rows on; begin the next part where one is full."""
        table = table.replace_schema_metadata(None)
        if self._schema is None:
            self._check(table.column_names, where)
            self._schema = table.schema
        table = self._alike(table, where)
        while len(table):
            if not self._room:
                self._next()
            now, table = table.slice(0, self._room), table.slice(self._room)
            assert self._lines is not None and self._writer is not None  # noqa: S101, PT018 - _next opened them
            self._writer.write_table(now)
            self._lines.writelines(self._texts(now))
            self._room -= len(now)

    def _texts(self, table: pa.Table) -> Iterator[str]:
        for features in _plain(table.select(self._sent)).to_pylist():
            line = {contract.ROW: self._row, contract.FEATURES: features}
            yield json.dumps(line, ensure_ascii=False, default=_iso, separators=(",", ":")) + "\n"
            self._row += 1

    def _alike(self, table: pa.Table, where: str) -> pa.Table:
        """The table with the columns of the first one, in their order."""
        assert self._schema is not None  # noqa: S101 - add has just seen to it
        if set(table.column_names) != set(self._schema.names):
            other = sorted(set(table.column_names) ^ set(self._schema.names))
            raise DataError(
                f"{where}: the objects of one batch must have the same columns; {', '.join(other)}"
            )
        try:
            return table.select(self._schema.names).cast(self._schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"{where}: a column has another type than in the object before: {error}"
            ) from None

    def _check(self, names: list[str], where: str) -> None:
        added = (contract.DECISION, contract.PREDICTION, contract.PROBABILITY, contract.MODEL_VERSION)
        taken = [name for name in (*added, contract.RUN_DATE, contract.EXECUTION) if name in names]
        if taken:
            raise DataError(f"{where}: scoring adds columns that are there already: {', '.join(taken)}")

    def _next(self) -> None:
        self._close()
        self._lines = part(self._rows, self._number, "jsonl").open("w", encoding="utf-8", newline="\n")
        self._writer = pq.ParquetWriter(part(self._table, self._number, "parquet"), self._schema)
        self._number += 1
        self._room = PART_ROWS

    def _close(self) -> None:
        for each in (self._lines, self._writer):
            if each is not None:
                each.close()


def part(folder: Path, number: int, kind: str) -> Path:
    """The file of a part."""
    return folder / f"part-{number:05d}.{kind}"


def _plain(table: pa.Table) -> pa.Table:
    """Numbers that JSON has no word for are missing, as they are to the flow."""
    for place, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            column = table.column(place)
            table = table.set_column(place, field, pc.if_else(pc.is_finite(column), column, None))
    return table


def _iso(value: Any) -> str:
    text: str = value.isoformat()
    return text
