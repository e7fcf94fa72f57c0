"""Evaluate a trained model on rows it has not seen: the report that the gate reads, and its pictures.

    python -m containers.processing.evaluate --bar 0.9

Reads the model, the validation rows (on which the threshold is chosen) and the test rows (on which
everything is measured); writes ``evaluation.json`` and PNGs. A missed bar is a finding, not a failure: the
job succeeds. Where a search has left more good models, they are measured beside the one that is judged.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from containers import contract, prepared
from containers.contract import ProcessingPaths
from containers.metrics.gate import Direction, Verdict, judge
from containers.processing import predictions
from containers.processing.candidates import runners_up, table
from containers.processing.job import DataError, read_settings, run
from containers.processing.model_archive import TrainedModel, load
from containers.processing.plots import draw
from containers.processing.report import Assessment, Scored, assess, dataset


def main(
    paths: ProcessingPaths, bar: float | None = None, threshold: str = "f1", resamples: int | None = None
) -> None:
    """Write the report about the model in the input ``model``; ``bar`` overrides the one in the settings.

    Raises:
        DataError: the settings, the model or the rows are wrong, or do not belong together.
    """
    if resamples is not None and resamples < 2:
        raise DataError(f"resamples must be at least 2, got {resamples}")
    settings = read_settings(paths)
    model = load(paths.input(contract.MODEL))
    if settings.get("problem") != model.problem:
        raise DataError(
            f"the settings say the problem is {settings.get('problem')}, the model was trained for {model.problem}"
        )
    validation, test = _scored(paths, model)
    try:
        assessment = assess(
            model.problem, model.classes, validation, test, rule=threshold, resamples=resamples
        )
    except ValueError as error:
        raise DataError(str(error)) from None
    verdict = _verdict(settings.get("gate"), bar, assessment)
    cut = assessment.threshold.value if assessment.threshold else None
    predictions.write(
        predictions.predict(paths, settings, model, test, cut), paths.output(contract.PREDICTIONS)
    )
    others = [(each, *_scored(paths, each)) for each in runners_up(paths)]
    output = paths.output(contract.EVALUATION)
    importance = model.importance()
    pictures = draw(assessment, importance, str(settings.get("title", settings.get("name", ""))), output)
    report = {
        "version": 1,
        "dataset": dataset(model.problem, model.classes, validation, test),
        **assessment.document(),
        "feature_importance": importance,
        "model": model.description,
        "pictures": pictures,
        **({"candidates": table([(model, validation, test), *others], threshold)} if others else {}),
        **({"gate": verdict.document()} if verdict else {}),
    }
    text = json.dumps(report, indent=1, allow_nan=False, ensure_ascii=False)
    (output / contract.EVALUATION_FILE).write_text(text + "\n", encoding="utf-8")
    print(summary(assessment, verdict), flush=True)


def summary(assessment: Assessment, verdict: Verdict | None) -> str:
    """The log's last lines: every metric with its interval, and what the gate says."""
    lines = [f"{len(assessment.test.labels)} test rows"]
    for name, estimate in assessment.metrics.items():
        value = estimate.reason if estimate.value is None else f"{estimate.value:.4f}"
        interval = estimate.confidence_interval
        lines.append(
            f"  {name:<28}{value}" + (f"  ({interval[0]:.4f} to {interval[1]:.4f})" if interval else "")
        )
    if assessment.threshold:
        lines.append(f"threshold {assessment.threshold.value:.4f}, chosen by {assessment.threshold.rule}")
    return "\n".join([*lines, f"gate: {verdict.message}"] if verdict else lines)


def _scored(paths: ProcessingPaths, model: TrainedModel) -> tuple[Scored, Scored]:
    """The validation and the test rows with the model's scores."""
    found = []
    for name in (contract.VALIDATION, contract.TEST):
        rows = prepared.read(paths.input(name), name, model.features)
        prepared.check_labels(rows, model.problem, len(model.classes))
        found.append(Scored(rows.labels, model.score(rows)))
    return found[0], found[1]


def _verdict(gate: Mapping[str, Any] | None, bar: float | None, assessment: Assessment) -> Verdict | None:
    """The verdict, where the settings have a gate."""
    if not gate:
        return None
    metric = str(gate.get("metric"))
    if metric not in assessment.metrics:
        near = get_close_matches(metric, assessment.metrics, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"There are {', '.join(assessment.metrics)}"
        raise DataError(f"gate.metric: {assessment.problem} has no metric '{metric}'. {hint}")
    direction: Direction = "at_most" if gate.get("at_most") is not None else "at_least"
    wanted = bar if bar is not None else gate.get(direction)
    if wanted is None or not math.isfinite(wanted):
        raise DataError(f"gate: there is no bar for {metric}; give at_least, at_most or --bar a number")
    return judge(assessment.metrics, metric, float(wanted), direction)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="evaluate", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--bar", type=float, help="what the gate's metric must reach; overrides the settings")
    parser.add_argument(
        "--threshold", default="f1", help="how the threshold is chosen (default: %(default)s)"
    )
    parser.add_argument(
        "--resamples", type=int, help="bootstrap resamples (default: 200, fewer above 100,000 rows)"
    )
    arguments = parser.parse_args()
    sys.exit(
        run(
            main,
            ProcessingPaths(),
            bar=arguments.bar,
            threshold=arguments.threshold,
            resamples=arguments.resamples,
        )
    )
