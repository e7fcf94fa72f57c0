"""Times that can be compared on a noisy machine: taken in turns, and judged by their medians."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Series:
    """Measurements of one thing, in the order in which they were taken."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.values)

    def over(self, other: Series) -> Series:
        """This divided by ``other``, turn by turn: a slow minute of the machine slows both sides of one turn."""
        return Series(tuple(mine / theirs for mine, theirs in zip(self.values, other.values, strict=True)))

    def scaled(self, factor: float) -> Series:
        """In another unit."""
        return Series(tuple(value * factor for value in self.values))


def in_turns(
    sides: Mapping[str, Callable[[], float]], turns: int, on_run: Callable[[str], object] = lambda _: None
) -> dict[str, Series]:
    """Measure every side once a turn: A B, B A, A B, …

    Args:
        sides: what to measure, by name; each returns its measurement.
        turns: how often.
        on_run: is told the name of a side before each measurement.
    """
    found: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(turns):
        for name in _order(list(sides), turn):
            on_run(name)
            found[name].append(sides[name]())
    return {name: Series(tuple(values)) for name, values in found.items()}


def _order(names: Sequence[str], turn: int) -> Sequence[str]:
    """Back and forth, so that none always follows the same one."""
    return names if turn % 2 == 0 else names[::-1]
