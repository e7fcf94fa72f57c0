"""Count, sum, mean, deviation and range of a stream of numbers, in one pass and in constant memory."""

from __future__ import annotations

import math

import numpy as np

from containers.analyzer.kll import Numbers

ROW_BY_ROW = 1 << 16  # so many numbers are taken one after the other, as Spark does: equal to the last digit


class Moments:
    """What is known of the numbers so far; numbers are finite."""

    def __init__(self) -> None:
        self.count = 0
        self.sum = 0.0
        self.min = math.inf
        self.max = -math.inf
        self._mean = 0.0  # for the deviation; differs from ``mean`` in the last digit
        self._squares = 0.0  # sum of the squared distances from it

    @property
    def mean(self) -> float:
        """The arithmetic mean; nan without numbers."""
        return self.sum / self.count if self.count else math.nan

    @property
    def std_dev(self) -> float:
        """The deviation of the population, not of a sample: AWS divides by the count; nan without numbers."""
        return math.sqrt(self._squares / self.count) if self.count else math.nan

    def add(self, values: Numbers) -> None:
        """Take in numbers, in order; the caller's pieces are of one size, whatever the file's are."""
        if not len(values):
            return
        with np.errstate(over="ignore", invalid="ignore"):  # a sum beyond all numbers is infinite
            self._add(values)

    def _add(self, values: Numbers) -> None:
        # accumulate adds one after the other, as Spark does; sum would add pairwise.
        self.sum = float(np.add.accumulate(np.concatenate([[self.sum], values]))[-1])
        self.min = min(self.min, float(values.min()))
        self.max = max(self.max, float(values.max()))
        if self.count + len(values) <= ROW_BY_ROW:
            self._add_one_by_one(values)
        else:
            self._add_at_once(values)

    def _add_one_by_one(self, values: Numbers) -> None:
        """Welford (1962), in the order of operations of Spark's ``stddev_pop``."""
        count, mean, squares = self.count, self._mean, self._squares
        for value in values.tolist():
            count += 1
            delta = value - mean
            step = delta / count
            mean += step
            squares += delta * (delta - step)
        self.count, self._mean, self._squares = count, mean, squares

    def _add_at_once(self, values: Numbers) -> None:
        """Chan, Golub and LeVeque (1979): the moments of two parts give those of the whole."""
        added = len(values)
        mean = float(values.mean())
        delta = mean - self._mean
        whole = self.count + added
        self._squares += float(np.square(values - mean).sum()) + delta * delta * self.count * added / whole
        self._mean += delta * added / whole
        self.count = whole
