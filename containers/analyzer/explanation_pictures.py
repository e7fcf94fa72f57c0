"""Pictures of SHAP values: what matters, which way, from which value on, and how one prediction came about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.ticker import MaxNLocator

from containers.analyzer.shap_values import Array, ShapValues
from containers.processing.figure import BLUE, CYCLE, GREY, ORANGE, figure

GLOBAL, BEESWARM = "shap_global.png", "shap_beeswarm.png"
MOST = 12  # features of a picture; what the others add is shown as one where it is added up
DOTS = 1500  # rows of a beeswarm or dependence picture, picked evenly
LONG = 26  # letters of a name that are shown
PALETTE = LinearSegmentedColormap.from_list("low to high", [BLUE, "#C6B4CF", ORANGE])


def draw(
    values: ShapValues,
    rows: pd.DataFrame,
    title: str,
    folder: Path,
    *,
    label: int = 0,
    chosen: Sequence[int] | None = None,
    top: int = 3,
) -> list[str]:
    """Write every picture into ``folder``; return the names of the files.

    Args:
        values: of at least one row.
        rows: the features that were explained, a line for each line of the values, as people know them.
        title: which model.
        folder: made if need be.
        label: the output that is shown where a picture can show one only.
        chosen: positions of rows whose predictions are taken apart; the lowest, the middle and the highest if None.
        top: features whose dependence is shown.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [GLOBAL, BEESWARM]
    with figure(folder / GLOBAL, title) as axes:
        bars(axes, values)
    with figure(folder / BEESWARM, title, width=6.4) as axes:
        beeswarm(axes, values, rows, label)
    for rank, feature in enumerate(values.ranking()[:top], 1):
        names.append(f"shap_dependence_{rank}.png")
        with figure(folder / names[-1], title) as axes:
            dependence(axes, values, rows, feature, label)
    for row in typical(values, label) if chosen is None else chosen:
        names.append(f"shap_waterfall_{row}.png")
        with figure(folder / names[-1], title, width=6.4) as axes:
            waterfall(axes, values, rows, row, label)
    return names


