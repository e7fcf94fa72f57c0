"""XGBoost's algorithm mode: train from channels and hyperparameters alone.

    python3 -m local_sagemaker.jobs.runtimes.xgboost_algorithm [--pickle]

Reads ``/opt/ml/input``, prints one line a round (``[3]\ttrain-rmse:1.9\tvalidation-rmse:2.1``) and leaves
``/opt/ml/model/xgboost-model`` in XGBoost's own format (UBJ), which ``Booster().load_model(path)`` reads; or, as
the images before 1.3-1, as a pickled ``Booster``. Nothing here ever reads a pickle.
"""

from __future__ import annotations

import json
import pickle
import re
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import xgboost

from local_sagemaker.jobs.runtimes import xgboost_data
from local_sagemaker.jobs.runtimes.xgboost_metrics import custom_metric
from local_sagemaker.jobs.runtimes.xgboost_parameters import (
    MAXIMIZED,
    Configuration,
    UserError,
    configuration,
)

MODEL, CHECKPOINT = "xgboost-model", "xgboost-checkpoint"
_KEPT = 5  # checkpoints; the image keeps as many
# What XGBoost says when it is the data's or a hyperparameter's fault, in the words that come before the facts.
_BLAME = re.compile(r"Check failed: .*?: ?(.*)", re.DOTALL)


class Progress(xgboost.callback.TrainingCallback):  # type: ignore[misc]
    """Prints each round's metrics and keeps checkpoints, counting on from where an earlier job stopped."""

    def __init__(self, start: int, checkpoints: Path | None) -> None:
        super().__init__()
        self._start = start
        self._checkpoints = checkpoints
        self.told_to_end = False

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Called by XGBoost; true ends the training."""
        number = self._start + epoch
        scores = "\t".join(
            f"{data}-{metric}:{values[-1]:.5f}"
            for data, metrics in evals_log.items()
            for metric, values in metrics.items()
        )
        print(f"[{number}]\t{scores}", flush=True)  # noqa: T201 - the log is where metrics are read from
        if self._checkpoints:
            save(model, self._checkpoints / f"{CHECKPOINT}.{number}")
            (self._checkpoints / f"{CHECKPOINT}.{number - _KEPT}").unlink(missing_ok=True)
        return self.told_to_end


def main(base: Path, serialize: Callable[[Any], bytes]) -> None:
    """Train the model of the job in ``base``. Raises UserError."""
    settings = base / "input" / "config"
    wanted = configuration(json.loads((settings / "hyperparameters.json").read_text()))
    channels = json.loads((settings / "inputdataconfig.json").read_text())
    if "train" not in channels:
        raise UserError("Missing required channel: train")
    train, validation = _read(base, channels, wanted)
    folder = _checkpoint_folder(settings / "checkpointconfig.json")
    start, model = latest(folder)
    progress = Progress(start, folder)

    def end(*_: object) -> None:
        progress.told_to_end = True
        if not wanted.save_on_termination:
            sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    print(f"Train matrix has {train.num_row()} rows and {train.num_col()} columns", flush=True)  # noqa: T201
    if validation is not None:
        print(f"Validation matrix has {validation.num_row()} rows", flush=True)  # noqa: T201
    booster = _train(wanted, train, validation, progress, start, model)
    save(booster, base / "model" / MODEL, serialize)


def _read(base: Path, channels: dict[str, Any], wanted: Configuration) -> tuple[Any, Any]:
    data: dict[str, Any] = {}
    for name in ("train", "validation"):
        if name not in channels:
            data[name] = None
            continue
        folder = base / "input" / "data" / name
        kind = xgboost_data.content_type(channels[name].get("ContentType"))
        data[name] = xgboost_data.read(folder, kind, weights=wanted.weights and name == "train")
        if data[name] is None:
            raise UserError(f"No data in {name} channel path {folder}")
        _check_labels(data[name].label, name, wanted)
    train, validation = xgboost_data.matrices(data["train"], data["validation"])
    return train, validation


def _check_labels(label: Any, channel: str, wanted: Configuration) -> None:
    """Say what XGBoost says of wrong labels only in terms of what it derived from them."""
    objective = wanted.booster.get("objective", "")
    if objective in ("binary:logistic", "binary:logitraw", "reg:logistic"):
        if ((label < 0) | (label > 1)).any():
            raise UserError(
                f"{channel}: label must be in [0,1] for logistic regression; found {label.max():g}."
            )
    elif objective.startswith("multi:"):
        classes = wanted.booster["num_class"]
        wrong = label[(label < 0) | (label >= classes) | (label != label.astype(int))]
        if wrong.size:
            raise UserError(f"{channel}: label must be a whole number in [0, num_class); found {wrong[0]:g}.")


def _train(
    wanted: Configuration, train: Any, validation: Any, progress: Progress, start: int, model: Any
) -> Any:
    evals = [(train, "train")] + ([(validation, "validation")] if validation is not None else [])
    callbacks: list[Any] = [progress]
    if wanted.early_stopping_rounds:
        callbacks.append(
            xgboost.callback.EarlyStopping(
                rounds=wanted.early_stopping_rounds,
                metric_name=wanted.watched or None,
                data_name=evals[-1][1],
                maximize=(wanted.watched in MAXIMIZED) if wanted.watched else None,
                save_best=True,
            )
        )
    try:
        return xgboost.train(
            wanted.booster,
            train,
            num_boost_round=wanted.num_round - start,
            evals=evals,
            custom_metric=custom_metric(wanted.own_metrics) if wanted.own_metrics else None,
            callbacks=callbacks,
            xgb_model=model,
            verbose_eval=False,
        )
    except (ValueError, xgboost.core.XGBoostError) as error:
        raise UserError(f"XGBoost refused: {_cause(str(error))}") from None


def _cause(message: str) -> str:
    """The sentence of an XGBoost error that says what is wrong, without its stack trace."""
    text = message.partition("Stack trace:")[0].strip()
    found = _BLAME.search(text)
    return " ".join((found[1] if found and found[1] else text).split())


def own_format(booster: Any) -> bytes:
    """A model as XGBoost writes it. Names without a suffix need the format said."""
    return bytes(booster.save_raw("ubj"))


def save(booster: Any, path: Path, serialize: Callable[[Any], bytes] = own_format) -> None:
    """Write a model so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.writing")
    temporary.write_bytes(serialize(booster))
    temporary.replace(path)


