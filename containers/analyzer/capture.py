"""Captured data: what an endpoint was asked and answered, a JSON record each, as rows of a data set.

The values of a record stand in its parts (``endpointInput``, ``endpointOutput``, ``groundTruthData`` …) as CSV or as
JSON, in Base64 or not. One record may hold several rows.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture.html
"""

from __future__ import annotations

import base64
import binascii
import csv
import json
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any

from containers.analyzer.monitor_config import MERGE, DatasetFormat
from containers.analyzer.monitor_rows import Row, flat, join
from containers.processing.job import DataError

DATA, TRUTH, METADATA = "captureData", "groundTruthData", "eventMetadata"


def rows(record: Any, where: str, dataset_format: DatasetFormat) -> list[Row]:
    """The rows of one record; none of a shadow variant's.

    Columns of captured data are ``_c0``, ``_c1`` … where it is CSV, outputs first unless the format says otherwise, and
    JSON's own names where it is JSON. Those of merged data begin with their part: ``endpointOutput_0``,
    ``endpointOutput_score``, ``groundTruthData_0``.

    Raises:
        DataError: the record is no captured record, or its parts do not fit together.
    """
    if of_shadow(record):
        return []
    parts = _parts(record, where, dataset_format)
    _same_encoding(parts, where)
    found = {name: _rows(part, f"{where}: {name}") for name, part in parts.items()}
    merged = dataset_format.name == MERGE
    return [
        _joined(dict(zip(found, together, strict=True)), where, prefixed=merged)
        for together in _together(found, where)
    ]


def event(record: Any) -> str | None:
    """By what captured data and truth find each other: ``inferenceId`` where there is one, else ``eventId``."""
    metadata = _metadata(record)
    return metadata.get("inferenceId") or metadata.get("eventId")


def of_shadow(record: Any) -> bool:
    """Whether a shadow variant was asked, not the model that is watched."""
    return _metadata(record).get("invocationSource") == "ShadowExperiment"


def _metadata(record: Any) -> Mapping[str, Any]:
    metadata = record.get(METADATA) if isinstance(record, dict) else None
    return metadata if isinstance(metadata, dict) else {}


def _parts(record: Any, where: str, dataset_format: DatasetFormat) -> dict[str, Mapping[str, Any]]:
    """The parts that are looked at, in the order of their columns."""
    data = record.get(DATA) if isinstance(record, dict) else None
    if not isinstance(data, dict):
        raise DataError(f"{where}: no captured record; it needs an object {DATA!r}")
    names = sorted(
        dataset_format.parts, key=lambda name: name.endswith("Input") == dataset_format.outputs_first
    )
    parts = {name: data[name] for name in names if isinstance(data.get(name), dict)}
    if not parts:
        raise DataError(f"{where}: {DATA!r} holds none of {', '.join(names)}; it holds {', '.join(data)}")
    if dataset_format.name == MERGE:
        if not isinstance(record.get(TRUTH), dict):
            raise DataError(f"{where}: no merged record; it needs an object {TRUTH!r}")
        parts[TRUTH] = record[TRUTH]
    return parts


def _same_encoding(parts: Mapping[str, Mapping[str, Any]], where: str) -> None:
    captured = [(name, part.get("encoding")) for name, part in parts.items() if name != TRUTH]
    (first, encoding), *others = sorted(captured)
    for other, another in others:
        if another != encoding:  # in the container's words
            raise DataError(
                f"Encoding mismatch: Encoding is {encoding} for {first}, but Encoding is {another} for {other}. "
                f"We currently only support the same type of input and output encoding at the moment. ({where})"
            )


def _rows(part: Mapping[str, Any], where: str) -> list[Row]:
    """The rows of one part; columns without names are numbered."""
    encoding, content = part.get("encoding"), part.get("data")
    if encoding == "BASE64":
        kind = str(part.get("observedContentType", ""))
        encoding = (
            "JSON" if "json" in kind else "CSV" if "csv" in kind else f"BASE64 of {kind or 'unknown type'}"
        )
        content = _decoded(content, where)
    if encoding == "CSV":
        return _lines("" if content is None else str(content), where)
    if encoding == "JSON":
        return [
            flat(value, where, "" if isinstance(value, dict | list) else "0")
            for value in _values(content, where)
        ]
    raise DataError(f"{where}: encoding {encoding} cannot be analysed; CSV and JSON can, in BASE64 too")


def _lines(content: str, where: str) -> list[Row]:
    """The rows of CSV; columns are numbered."""
    try:
        return [
            {str(number): value or None for number, value in enumerate(line)}
            for line in csv.reader(StringIO(content, newline=""))
            if line
        ]
    except csv.Error as error:
        raise DataError(f"{where}: not CSV: {error}") from None


def _decoded(content: Any, where: str) -> str:
    try:
        return base64.b64decode(str(content), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise DataError(f"{where}: not BASE64 of a text: {error}") from None


def _values(content: Any, where: str) -> list[Any]:
    """The rows of JSON: the objects (or lists) of one list, the lines of JSON Lines, or else one."""
    if not isinstance(content, str):
        values = content
    else:
        try:
            values = json.loads(content)
        except ValueError:
            try:
                return [json.loads(line) for line in content.split("\n") if line.strip()]
            except ValueError as error:
                raise DataError(f"{where}: not JSON: {error}") from None
    if isinstance(values, list) and values and all(isinstance(value, dict | list) for value in values):
        return values
    return [values]


def _together(found: Mapping[str, list[Row]], where: str) -> Iterator[tuple[Row, ...]]:
    """The parts' rows side by side. An answer of n rows may come as one line of n values, as XGBoost's do."""
    most = max(len(rows) for rows in found.values())
    even = [_upright(rows, most) for rows in found.values()]
    if any(len(rows) != most for rows in even):
        counts = ", ".join(f"{name} {len(rows)}" for name, rows in found.items())
        raise DataError(f"{where}: the parts have different numbers of rows: {counts}")
    return zip(*even, strict=True)


def _upright(rows: list[Row], count: int) -> list[Row]:
    """``count`` rows of one value, where there is one row of ``count`` values without names."""
    if len(rows) != 1 or count == 1 or list(rows[0]) != [str(number) for number in range(count)]:
        return rows
    return [{"0": value} for value in rows[0].values()]


def _joined(parts: Mapping[str, Row], where: str, *, prefixed: bool) -> Row:
    """One row out of one of each part."""
    row: dict[str, str | None] = {}
    for part, values in parts.items():
        if prefixed:
            join(row, {f"{part}_{name}": value for name, value in values.items()}, where)
        elif all(name.isdecimal() for name in values):
            start = len(row)
            join(row, {f"_c{start + n}": value for n, value in enumerate(values.values())}, where)
        else:
            join(row, values, where)
    return row
