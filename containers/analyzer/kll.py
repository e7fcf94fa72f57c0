"""The quantile sketch of the analyzer: a few thousand values that stand for any number of them.

KLL (Karnin, Lang, Liberty, *Optimal Quantile Approximation in Streams*, 2016) in the deterministic form of Deequ, on
which the container is built: where the paper tosses a coin, the halves are taken in turn. So the same values in
the same order give the same sketch, here and there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

K = 2048  # size of the lowest level, as the container has it; the error of a rank stays well below 1 %
C = 0.64  # how much smaller each further level is
BUCKETS = 10


class Sketch:
    """Values by level; a value on level ``h`` stands for ``2 ** h`` values."""

    def __init__(self, k: int = K, c: float = C) -> None:
        self.k, self.c = k, c
        self.levels: list[Numbers] = [np.empty(0)]
        self._compactions = [0]

    @classmethod
    def of(cls, levels: Sequence[Sequence[float]]) -> Sketch:
        """A sketch as it was written to ``statistics.json``; for reading ranks, not for adding values."""
        sketch = cls()
        sketch.levels = [np.asarray(level, dtype=np.float64) for level in levels]
        return sketch

    def add(self, values: Numbers) -> None:
        """Take in values, in order; how they are cut into calls makes no difference."""
        while len(values):
            # One value more than there is room for: that is when Deequ compacts.
            room = max(1, self._total_capacity() + 1 - self._size())
            self.levels[0] = np.concatenate([self.levels[0], values[:room]])
            values = values[room:]
            if self._size() > self._total_capacity():
                self._condense()

    def ranks(self, bounds: Numbers, *, inclusive: bool) -> npt.NDArray[np.int64]:
        """How many values are below each bound, or at it where ``inclusive``."""
        values, weights = self.weighted()
        before = np.concatenate([[0], np.cumsum(weights)])
        found: npt.NDArray[np.int64] = before[
            np.searchsorted(values, bounds, side="right" if inclusive else "left")
        ]
        return found

    def weighted(self) -> tuple[Numbers, npt.NDArray[np.int64]]:
        """The values in order, and how many each stands for."""
        values = np.concatenate(self.levels)
        weights = np.concatenate(
            [np.full(len(level), 1 << height, dtype=np.int64) for height, level in enumerate(self.levels)]
        )
        order = np.argsort(values, kind="stable")
        return values[order], weights[order]

    def buckets(self, low: float, high: float) -> list[tuple[float, float, float]]:
        """Ten equal widths of [low, high] as (lower bound, upper bound, count); the last holds ``high`` too.

        A bucket of few values may count 0: they were compacted away.
        """
        bounds = np.array([low + (high - low) * index / BUCKETS for index in range(BUCKETS + 1)])
        if not math.isfinite(high - low):  # wider than any number
            bounds = np.linspace(low / BUCKETS, high / BUCKETS, BUCKETS + 1) * BUCKETS
        ranks = self.ranks(bounds, inclusive=False)
        ranks[-1] = self.ranks(bounds[-1:], inclusive=True)[0]
        return [
            (float(bounds[index]), float(bounds[index + 1]), float(ranks[index + 1] - ranks[index]))
            for index in range(BUCKETS)
        ]

    def _size(self) -> int:
        return sum(len(level) for level in self.levels)

    def _capacity(self, height: int) -> int:
        return 2 * (math.ceil(self.k * self.c**height / 2) + 1)

    def _total_capacity(self) -> int:
        return sum(self._capacity(height) for height in range(len(self.levels)))

    def _condense(self) -> None:
        """Halve the lowest full level into the one above it."""
        height = next(h for h, level in enumerate(self.levels) if len(level) >= self._capacity(h))
        if height + 1 == len(self.levels):
            self.levels.append(np.empty(0))
            self._compactions.append(0)
        level = self.levels[height]
        even = len(level) - len(level) % 2
        # Deequ flips the offset before every second compaction: 0 1 1 0 0 1 1 0 …
        offset = (self._compactions[height] + 1) // 2 % 2
        self._compactions[height] += 1
        self.levels[height] = level[even:]
        self.levels[height + 1] = np.concatenate([self.levels[height + 1], np.sort(level[:even])[offset::2]])
