"""Which values to try next. Every strategy is a function of the trials so far and of the draw's number.

Nothing is remembered between two draws, and each draw has a seed of its own. So Random and Grid draw the same
however many jobs run side by side, Bayesian does where they run one at a time, and a tuning job that was killed
goes on as if it had not been.

Optuna does the searching; it is imported when the first tuning job runs, because serving should not wait for it.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from local_sagemaker.tuning.ranges import CATEGORICAL, CONTINUOUS, INTEGER, LOGARITHMIC, REVERSE, Range

if TYPE_CHECKING:
    import optuna

# Draws at random before the trials say anything. AWS tells no number; few, because jobs are few: with five instead
# of Optuna's ten, searches of twenty came a fifth closer to the best of a test function.
_STARTUP = 5
_CHOICE = "/definition"  # the name, to Optuna, of the choice between definitions


@dataclass(frozen=True)
class Space:
    """What is searched: the ranges of each training job definition, by its name."""

    definitions: Mapping[str, tuple[Range, ...]]


@dataclass(frozen=True)
class Draw:
    """Values to try with a definition."""

    definition: str
    values: Mapping[str, str]  # hyperparameter -> text


@dataclass(frozen=True)
class Past:
    """A draw that has been tried, or is being tried; ``objective`` is None until there is one."""

    draw: Draw
    objective: float | None


class Strategy(Protocol):
    """Draws number ``number`` of a search, given what came of the draws before it."""

    def __call__(
        self, space: Space, history: Sequence[Past], number: int, seed: int, *, minimize: bool
    ) -> Draw:
        """The values to try next."""


def bayesian(space: Space, history: Sequence[Past], number: int, seed: int, *, minimize: bool) -> Draw:
    """Tree-structured Parzen estimators; what still runs counts as bad, so that no two jobs try the same place."""
    return _sampled("TPESampler", space, history, number, seed, minimize=minimize)


def at_random(space: Space, history: Sequence[Past], number: int, seed: int, *, minimize: bool) -> Draw:
    """Uniformly over each range, in its scaling."""
    del history
    return _sampled("RandomSampler", space, (), number, seed, minimize=minimize)


def grid(space: Space, history: Sequence[Past], number: int, seed: int, *, minimize: bool) -> Draw:
    """Each combination once, in an order that the seed decides."""
    del history, minimize
    ((name, ranges),) = space.definitions.items()
    everything = list(itertools.product(*(each.values for each in ranges)))
    random.Random(seed).shuffle(everything)  # noqa: S311 - the order of a search
    names = (each.name for each in ranges)
    return Draw(name, dict(zip(names, everything[number % len(everything)], strict=True)))


STRATEGIES: Mapping[str, Strategy] = {
    "Bayesian": bayesian,
    "Random": at_random,
    "Grid": grid,
    "Hyperband": at_random,  # what is its own is when it stops jobs: early_stopping.successive_halving
}


def _sampled(
    sampler: str,
    space: Space,
    history: Sequence[Past],
    number: int,
    seed: int,
    *,
    minimize: bool,
) -> Draw:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    options: dict[str, Any] = {"n_startup_trials": _STARTUP} if sampler == "TPESampler" else {}
    study = optuna.create_study(
        direction="minimize" if minimize else "maximize",
        sampler=getattr(optuna.samplers, sampler)(seed=_own_seed(seed, number), **options),
    )
    study.add_trials([_told(space, each) for each in history])
    return _asked(space, study.ask())


def _own_seed(seed: int, number: int) -> int:
    digest = hashlib.sha256(f"{seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:4])


def _asked(space: Space, trial: optuna.Trial) -> Draw:
    names = list(space.definitions)
    name = names[0] if len(names) == 1 else str(trial.suggest_categorical(_CHOICE, names))
    return Draw(
        name,
        {
            each.name: _text(each, _suggested(trial, f"{name}/{each.name}", each))
            for each in space.definitions[name]
        },
    )


def _suggested(trial: optuna.Trial, name: str, one: Range) -> Any:
    if one.kind == CATEGORICAL:
        return trial.suggest_categorical(name, one.values)
    if one.kind == INTEGER:
        return trial.suggest_int(name, int(one.low), int(one.high), log=one.scaling == LOGARITHMIC)
    if one.scaling == REVERSE:  # by orders of magnitude of the distance from 1
        return trial.suggest_float(name, 1 - one.high, 1 - one.low, log=True)
    return trial.suggest_float(name, one.low, one.high, log=one.scaling == LOGARITHMIC)


def _told(space: Space, past: Past) -> optuna.trial.FrozenTrial:
    import optuna

    name = past.draw.definition
    values: dict[str, Any] = {}
    distributions: dict[str, Any] = {}
    if len(space.definitions) > 1:
        values[_CHOICE] = name
        distributions[_CHOICE] = optuna.distributions.CategoricalDistribution(list(space.definitions))
    for each in space.definitions[name]:
        values[f"{name}/{each.name}"] = _value(each, past.draw.values[each.name])
        distributions[f"{name}/{each.name}"] = _distribution(each)
    state = optuna.trial.TrialState.RUNNING if past.objective is None else optuna.trial.TrialState.COMPLETE
    return optuna.trial.create_trial(
        params=values, distributions=distributions, state=state, value=past.objective
    )


def _distribution(one: Range) -> optuna.distributions.BaseDistribution:
    import optuna

    if one.kind == CATEGORICAL:
        return optuna.distributions.CategoricalDistribution(one.values)
    if one.kind == INTEGER:
        low, high = int(one.low), int(one.high)
        return optuna.distributions.IntDistribution(low, high, log=one.scaling == LOGARITHMIC)
    if one.scaling == REVERSE:
        return optuna.distributions.FloatDistribution(1 - one.high, 1 - one.low, log=True)
    return optuna.distributions.FloatDistribution(one.low, one.high, log=one.scaling == LOGARITHMIC)


def _text(one: Range, value: Any) -> str:
    if one.scaling == REVERSE:
        value = min(one.high, max(one.low, 1 - value))
    # Not repr(value): Optuna's numbers may be NumPy's, which say so.
    return repr(float(value)) if one.kind == CONTINUOUS else str(value)


def _value(one: Range, text: str) -> Any:
    if one.kind == CATEGORICAL:
        return text
    number = one.number(text)
    if one.scaling == REVERSE:
        return min(1 - one.low, max(1 - one.high, 1 - number))
    return number
