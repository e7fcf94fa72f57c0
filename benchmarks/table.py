"""The rows of the performance table, and how they are shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from benchmarks.measure import Series

TIMES = "×"  # noqa: RUF001 - the sign is meant


@dataclass(frozen=True)
class Row:
    """One figure and what it should be."""

    name: str
    what: str
    series: Series
    unit: str  # TIMES, "ms", "s", "MB"
    target: float | None = None  # at most; None: for information
    detail: str = ""  # what the figure is made of

    @property
    def value(self) -> float:
        """The figure: the median of what was measured."""
        return self.series.median

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        return None if self.target is None else self.value <= self.target

    @property
    def verdict(self) -> str:
        """In words: met, or missed and by how much."""
        if self.target is None:
            return ""
        if self.met:
            return "met"
        return f"missed by {shown(self.value - self.target, self.unit)}"

    def document(self) -> dict[str, Any]:
        """As it stands in the JSON file."""
        fields = asdict(self) | {"series": list(self.series.values)}
        return fields | {"value": self.value, "met": self.met}


def shown(value: float, unit: str) -> str:
    """A figure with as many digits as it deserves."""
    digits = 2 if value < 10 else 0
    return f"{value:.{digits}f}{'' if unit == TIMES else ' '}{unit}"


def table(rows: Iterable[Row]) -> Table:
    """The table as people read it."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("what", "measured", "min … max", "target", "verdict"):
        right = column in ("measured", "target")
        made.add_column(column, justify="right" if right else "left", no_wrap=column != "what")
    for row in rows:
        low, high = min(row.series.values), max(row.series.values)
        made.add_row(
            Text.assemble(row.what, "\n" if row.detail else "", (row.detail, "dim")),
            shown(row.value, row.unit),
            Text(f"{shown(low, row.unit)} … {shown(high, row.unit)}", style="dim"),
            "" if row.target is None else f"≤ {shown(row.target, row.unit)}",
            Text(row.verdict, style="green" if row.met else "red"),
        )
    return made
