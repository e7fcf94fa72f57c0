"""Evaluate a trained model on rows it has not seen: the report that the gate reads, and its pictures.

    python -m containers.processing.evaluate --bar 0.9

Reads the model, the validation rows (on which the threshold is chosen), the test rows (on which everything is
measured) and their facets; writes ``evaluation.json``, PNGs and what the model predicts. A missed bar is a finding,
not a failure: the job succeeds. Where a search has left more good models, they are measured beside the one that is
judged; where that was trained with weights, so is the one without.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from containers import contract, prepared
from containers.contract import ProcessingPaths
from containers.metrics.estimate import Array, Estimate
from containers.metrics.gate import Direction, Verdict, gate, judge
from containers.processing import fairness_plots, predictions
from containers.processing.candidates import runners_up, table
from containers.processing.fairness import Fairness, measure
from containers.processing.job import DataError, read_settings, run
from containers.processing.mitigation import Judged, compare, cost, lines
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
    judged = _judge(paths, settings, model, threshold, resamples)
    before = _before(paths, settings, threshold, resamples)
    assessment, bias = judged.assessment, judged.bias
    verdict = _verdict(settings.get("gate"), bar, assessment)
    verdicts = [*([verdict] if verdict else []), *(bias.verdicts if bias else [])]
    predictions.write(judged.predictions, paths.output(contract.PREDICTIONS))
    others = [(each, *_scored(paths, each)) for each in runners_up(paths)]
    searched = before or judged  # what the search found, before anything was mended
    output = paths.output(contract.EVALUATION)
    importance = model.importance()
    title = str(settings.get("title", settings.get("name", "")))
    pictures = draw(assessment, importance, title, output)
    mitigation = compare(before, judged, resamples) if before else None
    if bias:
        leading = verdict.metric if verdict else next(iter(assessment.metrics))
        said = cost(before, judged, leading) if before else ""
        pictures += fairness_plots.draw(bias, before.bias if before else None, title, output, said)
    report = {
        "version": 1,
        "dataset": dataset(model.problem, model.classes, judged.validation, judged.test),
        **assessment.document(),
        "feature_importance": importance,
        "model": model.description,
        **({"bias": bias.document()} if bias else {}),
        **({"mitigation": mitigation} if mitigation else {}),
        "pictures": pictures,
        **({"candidates": table([searched.scored, *others], threshold)} if others else {}),
        **({"gate": gate(verdicts)} if verdicts else {}),
    }
    text = json.dumps(report, indent=1, allow_nan=False, ensure_ascii=False)
    (output / contract.EVALUATION_FILE).write_text(text + "\n", encoding="utf-8")
    if mitigation:
        print(*lines(mitigation), sep="\n")
    print(summary(assessment, verdicts, bias), flush=True)


def summary(assessment: Assessment, verdicts: Sequence[Verdict] = (), bias: Fairness | None = None) -> str:
    """The log's last lines: every metric with its interval, the bias of each facet, and what each bar says."""
    lines = [f"{len(assessment.test.labels)} test rows"]
    lines += [_line(name, estimate) for name, estimate in assessment.metrics.items()]
    if assessment.threshold:
        lines.append(f"threshold {assessment.threshold.value:.4f}, chosen by {assessment.threshold.rule}")
    for facet in bias.facets if bias else ():
        lines.append(f"bias, {facet.name} ({facet.rows} rows) against the others ({facet.others})")
        lines += [_line(name, estimate) for name, estimate in facet.metrics.items()]
    return "\n".join([*lines, *(f"gate: {verdict.message}" for verdict in verdicts)])


def _line(name: str, estimate: Estimate) -> str:
    value = estimate.reason if estimate.value is None else f"{estimate.value:.4f}"
    interval = estimate.confidence_interval
    return f"  {name:<28}{value}" + (f"  ({interval[0]:.4f} to {interval[1]:.4f})" if interval else "")


def _judge(
    paths: ProcessingPaths,
    settings: Mapping[str, Any],
    model: TrainedModel,
    rule: str,
    resamples: int | None,
) -> Judged:
    """Everything about one model: how good it is, what it predicts, and how fair that is."""
    validation, test = _scored(paths, model)
    try:
        assessment = assess(model.problem, model.classes, validation, test, rule=rule, resamples=resamples)
    except ValueError as error:
        raise DataError(str(error)) from None
    cut = assessment.threshold.value if assessment.threshold else None
    predicted = predictions.predict(paths, settings, model, test, cut)

    def features() -> Array:
        rows = prepared.read(paths.input(contract.TEST), contract.TEST, model.features)
        values: Array = rows.features.to_pandas().to_numpy(dtype="float64")
        return values

    bias = measure(predicted.to_pandas(), settings, features, resamples=resamples)
    return Judged(model, validation, test, assessment, predicted, bias)


def _before(
    paths: ProcessingPaths, settings: Mapping[str, Any], rule: str, resamples: int | None
) -> Judged | None:
    """The model that was trained without weights, where the one that is judged was trained with them."""
    folder = paths.input(contract.UNMITIGATED)
    return _judge(paths, settings, load(folder), rule, resamples) if folder.is_dir() else None


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
