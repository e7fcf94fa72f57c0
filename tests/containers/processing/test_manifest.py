"""The manifest of a model: every hash is that of the real thing, and what changes changes its own entry."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from containers import contract
from containers.contract import ProcessingPaths, TrainingPaths
from containers.processing import ingest, manifest, prep
from containers.processing.job import DataError
from containers.training import train

CODE = "s3://bucket/code/" + "a" * 64
SETTINGS: dict[str, Any] = {
    "name": "test",
    "problem": "binary",
    "label": "y",
    "positive": 1,
    "source": {"kind": "s3", "format": "csv", "header": True, "missing": []},
    "columns": {"a": "number", "b": "number", "y": "integer"},
    "split": {"strategy": "stratified", "validation": 0.2, "test": 0.3, "seed": 1, "order_by": ""},
    "flow": [],
    "seeds": {"split": 1},
    "code": {"ingest": CODE, "train": f"{CODE}/sourcedir.tar.gz"},
    "settings": {"ingest": "s3://bucket/settings/" + "b" * 64},
}
ORIGIN = manifest.Origin(
    commit="1a2b",
    data_uri="s3://bucket/raw/",
    model_uri="s3://bucket/model.tar.gz",
    training_image="an/image:1",
)


def csv(rows: int = 400) -> list[str]:
    draw = np.random.default_rng(1)
    a, b = draw.normal(size=(2, rows))
    y = (a + b + draw.logistic(size=rows) > 0).astype(int)
    return ["a,b,y", *(f"{x:.6f},{z:.6f},{label}" for x, z, label in zip(a, b, y, strict=True))]


class Workshop:
    """Makes models from rows as the pipeline does, job by job, and writes down what they were made of."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch, self.count = folder, patch, 0

    def model(
        self, lines: list[str], settings: Mapping[str, Any] = SETTINGS, seed: int = 0
    ) -> ProcessingPaths:
        """The paths of a manifest job, its inputs filled by ingest, prep and train."""
        self.count += 1
        base = self.folder / str(self.count)
        made, paths = ProcessingPaths(base / "made"), ProcessingPaths(base / "manifest")
        for each in (made, paths):
            each.settings.parent.mkdir(parents=True)
            each.settings.write_text(json.dumps(settings))
        raw = base / "raw.csv"
        raw.write_text("\n".join(lines) + "\n")
        self.patch.setitem(ingest.SOURCES, "s3", lambda _: iter([("s3://bucket/raw/raw.csv", raw)]))
        ingest.main(made, source="s3://bucket/raw/")
        made.input(contract.DATA).symlink_to(made.output(contract.DATA))
        prep.main(made)
        channels = TrainingPaths(base / "training")
        for name in (contract.TRAIN, contract.VALIDATION, contract.FLOW):
            channels.channel(name).parent.mkdir(parents=True, exist_ok=True)
            channels.channel(name).symlink_to(made.output(name))
        rounds = {"rounds": "5", "early_stopping_rounds": "0", "subsample": "0.5", "seed": str(seed)}
        train.main(channels, {"problem": "binary", **rounds})
        paths.input(contract.MODEL).mkdir(parents=True)
        with tarfile.open(paths.input(contract.MODEL) / contract.MODEL_ARCHIVE, "w:gz") as packed:
            for file in sorted(channels.model.iterdir()):
                packed.add(file, file.name)
        for name in (contract.MANIFEST, contract.FLOW):
            paths.input(name).symlink_to(made.output(name))
        return paths

    def manifest(
        self, lines: list[str], settings: Mapping[str, Any] = SETTINGS, seed: int = 0, **origin: str
    ) -> dict[str, Any]:
        """What is written down of such a model."""
        paths = self.model(lines, settings, seed)
        manifest.main(paths, manifest.Origin(**{**vars(ORIGIN), **origin}))
        return read(paths)


