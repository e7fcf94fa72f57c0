"""Checkpoints: what an interrupted training needs to carry on as if nothing had happened.

A checkpoint is one file, a line of JSON and then the model, and appears whole or not at all. The line holds
the digest of the model, because a file that SageMaker's synchronisation cut short must not be taken for
one, and the fingerprint of what the model was trained with, because a folder may hold the checkpoints of
another training. https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PREFIX = "checkpoint-"
KEPT = 2  # should the newest be torn, there is one before it

Scores = Mapping[str, float]  # of one round: "validation-auc" -> 0.9


@dataclass(frozen=True)
class Checkpoint:
    """A training after some rounds."""

    rounds: int
    history: tuple[Scores, ...]  # one entry a round; empty without a validation channel
    model: bytes


class Checkpoints:
    """The checkpoints of one training; without a folder there are none, and saving does nothing.

    SageMaker makes the folder where the job has a ``CheckpointConfig``, and only there.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder = folder
        self._fingerprint = fingerprint

    def save(self, checkpoint: Checkpoint) -> None:
        """Write it durably, then drop all but the newest two."""
        if not self._folder.is_dir():
            return
        head = {
            "rounds": checkpoint.rounds,
            "fingerprint": self._fingerprint,
            "sha256": hashlib.sha256(checkpoint.model).hexdigest(),
            "history": [dict(scores) for scores in checkpoint.history],
        }
        path = self._folder / f"{PREFIX}{checkpoint.rounds:08d}"
        partial = path.with_name(f".{path.name}.partial")
        with partial.open("wb") as stream:
            stream.write(json.dumps(head).encode() + b"\n")
            stream.write(checkpoint.model)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
        for old in self._files()[KEPT:]:
            old.unlink()

    def latest(self, most_rounds: int) -> Checkpoint | None:
        """The newest checkpoint that is whole, of this training, and of at most ``most_rounds`` rounds.

        Says in the log why it passes one over.
        """
        for path in self._files():
            try:
                checkpoint = self._read(path)
            except _UnusableError as reason:
                print(f"{path.name} is not used: {reason}", flush=True)
                continue
            if checkpoint.rounds <= most_rounds:
                return checkpoint
            print(f"{path.name} is not used: only {most_rounds} rounds are wanted", flush=True)
        return None

    def _files(self) -> list[Path]:
        """Newest first."""
        if not self._folder.is_dir():
            return []
        return sorted(self._folder.glob(f"{PREFIX}*"), reverse=True)

    def _read(self, path: Path) -> Checkpoint:
        line, _, model = path.read_bytes().partition(b"\n")
        try:
            head = json.loads(line)
            rounds, history = int(head["rounds"]), tuple(head["history"])
            digest, fingerprint = head["sha256"], head["fingerprint"]
        except (ValueError, KeyError, TypeError):
            raise _UnusableError("it is torn, or no checkpoint") from None
        if hashlib.sha256(model).hexdigest() != digest:
            raise _UnusableError("it is torn: its digest does not agree")
        if fingerprint != self._fingerprint:
            raise _UnusableError("it was trained with other hyperparameters or on other data")
        return Checkpoint(rounds, history, model)


class _UnusableError(Exception):
    """Why a checkpoint cannot be used."""


def fingerprint(settings: object, folders: Sequence[Path]) -> str:
    """A digest of everything that decides on the model: settings, and every file of the channels."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for folder in folders:
        for path in _files_below(folder):
            digest.update(f"\0{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
            with path.open("rb") as stream:
                while chunk := stream.read(1 << 20):
                    digest.update(chunk)
    return digest.hexdigest()


def _files_below(folder: Path) -> Iterator[Path]:
    return iter(sorted(path for path in folder.rglob("*") if path.is_file()))
