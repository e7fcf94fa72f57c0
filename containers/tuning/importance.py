"""How much each hyperparameter matters: the share of the objective's variance that it explains by itself.

Functional ANOVA over a random forest, after Hutter, Hoos and Leyton-Brown, *An Efficient Approach for Assessing
Hyperparameter Importance* (2014): the forest stands for the objective, and the average over all other
hyperparameters, taken over their whole ranges, leaves what one does alone. A search tries good places more often than
others; this way that does not count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from containers.tuning.trials import Axis, Search

LEAST = 6  # finished trials; of fewer nothing can be said
GRID, BACKGROUND, TREES = 16, 512, 64


def importance(search: Search, seed: int = 0) -> dict[str, float]:
    """The share of each axis, largest first, and of what several do together; {} where nothing can be said."""
    trials = search.finished
    objective = np.array([trial.objective for trial in trials], dtype=np.float64)
    if len(trials) < LEAST or not search.axes or np.ptp(objective) == 0:
        return {}
    places = np.array([[_place(axis, trial.hyperparameters) for axis in search.axes] for trial in trials])
    forest = RandomForestRegressor(TREES, random_state=seed, n_jobs=1).fit(places, objective)
    random = np.random.default_rng(seed)
    background = np.column_stack([_anywhere(axis, random) for axis in search.axes])
    total = float(np.var(forest.predict(background)))
    if total == 0:
        return {}
    alone = {axis.name: _alone(forest, background, column, axis) for column, axis in enumerate(search.axes)}
    total = max(total, sum(alone.values()))  # both are estimates
    shares = {name: value / total for name, value in alone.items()}
    together = 1 - sum(shares.values())
    return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0]))) | {"several together": together}


def _alone(forest: RandomForestRegressor, background: NDArray[np.float64], column: int, axis: Axis) -> float:
    """The variance of the mean prediction along one axis."""
    points = np.linspace(0, 1, len(axis.values) or GRID)
    rows = np.tile(background, (len(points), 1))
    rows[:, column] = np.repeat(points, len(background))
    return float(np.var(forest.predict(rows).reshape(len(points), -1).mean(axis=1)))


def _anywhere(axis: Axis, random: np.random.Generator) -> NDArray[np.float64]:
    if axis.values:
        return random.integers(0, len(axis.values), BACKGROUND) / max(len(axis.values) - 1, 1)
    return random.random(BACKGROUND)


def _place(axis: Axis, hyperparameters: Mapping[str, str]) -> float:
    """The middle, where a trial has no such hyperparameter."""
    place = axis.position(hyperparameters[axis.name]) if axis.name in hyperparameters else math.nan
    return 0.5 if math.isnan(place) else place
