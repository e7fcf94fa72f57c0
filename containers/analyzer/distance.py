"""How far two distributions are apart: what drift means, with the formulas of Deequ, on which the container is built.

https://github.com/awslabs/deequ, ``analyzers/Distance.scala``
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from containers.analyzer.kll import Sketch

CRITICAL = 1.8  # of the two-sample Kolmogorov-Smirnov test at a level of 0.3 %
FEW, FEW_OF_TWO = 5, 10  # rows expected of a category, below which a chi-square test is not to be trusted
FEW_SHARE = 0.2  # of the categories that may be below it, where there are more than two


def numerical(current: Sketch, baseline: Sketch, *, robust: bool) -> float:
    """The largest difference of the two cumulative distributions, 0 to 1.

    ``robust`` takes off what two samples of one distribution differ by, so that few rows do not look like drift.
    """
    bounds = np.unique(np.concatenate([*current.levels, *baseline.levels]))
    n, m = (int(sketch.weighted()[1].sum()) for sketch in (current, baseline))
    ours = current.ranks(bounds, inclusive=True) / n
    theirs = baseline.ranks(bounds, inclusive=True) / m
    return _discounted(float(np.abs(ours - theirs).max()), n, m, robust=robust)


def categorical(current: Mapping[str, int], baseline: Mapping[str, int], *, robust: bool) -> float:
    """The largest difference of a category's share of the rows, 0 to 1; ``robust`` as in ``numerical``."""
    n, m = sum(current.values()), sum(baseline.values())
    largest = max(
        abs(current.get(name, 0) / n - baseline.get(name, 0) / m) for name in current.keys() | baseline.keys()
    )
    return _discounted(largest, n, m, robust=robust)


def chi_square(current: Mapping[str, int], baseline: Mapping[str, int]) -> float | None:
    """The chance (p-value) of rows like the current ones if nothing has changed since the baseline.

    Categories that the baseline does not know are left out; small ones are put together until the test can be
    trusted. None where fewer than two categories remain.
    """
    # Here, not above: it takes a third of a second, and few ask for this test.
    from scipy.stats import chi2

    observed = {name: float(current.get(name, 0)) for name in baseline}
    rows, baseline_rows = sum(observed.values()), sum(baseline.values())
    expected = {name: count / baseline_rows * rows for name, count in baseline.items()}
    while len(expected) > 1 and _too_many_small(expected):
        smallest = min(expected, key=expected.__getitem__)
        moved, seen = expected.pop(smallest), observed.pop(smallest)
        second = min(expected, key=expected.__getitem__)
        expected[second] += moved
        observed[second] += seen
    if len(expected) < 2:
        return None
    statistic = sum((observed[name] - count) ** 2 / count for name, count in expected.items())
    return float(chi2.sf(statistic, len(expected) - 1))


def _too_many_small(expected: Mapping[str, float]) -> bool:
    """Cochran's rule for two categories, Yates, Moore and McCabe's for more."""
    few, allowed = (FEW_OF_TWO, 0) if len(expected) == 2 else (FEW, int(FEW_SHARE * len(expected)))
    return sum(count < few for count in expected.values()) > allowed


def _discounted(distance: float, n: int, m: int, *, robust: bool) -> float:
    return max(0.0, distance - CRITICAL * math.sqrt((n + m) / (n * m))) if robust else distance
