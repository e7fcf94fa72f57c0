"""The evaluation report's pictures: one small PNG a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from containers.metrics.calibration import reliability
from containers.metrics.ranking import curve, thin
from containers.processing.figure import BLUE, CYCLE, GREY, ORANGE, figure
from containers.processing.report import Assessment

MOST = 15  # bars or classes that can still be read
DOTS = 4000  # of a scatter plot; more take long and only darken it


def draw(assessment: Assessment, importance: Mapping[str, float], title: str, folder: Path) -> list[str]:
    """Write every picture that there is for this model into ``folder``; return the names of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for name, paint in PICTURES[assessment.problem].items():
        with figure(folder / name, title) as axes:
            paint(axes, assessment)
        names.append(name)
    if importance:
        with figure(folder / "feature_importance.png", title) as axes:
            feature_importance(axes, importance)
        names.append("feature_importance.png")
    return names


def roc(axes: Axes, assessment: Assessment) -> None:
    """The trade between finding positives and false alarms, with the chosen threshold on it."""
    test = assessment.test
    _square(axes, "ROC curve", "False positive rate", "True positive rate")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="chance")
    if _one_class(axes, assessment):
        return
    drawn = thin(curve(test.labels, test.scores))
    axes.plot(
        drawn.false_positive_rates,
        drawn.true_positive_rates,
        color=BLUE,
        linewidth=2,
        label=_named(assessment, "auc", "AUC"),
    )
    axes.fill_between(drawn.false_positive_rates, drawn.true_positive_rates, color=BLUE, alpha=0.08)
    here = assessment.metrics["false_positive_rate"].value, assessment.metrics["true_positive_rate"].value
    _mark(axes, here, assessment)
    axes.legend(loc="lower right")


def precision_recall(axes: Axes, assessment: Assessment) -> None:
    """The trade between finding positives and being right about them."""
    test = assessment.test
    _square(axes, "Precision and recall", "Recall", "Precision")
    if _one_class(axes, assessment):
        return
    drawn = thin(curve(test.labels, test.scores))
    share = float(test.labels.mean())
    axes.axhline(share, color=GREY, linestyle="--", linewidth=1, label=f"chance = {share:.3g}")
    axes.plot(
        drawn.true_positive_rates[1:],
        drawn.precisions[1:],
        color=BLUE,
        linewidth=2,
        label=_named(assessment, "average_precision", "average precision"),
    )
    _mark(axes, (assessment.metrics["recall"].value, assessment.metrics["precision"].value), assessment)
    axes.legend(loc="best")


def calibration(axes: Axes, assessment: Assessment) -> None:
    """Share of positives against mean score, bin by bin; two standard errors either way."""
    table = reliability(assessment.test.labels, assessment.test.scores)
    predicted = np.array([row["predicted"] for row in table])
    observed = np.array([row["observed"] for row in table])
    rows = np.array([row["rows"] for row in table])
    error = 2 * np.sqrt(observed * (1 - observed) / rows)
    top = min(1.0, 1.08 * float(max(predicted.max(), (observed + error).max()))) or 1.0
    _square(axes, "Calibration", "Mean score", "Share of positives", top)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="perfect")
    axes.errorbar(
        predicted,
        observed,
        yerr=error,
        color=BLUE,
        marker="o",
        markersize=5,
        linewidth=1.5,
        capsize=2,
        label=_named(assessment, "expected_calibration_error", "error"),
    )
    axes.legend(loc="upper left")


def scores(axes: Axes, assessment: Assessment) -> None:
    """How the scores of the classes are spread, and where the threshold cuts them."""
    edges = np.linspace(0, 1, 41).tolist()
    for index, colour in ((0, BLUE), (1, ORANGE)):
        found = assessment.test.scores[assessment.test.labels == index]
        share = np.full(len(found), 1 / max(len(found), 1))
        axes.hist(
            found,
            edges,
            weights=share,
            color=colour,
            alpha=0.55,
            label=f"{assessment.classes[index]} ({len(found):,})",
        )
    if assessment.threshold:
        axes.axvline(
            assessment.threshold.value,
            color="black",
            linewidth=1.2,
            label=f"threshold {assessment.threshold.value:.3f}",
        )
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    _label(axes, "Scores by class", "Score", "Share of the class")
    axes.set_xlim(0, 1)
    axes.legend(loc="best")


def confusion(axes: Axes, assessment: Assessment) -> None:
    """Rows by actual and predicted class; coloured by the share of the actual class."""
    counts = np.array([list(row.values()) for row in assessment.pictures["confusion_matrix"].values()])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    ticks = range(len(counts))
    axes.set_xticks(ticks, assessment.classes, rotation=0 if len(counts) <= 4 else 45)
    axes.set_yticks(ticks, assessment.classes)
    if len(counts) <= MOST:
        for row in ticks:
            for column in ticks:
                ink = "white" if shares[row, column] > 0.55 else "black"
                text = f"{counts[row, column]:,}" + (
                    f"\n{shares[row, column]:.1%}" if len(counts) <= 6 else ""
                )
                axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=9)
    _label(axes, "Confusion matrix", "Predicted", "Actual")
    axes.spines[:].set_visible(False)


