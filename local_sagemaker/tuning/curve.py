"""The objective of one trial, round by round, read from its log while that grows."""

from __future__ import annotations

from pathlib import Path

from local_sagemaker.jobs import metrics


class Curve:
    """What a trial has printed of the objective metric so far."""

    def __init__(self, log: Path, wanted: metrics.Definition, number: int) -> None:
        self.log = log
        self.number = number  # the trial's
        self.values: list[float] = []
        self.averages: list[float] = []  # after each round, of all values so far
        self.judged = 0  # rounds that a rule has looked at
        self._reader = metrics.Reader(log, (wanted,), self._take)

    def read(self) -> None:
        """Take in what was printed since."""
        self._reader.read()

    @property
    def last(self) -> float | None:
        """The last value, which is a trial's objective."""
        return self.values[-1] if self.values else None

    def _take(self, value: float) -> None:
        before = self.averages[-1] if self.averages else 0.0
        self.values.append(value)
        self.averages.append(before + (value - before) / len(self.values))
