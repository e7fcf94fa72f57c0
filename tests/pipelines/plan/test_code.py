"""A changed address of code as the files behind it, read from a real S3 and from what is not uploaded yet."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.plan.code import FileChange, PublishedCode
from pipelines.plan.differences import Change

BUCKET = "plan-code"
OLD, NEW = (f"p/code/{hashlib.sha256(text).hexdigest()}" for text in (b"old", b"new"))


def archive(**files: bytes) -> bytes:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as made:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{name}.py")
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return gzip.compress(tar.getvalue())


@pytest.fixture(scope="module")
def s3(client: Callable[[str], Any]) -> Any:
    """With the old side of a publication."""
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    before = {
        "same.py": b"1",
        "other.py": b"1",
        "gone.py": b"1",
        "settings.json": json.dumps({"flow": [{"low": 1}, {"low": 2}]}).encode(),
        "broken.json": b"{",
        "sourcedir.tar.gz": archive(train=b"1", kept=b"2"),
    }
    for name, body in before.items():
        s3.put_object(Bucket=BUCKET, Key=f"{OLD}/{name}", Body=body)
    return s3


AFTER = {
    f"{NEW}/same.py": b"1",
    f"{NEW}/other.py": b"2",
    f"{NEW}/new.py": b"2",
    f"{NEW}/settings.json": json.dumps({"flow": [{"low": 1}, {"low": 5}]}).encode(),
    f"{NEW}/broken.json": b"[",
    f"{NEW}/sourcedir.tar.gz": archive(train=b"2", kept=b"2"),
}


@pytest.mark.parametrize("ending", ["", "/", "/sourcedir.tar.gz"])
def test_a_changed_address_is_the_files_that_differ(s3: Any, ending: str) -> None:
    """Added, removed, changed; archives by their members, settings by their entries."""
    code = PublishedCode(s3, AFTER)

    found = code.explain(Change("S3Uri", f"s3://{BUCKET}/{OLD}{ending}", f"s3://{BUCKET}/{NEW}{ending}"))

    assert found == [
        FileChange("broken.json", "change"),
        FileChange("gone.py", "remove"),
        FileChange("new.py", "add"),
        FileChange("other.py", "change"),
        FileChange("settings.json", "change", (Change("flow[1].low", 2, 5),)),
        FileChange("train.py", "change"),
    ]


def test_a_hyperparameter_names_its_archive_in_quotes(s3: Any) -> None:
    """As the containers' toolkit wants it."""
    old, new = (f'"s3://{BUCKET}/{side}/sourcedir.tar.gz"' for side in (OLD, NEW))

    assert PublishedCode(s3, AFTER).explain(Change("sagemaker_submit_directory", old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("s3://b/data", "s3://b/more"),
        (f"s3://{BUCKET}/{OLD}", "s3://b/more"),
        (f"s3://{BUCKET}/p/code/{64 * '0'}", f"s3://{BUCKET}/{NEW}"),  # deleted since
        (f"s3://{BUCKET}/{OLD}", f"s3://{BUCKET}/p/code/{64 * '0'}"),  # not ours
        (3, 4),
    ],
)
def test_any_other_change_has_no_files(s3: Any, old: Any, new: Any) -> None:
    """It is shown as it is."""
    assert PublishedCode(s3, AFTER).explain(Change("x", old, new)) is None
