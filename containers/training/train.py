"""Train XGBoost on prepared rows: script mode on AWS's XGBoost image, and anywhere else.

    python -m containers.training.train --problem binary --rounds 400 --early_stopping_rounds 25 --eta 0.1

Reads the channels ``train``, ``validation`` (Parquet, the label first), ``flow`` and, where there is one,
``weights`` (how much each training row counts); leaves in ``/opt/ml/model`` the model, the fitted prep flow
that goes with it, and what serving must know besides. In the image this file lies at the root of the source
folder, beside the package ``containers``, and the toolkit runs ``python3 -m train``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from types import FrameType
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from containers import contract, prepared
from containers.contract import TrainingPaths
from containers.prepared import Rows
from containers.processing.job import DataError, run
from containers.training import checkpoints, hyperparameters
from containers.training.boosting import Boosting, boost, final_line
from containers.training.checkpoints import Checkpoints
from containers.training.hyperparameters import Hyperparameters
from containers.versions import versions


def main(
    paths: TrainingPaths, texts: Mapping[str, str], interrupted: Callable[[], bool] = lambda: False
) -> None:
    """Train as ``texts``, the hyperparameters, say; leave the model in ``paths.model``.

    Raises:
        DataError: the hyperparameters or the channels are wrong. SystemExit: with 143, as the signal would
        have, after an interruption: the model so far is in its place,
            but nobody should take it for a finished one.
    """
    wanted = _parse(texts)
    xgb.set_config(nthread=threads())
    train_rows = prepared.read(paths.channel(contract.TRAIN), contract.TRAIN)
    features = train_rows.feature_names
    wanted = replace(wanted, num_class=count_classes(paths, wanted, train_rows))
    prepared.check_labels(train_rows, wanted.problem, wanted.num_class or 0)
    prepared.check_classes(train_rows, wanted.problem)
    weights = _weights(paths, train_rows)
    train = prepared.training_matrix(train_rows, None, weights, **_matrix_settings(wanted))
    del train_rows, weights  # the matrix has what it needs: halves the peak
    validation = _validation(paths, wanted, features, train)
    print(f"training on {train.num_row()} rows, {len(features)} features, {threads()} threads", flush=True)
    try:
        result = boost(train, validation, wanted, _checkpoints(paths, wanted), interrupted)
    except xgb.core.XGBoostError as error:
        raise DataError(f"XGBoost refuses: {_first_line(error)}") from error
    if result:
        scores = final_line(result, train, validation)
        save(paths, result, describe(wanted, features, result, scores))
    if result is None or result.interrupted:
        print("interrupted: the model is not finished", file=sys.stderr, flush=True)
        raise SystemExit(128 + signal.SIGTERM)


def count_classes(paths: TrainingPaths, wanted: Hyperparameters, rows: Rows) -> int | None:
    """How many classes there are: as the hyperparameters say, else the fitted flow, else the labels.

    Training rows need not have every class, so the flow, which saw the label's values, is asked before them.
    """
    if wanted.problem != "multiclass":
        return 2 if wanted.problem == "binary" else None
    flow = paths.channel(contract.FLOW) / contract.FLOW_FILE
    learned = json.loads(flow.read_text(encoding="utf-8")) if flow.is_file() else {}
    known = len(learned.get("label", {}).get("classes", ()))
    return wanted.num_class or known or int(rows.labels.max()) + 1


def describe(
    wanted: Hyperparameters, features: list[str], result: Boosting, scores: Mapping[str, float]
) -> dict[str, Any]:
    """What serving and evaluation must know besides the model."""
    return {
        "problem": wanted.problem,
        "num_class": wanted.num_class,
        "features": features,
        "best_iteration": result.best_round,
        "rounds": result.rounds,
        "metrics": {name.replace("-", ":", 1): value for name, value in scores.items()},
        "hyperparameters": {**asdict(wanted), "booster": dict(wanted.booster)},
        "xgboost": xgb.__version__,
        "versions": versions(("numpy", "pandas", "pyarrow", "xgboost")),
    }


def save(paths: TrainingPaths, result: Boosting, description: Mapping[str, Any]) -> None:
    """Model, description and, where there is one, the fitted flow; nothing in them depends on the clock."""
    paths.model.mkdir(parents=True, exist_ok=True)
    (paths.model / contract.MODEL_FILE).write_bytes(result.booster.save_raw("ubj"))
    text = json.dumps(description, indent=2, allow_nan=False)
    (paths.model / contract.MODEL_INFO_FILE).write_text(text + "\n", encoding="utf-8")
    flow = paths.channel(contract.FLOW) / contract.FLOW_FILE
    if flow.is_file():
        shutil.copyfile(flow, paths.model / contract.FLOW_FILE)


def threads() -> int:
    """How many cores this job may use; with more threads than cores OpenMP spins instead of working."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Interruption:
    """Notes that SIGTERM came: a spot interruption, or StopTrainingJob, which leaves 120 seconds."""

    def __init__(self) -> None:
        self._came = False
        signal.signal(signal.SIGTERM, self._note)

    def __call__(self) -> bool:
        """Has it come?"""
        return self._came

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's
        self._came = True


def _first_line(error: Exception) -> str:
    """What XGBoost says, without the time and its own source line in front and the stack behind."""
    line = str(error).splitlines()[0]
    return re.sub(r"^\[[\d:]+\] \S+:\d+: (Check failed: .*?: )?", "", line)


def _parse(texts: Mapping[str, str]) -> Hyperparameters:
    try:
        return hyperparameters.parse(texts)
    except ValueError as error:
        raise DataError(f"hyperparameters: {error}") from None


def _weights(paths: TrainingPaths, rows: Rows) -> npt.NDArray[np.float64] | None:
    folder = paths.channel(contract.WEIGHTS)
    if not folder.is_dir():
        return None
    print("each training row counts as its weight says", flush=True)
    return prepared.read_weights(folder, rows)


def _validation(
    paths: TrainingPaths, wanted: Hyperparameters, features: list[str], train: xgb.QuantileDMatrix
) -> xgb.QuantileDMatrix | None:
    folder = paths.channel(contract.VALIDATION)
    if not folder.is_dir() and not wanted.early_stopping_rounds:
        return None
    rows = prepared.read(folder, contract.VALIDATION, features)
    prepared.check_labels(rows, wanted.problem, wanted.num_class or 0)
    prepared.check_classes(rows, wanted.problem)
    return prepared.training_matrix(rows, train, None, **_matrix_settings(wanted))


def _matrix_settings(wanted: Hyperparameters) -> dict[str, int]:
    """The bins are made with the matrix, so it must know how many."""
    bins = wanted.booster.get("max_bin")
    return {"nthread": threads()} | ({"max_bin": int(bins)} if bins is not None else {})


def _checkpoints(paths: TrainingPaths, wanted: Hyperparameters) -> Checkpoints:
    if not paths.checkpoints.is_dir():
        return Checkpoints(paths.checkpoints, "")
    # Neither how long to train nor how often to save changes what a round does.
    settings = {**asdict(wanted), "rounds": None, "checkpoint_every": None, "xgboost": xgb.__version__}
    read = (contract.TRAIN, contract.VALIDATION, contract.WEIGHTS)
    folders = [folder for folder in map(paths.channel, read) if folder.is_dir()]
    return Checkpoints(paths.checkpoints, checkpoints.fingerprint(settings, folders))


if __name__ == "__main__":
    interruption = Interruption()
    sys.exit(run(main, TrainingPaths(), hyperparameters.from_command_line(sys.argv[1:]), interruption))