def read(paths: ProcessingPaths) -> dict[str, Any]:
    folder = paths.output(contract.MODEL_MANIFEST)
    found: dict[str, Any] = json.loads((folder / contract.MANIFEST_FILE).read_text())
    return found


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def leaves(document: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(document, dict):
        for name, value in document.items():
            yield from leaves(value, f"{place}.{name}" if place else name)
    else:
        yield place, document


def changed(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    """The places at which two manifests differ, but for the archive, which has the time of its files in it."""
    ones, others = dict(leaves(one)), dict(leaves(other))
    places = {place for place in ones.keys() | others.keys() if ones.get(place) != others.get(place)}
    return places - {"model.sha256", "data.manifest.sha256"}


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    return Workshop(tmp_path, monkeypatch)


def test_each_hash_is_that_of_the_real_thing(workshop: Workshop) -> None:
    """Of files what sha256 gives, of code and settings what their addresses are made of, of itself beside it."""
    paths = workshop.model(csv())
    manifest.main(paths, ORIGIN)
    found = read(paths)
    archive = paths.input(contract.MODEL) / contract.MODEL_ARCHIVE
    with tarfile.open(archive) as opened:
        files = {name: opened.extractfile(name) for name in opened.getnames()}
        contents = {name: file.read() for name, file in files.items() if file}
    ingested = (paths.input(contract.MANIFEST) / contract.MANIFEST_FILE).read_bytes()

    assert found["model"]["sha256"] == sha256(archive.read_bytes())
    assert found["model"]["files"] == {name: sha256(content) for name, content in contents.items()}
    assert found["flow"]["sha256"] == sha256((paths.input(contract.FLOW) / contract.FLOW_FILE).read_bytes())
    assert found["data"]["manifest"]["sha256"] == sha256(ingested)
    assert found["data"]["sha256"] == json.loads(ingested)["sha256"]
    assert found["code"] == {
        "ingest": {"uri": CODE, "sha256": "a" * 64},
        "train": {"uri": f"{CODE}/sourcedir.tar.gz", "sha256": "a" * 64},
    }
    own = paths.output(contract.MODEL_MANIFEST)
    assert json.loads((own / contract.HASH_FILE).read_text()) == {
        "sha256": sha256((own / contract.MANIFEST_FILE).read_bytes())
    }


def test_it_says_who_saw_which_versions(workshop: Workshop) -> None:
    """Each job speaks for itself: what it runs on need not be what the others run on."""
    import pandas
    import xgboost

    found = workshop.manifest(csv())["versions"]

    assert found["training"]["xgboost"] == xgboost.__version__
    assert {each["pandas"] for each in found.values()} == {pandas.__version__}
    assert all(each["python"] for each in found.values())


def test_the_same_again_is_the_same_manifest(workshop: Workshop) -> None:
    """But for the times that lie in the archive and in the data's own manifest."""
    assert changed(workshop.manifest(csv()), workshop.manifest(csv())) == set()


def test_what_changes_changes_its_entry(workshop: Workshop) -> None:
    """A row, a seed, a step of the flow, a commit, an image: its own entry, what was made of it, and nothing else."""
    before = workshop.manifest(csv())
    model = "model.files.model.ubj"
    rows = csv()
    other_row = [*rows[:-1], "0.000000,0.000000,1" if rows[-1].endswith("0") else "0.000000,0.000000,0"]
    other_flow = {**SETTINGS, "flow": [{"operator": "scale", "columns": ["a"], "method": "standard"}]}

    row = changed(before, workshop.manifest(other_row))
    assert row - {model, "model.files.model.json"} == {"data.sha256"} | (row & {"data.objects"})
    assert changed(before, workshop.manifest(csv(), seed=7)) == {
        "seeds.training", "training.hyperparameters.seed", model, "model.files.model.json",
    }  # fmt: skip
    assert changed(before, workshop.manifest(csv(), other_flow)) - {model} == {
        "flow.sha256", "model.files.flow.json",
    }  # fmt: skip
    assert changed(before, workshop.manifest(csv(), commit="3c4d")) == {"commit"}
    assert changed(before, workshop.manifest(csv(), training_image="an/image:2")) == {"images.training"}
    other_split = {**SETTINGS, "seeds": {"split": 2}}
    assert changed(before, workshop.manifest(csv(), other_split)) == {"seeds.split"}


def test_a_model_behind_another_flow_is_refused(workshop: Workshop) -> None:
    """What serving would apply is not what is written down: somebody mixed two runs."""
    paths = workshop.model(csv())
    flow = paths.input(contract.FLOW) / contract.FLOW_FILE
    flow.write_text(flow.read_text() + "\n")

    with pytest.raises(DataError, match=r"trained behind another flow"):
        manifest.main(paths, ORIGIN)


@pytest.mark.parametrize("channel", [contract.MODEL, contract.FLOW, contract.MANIFEST])
def test_a_missing_input_is_named(channel: str, workshop: Workshop) -> None:
    """One line with the file and the input."""
    paths = workshop.model(csv())
    for file in paths.input(channel).iterdir():
        file.unlink()

    with pytest.raises(DataError, match=rf"there is no .* in the input '{channel}'"):
        manifest.main(paths, ORIGIN)
