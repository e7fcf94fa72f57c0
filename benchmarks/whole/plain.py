"""The whole pipeline's work in one plain script: what somebody writes who needs no pipeline.

    python -m benchmarks.whole.plain usecase.json trials.json data.csv folder

It uses the jobs' own functions, so it does the same and gives the same numbers; but it is one process, nothing is
uploaded, and what one part has made is in memory for the next. It leaves the same files. The trials of the search are
given, so that both train the same models; choosing them would cost it more.
"""

import json
import shutil
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xgboost as xgb

from containers import contract
from containers.contract import LABEL, PART_FILE, TrainingPaths
from containers.flow import FittedFlow, apply
from containers.metrics.gate import Direction, judge
from containers.metrics.gate import gate as gate_document
from containers.prepared import Rows, check_classes, check_labels, training_matrix
from containers.processing import csv_files, fairness, fairness_plots, predictions, tuning_report
from containers.processing.candidates import table
from containers.processing.content import ContentHash
from containers.processing.ingest import Census, Parts
from containers.processing.model_archive import TrainedModel
from containers.processing.plots import draw
from containers.processing.prep import prepare
from containers.processing.report import Scored, assess, dataset
from containers.processing.schema import arrow_schema
from containers.training import hyperparameters, train
from containers.training.boosting import Boosting, boost, final_line
from containers.training.checkpoints import Checkpoints
from containers.training.hyperparameters import GROWING
from containers.tuning import pictures
from containers.tuning.trials import Axis, Search, Trial

Texts = Mapping[str, str]
Settings = dict[str, Any]


@dataclass(frozen=True)
class Trained:
    """A model, and the trial that made it."""

    model: TrainedModel
    trial: Trial


