"""Do the scores mean what they say: of the rows scored 0.3, are three in ten positive?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from containers.metrics.estimate import Array

BINS = 10


def bins(ordered_scores: Array, count: int = BINS) -> npt.NDArray[np.intp]:
    """Where each bin begins, in scores of falling order.

    Bins are equally full, not equally wide: where one class is rare nearly all scores are small, and equally
    wide bins would hold either almost every row or a handful. Equal scores stay together.
    """
    rows = len(ordered_scores)
    wanted = np.linspace(0, rows, min(count, rows), endpoint=False).astype(np.intp)
    firsts = np.searchsorted(
        -ordered_scores, -ordered_scores[wanted]
    )  # back to the first row with that score
    return np.unique(firsts)


def reliability(labels: Array, scores: Array, count: int = BINS) -> list[dict[str, Any]]:
    """The reliability curve, from low scores to high: rows, mean score and share of positives of each bin."""
    order = np.argsort(-scores, kind="stable")
    starts = bins(scores[order], count)
    sizes = np.diff(np.append(starts, len(scores)))
    predicted = np.add.reduceat(scores[order], starts) / sizes
    observed = np.add.reduceat(labels[order], starts) / sizes
    table = [
        {"rows": int(size), "predicted": float(score), "observed": float(share)}
        for size, score, share in zip(sizes, predicted, observed, strict=True)
    ]
    return table[::-1]
