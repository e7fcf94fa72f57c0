"""The whole pipeline's work in one plain script: what somebody writes who needs no pipeline.

    python -m benchmarks.whole.plain usecase.json data.csv folder

It uses the jobs' own functions, so it does the same and gives the same numbers; but it is one process, nothing is
uploaded, and what one part has made is in memory for the next. It leaves the same files.
"""

import json
import shutil
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xgboost as xgb

from containers import contract
from containers.contract import LABEL, PART_FILE, TrainingPaths
from containers.flow import FittedFlow, apply
from containers.metrics.estimate import RESAMPLES
from containers.metrics.gate import Direction, judge
from containers.prepared import Rows, check_classes, check_labels, scoring_matrix, training_matrix
from containers.processing import csv_files
from containers.processing.content import ContentHash
from containers.processing.ingest import Census, Parts
from containers.processing.plots import draw
from containers.processing.prep import prepare
from containers.processing.report import Scored, assess, dataset
from containers.processing.schema import arrow_schema
from containers.training import hyperparameters, train
from containers.training.boosting import Boosting, boost, final_line
from containers.training.checkpoints import Checkpoints

Settings = dict[str, Any]


def ingest(settings: Settings, source: Path, folder: Path) -> pa.Table:
    """Read and check the CSV; keep it as Parquet with a manifest."""
    schema = arrow_schema(settings["columns"])
    census, content, parts = Census(settings), ContentHash(schema), Parts(folder / "data", schema)
    tables = []
    for table in csv_files.tables(source, str(source), settings["columns"], settings["source"]):
        content.add(table)
        census.add(table)
        parts.write(table)
        tables.append(table)
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
    return pa.concat_tables(tables)


def prep(settings: Settings, table: pa.Table, folder: Path) -> tuple[FittedFlow, dict[str, Rows]]:
    """Split, fit the flow on the training rows, apply it to all; keep the rows and the flow."""
    flow, sides, kept = prepare(table.to_pandas(), settings)
    made = {}
    for name, positions in sides.items():
        rows = kept.iloc[positions]
        labels = flow.label.encode(rows[flow.label.column])
        features = pa.Table.from_pandas(apply(flow, rows), preserve_index=False)
        made[name] = Rows(name, labels.astype(float), features)
        _write(features.add_column(0, LABEL, pa.array(labels)), folder / name)
    _write(table.take(kept.index[sides[contract.TEST]].to_numpy()), folder / contract.HOLDOUT)
    (folder / contract.FLOW_FILE).write_text(flow.to_json(), encoding="utf-8")
    return flow, made


def fit(
    settings: Settings, flow: FittedFlow, rows: dict[str, Rows], folder: Path
) -> tuple[Boosting, dict[str, Any]]:
    """Train, and keep the model with its flow as ``model.tar.gz``."""
    training = settings["training"]
    given = {name: training[name] for name in ("rounds", "early_stopping_rounds", "seed")}
    given |= {"problem": settings["problem"], **training["booster"]}
    if settings["problem"] == "multiclass":
        given["num_class"] = len(flow.label.classes)
    wanted = hyperparameters.parse({name: str(value) for name, value in given.items()})
    for each in (rows[contract.TRAIN], rows[contract.VALIDATION]):
        check_labels(each, wanted.problem, wanted.num_class or 0)
        check_classes(each, wanted.problem)
    xgb.set_config(nthread=train.threads())
    matrix = training_matrix(rows[contract.TRAIN], nthread=train.threads())
    validation = training_matrix(rows[contract.VALIDATION], matrix, nthread=train.threads())
    made = boost(matrix, validation, wanted, Checkpoints(folder / "no-checkpoints", ""), lambda: False)
    if made is None:
        raise RuntimeError("nothing was trained")
    scores = final_line(made, matrix, validation)
    description = train.describe(wanted, rows[contract.TRAIN].feature_names, made, scores)
    train.save(TrainingPaths(folder / "training"), made, description)
    shutil.copyfile(folder / contract.FLOW_FILE, folder / "training" / "model" / contract.FLOW_FILE)
    with tarfile.open(folder / contract.MODEL_ARCHIVE, "w:gz") as archive:
        for path in sorted((folder / "training" / "model").iterdir()):
            archive.add(path, path.name)
    return made, description


def evaluate(
    settings: Settings,
    flow: FittedFlow,
    rows: dict[str, Rows],
    made: Boosting,
    description: Any,
    folder: Path,
) -> dict[str, Any]:
    """Measure the model on the test rows, draw the pictures, and hold it against the bar."""
    validation, test = (
        Scored(rows[name].labels, made.booster.predict(scoring_matrix(rows[name])).astype(float))
        for name in (contract.VALIDATION, contract.TEST)
    )
    classes = tuple(str(each) for each in flow.label.classes)
    problem = settings["problem"]
    assessment = assess(problem, classes, validation, test, rule="f1", resamples=RESAMPLES)
    gains = made.booster.get_score(importance_type="total_gain")
    ranked = sorted(gains.items(), key=lambda item: (-item[1], item[0]))
    importance = {name: gain / sum(gains.values()) for name, gain in ranked}
    gate = settings["gate"]
    direction: Direction = "at_most" if gate.get("at_most") is not None else "at_least"
    verdict = judge(assessment.metrics, gate["metric"], gate[direction], direction)
    report = {
        "version": 1,
        "dataset": dataset(problem, classes, validation, test),
        **assessment.document(),
        "feature_importance": importance,
        "model": description,
        "pictures": draw(assessment, importance, settings["title"], folder / contract.EVALUATION),
        "gate": verdict.document(),
    }
    target = folder / contract.EVALUATION / contract.EVALUATION_FILE
    target.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return report


def main(settings: Settings, source: Path, folder: Path) -> dict[str, Any]:
    """Do all of it; returns the evaluation report."""
    folder.mkdir(parents=True, exist_ok=True)
    table = ingest(settings, source, folder)
    flow, rows = prep(settings, table, folder)
    made, description = fit(settings, flow, rows, folder)
    return evaluate(settings, flow, rows, made, description, folder)


def _write(table: pa.Table, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / PART_FILE)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]), Path(sys.argv[3]))