def ingest(settings: Settings, source: Path, folder: Path) -> pa.Table:
    """Read and check the CSV; keep it as Parquet with a manifest."""
    schema = arrow_schema(settings["columns"])
    census, content, parts = Census(settings), ContentHash(schema), Parts(folder / "data", schema)
    pieces = []
    for piece in csv_files.tables(source, str(source), settings["columns"], settings["source"]):
        content.add(piece)
        census.add(piece)
        parts.write(piece)
        pieces.append(piece)
    census.check(str(source))
    parts.close()
    manifest = {
        "source": str(source),
        "rows": census.rows,
        "columns": {
            name: {"type": t, "missing": census.missing[name]} for name, t in settings["columns"].items()
        },
        "label": census.label_counts(),
        "sha256": content.hexdigest(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    (folder / contract.MANIFEST_FILE).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return pa.concat_tables(pieces)


def prep(settings: Settings, table: pa.Table, folder: Path) -> tuple[FittedFlow, dict[str, Rows]]:
    """Split, fit the flow on the training rows, apply it to all; keep the rows and the flow."""
    flow, sides, kept = prepare(table.to_pandas(), settings)
    made = {}
    for name, positions in sides.items():
        rows = kept.iloc[positions]
        labels = flow.label.encode(rows[flow.label.column])
        features = pa.Table.from_pandas(apply(flow, rows), preserve_index=False)
        made[name] = Rows(name, labels.astype(float), features)
        kept_labels = labels if settings["problem"] == "regression" else labels.astype("int64")
        _write(features.add_column(0, LABEL, pa.array(kept_labels)), folder / name)
    _write(table.take(kept.index[sides[contract.TEST]].to_numpy()), folder / contract.HOLDOUT)
    (folder / contract.FLOW_FILE).write_text(flow.to_json(), encoding="utf-8")
    return flow, made


def fit(
    settings: Settings, flow: FittedFlow, rows: dict[str, Rows], trials: Sequence[Texts], folder: Path
) -> list[Trained]:
    """Train once for each trial, the matrices being made once; keep every model; the best comes first."""
    xgb.set_config(nthread=train.threads())
    for each in (rows[contract.TRAIN], rows[contract.VALIDATION]):
        check_labels(each, settings["problem"], len(flow.label.classes))
        check_classes(each, settings["problem"])
    matrix = training_matrix(rows[contract.TRAIN], nthread=train.threads())
    validation = training_matrix(rows[contract.VALIDATION], matrix, nthread=train.threads())
    made = []
    for number, trial in enumerate(trials, start=1):
        began = datetime.now(UTC)
        wanted = hyperparameters.parse({**settings["hyperparameters"], **trial})
        wanted = replace(wanted, num_class=len(flow.label.classes) or None)
        boosting = boost(matrix, validation, wanted, Checkpoints(folder / "none", ""), lambda: False)
        if boosting is None:
            raise RuntimeError("nothing was trained")
        scores = final_line(boosting, matrix, validation)
        description = train.describe(wanted, rows[contract.TRAIN].feature_names, boosting, scores)
        _keep(boosting, description, folder, number)
        classes = tuple(str(each) for each in flow.label.classes)
        features = tuple(description["features"])
        booster, values = boosting.booster, tuple(flow.label.classes)
        model = TrainedModel(booster, settings["problem"], features, classes, description, values)
        seconds = (datetime.now(UTC) - began).total_seconds()
        objective = scores[f"validation-{wanted.metrics[-1]}"]
        made.append(
            Trained(model, Trial(number, f"trial-{number}", "Completed", objective, seconds, began, trial))
        )
    sign = -1 if _grows(settings) else 1
    return sorted(made, key=lambda each: sign * (each.trial.objective or 0.0))


def report_on_search(settings: Settings, made: Sequence[Trained], folder: Path) -> None:
    """Every trial, what mattered, and the pictures of it."""
    axes = tuple(
        Axis(name, float(each["min"]), float(each["max"]), each.get("scaling") or "Auto")
        for name, each in settings["tuning"]["ranges"].items()
    )
    trials = tuple(sorted((each.trial for each in made), key=lambda trial: trial.number))
    metric = contract.EVAL_METRICS[settings["problem"]][-1]
    found = Search("plain", "Completed", "as given", metric, _grows(settings), False, axes, trials)
    document = tuning_report.report(found, [])
    folder.mkdir(parents=True, exist_ok=True)
    pictures.draw(found, document["importance"], None, settings["title"], folder)
    tuning_report.write_trials(found, folder / contract.TRIALS_FILE)
    (folder / contract.TUNING_FILE).write_text(json.dumps(document, indent=1), encoding="utf-8")


def evaluate(
    settings: Settings, rows: dict[str, Rows], made: Sequence[Trained], folder: Path
) -> dict[str, Any]:
    """Measure the best model on the test rows, draw the pictures, hold it against the bar; score the next best."""

    def scores(model: TrainedModel, name: str) -> Scored:
        return Scored(rows[name].labels, model.score(rows[name]))

    models = [each.model for each in made[: settings["tuning"]["top"]]]
    scored = [(each, scores(each, contract.VALIDATION), scores(each, contract.TEST)) for each in models]
    best, validation, test = scored[0]
    rule = settings["evaluation"]["threshold"]
    assessment = assess(best.problem, best.classes, validation, test, rule=rule, resamples=None)
    importance = best.importance()
    gate = settings["gate"]
    direction: Direction = "at_most" if gate.get("at_most") is not None else "at_least"
    verdict = judge(assessment.metrics, gate["metric"], gate[direction], direction)
    raw = pq.read_table(folder / contract.HOLDOUT, columns=predictions.facet_columns(settings))
    predicted = predictions.beside(
        raw, best, test, assessment.threshold.value if assessment.threshold else None
    )
    predictions.write(predicted, folder / contract.PREDICTIONS)
    bias = fairness.measure(
        predicted.to_pandas(),
        settings,
        lambda: rows[contract.TEST].features.to_pandas().to_numpy(dtype=float),
    )
    drawn = draw(assessment, importance, settings["title"], folder / contract.EVALUATION)
    if bias:
        drawn += fairness_plots.draw(bias, None, settings["title"], folder / contract.EVALUATION, "")
    report = {
        "version": 1,
        "dataset": dataset(best.problem, best.classes, validation, test),
        **assessment.document(),
        "feature_importance": importance,
        "model": best.description,
        **({"bias": bias.document()} if bias else {}),
        "pictures": drawn,
        **({"candidates": table(scored, rule)} if len(scored) > 1 else {}),
        "gate": gate_document([verdict, *(bias.verdicts if bias else ())]),
    }
    target = folder / contract.EVALUATION / contract.EVALUATION_FILE
    target.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return report


def main(settings: Settings, trials: Sequence[Texts], source: Path, folder: Path) -> dict[str, Any]:
    """Do all of it; returns the evaluation report."""
    folder.mkdir(parents=True, exist_ok=True)
    data = ingest(settings, source, folder)
    flow, rows = prep(settings, data, folder)
    made = fit(settings, flow, rows, trials, folder)
    if len(made) > 1:
        report_on_search(settings, made, folder / contract.TUNING)
    return evaluate(settings, rows, made, folder)


def _grows(settings: Settings) -> bool:
    return contract.EVAL_METRICS[settings["problem"]][-1] in GROWING


def _keep(boosting: Boosting, description: dict[str, Any], folder: Path, number: int) -> None:
    """The model with its flow, as ``model.tar.gz``."""
    place = folder / "trials" / str(number)
    train.save(TrainingPaths(place), boosting, description)
    shutil.copyfile(folder / contract.FLOW_FILE, place / "model" / contract.FLOW_FILE)
    with tarfile.open(place / contract.MODEL_ARCHIVE, "w:gz") as archive:
        for path in sorted((place / "model").iterdir()):
            archive.add(path, path.name)


def _write(table: pa.Table, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / PART_FILE)


def _read(path: str) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(_read(sys.argv[1]), _read(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
