"""The data set of a Clarify job as parts of equal columns and types, whatever its format; read as often as needed.

https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-processing-job-data-format-tabular-request.html
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

import jmespath
import numpy as np
import pandas as pd
import pyarrow as pa

from containers.analyzer.bias_config import column, optional_column
from containers.analyzer.bias_errors import BiasError
from containers.analyzer.clarify_config import Config
from containers.analyzer.reading import files, tables
from containers.processing.job import DataError

ROWS = 1 << 16
CSV, LINES, JSON, PARQUET = "text/csv", "application/jsonlines", "application/json", "application/x-parquet"
Parts = Callable[[], Iterator[pd.DataFrame]]


@dataclass(frozen=True)
class Dataset:
    """``parts`` opens the rows anew; the other fields are names of their columns."""

    parts: Parts
    columns: tuple[str, ...]
    label: str | None
    predicted_label: str | None
    features: tuple[str, ...]  # what a model is asked with

    def features_of(self, part: pd.DataFrame) -> pd.DataFrame:
        """The part without label and predictions."""
        return part[list(self.features)]


def open_dataset(config: Config, source: Path, beside: Mapping[str, Path]) -> Dataset:
    """The data below ``source``.

    Args:
        config: the analysis configuration.
        source: a file or a folder.
        beside: ``facet`` and ``predicted_label``: files whose columns are set beside the rows, in their order.

    Raises:
        DataError: there is no data, it cannot be read, or its columns are not what the configuration says.
    """
    try:
        return _opened(config, source, beside)
    except BiasError as error:  # what a column that is not there is called
        raise DataError(str(error)) from None


def _opened(config: Config, source: Path, beside: Mapping[str, Path]) -> Dataset:
    read = _READERS[config["dataset_type"]](config, source)
    config = {**config, **read.found}
    excluded = {_name(each, read.columns) for each in config.get("excluded_columns", ())}
    extra = {name: _beside(config, name, path) for name, path in beside.items()}
    parts = _with(read.parts, list(extra.values())) if extra else read.parts
    columns = (*read.columns, *chain.from_iterable(each.columns for each in extra.values()))
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise DataError(f"Two columns have the same name: {', '.join(twice)}. Give headers that differ.")
    join = config.get("joinsource_name_or_index")
    aside = {*excluded, *([_name(join, columns)] if join is not None else [])}
    label = column(config["label"], columns, "Headers must contain label.") if "label" in config else None
    predicted = optional_column(config, "predicted_label", columns)
    if predicted is None and "predicted_label" in extra:
        predicted = extra["predicted_label"].columns[0]
    others = {label, predicted, *aside, *chain.from_iterable(each.columns for each in extra.values())}
    features = tuple(name for name in columns if name not in others)
    if not features:
        raise DataError(f"Data must contain features. The data has the columns {', '.join(columns)}.")
    kept = [name for name in columns if name not in aside or name == label]
    return Dataset(lambda: (part[kept] for part in parts()), tuple(kept), label, predicted, features)


@dataclass(frozen=True)
class _Read:
    parts: Parts
    columns: tuple[str, ...]
    # Where the configuration finds these by JMESPath, the columns that they became.
    found: Mapping[str, str] = field(default_factory=dict)


def _csv(config: Config, source: Path) -> _Read:
    found = files(source)
    headers, skip = _headers(config, found[0])
    for other in found[1:]:
        if _headers(config, other) != (headers, skip):
            raise DataError(f"The columns of {other.name} are not those of {found[0].name}.")
    types = _types(found, headers, skip=skip)

    def parts() -> Iterator[pd.DataFrame]:
        for file in found:
            yield from _chunks(file, headers, skip=skip, types=types)

    return _Read(parts, tuple(headers))


def _headers(config: Config, file: Path) -> tuple[list[str], bool]:
    """The columns' names, and whether the first line is one of names."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            first, second = (next(csv.reader([line]), []) for line in [*islice(stream, 2), "", ""][:2])
    except UnicodeDecodeError as error:
        raise DataError(f"{file.name} is not UTF-8: {error.reason} at byte {error.start}.") from None
    if not first:
        raise DataError(f"Data must contain features. {file.name} is empty.")
    given = config.get("headers")
    if given is not None:
        if len(given) != len(first):
            raise DataError(
                "Headers in config do not match with the number of columns in the dataset. "
                f"There are {len(given)} headers, and {len(first)} columns in {file.name}."
            )
        return list(given), [each.strip() for each in first] == list(given)
    if _names(first) and first != second:
        return [each.strip() for each in first], True
    return [f"column_{index}" for index in range(len(first))], False


