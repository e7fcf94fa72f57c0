"""The best models of a search, side by side."""

from __future__ import annotations

import json
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from containers import contract
from containers.contract import LABEL, ProcessingPaths, TrainingPaths
from containers.processing import evaluate
from containers.processing.job import DataError
from containers.training import train

GATE = {"binary": {"metric": "auc", "at_least": 0.8}, "regression": {"metric": "rmse", "at_most": 2.0}}


def write(folder, problem, seed):
    draw = np.random.default_rng(seed)
    features = draw.normal(size=(600, 3)).astype(np.float32)
    signal = 2 * features[:, 0] + features[:, 1] + draw.normal(size=600)
    labels = signal if problem == "regression" else (signal > 1).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    columns = {LABEL: labels, **{f"f{index}": features[:, index] for index in range(3)}}
    pq.write_table(pa.table(columns), folder / contract.PART_FILE)


def model(base, folder, problem, rounds):
    """Train on ``rounds`` rounds, and leave the archive in ``folder``."""
    paths = TrainingPaths(base)
    for seed, name in enumerate((contract.TRAIN, contract.VALIDATION)):
        write(paths.channel(name), problem, seed)
    train.main(paths, {"problem": problem, "rounds": str(rounds)})
    folder.mkdir(parents=True)
    with tarfile.open(folder / contract.MODEL_ARCHIVE, "w:gz") as archive:
        for path in paths.model.iterdir():
            archive.add(path, path.name)


@pytest.fixture(params=["binary", "regression"])
def job(request, tmp_path):
    """An evaluation of a model of 20 rounds; those of 10 and of 2 come after it."""
    paths = ProcessingPaths(tmp_path / "job")
    for name, rounds in ((contract.MODEL, 20), (contract.candidate(2), 10), (contract.candidate(3), 2)):
        model(tmp_path / name, paths.input(name), request.param, rounds)
    for seed, name in ((1, contract.VALIDATION), (2, contract.TEST)):
        write(paths.input(name), request.param, seed)
    paths.settings.parent.mkdir(parents=True)
    paths.settings.write_text(json.dumps({"problem": request.param, "gate": GATE[request.param]}))
    return paths


def report(paths):
    return json.loads((paths.output(contract.EVALUATION) / contract.EVALUATION_FILE).read_text())


def test_each_model_is_measured_and_the_first_is_judged(job):
    """By rank, on both sets of rows, with what it was made of."""
    evaluate.main(job, resamples=5)

    found = report(job)
    (first, second, third) = found["candidates"]
    (bar,) = found["gate"]["bars"]
    metric = bar["metric"]
    assert [each["rank"] for each in (first, second, third)] == [1, 2, 3]
    assert [each["hyperparameters"]["rounds"] for each in (first, second, third)] == [20, 10, 2]
    assert first["test"][metric] == pytest.approx(bar["value"])
    assert first["validation"] == found["validation"]
    assert len({each["test"][metric] for each in (first, second, third)}) == 3


def test_without_a_search_there_is_no_table(job):
    """One model needs no comparison."""
    for rank in (2, 3):
        (job.input(contract.candidate(rank)) / contract.MODEL_ARCHIVE).unlink()
        job.input(contract.candidate(rank)).rmdir()
    evaluate.main(job, resamples=5)

    assert "candidates" not in report(job)


def test_a_runner_up_without_an_archive_is_an_error(job):
    """It names the place."""
    (job.input(contract.candidate(2)) / contract.MODEL_ARCHIVE).unlink()

    with pytest.raises(DataError, match=r"no model\.tar\.gz in .*model-2"):
        evaluate.main(job)
