"""Raw values to canonical columns, the same whether they come from Parquet, CSV text or a JSON request.

A column is one numpy array, of one of three kinds:

- numbers (integer, number, boolean): float64, NaN where missing; whole numbers are exact up to 2**53
- texts (string): object, None where missing
- times (timestamp): datetime64[ns] in UTC, NaT where missing

Nothing here raises for a value: what cannot be read as its type is missing. Every value is read by itself, so
that one row gives what it gives among a million.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Column = NDArray[Any]
Numbers = NDArray[np.float64]
Table = dict[str, Column]  # name -> column, all of one length

TRUE, FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
BOOLEANS = dict.fromkeys(TRUE, 1.0) | dict.fromkeys(FALSE, 0.0)
NAT = np.datetime64("NaT", "ns")
EARLIEST, LATEST = datetime(1678, 1, 1), datetime(2262, 1, 1)  # noqa: DTZ001 - what nanoseconds can say; all is UTC
EARLIEST_SECOND, LATEST_SECOND = (moment.replace(tzinfo=UTC).timestamp() for moment in (EARLIEST, LATEST))
FEW = 256  # rows up to which Python's own dict is quicker than pandas's; a request's rows are few
# No text can be read in two ways, or a long one that is no number would take for ever.
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
NUMBERS = re.compile(
    rf"(?:{NUMBER.pattern})?(?:\n(?:{NUMBER.pattern})?)*", re.ASCII
)  # one a line, or nothing
NONE = type(None)


def conform(values: Any, type_: str, missing: frozenset[str] = frozenset()) -> Column:
    """The values (a Series or an array) as a canonical column of ``type_``.

    ``missing`` are the texts that mean "no value"; blank text always does.
    """
    if isinstance(values, np.ndarray) and values.dtype == object:
        return _each(
            values, type_, missing
        )  # a Series around each column is most of the time of a small request
    return READERS[type_](values if isinstance(values, pd.Series) else pd.Series(values), missing)


def is_missing(column: Column) -> NDArray[np.bool_]:
    """Where a canonical column has no value."""
    if column.dtype.kind == "f":
        return np.isnan(column)
    return np.isnat(column) if column.dtype.kind == "M" else np.asarray(pd.isna(column))


def finite(column: Numbers) -> Numbers:
    """The numbers, with NaN in place of what is not finite."""
    return np.where(np.isfinite(column), column, np.nan)


def map_values(texts: Column, function: Callable[[str], Any], otherwise: Any, dtype: Any) -> Column:
    """``function`` of every text, worked out once for each distinct one; ``otherwise`` where missing."""
    if len(texts) <= FEW:
        values = texts.tolist()
        known = {text: otherwise if text is None else function(text) for text in set(values)}
        mapped = np.empty(len(values), dtype=dtype)
        mapped[:] = [known[text] for text in values]
        return mapped
    codes, distinct = pd.factorize(texts)
    mapped = np.empty(len(distinct) + 1, dtype=dtype)
    mapped[:] = [*map(function, distinct), otherwise]
    return mapped[codes]  # factorize's code for missing is -1


def texts_of(column: Column) -> Column:
    """A canonical column as texts: 1.0 is ``1``, a time is in ISO 8601."""
    if column.dtype == object:
        return column
    if column.dtype.kind == "M":
        texts: Column = np.datetime_as_string(column, unit="us").astype(object)
        texts[np.isnat(column)] = None
        return texts
    codes, distinct = pd.factorize(column)
    names = np.array([*map(text_of, distinct), None], dtype=object)
    named: Column = names[codes]
    return named


def counted(column: Column) -> tuple[Column, NDArray[np.int64]]:
    """The distinct values of a column without gaps, rising, and how often each is there."""
    codes, distinct = pd.factorize(column)
    order = np.argsort(distinct, kind="stable")
    return np.asarray(distinct)[order], np.bincount(codes, minlength=len(distinct))[order]


def text_of(value: Any) -> str:
    """One value as text: whole numbers without a decimal point, truth in lower case."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | np.floating):
        return str(int(value)) if math.isfinite(value) and value == int(value) else repr(float(value))
    return str(value)


def number_of(value: Any) -> float:
    """One value as a number; NaN where it is none."""
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if NUMBER.fullmatch(text) else math.nan
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _numbers(values: pd.Series[Any], missing: frozenset[str]) -> Column:
    if _is_numeric(values):
        return finite(values.to_numpy(dtype=np.float64, na_value=np.nan))
    return _each(values.to_numpy(dtype=object), "number", missing)


def _booleans(values: pd.Series[Any], missing: frozenset[str]) -> Column:
    if _is_numeric(values):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where((numbers == 0) | (numbers == 1), numbers, np.nan)
    return _each(values.to_numpy(dtype=object), "boolean", missing)


def _boolean(value: Any) -> float:
    return BOOLEANS.get(text_of(value).strip().lower(), math.nan)


def _texts(values: pd.Series[Any], missing: frozenset[str]) -> Column:
    if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_integer_dtype(values.dtype):
        values = values.astype(object)  # exact, also beyond what a float can hold
    elif _is_numeric(values):
        return _texts(pd.Series(texts_of(_numbers(values, missing)), dtype=object), missing)
    elif values.dtype.kind == "M":
        return texts_of(_times(values, missing))
    return _each(values.to_numpy(dtype=object), "string", missing)