def roc_by_class(axes: Axes, assessment: Assessment) -> None:
    """Each class against the rest."""
    _square(axes, "ROC curve of each class against the rest", "False positive rate", "True positive rate")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    for index, name in enumerate(assessment.classes[: len(CYCLE)]):
        positive = (assessment.test.labels == index).astype(np.float64)
        if 0 < positive.sum() < len(positive):
            drawn = thin(curve(positive, assessment.test.scores[:, index]))
            axes.plot(
                drawn.false_positive_rates,
                drawn.true_positive_rates,
                color=CYCLE[index],
                linewidth=1.8,
                label=name,
            )
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="lower right", title=_named(assessment, "auc", "macro AUC"))


def predicted_against_actual(axes: Axes, assessment: Assessment) -> None:
    """Where predictions lie too high or too low."""
    labels, predictions = _dots(assessment)
    axes.scatter(labels, predictions, s=9, color=BLUE, alpha=0.35, linewidths=0)
    ends = [min(labels.min(), predictions.min()), max(labels.max(), predictions.max())]
    axes.plot(ends, ends, color=GREY, linestyle="--", linewidth=1, label="perfect")
    _label(axes, "Predicted against actual", "Actual", "Predicted")
    axes.legend(loc="upper left", title=_named(assessment, "r2", "R²"))


def residuals(axes: Axes, assessment: Assessment) -> None:
    """How the errors are spread; the outermost hundredth is left out of the chart."""
    found = assessment.test.scores - assessment.test.labels
    low, high = np.quantile(found, [0.005, 0.995])
    shown = found[(found >= low) & (found <= high)]
    axes.hist(shown, 40 if high > low else 1, color=BLUE, alpha=0.75)
    axes.axvline(0, color=GREY, linestyle="--", linewidth=1)
    axes.axvline(float(found.mean()), color=ORANGE, linewidth=1.5, label=f"mean {found.mean():.3g}")
    _label(axes, "Residuals", "Predicted minus actual", "Rows")
    axes.legend(loc="upper right", title=_named(assessment, "rmse", "RMSE"))


def feature_importance(axes: Axes, importance: Mapping[str, float]) -> None:
    """What the model leans on."""
    shown = dict(list(importance.items())[:MOST])
    axes.barh(list(shown)[::-1], list(shown.values())[::-1], color=BLUE, height=0.7)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.tick_params(axis="y", labelsize=8, length=0)
    more = f" (first {MOST} of {len(importance)})" if len(importance) > MOST else ""
    _label(axes, f"Feature importance{more}", "Share of the gain of all splits", "")


PICTURES: dict[str, dict[str, Callable[[Axes, Assessment], None]]] = {
    "binary": {
        "roc.png": roc,
        "precision_recall.png": precision_recall,
        "calibration.png": calibration,
        "confusion_matrix.png": confusion,
        "scores.png": scores,
    },
    "multiclass": {"roc.png": roc_by_class, "confusion_matrix.png": confusion},
    "regression": {"predicted_vs_actual.png": predicted_against_actual, "residuals.png": residuals},
}


def _label(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set(title=title, xlabel=x, ylabel=y)


def _square(axes: Axes, title: str, x: str, y: str, top: float = 1.0) -> None:
    _label(axes, title, x, y)
    axes.set_xlim(-0.01 * top, 1.01 * top)
    axes.set_ylim(-0.01 * top, 1.02 * top)
    axes.grid(color="#E6E6E6", linewidth=0.6)


def _named(assessment: Assessment, metric: str, name: str) -> str:
    """``AUC = 0.912 (0.905 to 0.919)``."""
    estimate = assessment.metrics[metric]
    if estimate.value is None:
        return f"{name}: {estimate.reason}"
    interval = estimate.confidence_interval
    doubt = f" ({interval[0]:.3g} to {interval[1]:.3g})" if interval else ""
    return f"{name} = {estimate.value:.3g}{doubt}"


def _mark(axes: Axes, here: tuple[float | None, float | None], assessment: Assessment) -> None:
    """The chosen threshold as a point on a curve."""
    across, up = here
    if assessment.threshold and across is not None and up is not None:
        label = f"threshold {assessment.threshold.value:.3f}"
        axes.plot(across, up, marker="o", color=ORANGE, markersize=8, linestyle="none", label=label)


def _one_class(axes: Axes, assessment: Assessment) -> bool:
    """Say so, in place of a curve, where all rows are of one class."""
    one = bool(assessment.test.labels.min() == assessment.test.labels.max())
    if one:
        axes.text(0.5, 0.5, "all test rows are of one class", ha="center", va="center", color=GREY)
    return one


def _dots(assessment: Assessment) -> tuple[Any, Any]:
    """Evenly picked rows, few enough to draw."""
    step = -(-len(assessment.test.labels) // DOTS)
    return assessment.test.labels[::step], assessment.test.scores[::step]
