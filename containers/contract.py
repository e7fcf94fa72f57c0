"""What a job and the pipeline around it agree on: names, paths, report shapes. Standard library only.

The pipeline side (``steps``) and the job side (``containers``) both read this module, so a rename is one
edit. Every path hangs below one base, ``/opt/ml`` in a job and any folder in a test.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

BASE = "/opt/ml"  # https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html

# What travels between the steps: the name of a channel or output, and of its folder.
CODE = "code"  # this package, content-addressed
SETTINGS = "settings"  # the use case as JSON
DATA = "data"  # ingested rows, Parquet
MANIFEST = "manifest"  # what was ingested: rows, columns, content hash, source, time
TRAIN = "train"  # prepared rows, Parquet: LABEL first, then numeric features
VALIDATION = "validation"
TEST = "test"
HOLDOUT = "holdout"  # the test rows as they were before the flow, in the same order as TEST
FLOW = "flow"  # the fitted prep flow
WEIGHTS = "weights"  # how much each row of TRAIN counts, in its order; only where labels are reweighed
MODEL = "model"
UNMITIGATED = "unmitigated"  # the model that was trained without WEIGHTS
EVALUATION = "evaluation"
PREDICTIONS = "predictions"  # what the model says of each test row, Parquet: facets, LABEL, PREDICTED_LABEL
TUNING = "tuning"
CARD = "card"
CHAMPION = "champion"
MODEL_MANIFEST = "model_manifest"  # what the model was made of, each thing with its hash
SMOKE_TEST = "smoke_test"

# Between the jobs of batch scoring.
ROWS = "rows"  # what a transform job is sent: JSON Lines of ROW and FEATURES, in parts
TABLE = "table"  # the same rows with all their columns, Parquet, part by part
REJECTED = "rejected"  # rows that were left out, and what is wrong with each
BATCH = "batch"  # which model scores them, and how many there are
SCORES = "scores"  # what the transform job answered
SUMMARY = "summary"  # how many rows were read, left out, written, and where

# Files within them.
SETTINGS_FILE = "usecase.json"
MANIFEST_FILE = "manifest.json"
PART_FILE = "part-00000.parquet"  # a table's first (and, where it is small, only) file
FLOW_FILE = "flow.json"
MODEL_FILE = "model.ubj"  # XGBoost's own binary JSON
MODEL_INFO_FILE = "model.json"  # what serving must know besides: problem, label, classes, features
MODEL_ARCHIVE = "model.tar.gz"
SOURCE_ARCHIVE = "sourcedir.tar.gz"  # what a framework container unpacks and runs
EVALUATION_FILE = "evaluation.json"
TUNING_FILE = "tuning.json"
TRIALS_FILE = "trials.csv"
CARD_FILE = "model_card.json"
CHAMPION_FILE = "champion.json"
BATCH_FILE = "batch.json"
REJECTED_FILE = "rejected.jsonl"
SUMMARY_FILE = "summary.json"
HASH_FILE = "hash.json"  # of MANIFEST_FILE in MODEL_MANIFEST, at HASH_PATH
SMOKE_TEST_FILE = "smoke_test.json"

WEIGHT = "weight"  # the only column of WEIGHTS
LABEL = "label"  # the label's column in prepared tables: 0/1, class index, or the number itself

# On a registered package, among its CustomerMetadataProperties.
MANIFEST_PROPERTY, MANIFEST_HASH_PROPERTY = "Manifest", "ManifestHash"

PREDICTED_LABEL = (
    "predicted_label"  # in PREDICTIONS, where it and LABEL hold values as the raw rows have them
)
PROBABILITY = "probability"  # in PREDICTIONS, binary: of the positive value

DECISION_THRESHOLD = "DECISION_THRESHOLD"  # serving's environment: the probability from which on it is a yes

# A line that is sent, and what a transform job makes of it where it joins its input.
ROW, FEATURES, ANSWER = "row", "features", "SageMakerOutput"
# Columns that batch scoring adds to those of the rows.
DECISION, PREDICTION, MODEL_VERSION = "decision", "prediction", "model_version"
RUN_DATE, EXECUTION = "run_date", "execution"  # partitions that come from the run, and not from its rows

# The evaluation report: AWS's report shape, so that Model Registry and Studio can draw it.
METRIC_GROUPS = {
    "binary": "binary_classification_metrics",
    "multiclass": "multiclass_classification_metrics",
    "regression": "regression_metrics",
}
THRESHOLD_PATH = "threshold.value"  # binary: chosen on the validation rows
HASH_PATH = "sha256"
PACKAGE_PATH = "package"  # in BATCH_FILE
GATE_MISSED_PATH = "gate.missed"  # how many bars were missed
CHAMPION_MISSED_PATH, CHAMPION_OBJECTION_PATH = "missed", "objection"  # in CHAMPION_FILE
GATE_MESSAGE_PATH = "gate.message"  # which bars were met, or missed and by how much, in a sentence


# What training measures each round; the last one decides on early stopping, as always in XGBoost.
EVAL_METRICS = {
    "binary": ("logloss", "auc"),
    "multiclass": ("merror", "mlogloss"),
    "regression": ("mae", "rmse"),
}
# A line of the log is "[7]\tvalidation-auc:0.91"; the last one has the scores of the model that is kept.
# AWS reads its XGBoost image by itself; other images and tuning jobs are told how by these.
METRIC_REGEX = r"\[[0-9]+\].*{channel}-{metric}:([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"


def metric_definitions(problem: str) -> list[dict[str, str]]:
    """``MetricDefinitions`` of the training job: ``validation:auc`` and so on."""
    return [
        {"Name": f"{channel}:{metric}", "Regex": METRIC_REGEX.format(channel=channel, metric=metric)}
        for channel in (TRAIN, VALIDATION)
        for metric in EVAL_METRICS[problem]
    ]


def candidate(rank: int) -> str:
    """The input that holds the model of the ``rank``-th best trial, from 2 on; the best is ``MODEL``."""
    return f"{MODEL}-{rank}"


def script_hyperparameters(source_dir: str) -> dict[str, str]:
    """The two hyperparameters that tell a framework container which program to run, out of which archive."""
    return {"sagemaker_program": "train.py", "sagemaker_submit_directory": source_dir}


def metric_path(problem: str, metric: str) -> str:
    """The JSON path of a metric's value in the report: ``binary_classification_metrics.auc.value``."""
    return f"{METRIC_GROUPS[problem]}.{metric}.value"