def _names(cells: Sequence[str]) -> bool:
    """Whether the cells could be names: all there, none a number, no two alike."""
    return len(set(cells)) == len(cells) and all(cell.strip() and not _number(cell) for cell in cells)


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _chunks(
    file: Path, headers: Sequence[str], *, skip: bool, types: Mapping[str, Any] | None = None
) -> Iterator[pd.DataFrame]:
    try:
        with pd.read_csv(
            file,
            names=list(headers),
            header=None,
            skiprows=1 if skip else 0,
            dtype=types,
            chunksize=ROWS,
            skipinitialspace=True,
            index_col=False,
            encoding="utf-8-sig",
        ) as chunks:
            yield from chunks
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise DataError(f"{file.name} cannot be read as CSV: {str(error).strip()}") from None


def _types(found: Sequence[Path], headers: Sequence[str], *, skip: bool) -> dict[str, Any]:
    """One type for each column, over all parts: what is a number here and a text there is a text."""
    types: dict[str, Any] = {}
    for file in found:
        for part in _chunks(file, headers, skip=skip):
            for name, dtype in part.dtypes.items():
                types[str(name)] = _wider(types.get(str(name)), dtype)
    if not types:
        raise DataError("Data must contain features. There are no rows.")
    return {name: str if pd.api.types.is_object_dtype(dtype) else dtype for name, dtype in types.items()}


def _wider(one: Any, other: Any) -> Any:
    if one is None or one == other:
        return other
    if all(
        pd.api.types.is_numeric_dtype(each) and not pd.api.types.is_bool_dtype(each) for each in (one, other)
    ):
        return np.promote_types(one, other)
    return np.dtype(object)


def _parquet(config: Config, source: Path) -> _Read:
    def read() -> Iterator[pa.Table]:
        return tables(source, {"parquet": {}})

    first = next(read(), None)
    if first is None:
        raise DataError("Data must contain features. There are no rows.")
    given = config.get("headers")
    if given is not None and len(given) != first.num_columns:
        raise DataError(
            "Headers in config do not match with the number of columns in the dataset. "
            f"There are {len(given)} headers, and {first.num_columns} columns."
        )
    names = [str(each) for each in (given or first.column_names)]
    return _Read(lambda: (table.to_pandas().set_axis(names, axis=1) for table in read()), tuple(names))


def _json(config: Config, source: Path) -> _Read:
    """One document, or one a line; JMESPath finds features, label and predicted label in each."""
    if "features" not in config:
        raise DataError(
            "Analysis configuration schema validation error. "
            f"'features', a JMESPath, is needed for {config['dataset_type']}."
        )
    lines = config["dataset_type"] == LINES
    wanted = ["features", *(key for key in ("label", "predicted_label") if key in config)]
    paths = [_compiled(config[key], key) for key in wanted]

    def records() -> Iterator[list[Any]]:
        for file in files(source):
            for document in _documents(file, lines=lines):
                found = [path.search(document) for path in paths]
                yield from ([_row(found, file)] if lines else _rows(found, file))

    first = next(records(), None)
    if first is None:
        raise DataError("Data must contain features. There are no rows.")
    names = _json_headers(config, len(first), wanted)

    def pieces() -> Iterator[pd.DataFrame]:
        rows = records()
        while piece := list(islice(rows, ROWS)):
            yield pd.DataFrame(piece, columns=list(names)).infer_objects()

    types: dict[str, Any] = {}
    for piece in pieces():
        for name, dtype in piece.dtypes.items():
            types[str(name)] = _wider(types.get(str(name)), dtype)

    def parts() -> Iterator[pd.DataFrame]:
        return (piece.astype(types) for piece in pieces())

    return _Read(parts, names, dict(zip(wanted[1:], names[len(names) - len(wanted) + 1 :], strict=True)))


