"""The pictures of bias: how often each group has the good outcome, and how near each metric is to its limit."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from containers.metrics.estimate import Estimate
from containers.metrics.limit import Limit
from containers.processing.fairness import Fairness, GroupRates
from containers.processing.figure import BLUE, GREEN, GREY, ORANGE, figure

MOST = 12  # groups, or limits, that can still be read
PARITY = {"DI": 1.0}  # of a quotient; of all other metrics it is 0
FURTHEST = 2.5  # on the scale of the limits, in which 1 is the limit itself


@dataclass(frozen=True)
class Mark:
    """A metric on the scale on which 0 is parity and 1 its limit."""

    label: str
    at: float
    low: float
    high: float
    text: str
    passed: bool
    before: float | None


def draw(bias: Fairness, before: Fairness | None, title: str, folder: Path, cost: str = "") -> list[str]:
    """Write a picture for each facet's column, and one for all limits; return the names of the files.

    ``before``: the bias of the model without weights; ``cost``: what the weights did to its quality.
    """
    names = []
    for number, (column, groups) in enumerate(bias.groups.items(), start=1):
        names.append(f"bias_{_file_name(column) or number}.png")
        with figure(folder / names[-1], title) as axes:
            rates(axes, column, groups)
    marks = limit_marks(bias, before)
    if marks:
        names.append("bias_limits.png")
        with figure(folder / names[-1], title, width=6.4) as axes:
            limits(axes, marks, compared=before is not None)
            axes.set_xlabel(cost)
    return names


def rates(axes: Axes, column: str, groups: Sequence[GroupRates]) -> None:
    """The share of good outcomes in each group, in the labels and in the predictions; Wilson's 95 % intervals."""
    shown = list(groups[:MOST])[::-1]
    places = np.arange(len(shown), dtype=np.float64)
    for offset, name, colour in ((0.14, "labels", GREY), (-0.14, "predictions", BLUE)):
        counts = [each.labelled if name == "labels" else each.predicted for each in shown]
        bounds = np.array([wilson(part, each.rows) for part, each in zip(counts, shown, strict=True)])
        share = np.array([part / each.rows for part, each in zip(counts, shown, strict=True)])
        error = np.maximum(np.abs(bounds.T - share), 0)
        axes.errorbar(
            share, places + offset, xerr=error, fmt="o", color=colour, capsize=2, markersize=5, label=name
        )
    axes.set_yticks(places, [f"{_short(each.value)}  ({each.rows:,})" for each in shown])
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="x", color="#E6E6E6", linewidth=0.6)
    more = f" (first {MOST} of {len(groups)} groups)" if len(groups) > MOST else ""
    axes.set(title=f"Positive outcomes by {_short(column)}{more}", xlabel="Share of the group's test rows")
    axes.legend(loc="best")


def limit_marks(bias: Fairness, before: Fairness | None) -> list[Mark]:
    """Every limit of every facet, except those that parity itself just meets, which have no scale."""
    earlier = before.facets if before else bias.facets
    found = []
    for facet, old in zip(bias.facets, earlier, strict=True):
        for limit in facet.limits:
            estimate = facet.metrics[limit.metric]
            if limit.bar == _parity(limit):
                continue
            label = f"{_short(facet.name)}\n{limit}"
            found.append(_mark(label, limit, estimate, old.metrics[limit.metric] if before else None))
    return found


def limits(axes: Axes, marks: Sequence[Mark], *, compared: bool) -> None:
    """Where each metric lies between parity and its limit, with its interval; and where it lay without weights."""
    shown = list(marks[:MOST])[::-1]
    axes.axvspan(-FURTHEST, 1, color=GREEN, alpha=0.08, linewidth=0)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.axvline(1, color=GREEN, linewidth=1.5)
    for place, mark in enumerate(shown):
        colour = BLUE if mark.passed else ORANGE
        if mark.before is not None:
            axes.plot(
                mark.before,
                place,
                "o",
                markerfacecolor="white",
                color=GREY,
                markersize=7,
                label="_",
                zorder=3,
            )
        axes.plot([mark.low, mark.high], [place, place], color=colour, linewidth=1.8)
        axes.plot(mark.at, place, "o" if mark.passed else "X", color=colour, markersize=8, zorder=4)
        axes.annotate(
            mark.text, (mark.at, place), (0, 8), textcoords="offset points", ha="center", fontsize=8
        )
    axes.set_yticks(range(len(shown)), [mark.label for mark in shown], fontsize=8)
    axes.set_ylim(-0.6, len(shown) - 0.3)
    ends = [x for mark in shown for x in (mark.low, mark.high, mark.before or 0)]
    axes.set_xlim(max(-FURTHEST, min(-0.2, *ends) - 0.1), min(FURTHEST, max(1.2, *ends)) + 0.15)
    axes.set_xticks([0, 1], ["parity", "limit"])
    hollow = " (hollow: without reweighing)" if compared else ""
    axes.set(title=f"Bias and its limits{hollow}")


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927), which also says something where it is 0 or 1."""
    z = 1.959964
    centre, half = part + z * z / 2, z * math.sqrt(part * (whole - part) / whole + z * z / 4)
    return (centre - half) / (whole + z * z), (centre + half) / (whole + z * z)


def _mark(label: str, limit: Limit, estimate: Estimate, old: Estimate | None) -> Mark:
    if estimate.value is None:
        return Mark(label, 1.5, 1.5, 1.5, "undefined", passed=False, before=None)
    low, high = estimate.confidence_interval or (estimate.value, estimate.value)
    if limit.absolute:
        ends = abs(low), abs(high)
        low, high = (0.0 if low <= 0 <= high else min(ends)), max(ends)
    value = limit.of(estimate.value)
    at, first, last = (_scaled(each, limit) for each in (value, low, high))
    before = None if old is None or old.value is None else _scaled(limit.of(old.value), limit)
    passed = value <= limit.bar if limit.direction == "at_most" else value >= limit.bar
    return Mark(label, at, min(first, last), max(first, last), f"{value:.3g}", passed, before)


def _scaled(value: float, limit: Limit) -> float:
    parity = _parity(limit)
    return float(np.clip((value - parity) / (limit.bar - parity), -FURTHEST, FURTHEST))


def _parity(limit: Limit) -> float:
    return PARITY.get(limit.metric, 0.0)


def _short(text: str, most: int = 28) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _file_name(column: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", column).strip("_")[:60]
