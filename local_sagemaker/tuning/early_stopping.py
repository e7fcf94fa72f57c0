"""When a trial that still runs is not worth its time. Functions of the objective's values, round by round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from statistics import median

Curve = Sequence[float]  # one number for each round of a trial: the objective, or its running average


@dataclass(frozen=True)
class Verdict:
    """Why a trial is stopped."""

    round: int  # counted from 1
    value: float
    bar: float  # what the value is worse than


# Of a round, counted from 0, its value, and the curves to set against it: the bar that the value misses, if it does.
Rule = Callable[[int, float, Sequence[Curve]], float | None]

# AWS tells what is compared, but not from when on. From the first round on, the rule throws away trials that learn
# slowly and well: on the adult data the best of twenty in two searches of three. So it waits for a median that is
# one, and for the first twentieth of the rounds.
_LEAST_EARLIER, _SETTLING = 3, 20


def against_median(*, minimize: bool) -> Rule:
    """AWS's rule: worse than the median of the running averages that earlier jobs had after the same round.

    https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html
    """

    def bar(index: int, value: float, earlier: Sequence[Curve]) -> float | None:
        there = _after(index, earlier)
        if len(there) < _LEAST_EARLIER or index < max(map(len, earlier)) // _SETTLING:
            return None
        return _missed(value, median(there), minimize=minimize)

    return bar


def successive_halving(least: int, most: int, *, minimize: bool, factor: int = 3) -> Rule:
    """Hyperband's rule, roughly: after ``least`` rounds, ``factor`` times as many, and so on, the best third go on.

    AWS does not tell how it forms brackets and moves resources between them. This is one bracket, and decides
    about each job as it comes to a rung rather than wait for the others.
    """
    rungs = list(takewhile(lambda rung: rung < most, (least * factor**step for step in count())))

    def bar(index: int, value: float, others: Sequence[Curve]) -> float | None:
        there = _after(index, others)
        if index + 1 not in rungs or not there:
            return None
        everyone = sorted([*there, value], reverse=not minimize)
        return _missed(value, everyone[max(1, len(everyone) // factor) - 1], minimize=minimize)

    return bar


def judge(rule: Rule, values: Sequence[float], start: int, others: Sequence[Curve]) -> Verdict | None:
    """The first round from ``start`` on, counted from 0, at which the rule stops a trial with these ``values``."""
    for index in range(start, len(values)):
        bar = rule(index, values[index], others)
        if bar is not None:
            return Verdict(index + 1, values[index], bar)
    return None


def _after(index: int, curves: Sequence[Curve]) -> list[float]:
    return [curve[index] for curve in curves if len(curve) > index]


def _missed(value: float, bar: float, *, minimize: bool) -> float | None:
    return bar if (value > bar if minimize else value < bar) else None
