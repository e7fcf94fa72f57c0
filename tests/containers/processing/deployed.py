"""A model with everything that a smoke test reads: made by the jobs themselves, of a few hundred rows."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from containers import contract
from containers.contract import ProcessingPaths, TrainingPaths
from containers.processing import evaluate, prep
from containers.training import train
from pipelines.config import load
from pipelines.publish import plan
from tests.local_sagemaker.endpoints.conftest import XGBOOST, Host

COLUMNS = {"a": "number", "n": "integer", "when": "timestamp", "yes": "boolean", "c": "string", "y": "string"}
FLOW = [
    {"operator": "date_parts", "columns": ["when"], "parts": ["hour", "weekday"]},
    {"operator": "encode", "columns": ["c"], "method": "one_hot"},
    {"operator": "impute", "columns": ["n"], "strategy": "median"},
]


@dataclass(frozen=True)
class Made:
    """Where it lies: the archive, and the job's base with the inputs of a smoke test."""

    archive: Path
    paths: ProcessingPaths


def rows(number: int, problem: str, seed: int = 7) -> pd.DataFrame:
    """Raw rows of every type of column, with gaps, commas, quotes and numbers that need all their digits."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": draw.normal(size=number) / 3,
            "n": pd.array(draw.integers(-5, 2**40, number), dtype="Int64"),
            "when": pd.Timestamp("2024-02-29") + pd.to_timedelta(draw.integers(0, 10**13, number), unit="us"),
            "yes": pd.array(draw.random(number) < 0.5, dtype="boolean"),
            "c": draw.choice(["x", 'y, "z"', "ü\nz", "null"], number),
        }
    )
    odds = 2 * frame["a"] + frame["yes"].astype(float) - 0.5 + 0.3 * draw.logistic(size=number)
    for column in ("a", "n", "when", "yes", "c"):
        frame.loc[draw.random(number) < 0.05, column] = None
    if problem == "regression":
        return frame.assign(y=odds)
    names = ["no", "yes"] if problem == "binary" else ["low", "mid", "high"]
    return frame.assign(y=pd.qcut(odds, len(names), labels=names).astype(str))


def make(base: Path, problem: str = "binary") -> Made:
    """Prepare, train, evaluate."""
    columns = {**COLUMNS, "y": "number" if problem == "regression" else "string"}
    settings: dict[str, Any] = {
        "name": "test",
        "title": "A test",
        "problem": problem,
        "label": "y",
        "positive": "yes" if problem == "binary" else None,
        "source": {"missing": []},
        "columns": columns,
        "split": {"strategy": "random", "validation": 0.2, "test": 0.4, "seed": 1, "order_by": ""},
        "flow": FLOW,
        "gate": None,
        "facets": [],
        "fairness": {},
    }
    preparing = ProcessingPaths(base / "prep")
    preparing.settings.parent.mkdir(parents=True)
    preparing.settings.write_text(json.dumps(settings), encoding="utf-8")
    preparing.input(contract.DATA).mkdir(parents=True)
    pq.write_table(
        pa.Table.from_pandas(rows(800, problem)), preparing.input(contract.DATA) / contract.PART_FILE
    )
    prep.main(preparing)
    archive = _train(base, preparing, problem)
    judging = ProcessingPaths(base / "evaluate")
    given = {name: preparing.output(name) for name in (contract.VALIDATION, contract.TEST, contract.HOLDOUT)}
    _link(judging, {**given, contract.MODEL: archive.parent, contract.SETTINGS: preparing.settings.parent})
    evaluate.main(judging, resamples=2)
    testing = ProcessingPaths(base / "smoke")
    kept = {
        contract.SETTINGS: preparing.settings.parent,
        contract.HOLDOUT: preparing.output(contract.HOLDOUT),
        contract.FLOW: preparing.output(contract.FLOW),
        contract.PREDICTIONS: judging.output(contract.PREDICTIONS),
    }
    _link(testing, kept)
    return Made(archive, testing)


def _train(base: Path, preparing: ProcessingPaths, problem: str) -> Path:
    channels = TrainingPaths(base / "training")
    for name in (contract.TRAIN, contract.VALIDATION, contract.FLOW):
        channels.channel(name).parent.mkdir(parents=True, exist_ok=True)
        channels.channel(name).symlink_to(preparing.output(name))
    classes = {"num_class": "3"} if problem == "multiclass" else {}
    train.main(channels, {"problem": problem, "rounds": "12", "early_stopping_rounds": "0", **classes})
    folder = base / "archive"
    folder.mkdir()
    with tarfile.open(folder / contract.MODEL_ARCHIVE, "w:gz") as packed:
        for path in sorted(channels.model.iterdir()):
            packed.add(path, path.name)
    return folder / contract.MODEL_ARCHIVE


def _link(paths: ProcessingPaths, inputs: dict[str, Path]) -> None:
    for name, folder in inputs.items():
        paths.input(name).parent.mkdir(parents=True, exist_ok=True)
        paths.input(name).symlink_to(folder)


@dataclass
class Registry:
    """A model package group, whose packages are all of one model."""

    host: Host
    group: str
    made: Made

    def package(self, status: str = "Approved", **environment: str) -> str:
        """Another version; its ARN. ``environment`` changes how it is served."""
        report = self.made.archive.parents[1] / "evaluate/processing/output/evaluation/evaluation.json"
        threshold = json.loads(report.read_text(encoding="utf-8"))["threshold"]["value"]
        publication = plan(load())
        _, _, key = publication.serving.removeprefix("s3://").partition("/")
        source = f"s3://{self.host.bucket}/{key}"
        self.host.client("s3").put_object(Bucket=self.host.bucket, Key=key, Body=publication.objects[key])
        served = {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": source,
            contract.DECISION_THRESHOLD: str(threshold),
            **environment,
        }
        container = self.host.container(self.made.archive.read_bytes(), XGBOOST, served)
        arn: str = self.host.sagemaker.create_model_package(
            ModelPackageGroupName=self.group,
            ModelApprovalStatus=status,
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )["ModelPackageArn"]
        return arn

    def approval(self, package: str) -> tuple[str, str]:
        found = self.host.sagemaker.describe_model_package(ModelPackageName=package)
        return found["ModelApprovalStatus"], found.get("ApprovalDescription", "")


def spoil(paths: ProcessingPaths, row: int) -> None:
    """Let evaluation have said something else of one row."""
    folder = paths.input(contract.PREDICTIONS)
    table = pq.read_table(folder / contract.PART_FILE).to_pydict()
    table[contract.PROBABILITY][row] /= 2
    folder.unlink()
    folder.mkdir()
    pq.write_table(pa.table(table), folder / contract.PART_FILE)