def _json_headers(config: Config, count: int, wanted: Sequence[str]) -> tuple[str, ...]:
    """The configuration's names, in the order features, label, predicted label; numbered where it gives none."""
    given = config.get("headers")
    if given is not None and len(given) != count:
        raise DataError(
            "Headers in config do not match with the number of columns in the dataset. "
            f"There are {len(given)} headers, and {count} values in a row."
        )
    if given is not None:
        return tuple(given)
    features = count - len(wanted) + 1
    return (*(f"column_{index}" for index in range(features)), *(str(config[key]) for key in wanted[1:]))


def _documents(file: Path, *, lines: bool) -> Iterator[Any]:
    with file.open(encoding="utf-8-sig") as stream:
        pieces = stream if lines else [stream.read()]
        for number, piece in enumerate(pieces, 1):
            if piece.strip():
                try:
                    yield json.loads(piece)
                except ValueError as error:
                    where = f"{file.name}, line {number}" if lines else file.name
                    raise DataError(f"{where} is not JSON: {error}.") from None


def _row(found: Sequence[Any], file: Path) -> list[Any]:
    features, *others = found
    if not isinstance(features, list) or not features:
        raise DataError(
            f"Data must contain features. 'features' finds {features!r} in a line of {file.name}."
        )
    return [*features, *others]


def _rows(found: Sequence[Any], file: Path) -> Iterator[list[Any]]:
    features, *others = found
    if not isinstance(features, list) or not features or not all(isinstance(each, list) for each in features):
        raise DataError(f"Data must contain features. 'features' finds no list of rows in {file.name}.")
    for other in others:
        if not isinstance(other, list) or len(other) != len(features):
            raise DataError(f"{file.name} has {len(features)} rows of features, but not as many labels.")
    yield from ([*row, *each] for row, *each in zip(features, *others, strict=True))


def _compiled(path: Any, key: str) -> Any:
    try:
        return jmespath.compile(str(path))
    except jmespath.exceptions.JMESPathError as error:
        raise DataError(f"{key}: {path!r} is no JMESPath: {str(error).splitlines()[0]}") from None


def _beside(config: Config, name: str, path: Path) -> _Read:
    """A file whose columns belong beside the rows."""
    headers = config.get(f"{name}_headers")
    own = {"dataset_type": config["dataset_type"], **({"headers": headers} if headers else {})}
    if own["dataset_type"] not in (CSV, PARQUET):
        raise DataError(f"{name}_dataset_uri is read for CSV and Parquet, not for {own['dataset_type']}.")
    return _READERS[own["dataset_type"]](own, path)


def _with(parts: Parts, extra: Sequence[_Read]) -> Parts:
    """The rows with further columns beside them, however each of the files is cut."""

    def together() -> Iterator[pd.DataFrame]:
        wholes = [pd.concat(list(each.parts()), ignore_index=True) for each in extra]
        start = 0
        for part in parts():
            pieces = [whole.iloc[start : start + len(part)].reset_index(drop=True) for whole in wholes]
            start += len(part)
            yield pd.concat([part.reset_index(drop=True), *pieces], axis=1)
        for whole in wholes:
            if len(whole) != start:
                raise DataError(f"The data has {start} rows, and what is set beside them {len(whole)}.")

    return together


def _name(name_or_index: str | int, columns: Sequence[str]) -> str:
    return column(name_or_index, columns, "Feature names not found.")


_READERS: Mapping[str, Callable[[Config, Path], _Read]] = {
    CSV: _csv,
    LINES: _json,
    JSON: _json,
    PARQUET: _parquet,
}
