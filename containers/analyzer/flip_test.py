"""The flip test: would a disadvantaged row be predicted otherwise if it were one of its nearest advantaged rows?

https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-post-training-bias-metric-ft.html
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from containers.analyzer.bias_arithmetic import Undefined

NEIGHBOURS = 5
FEW_ROWS = 9  # up to so many advantaged rows, one neighbour decides
BLOCK = 4_000_000  # distances that are held at a time, 8 bytes each


def flip_test(features: NDArray[np.float64], facet: ArrayLike, prediction: ArrayLike) -> float:
    """(Rows that only their own facet's prediction favours, less those that it disfavours) / disadvantaged rows.

    The other prediction is the majority's among the five nearest advantaged rows by plain Euclidean distance:
    features are not scaled, as in Clarify. Rows as far away as the fifth share its vote. From -1 to 1.

    Args:
        features: (rows, features), without facet, label and prediction.
        facet: which rows are disadvantaged.
        prediction: which rows are predicted positive.

    Raises:
        Undefined: one side is empty, or features are missing.
    """
    inside, positive = np.asarray(facet, bool), np.asarray(prediction, bool)
    if not inside.any():
        raise Undefined("Facet set is empty")
    if inside.all():
        raise Undefined("Negated Facet set is empty")
    if not features.shape[1]:
        raise Undefined("Found array with 0 feature(s): the flip test needs columns beside facet and label")
    if not np.isfinite(features).all():
        raise Undefined("Input X contains NaN or infinity: the flip test needs every feature")
    advantaged, votes = features[~inside], positive[~inside]
    wanted, own = features[inside], positive[inside]
    step = max(1, BLOCK // len(advantaged))
    flips = 0
    for start in range(0, len(wanted), step):
        elsewhere = majority(wanted[start : start + step], advantaged, votes)
        mine = own[start : start + step]
        flips += int(np.sum(mine & ~elsewhere)) - int(np.sum(~mine & elsewhere))
    return flips / len(wanted)


def majority(
    rows: NDArray[np.float64], neighbours: NDArray[np.float64], votes: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """For each row, do most of its nearest neighbours vote yes?"""
    wanted = NEIGHBOURS if len(neighbours) > FEW_ROWS else 1
    distances = np.zeros((len(rows), len(neighbours)))
    for column in range(rows.shape[1]):
        distances += np.subtract.outer(rows[:, column], neighbours[:, column]) ** 2
    limit = np.partition(distances, wanted - 1, axis=1)[:, wanted - 1, None]
    nearer, level = distances < limit, distances == limit
    places = wanted - nearer.sum(axis=1)
    yes = (nearer & votes).sum(axis=1) + places * (level & votes).sum(axis=1) / level.sum(axis=1)
    result: NDArray[np.bool_] = yes > wanted / 2
    return result
