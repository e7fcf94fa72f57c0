"""What CloudWatch can say of many values without keeping them: sums and extremes exactly, percentiles nearly."""

from __future__ import annotations

import math
from collections.abc import Mapping

_EXACT = 50  # percentiles are exact to a fiftieth
_NOTHING = -(10**9)


class Distribution:
    """What is kept of the values of one metric in one period."""

    __slots__ = ("_like", "count", "least", "most", "total")

    def __init__(self) -> None:
        self.count, self.total = 0, 0.0
        self.least, self.most = math.inf, -math.inf
        self._like: dict[int, int] = {}  # how many are about as large; empty while all are the same

    def add(self, value: float) -> None:
        """One more value."""
        self._add(value, value, value, 1, {})

    def merge(self, other: Distribution) -> None:
        """The values of another one too."""
        if other.count:
            self._add(other.least, other.most, other.total, other.count, other._like)

    def _add(self, least: float, most: float, total: float, count: int, like: Mapping[int, int]) -> None:
        same = least == most and (not self.count or self.least == self.most == least)
        if not same:
            if not self._like and self.count:
                self._like[_about(self.least)] = self.count
            for about, number in (like or {_about(least): count}).items():
                self._like[about] = self._like.get(about, 0) + number
        self.count += count
        self.total += total
        self.least, self.most = min(self.least, least), max(self.most, most)

    def statistic(self, name: str) -> float | None:
        """Sum, Average, Minimum, Maximum, SampleCount or p90, by CloudWatch's names; None for any other."""
        known = {"Sum": self.total, "Minimum": self.least, "Maximum": self.most, "SampleCount": self.count}
        if name in known:
            return float(known[name])
        if name == "Average":
            return self.total / self.count
        share = name.removeprefix("p")
        if name == share or not share.replace(".", "", 1).isdigit() or not 0 <= float(share) <= 100:
            return None
        return self._percentile(float(share))

    def _percentile(self, share: float) -> float:
        left = self.count * share / 100
        for about, number in sorted(self._like.items()):
            left -= number
            if left <= 0:
                value = math.exp(about / _EXACT) if about > _NOTHING else 0.0
                return min(max(value, self.least), self.most)
        return self.most


def _about(value: float) -> int:
    """The same for values that are about the same: their logarithm, rounded."""
    return round(math.log(value) * _EXACT) if value > 0 else _NOTHING
