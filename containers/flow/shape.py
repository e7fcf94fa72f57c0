"""Operators that change which columns there are, and of which type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from containers.flow.table import Column, Table, conform


def drop(step: Mapping[str, Any], table: Table) -> Table:
    """Leave columns out."""
    return {name: column for name, column in table.items() if name not in step["columns"]}


def keep(step: Mapping[str, Any], table: Table) -> Table:
    """Leave every other column out; the order stays."""
    return {name: column for name, column in table.items() if name in step["columns"]}


def rename(step: Mapping[str, Any], table: Table) -> Table:
    """Give columns new names; the order stays."""
    return {step["columns"].get(name, name): column for name, column in table.items()}


def cast(step: Mapping[str, Any], table: Table) -> Table:
    """Change the type of columns; what cannot be read as the new type becomes missing."""
    return table | {name: _cast(table[name], step["to"]) for name in step["columns"]}


def _cast(column: Column, to: str) -> Column:
    if column.dtype.kind == "M" and to in ("integer", "number"):
        return epoch(column) if to == "number" else np.floor(epoch(column))
    read = conform(column, to)
    return np.trunc(read) if to == "integer" else read


def epoch(times: Column) -> Column:
    """Seconds since 1970, NaN where missing."""
    nanoseconds = times.astype("datetime64[ns]").astype(np.int64)
    seconds = nanoseconds // 10**9 + (nanoseconds % 10**9) / 1e9
    return np.where(np.isnat(times), np.nan, seconds)
