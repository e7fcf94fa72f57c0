"""The generator's bias dial, through the containers' own programs: what the guide says of it happens."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from containers import contract
from containers.contract import ProcessingPaths, TrainingPaths
from containers.processing import csv_files, evaluate, prep
from containers.training import train
from pipelines import config
from pipelines.usecases import roaming

ROWS = 20_000


def prepared(base: Path, bias: float) -> ProcessingPaths:
    """The prep job, done, with weights."""
    settings = config.load("local", "roaming").usecase.model_dump(mode="json")
    settings["fairness"]["reweigh"] = True
    roaming.write(base / "rows.csv", ROWS, roaming.Knobs(bias=bias))
    paths = ProcessingPaths(base / "prep")
    paths.input(contract.DATA).mkdir(parents=True)
    tables = csv_files.tables(base / "rows.csv", "rows.csv", settings["columns"], settings["source"])
    pq.write_table(pa.concat_tables(tables), paths.input(contract.DATA) / contract.PART_FILE)
    paths.settings.parent.mkdir(parents=True)
    paths.settings.write_text(json.dumps(settings))
    prep.main(paths)
    return paths


def trained(base: Path, rows: ProcessingPaths, *channels: str) -> Path:
    """The training job, done, with the use case's own hyperparameters; returns its archive."""
    paths = TrainingPaths(base)
    for name in (contract.TRAIN, contract.VALIDATION, contract.FLOW, *channels):
        paths.channel(name).parent.mkdir(parents=True, exist_ok=True)
        paths.channel(name).symlink_to(rows.output(name))
    fixed = config.load("local", "roaming").usecase.fixed
    train.main(paths, {name: str(value) for name, value in fixed.items()})
    with tarfile.open(base / contract.MODEL_ARCHIVE, "w:gz") as archive:
        for path in sorted(paths.model.iterdir()):
            archive.add(path, path.name)
    return base / contract.MODEL_ARCHIVE


def evaluated(base: Path, rows: ProcessingPaths, **models: Path) -> dict[str, Any]:
    """The evaluation job, done; returns its report."""
    paths = ProcessingPaths(base)
    for name, archive in models.items():
        paths.input(name).mkdir(parents=True)
        shutil.copy(archive, paths.input(name))
    for name in (contract.VALIDATION, contract.TEST, contract.HOLDOUT):
        paths.input(name).symlink_to(rows.output(name))
    paths.settings.parent.mkdir(parents=True)
    shutil.copy(rows.settings, paths.settings)
    evaluate.main(paths, resamples=50)
    found: dict[str, Any] = json.loads(
        (paths.output(contract.EVALUATION) / contract.EVALUATION_FILE).read_text(encoding="utf-8")
    )
    assert all((paths.output(contract.EVALUATION) / name).is_file() for name in found["pictures"])
    return found


@pytest.mark.parametrize("bias", [0.0, roaming.Knobs().bias])
def test_without_bias_and_with_the_default_every_limit_is_met(tmp_path: Path, bias: float) -> None:
    """The quality bar, too: the gate lets the model pass."""
    rows = prepared(tmp_path, bias)
    report = evaluated(tmp_path / "evaluation", rows, model=trained(tmp_path / "plain", rows))

    assert report["gate"]["missed"] == 0, report["gate"]["message"]
    assert len(report["gate"]["bars"]) == 4
    assert "mitigation" not in report


def test_at_1_the_limits_are_missed_and_reweighing_brings_them_back(tmp_path: Path) -> None:
    """|DPPL| and DI of the nationality group, by name; the report shows both models side by side, and the cost."""
    rows = prepared(tmp_path, 1.0)
    plain = trained(tmp_path / "plain", rows)
    mended = trained(tmp_path / "mended", rows, contract.WEIGHTS)
    without = evaluated(tmp_path / "without", rows, model=plain)
    report = evaluated(tmp_path / "with", rows, model=mended, unmitigated=plain)

    missed = [(bar["facet"], bar["metric"]) for bar in without["gate"]["bars"] if not bar["passed"]]
    assert missed == [("nationality_group=other", "|DPPL|"), ("nationality_group=other", "DI")]
    assert without["gate"]["message"].startswith("|DPPL| of nationality_group=other is 0.0")
    assert report["gate"]["missed"] == 0, report["gate"]["message"]

    mitigation = report["mitigation"]
    (other,) = mitigation["facets"]["nationality_group"]
    (same,) = without["bias"]["facets"]["nationality_group"]
    impact = next(each["value"] for each in same["metrics"] if each["name"] == "DI")
    assert other["metrics"]["DI"]["without"] == impact
    assert other["metrics"]["DI"]["with"] < 1.5 < impact
    assert len(mitigation["missed"]["without"]) == 2
    auc = mitigation["metrics"]["auc"]
    assert auc["without"] == without["binary_classification_metrics"]["auc"]["value"]
    assert auc["with"] - auc["without"] == pytest.approx(auc["difference"]["value"])
    assert auc["with"] > 0.92
