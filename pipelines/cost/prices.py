"""The price table, with its day and the factors that make an estimate."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError, suggestion

TABLE = Path(__file__).parent / "prices.toml"


@dataclass(frozen=True)
class Prices:
    """The table for one region."""

    region: str
    as_of: datetime.date
    hourly: Mapping[str, float]  # US dollars for each instance
    storage_gb_month: float
    factors: Mapping[str, float]


def prices(region: str) -> Prices:
    """The prices of a region. Raises UsageError where the table has none."""
    table = _table()
    if region not in table["regions"]:
        raise UsageError(
            f"There are no prices for region '{region}' in {TABLE.name}. {suggestion(region, table['regions'])}"
        )
    return Prices(region, table["as_of"], factors=table["factors"], **table["regions"][region])


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
