"""The tuning report's pictures: how the search went, where its trials lay, and what mattered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator, PercentFormatter

from containers.processing.figure import BLUE, CYCLE, GREY, ORANGE, figure
from containers.tuning.trials import Search

OBJECTIVE, COORDINATES, IMPORTANCE = "objective.png", "parallel_coordinates.png", "importance.png"
MARKS = {"Completed": ("o", BLUE), "Stopped": ("v", ORANGE)}


def draw(
    search: Search, shares: Mapping[str, float], parent_best: float | None, title: str, folder: Path
) -> list[str]:
    """Write every picture that this search has material for; return the names of the files."""
    names = []
    if search.measured:
        with figure(folder / OBJECTIVE, title) as axes:
            objective(axes, search, parent_best)
        names.append(OBJECTIVE)
        with figure(folder / COORDINATES, title, width=max(5.6, 1.6 * len(search.axes) + 2)) as axes:
            coordinates(axes, search)
        names.append(COORDINATES)
    if shares:
        with figure(folder / IMPORTANCE, title) as axes:
            importance(axes, shares)
        names.append(IMPORTANCE)
    return names


def objective(axes: Axes, search: Search, parent_best: float | None) -> None:
    """Each trial's value in the order in which they were begun, and the best so far.

    The chart is as high as the finished trials ask for; what lies beyond is drawn at its edge.
    """
    low, high = _span(search, parent_best)
    axes.set_ylim(low, high)
    for status in sorted({trial.status for trial in search.measured}):
        mark, colour = MARKS.get(status, ("s", GREY))
        shown = [trial for trial in search.measured if trial.status == status]
        values = [min(high, max(low, trial.objective or 0.0)) for trial in shown]
        numbers = [trial.number for trial in shown]
        axes.plot(
            numbers, values, mark, color=colour, alpha=0.75, label=status.lower(), clip_on=False, zorder=3
        )
    best = [math.nan if value is None else value for value in search.best_so_far()]
    numbers = [trial.number for trial in search.trials]
    axes.step(numbers, best, where="post", color="black", linewidth=1.2, label="best so far")
    if parent_best is not None:
        axes.axhline(parent_best, color=GREY, linestyle="--", linewidth=1, label="the parents' best")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(title="The search, trial by trial", xlabel="Trial", ylabel=search.metric)
    axes.legend(loc="best", fontsize=8)


def coordinates(axes: Axes, search: Search) -> None:
    """A line for each trial through its place on every axis; the darker, the better, the best one thick.

    Trials that did not run to their end are dotted and grey.
    """
    values = [trial.objective or 0.0 for trial in search.finished or search.measured]
    palette = colormaps["viridis_r" if search.maximize else "viridis"]
    colours = ScalarMappable(Normalize(min(values), max(values)), palette)
    best = search.best
    for trial in sorted(search.measured, key=lambda trial: -search.cost(trial.objective)):
        places = [axis.position(trial.hyperparameters[axis.name]) for axis in search.axes]
        if trial.status == "Completed":
            colour = colours.to_rgba(np.asarray(trial.objective or 0.0))
            axes.plot(places, color=colour, linewidth=3.0 if trial is best else 1.3, marker=".")
        else:
            axes.plot(places, color=GREY, linewidth=1.0, linestyle=":")
    axes.set_xlim(-0.3, len(search.axes) - 0.7)
    axes.set_ylim(-0.02, 1.02)
    for number, axis in enumerate(search.axes):
        axes.axvline(number, color=GREY, linewidth=0.8)
        low, high = axis.ends
        axes.text(number, -0.04, low, ha="center", va="top", fontsize=8)
        axes.text(number, 1.03, high, ha="center", va="bottom", fontsize=8)
    axes.set_xticks(range(len(search.axes)), [axis.name for axis in search.axes])
    axes.tick_params(axis="x", length=0, pad=16)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_title("What the trials tried", pad=20)
    axes.get_figure(root=True).colorbar(colours, ax=axes, label=search.metric, shrink=0.8)  # type: ignore[union-attr]


def importance(axes: Axes, shares: Mapping[str, float]) -> None:
    """The share of the objective's variance that each hyperparameter explains by itself."""
    names = list(shares)[::-1]
    colours = [GREY if name == "several together" else CYCLE[0] for name in names]
    axes.barh(names, [shares[name] for name in names], color=colours, height=0.7)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.tick_params(axis="y", length=0)
    axes.set(title="What mattered", xlabel="Share of the objective's variance", ylabel="")


def _span(search: Search, parent_best: float | None) -> tuple[float, float]:
    values = [trial.objective or 0.0 for trial in search.finished or search.measured]
    values += [parent_best] if parent_best is not None else []
    room = 0.15 * (max(values) - min(values)) or 0.01
    return min(values) - room, max(values) + room
