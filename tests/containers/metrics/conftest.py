"""Scored rows, real and drawn by hypothesis, and an oracle that shares no code with ours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import rankdata

from containers.metrics.estimate import Array

Rows = tuple[Array, Array]


def scored(rows: int, seed: int = 0, share: float = 0.3, digits: int = 12) -> Rows:
    draw = np.random.default_rng(seed)
    labels = (draw.random(rows) < share).astype(np.float64)
    scores = 1 / (1 + np.exp(-draw.normal(labels * 1.5 - 1.5)))
    return labels, np.round(scores, digits)


@pytest.fixture
def make_scored() -> Callable[..., Rows]:
    """``make_scored(rows, seed, share, digits)``: labels and scores with a signal; few digits make many ties."""
    return scored


@pytest.fixture
def delong() -> Callable[[Array, Array], float]:
    """The standard deviation of an AUC after DeLong, DeLong & Clarke-Pearson (1988), by mid-ranks."""

    def deviation(labels: Array, scores: Array) -> float:
        positive, negative = scores[labels == 1], scores[labels == 0]
        together = rankdata(np.concatenate([positive, negative]))
        m, n = len(positive), len(negative)
        above = (together[:m] - rankdata(positive)) / n
        below = 1 - (together[m:] - rankdata(negative)) / m
        return float(np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n))

    return deviation
