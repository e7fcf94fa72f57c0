"""How many different values a stream holds, in constant memory: exact up to 4,096, about 1.6 % off above that.

The k smallest of all hashes (Bar-Yossef et al., *Counting Distinct Elements in a Data Stream*, 2002): how densely
they lie says how many there are. The container's HyperLogLog is about 5 % off, and neither can be had from
the other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from containers.analyzer.kll import Numbers

KEPT = 4096


class Distinct:
    """The smallest hashes seen so far, sorted, each once."""

    def __init__(self) -> None:
        self._hashes = np.empty(0, dtype=np.uint64)

    def add_numbers(self, values: Numbers) -> None:
        """Take in numbers."""
        self._add(pd.util.hash_array(values + 0.0))  # -0.0 is 0.0

    def add_texts(self, values: npt.NDArray[np.object_]) -> None:
        """Take in texts."""
        self._add(pd.util.hash_array(values, categorize=False))

    @property
    def count(self) -> int:
        """The number of different values; an estimate above ``KEPT``."""
        if len(self._hashes) < KEPT:
            return len(self._hashes)
        return round((KEPT - 1) / (float(self._hashes[-1]) / 2.0**64))

    def _add(self, hashes: npt.NDArray[np.uint64]) -> None:
        if len(self._hashes) == KEPT:
            hashes = hashes[hashes < self._hashes[-1]]
        if len(hashes):
            self._hashes = np.union1d(self._hashes, hashes)[:KEPT]