@dataclass(frozen=True)
class ProcessingPaths:
    """Where a processing job finds its inputs and leaves its outputs."""

    base: Path = Path(BASE)

    def input(self, name: str) -> Path:
        """The folder of the input ``name``."""
        return self.base / "processing" / "input" / name

    def output(self, name: str) -> Path:
        """The folder of the output ``name``."""
        return self.base / "processing" / "output" / name

    @property
    def settings(self) -> Path:
        """The use case, as JSON."""
        return self.input(SETTINGS) / SETTINGS_FILE

    @property
    def failure_message(self) -> Path:
        """What a failing job writes here becomes its ExitMessage."""
        return self.base / "output" / "message"


@dataclass(frozen=True)
class TrainingPaths:
    """Where a training job finds its channels and leaves its model."""

    base: Path = Path(BASE)

    def channel(self, name: str) -> Path:
        """The folder of the channel ``name``, from ``SM_CHANNEL_<NAME>`` where the container sets it."""
        return Path(os.environ.get(f"SM_CHANNEL_{name.upper()}", self.base / "input" / "data" / name))

    @property
    def model(self) -> Path:
        """What lies here after the job becomes ``model.tar.gz``."""
        return Path(os.environ.get("SM_MODEL_DIR", self.base / "model"))

    @property
    def checkpoints(self) -> Path:
        """Synchronised with S3 while the job runs, and there again when it is resumed."""
        return self.base / "checkpoints"

    @property
    def failure_message(self) -> Path:
        """What a failing job writes here becomes its FailureReason."""
        return self.base / "output" / "failure"
