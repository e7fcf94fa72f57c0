"""A trained model, out of the ``model.tar.gz`` that training left.

The archive is never unpacked: the two or three files that are wanted are read from it into memory, so
nothing in it can land anywhere. One with a member that would leave its folder is refused all the same,
because it is not what training wrote.
"""

from __future__ import annotations

import json
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import xgboost as xgb

from containers.contract import FLOW_FILE, MODEL_ARCHIVE, MODEL_FILE, MODEL_INFO_FILE
from containers.flow import FittedFlow, FlowError
from containers.metrics.estimate import Array
from containers.prepared import Rows, scoring_matrix
from containers.processing.job import DataError


@dataclass(frozen=True)
class TrainedModel:
    """A model and what it was trained for."""

    booster: xgb.Booster
    problem: str
    features: tuple[str, ...]
    classes: tuple[str, ...]  # by index, as people call them; of regression none
    description: Mapping[str, Any]  # MODEL_INFO_FILE, whole
    label_values: tuple[Any, ...] = ()  # the classes as the raw rows have them: 1, not "1"

    def score(self, rows: Rows) -> Array:
        """(rows,) probabilities of class 1 or predictions; for multiclass (rows, classes) probabilities."""
        return np.asarray(self.booster.predict(scoring_matrix(rows)), dtype=np.float64)

    def importance(self) -> dict[str, float]:
        """The share of each used feature in what all splits together gained, largest first."""
        gains = self.booster.get_score(importance_type="total_gain")
        total = sum(gains.values()) or 1.0
        return {
            name: gain / total for name, gain in sorted(gains.items(), key=lambda item: (-item[1], item[0]))
        }


def load(folder: Path) -> TrainedModel:
    """The model in ``folder/model.tar.gz``.

    Raises:
        DataError: there is no such archive, it is broken or hostile, or it holds no model of ours.
    """
    path = folder / MODEL_ARCHIVE
    if not path.is_file():
        raise DataError(f"there is no {MODEL_ARCHIVE} in {folder}")
    files = _read(path, (MODEL_FILE, MODEL_INFO_FILE, FLOW_FILE))
    for name in (MODEL_FILE, MODEL_INFO_FILE):
        if name not in files:
            raise DataError(
                f"{MODEL_ARCHIVE} holds no {name}; it is not a model of containers.training.train"
            )
    try:
        description = json.loads(files[MODEL_INFO_FILE])
        booster = xgb.Booster(model_file=bytearray(files[MODEL_FILE]))
        problem, features = str(description["problem"]), tuple(description["features"])
        values = _label_values(files.get(FLOW_FILE), int(description["num_class"] or 0))
    except (ValueError, KeyError, TypeError, AttributeError, xgb.core.XGBoostError) as error:
        raise DataError(f"{MODEL_ARCHIVE}: the model cannot be read: {str(error).splitlines()[0]}") from error
    return TrainedModel(booster, problem, features, tuple(map(str, values)), description, values)


def load_flow(folder: Path) -> FittedFlow:
    """The fitted flow that travels in ``folder/model.tar.gz``.

    Raises:
        DataError: there is no such archive, or no flow in it that this code reads.
    """
    path = folder / MODEL_ARCHIVE
    if not path.is_file():
        raise DataError(f"there is no {MODEL_ARCHIVE} in {folder}")
    text = _read(path, (FLOW_FILE,)).get(FLOW_FILE)
    if text is None:
        raise DataError(f"{MODEL_ARCHIVE} holds no {FLOW_FILE}, so raw rows cannot be scored with it")
    try:
        return FittedFlow.from_json(text.decode("utf-8"))
    except (FlowError, UnicodeDecodeError) as error:
        raise DataError(f"{MODEL_ARCHIVE}: {FLOW_FILE}: {error}") from None


def members(folder: Path) -> dict[str, bytes]:
    """What a model of ours consists of, out of ``folder/model.tar.gz``: name -> content.

    Raises:
        DataError: the archive is broken or hostile, or one of the files is not in it.
    """
    names = (MODEL_FILE, MODEL_INFO_FILE, FLOW_FILE)
    found = _read(folder / MODEL_ARCHIVE, names)
    absent = [name for name in names if name not in found]
    if absent:
        raise DataError(f"{MODEL_ARCHIVE} holds no {', '.join(absent)}")
    return {name: found[name] for name in names}


def _read(path: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    """The wanted members at the archive's top."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                _check(member)
                name = str(PurePosixPath(member.name))
                stream = archive.extractfile(member) if name in names and member.isreg() else None
                if stream:
                    found[name] = stream.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise DataError(f"{MODEL_ARCHIVE} is no whole gzipped tar archive: {error}") from None
    return found


def _check(member: tarfile.TarInfo) -> None:
    """Refuse what would leave the folder, if anybody unpacked it; tarfile's own filter came with Python 3.11.4."""
    links = [member.linkname] if member.issym() or member.islnk() else []
    for name in (member.name, *links):
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise DataError(f"{MODEL_ARCHIVE} is refused: {member.name!r} leads out of it")
    if member.isdev():
        raise DataError(f"{MODEL_ARCHIVE} is refused: {member.name!r} is a device or a pipe")


def _label_values(flow: bytes | None, count: int) -> tuple[Any, ...]:
    """The classes as the fitted flow has them; their numbers where it does not say."""
    named = json.loads(flow).get("label", {}).get("classes", []) if flow else []
    return tuple(named) if len(named) == count else tuple(range(count))
