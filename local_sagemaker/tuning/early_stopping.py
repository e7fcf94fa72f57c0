"""When a trial that still runs is not worth its time. Functions of the objective's values, round by round.

A curve is the running average of the objective metric after each of a trial's rounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

Curve = Sequence[float]


@dataclass(frozen=True)
class Verdict:
    """Why a trial is stopped."""

    round: int  # counted from 1
    value: float
    bar: float  # what the value is worse than


# Of a round, counted from 0, its value, and the values that others have to set against it: the bar that it misses.
Rule = Callable[[int, float, Sequence[float]], float | None]


def against_median(*, minimize: bool) -> Rule:
    """AWS's rule: worse than the median of the running averages that earlier jobs had after the same round.

    https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html
    """

    def bar(_: int, value: float, earlier: Sequence[float]) -> float | None:
        if not earlier:
            return None
        middle = median(earlier)
        worse = value > middle if minimize else value < middle
        return middle if worse else None

    return bar


def successive_halving(least: int, most: int, *, minimize: bool, factor: int = 3) -> Rule:
    """Hyperband's rule, roughly: after ``least`` rounds, ``factor`` times as many, and so on, the best third go on.

    AWS does not tell how it forms brackets and moves resources between them. This is one bracket, and decides
    about each job as it comes to a rung rather than wait for the others.
    """
    rungs = {least * factor**step for step in range(1 + math.floor(math.log(max(1.0, most / least), factor)))}

    def bar(index: int, value: float, others: Sequence[float]) -> float | None:
        if index + 1 not in rungs or index + 1 >= most or not others:
            return None
        everyone = sorted([*others, value], reverse=not minimize)
        last = everyone[max(1, len(everyone) // factor) - 1]
        worse = value > last if minimize else value < last
        return last if worse else None

    return bar


def judge(rule: Rule, values: Sequence[float], start: int, others: Sequence[Curve]) -> Verdict | None:
    """The first round from ``start`` on at which the rule stops a trial with these ``values``."""
    for index in range(start, len(values)):
        bar = rule(index, values[index], [curve[index] for curve in others if len(curve) > index])
        if bar is not None:
            return Verdict(index + 1, values[index], bar)
    return None