def _times(values: pd.Series[Any], missing: frozenset[str]) -> Column:
    if _is_numeric(values):
        return _from_epoch(values.to_numpy(dtype=np.float64, na_value=np.nan))
    if values.dtype.kind != "M":
        return _each(values.to_numpy(dtype=object), "timestamp", missing)
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_convert("UTC").dt.tz_localize(None)
    inside = (values >= pd.Timestamp.min) & (
        values <= pd.Timestamp.max
    )  # what nanoseconds can say: 1677 to 2262
    return values.where(inside).to_numpy("datetime64[ns]")


def _time(value: Any) -> np.datetime64:
    """One value as a time. pandas would read a text without an offset by the offset of the text before it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        read: np.datetime64 = _from_epoch(np.array([value], dtype=np.float64))[0]
        return read
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(text_of(value).strip())
        moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return NAT
    return np.datetime64(moment, "ns") if EARLIEST < moment < LATEST else NAT


def _from_epoch(seconds: Numbers) -> Column:
    """Seconds since 1970 as times; NaT where nanoseconds cannot say it."""
    usable = np.isfinite(seconds) & (seconds > EARLIEST_SECOND) & (seconds < LATEST_SECOND)
    whole = np.floor(np.where(usable, seconds, 0.0))
    nanoseconds = whole.astype(np.int64) * 10**9 + np.rint(
        (np.where(usable, seconds, 0.0) - whole) * 1e9
    ).astype(np.int64)
    return np.where(usable, nanoseconds.astype("datetime64[ns]"), NAT)


def _is_numeric(values: pd.Series[Any]) -> bool:
    """Whether the values are numbers already; a column of nothing but None is not."""
    return pd.api.types.is_numeric_dtype(values.dtype)


def _blank(value: Any, missing: frozenset[str]) -> bool:
    """Whether the value means "no value"."""
    return isinstance(value, str) and ((text := value.strip()) == "" or text in missing)


def _each(values: Column, type_: str, missing: frozenset[str]) -> Column:
    """Every value by itself, each distinct one once where all of them are text; numbers all at once."""
    read, otherwise, dtype = VALUES[type_]
    cells = values.tolist()
    kinds = set(map(type, cells))
    if read is number_of and (numbers := _at_once(cells, kinds)) is not None:
        return numbers
    if read is _boolean and kinds <= {bool, NONE}:
        return np.array(cells, dtype=np.float64)

    def function(value: Any) -> Any:
        return otherwise if _blank(value, missing) else read(value)

    if read is _time and kinds == {str} and (times := _moments(cells, missing)) is not None:
        return times
    if kinds <= {str, NONE}:
        return map_values(values, function, otherwise, dtype)
    # A request may mix true, 1 and "1"; they are equal to a hash table, so each is looked at by itself.
    array = np.array(values)
    array[np.asarray(pd.isna(array))] = None
    mapped = np.empty(len(array), dtype=dtype)
    mapped[:] = [otherwise if value is None else function(value) for value in array]
    return mapped


def _moments(cells: list[str], missing: frozenset[str]) -> Column | None:
    """What ``_time`` gives for each cell, where all are times in UTC or nothing."""
    try:
        moments = [None if not cell or cell in missing else datetime.fromisoformat(cell) for cell in cells]
    except ValueError:
        return None
    if not {moment.tzinfo for moment in moments if moment} <= {None, UTC}:
        return None
    times = np.array([moment and moment.replace(tzinfo=None) for moment in moments], dtype="datetime64[us]")
    inside = (times > np.datetime64(EARLIEST)) & (times < np.datetime64(LATEST))
    return np.where(inside, times.astype("datetime64[ns]"), NAT)


def _at_once(cells: list[Any], kinds: set[type]) -> Numbers | None:
    """What ``number_of`` gives for each cell, where all are numbers, or all are texts of numbers or nothing."""
    if kinds <= {int, float, NONE}:
        with contextlib.suppress(OverflowError):  # an integer that no float can hold
            return finite(np.array(cells, dtype=np.float64))
    elif kinds == {str}:
        lines = "\n".join(cells)
        if lines.count("\n") == len(cells) - 1 and NUMBERS.fullmatch(lines):
            return finite(np.array([float(cell) if cell else math.nan for cell in cells]))
    return None


# How one value that is there is read, what stands where there is none, and the kind of column that it makes.
VALUES: dict[str, tuple[Callable[[Any], Any], Any, Any]] = {
    "integer": (number_of, math.nan, np.float64),
    "number": (number_of, math.nan, np.float64),
    "boolean": (_boolean, math.nan, np.float64),
    "string": (text_of, None, object),
    "timestamp": (_time, NAT, "datetime64[ns]"),
}
READERS: dict[str, Callable[[pd.Series[Any], frozenset[str]], Column]] = {
    "integer": _numbers,
    "number": _numbers,
    "boolean": _booleans,
    "string": _texts,
    "timestamp": _times,
}
