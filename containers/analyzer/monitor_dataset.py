"""The analyzer's data set in any of its formats, through a user's script or not, as Arrow tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from containers.analyzer import capture, reading
from containers.analyzer.capture_record import CapturedData
from containers.analyzer.monitor_config import CAPTURE, CSV, JSON, MERGE, PARQUET, MonitorConfig
from containers.analyzer.monitor_rows import Row, blocks, flat, numbered, records
from containers.analyzer.monitor_scripts import Preprocessor
from containers.processing.job import DataError


@dataclass(frozen=True)
class Dataset:
    """The rows, without the columns that are excluded, and the names of these."""

    tables: Iterator[pa.Table]
    excluded: frozenset[str]


def read(config: MonitorConfig, baseline: Sequence[str] = ()) -> Dataset:
    """The data set of a configuration, read as far as is needed to know its columns.

    Columns without names of their own (CSV without a header, captured CSV, a script's numbers) get the names that
    the ``baseline`` has at their places.

    Raises:
        DataError: something cannot be read; the message says where.
    """
    if not config.dataset_source.exists():
        raise DataError(f"dataset_source: there is no {config.dataset_source}")
    tables = _named(_tables(config), baseline)
    first = next(tables, None)
    if first is None:
        raise DataError(f"dataset_source: {config.dataset_source} holds no rows")
    excluded = frozenset(_column(name, first.column_names) for name in config.exclude_features_attribute)
    return Dataset(_without(chain([first], tables), excluded), excluded)


def _tables(config: MonitorConfig) -> Iterator[pa.Table]:
    form, script = config.dataset_format, config.record_preprocessor_script
    if form.name == PARQUET and script:
        raise DataError("record_preprocessor_script: not for Parquet; for CSV, JSON and captured data")
    if form.name == PARQUET:
        return reading.tables(config.dataset_source, {PARQUET: {}})
    if form.name == CSV and not script:
        return reading.tables(config.dataset_source, {CSV: {"header": form.header}})
    return blocks(_rows(config, Preprocessor(script) if script else None))


def _rows(config: MonitorConfig, script: Preprocessor | None) -> Iterator[Row]:
    form = config.dataset_format
    for path in reading.files(config.dataset_source):
        found = (
            _lines(path, header=form.header) if form.name == CSV else records(path, lines=_by_line(config))
        )
        for where, record in found:
            yield from _of_script(record, where, config, script) if script else _plain(record, where, config)


def _by_line(config: MonitorConfig) -> bool:
    return config.dataset_format.name != JSON or config.dataset_format.lines


def _plain(record: Any, where: str, config: MonitorConfig) -> list[Row]:
    if config.dataset_format.name in (CAPTURE, MERGE):
        return capture.rows(record, where, config.dataset_format)
    if not isinstance(record, dict):
        raise DataError(f"{where}: a record must be a JSON object; this is {type(record).__name__}")
    return [flat(record, where)]


def _of_script(record: Any, where: str, config: MonitorConfig, script: Preprocessor) -> list[Row]:
    """What a script makes of a record; of captured data it sees an object with AWS's attributes."""
    if config.dataset_format.name not in (CAPTURE, MERGE):
        rows = script.rows(record, where)
    elif capture.of_shadow(record):
        return []
    else:
        rows = script.rows(CapturedData(record), where)
    return _plain(rows.as_dict(), where, config) if isinstance(rows, CapturedData) else rows


def _lines(path: Path, *, header: bool) -> Iterator[tuple[str, str]]:
    """The lines of a CSV file as they are, without the header: that is what a script gets."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip() and not (header and number == 1):
                    yield f"{path}, line {number}", line.rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: cannot be read as CSV: {error}") from None


def _named(tables: Iterable[pa.Table], baseline: Sequence[str]) -> Iterator[pa.Table]:
    """Numbered columns under the names that the baseline has at their places, if its columns are not numbered too."""
    names = [] if all(numbered(name) is not None for name in baseline) else baseline
    for table in tables:
        places = [place for place in map(numbered, table.column_names) if place is not None]
        if len(places) < table.num_columns:
            yield table
        else:
            yield table.rename_columns(
                [names[place] if place < len(names) else f"_c{place}" for place in places]
            )


def _without(tables: Iterable[pa.Table], excluded: Collection[str]) -> Iterator[pa.Table]:
    for table in tables:
        yield table.select([name for name in table.column_names if name not in excluded])


def _column(name: str, columns: Sequence[str]) -> str:
    """The column that an excluded feature is: its name, or its place."""
    if name in columns:
        return name
    if name.isdecimal() and int(name) < len(columns):
        return columns[int(name)]
    near = get_close_matches(name, columns, 1)
    raise DataError(
        f"exclude_features_attribute: there is no {name!r}; there is {', '.join(columns)}."
        + (f" Did you mean {near[0]!r}?" if near else "")
    )