def latest(folder: Path | None) -> tuple[int, Any]:
    """The number of rounds that are done and their model, from the newest checkpoint that can be read."""
    found = {}
    for path in folder.glob(f"{CHECKPOINT}.*") if folder else ():
        if path.suffix[1:].isdigit():
            found[int(path.suffix[1:])] = path
    for number in sorted(found, reverse=True):
        try:
            booster = xgboost.Booster()
            booster.load_model(bytearray(found[number].read_bytes()))
        except xgboost.core.XGBoostError:
            continue  # written half when the machine went away
        print(f"Checkpoint loaded from {found[number]}, resuming at round {number + 1}", flush=True)  # noqa: T201
        return number + 1, booster
    return 0, None


def _checkpoint_folder(config: Path) -> Path | None:
    if not config.exists():
        return None
    return Path(json.loads(config.read_text())["LocalPath"])


def run(base: Path, options: Sequence[str] = ()) -> int:
    """``main``, with what went wrong in the failure file, as SageMaker's own algorithms do."""
    try:
        main(base, pickle.dumps if "--pickle" in options else own_format)
    except UserError as error:
        print(f"ClientError: {error}", file=sys.stderr, flush=True)  # noqa: T201
        failure = base / "output" / "failure"
        failure.parent.mkdir(parents=True, exist_ok=True)
        failure.write_text(f"ClientError: {error}", encoding="utf-8")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run(Path("/opt/ml"), sys.argv[1:]))
