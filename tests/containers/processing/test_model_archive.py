from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb

from containers.contract import FLOW_FILE, MODEL_ARCHIVE, MODEL_FILE, MODEL_INFO_FILE
from containers.processing.job import DataError
from containers.processing.model_archive import load


def model() -> dict[str, bytes]:
    """The files of a small model."""
    rows = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    matrix = xgb.QuantileDMatrix(rows, rows[:, 0], feature_names=["a", "b"])
    booster = xgb.train({"objective": "binary:logistic", "nthread": 1, "min_child_weight": 0}, matrix, 3)
    description = {"problem": "binary", "num_class": 2, "features": ["a", "b"]}
    return {MODEL_FILE: bytes(booster.save_raw("ubj")), MODEL_INFO_FILE: json.dumps(description).encode()}


def pack(folder: Path, files: dict[str, bytes], *extra: tarfile.TarInfo) -> None:
    with tarfile.open(folder / MODEL_ARCHIVE, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in extra:
            archive.addfile(member)


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize("prefix", ["", "./"])
def test_a_model_is_read_from_its_archive(tmp_path, prefix):
    """However tar wrote the names; nothing is unpacked."""
    pack(tmp_path, {f"{prefix}{name}": content for name, content in model().items()})
    found = load(tmp_path)

    assert (found.problem, found.features, found.classes) == ("binary", ("a", "b"), ("0", "1"))
    assert found.importance() == {"a": 1.0}
    assert [path.name for path in tmp_path.iterdir()] == [MODEL_ARCHIVE]


def test_the_fitted_flow_names_the_classes(tmp_path):
    """What the label's values were, not their numbers."""
    flow = {"label": {"classes": ["<=50K", ">50K"]}}
    pack(tmp_path, {**model(), FLOW_FILE: json.dumps(flow).encode()})

    assert load(tmp_path).classes == ("<=50K", ">50K")


@pytest.mark.parametrize(
    "member",
    [
        tarfile.TarInfo("../outside"),
        tarfile.TarInfo("/outside"),
        tarfile.TarInfo("models/../../outside"),
        link("inner", "/etc/passwd"),
        link("inner", "../../outside"),
        link("inner", "../../outside", tarfile.LNKTYPE),
        link("device", "", tarfile.CHRTYPE),
    ],
    ids=lambda member: f"{member.name} {member.linkname}",
)
def test_an_archive_that_tries_to_leave_its_folder_is_refused(tmp_path, member):
    """One hostile member is enough, though nothing is ever unpacked."""
    pack(tmp_path, model(), member)

    with pytest.raises(DataError, match=r"^model.tar.gz is refused: "):
        load(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [MODEL_ARCHIVE]


def test_a_link_in_place_of_the_model_is_no_model(tmp_path):
    """A member with the right name must be a file."""
    files = model()
    pack(tmp_path, {MODEL_INFO_FILE: files[MODEL_INFO_FILE]}, link(MODEL_FILE, MODEL_INFO_FILE))

    with pytest.raises(DataError, match=r"holds no model\.ubj"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {MODEL_FILE: None},
            "model.tar.gz holds no model.ubj; it is not a model of containers.training.train",
        ),
        ({MODEL_INFO_FILE: None}, "model.tar.gz holds no model.json"),
        ({MODEL_FILE: b"junk"}, "model.tar.gz: the model cannot be read: "),
        ({MODEL_INFO_FILE: b"{"}, "model.tar.gz: the model cannot be read: "),
        ({MODEL_INFO_FILE: b"[]"}, "model.tar.gz: the model cannot be read: "),
        ({MODEL_INFO_FILE: b"{}"}, "model.tar.gz: the model cannot be read: "),
        ({FLOW_FILE: b"["}, "model.tar.gz: the model cannot be read: "),
    ],
)
def test_a_wrong_model_is_one_clear_line(tmp_path, change, message):
    """What is missing or broken is named."""
    files = {name: content for name, content in {**model(), **change}.items() if content is not None}
    pack(tmp_path, files)

    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_no_archive_is_one_clear_line(tmp_path):
    """The folder is named."""
    with pytest.raises(DataError, match=r"there is no model.tar.gz in "):
        load(tmp_path)


@pytest.mark.parametrize("kept", [0, 20, 300, -30])
def test_a_torn_archive_is_one_clear_line(tmp_path, kept):
    """Cut short anywhere."""
    pack(tmp_path, model())
    whole = (tmp_path / MODEL_ARCHIVE).read_bytes()
    (tmp_path / MODEL_ARCHIVE).write_bytes(whole[:kept])

    with pytest.raises(DataError, match=r"^model.tar.gz is no whole gzipped tar archive: "):
        load(tmp_path)
