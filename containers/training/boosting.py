"""Boosting, round by round, so that it can be measured, stopped early, interrupted and carried on.

A round is made a function of the model before it, the seed and its own number. XGBoost's is not: row and
column samplers carry their state from round to round, and a model that is loaded again has lost it. Seeding
by round (``seed_per_iteration``) mends the rows; the column sampler is made anew when the tree method
changes, so it is changed forth and back. That costs 0.2 ms a round, and a resumed training equals an
uninterrupted one bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import xgboost as xgb

from containers.training.checkpoints import Checkpoint, Checkpoints, Scores
from containers.training.hyperparameters import GROWING, Hyperparameters, Value


@dataclass(frozen=True)
class Boosting:
    """What training came to."""

    booster: xgb.Booster  # cut after the best round
    best_round: int  # counted from 0
    rounds: int  # how many were trained
    interrupted: bool


def boost(
    train: xgb.QuantileDMatrix,
    validation: xgb.QuantileDMatrix | None,
    hyperparameters: Hyperparameters,
    checkpoints: Checkpoints,
    interrupted: Callable[[], bool],
) -> Boosting | None:
    """Train until the rounds are over, early stopping says so, or ``interrupted()``; keep the best rounds.

    Returns:
        None where the interruption came before the first round.
    """
    started = checkpoints.latest(hyperparameters.rounds)
    settings = booster_settings(hyperparameters)
    matrices = [train] if validation is None else [train, validation]
    booster = xgb.Booster(settings, matrices, model_file=bytearray(started.model) if started else None)
    history = list(started.history) if started else []
    rounds = started.rounds if started else 0
    if started:
        print(f"resuming after round {rounds - 1}, from a checkpoint", flush=True)
    stop = False
    while rounds < hyperparameters.rounds and not worn_out(history, hyperparameters):
        stop = interrupted()
        if stop:
            break
        _forget_samplers(booster)
        booster.update(train, rounds)
        if validation is not None:
            history.append(_measure(booster, [(validation, "validation")], rounds))
        rounds += 1
        if hyperparameters.checkpoint_every and rounds % hyperparameters.checkpoint_every == 0:
            checkpoints.save(_checkpoint(booster, rounds, history))
    if stop:
        checkpoints.save(_checkpoint(booster, rounds, history))
    if not rounds:
        return None
    best = best_round(history, hyperparameters) if hyperparameters.early_stopping_rounds else rounds - 1
    return Boosting(booster[: best + 1], best, rounds, stop)


def booster_settings(hyperparameters: Hyperparameters) -> dict[str, Value | list[str]]:
    """What XGBoost is given, by its own names."""
    settings: dict[str, Value | list[str]] = {
        **hyperparameters.booster,
        "objective": hyperparameters.objective,
        "eval_metric": list(hyperparameters.metrics),
        "tree_method": "hist",
        "seed": hyperparameters.seed,
        "seed_per_iteration": 1,
    }
    if hyperparameters.problem == "multiclass" and hyperparameters.num_class:
        settings["num_class"] = hyperparameters.num_class
    return settings


def worn_out(history: Sequence[Scores], hyperparameters: Hyperparameters) -> bool:
    """Have there been ``early_stopping_rounds`` rounds in a row without improvement?"""
    patience = hyperparameters.early_stopping_rounds
    return bool(patience and history) and len(history) - 1 - best_round(history, hyperparameters) >= patience


def best_round(history: Sequence[Scores], hyperparameters: Hyperparameters) -> int:
    """The first of the rounds with the best value of the metric that decides."""
    metric = hyperparameters.metrics[-1]
    grows = metric.partition("@")[0] in GROWING
    worth = [scores[f"validation-{metric}"] * (1 if grows else -1) for scores in history]
    return max(
        range(len(worth)), key=lambda index: (-math.inf if math.isnan(worth[index]) else worth[index], -index)
    )


def final_line(
    boosting: Boosting, train: xgb.QuantileDMatrix, validation: xgb.QuantileDMatrix | None
) -> dict[str, float]:
    """Print the scores of the model that is kept, last, so that they are the job's final metrics."""
    matrices = [(train, "train")] if validation is None else [(train, "train"), (validation, "validation")]
    return _measure(boosting.booster, matrices, boosting.best_round)


def _measure(
    booster: xgb.Booster, matrices: Sequence[tuple[xgb.DMatrix, str]], number: int
) -> dict[str, float]:
    """Score one round, and print it as XGBoost does and AWS reads it: ``[7]\tvalidation-auc:0.91``."""
    line = booster.eval_set(matrices, number)
    print(line, flush=True)
    return {name: float(value) for name, _, value in (part.rpartition(":") for part in line.split("\t")[1:])}


def _forget_samplers(booster: xgb.Booster) -> None:
    booster.set_param({"tree_method": "approx"})
    booster.num_features()  # settings take effect when the booster is next used
    booster.set_param({"tree_method": "hist"})


def _checkpoint(booster: xgb.Booster, rounds: int, history: Sequence[Scores]) -> Checkpoint:
    return Checkpoint(rounds, tuple(history), bytes(booster.save_raw("ubj")) if rounds else b"")