def typical(values: ShapValues, label: int) -> list[int]:
    """The rows with the lowest, the middle and the highest prediction; fewer where these are the same."""
    sums = values.values[:, :, label].sum(axis=1)
    order = np.argsort(sums, kind="stable")
    found = {float(sums[row]): int(row) for row in order[[-1, len(order) // 2, 0]]}
    return list(found.values())[::-1]


def bars(axes: Axes, values: ShapValues) -> None:
    """How much each feature adds, either way; the labels beside each other."""
    shown = values.ranking()[:MOST][::-1]
    overall = values.overall()
    left = np.zeros(len(shown))
    for number, name in enumerate(values.labels):
        width = np.array([overall[values.features.index(feature), number] for feature in shown])
        axes.barh(
            range(len(shown)), width, left=left, color=CYCLE[number % len(CYCLE)], height=0.7, label=name
        )
        left += width
    axes.set_yticks(range(len(shown)), [_short(name) for name in shown])
    axes.tick_params(axis="y", labelsize=8, length=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    if 1 < len(values.labels) <= len(CYCLE):
        axes.legend(loc="lower right", fontsize=8)
    axes.set(title=f"What matters{_more(values)}", xlabel=f"Mean magnitude of the SHAP value{_unit(values)}")


def beeswarm(axes: Axes, values: ShapValues, rows: pd.DataFrame, label: int) -> None:
    """A dot for each row and feature: where it pushes the prediction, and whether its value is low or high."""
    shown = values.ranking()[:MOST][::-1]
    some = np.arange(0, len(rows), -(-len(rows) // DOTS))
    axes.axvline(0, color=GREY, linewidth=1)
    for height, feature in enumerate(shown):
        pushes = values.values[some, values.features.index(feature), label]
        colour = _colours(rows[feature].iloc[some]) if feature in rows else GREY
        axes.scatter(pushes, height + _spread(pushes), s=5, c=colour, linewidths=0, rasterized=True)
    axes.set_yticks(range(len(shown)), [_short(name) for name in shown])
    axes.tick_params(axis="y", labelsize=8, length=0)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    scale = axes.get_figure(root=True).colorbar(  # type: ignore[union-attr]
        ScalarMappable(Normalize(0, 1), PALETTE), ax=axes, ticks=[0, 1], aspect=40, pad=0.02
    )
    scale.ax.set_yticklabels(["low", "high"])
    scale.set_label("Value of the feature; grey: no number", fontsize=8, labelpad=-16)
    scale.outline.set_visible(False)
    axes.set(title=f"Which way{_of(values, label)}{_more(values)}", xlabel=f"SHAP value{_unit(values)}")


def dependence(axes: Axes, values: ShapValues, rows: pd.DataFrame, feature: str, label: int) -> None:
    """What a feature adds at each of its values; of many categories the most frequent ones."""
    some = np.arange(0, len(rows), -(-len(rows) // DOTS))
    pushes = values.values[some, values.features.index(feature), label]
    column = rows[feature].iloc[some]
    axes.axhline(0, color=GREY, linewidth=1)
    numbers = _numbers(column)
    if numbers is not None:
        finite = np.isfinite(numbers)
        axes.scatter(numbers[finite], pushes[finite], s=9, color=BLUE, alpha=0.45, linewidths=0)
        axes.xaxis.set_major_locator(MaxNLocator(6))
    else:
        _by_category(axes, column, pushes)
    name = _short(feature, 40)
    axes.set(title=f"{name}{_of(values, label)}", xlabel=name, ylabel=f"SHAP value{_unit(values)}")


def waterfall(axes: Axes, values: ShapValues, rows: pd.DataFrame, row: int, label: int) -> None:
    """One prediction: from what is expected of anybody, feature by feature, to what is predicted."""
    pushes = values.values[row, :, label]
    order = np.argsort(-np.abs(pushes), kind="stable")
    kept = order[: MOST - 1] if len(order) > MOST else order
    rest = order[len(kept) :]
    steps = [(f"{len(rest)} others", float(pushes[rest].sum()))] if len(rest) else []
    steps += [(_named(values.features[index], rows, row), float(pushes[index])) for index in kept[::-1]]
    ends = float(values.expected[label]) + np.concatenate([[0.0], np.cumsum([push for _, push in steps])])
    for height, (begin, (_, push)) in enumerate(zip(ends[:-1], steps, strict=True)):
        axes.barh(height, push, left=begin, color=ORANGE if push > 0 else BLUE, height=0.65)
        axes.plot(
            [begin + push] * 2,
            [height - 0.33, min(height + 1.33, len(steps) - 0.5)],
            color=GREY,
            linewidth=0.7,
        )
        axes.annotate(
            f"{push:+.3g}", (max(begin, begin + push), height), (4, 0), textcoords="offset points",
            va="center", fontsize=8,
        )  # fmt: skip
    axes.axvline(ends[0], color=GREY, linestyle="--", linewidth=1)
    axes.margins(x=0.12)
    axes.set_yticks(range(len(steps)), [name for name, _ in steps])
    axes.tick_params(axis="y", labelsize=8, length=0)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.set(
        title=f"Row {row}{_of(values, label)}: {ends[-1]:.3g}, where {ends[0]:.3g} is expected",
        xlabel=f"Prediction{_unit(values)}",
    )


def _by_category(axes: Axes, column: pd.Series[Any], pushes: Array) -> None:
    """A column of dots for each category, and a line at its mean."""
    texts = column.astype(object).where(column.notna(), "missing").astype(str)
    shown = texts.value_counts().index[:MOST].tolist()
    for place, name in enumerate(shown):
        here = pushes[(texts == name).to_numpy()]
        axes.scatter(place + 0.8 * _spread(here), here, s=9, color=BLUE, alpha=0.45, linewidths=0)
        axes.plot([place - 0.35, place + 0.35], [here.mean()] * 2, color=ORANGE, linewidth=1.5)
    turned = 45 if len(shown) > 4 else 0
    axes.set_xticks(range(len(shown)), [_short(name, 14) for name in shown], rotation=turned, fontsize=8)


def _numbers(column: pd.Series[Any]) -> Array | None:
    """The values as numbers, what is missing as nan; None where they are none."""
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return None
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _colours(column: pd.Series[Any]) -> Any:
    """By rank, so that one huge value does not make all others alike; grey where there is no number."""
    numbers = _numbers(column)
    if numbers is None:
        return GREY
    ranks = pd.Series(numbers).rank(method="dense").to_numpy()
    low, high = (np.nanmin(ranks), np.nanmax(ranks)) if np.isfinite(ranks).any() else (0.0, 1.0)
    colours = PALETTE((ranks - low) / ((high - low) or 1.0))
    colours[np.isnan(ranks)] = (0.54, 0.54, 0.54, 1.0)
    return colours


def _spread(values: Array) -> Array:
    """How far from the line each dot is drawn, -0.4 to 0.4, so that dots with near values lie beside each other."""
    bins = np.unique(np.round(80 * (values - values.min()) / (np.ptp(values) or 1.0)), return_inverse=True)[1]
    order = np.argsort(bins, kind="stable")
    sizes = np.bincount(bins)
    place = np.empty(len(values))
    place[order] = np.arange(len(values)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    side = np.where(place % 2, 1, -1) * np.ceil(place / 2)
    return np.asarray(0.8 * side / max(sizes.max(), 12))


def _named(feature: str, rows: pd.DataFrame, row: int) -> str:
    """``Age = 39``."""
    if feature not in rows:
        return _short(feature)
    value = rows[feature].iloc[row]
    if pd.isna(value):
        return f"{_short(feature)} missing"
    text = f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
    return f"{_short(feature)} = {_short(text, 14)}"


def _short(name: object, most: int = LONG) -> str:
    text = str(name)
    return text if len(text) <= most else text[: most - 1] + "…"


def _more(values: ShapValues) -> str:
    count = len(values.features)
    return f" (first {MOST} of {count})" if count > MOST else ""


def _of(values: ShapValues, label: int) -> str:
    return f", {_short(values.labels[label])}" if len(values.labels) > 1 else ""


def _unit(values: ShapValues) -> str:
    return f" ({values.unit})" if values.unit else ""
