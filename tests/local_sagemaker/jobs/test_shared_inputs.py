"""Jobs that read the same share a copy, made once, and gone when they are through."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local_sagemaker.jobs.failure import JobFailure
from local_sagemaker.jobs.shared_inputs import SharedInputs
from local_sagemaker.jobs.staging import Source
from local_sagemaker.s3.store import ObjectStore

ROLE = "arn:aws:iam::123456789012:role/r"


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """One bucket with two objects."""
    made = ObjectStore(tmp_path / "s3")
    made.create_bucket("bucket")
    made.put("bucket", "data/rows.csv", b"1,2\n")
    made.put("bucket", "list", b'[{"prefix": "s3://bucket/data/"}, "rows.csv"]')
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where copies lie; made when there is one."""
    return tmp_path / "shared" / "search"


def source(uri: str = "s3://bucket/data/", *, name: str = "train", manifest: bool = False) -> Source:
    """A channel of some job's."""
    return Source(name, uri, Path("/opt/ml/of-some-job"), manifest)


def test_many_jobs_at_once_get_one_copy(store: ObjectStore, folder: Path) -> None:
    """All are given the same folder, which is complete; none of them waits for ever."""
    inputs = SharedInputs(folder)
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: inputs.stage(store, source(), ROLE), range(32)))

    (copy,) = found
    assert (copy / "rows.csv").read_bytes() == b"1,2\n"
    assert list(folder.iterdir()) == [copy]


def test_it_stays_as_it_was_when_the_object_changes(store: ObjectStore, folder: Path) -> None:
    """Every trial of a search is compared with the others, so all see the same rows."""
    inputs = SharedInputs(folder)
    inputs.stage(store, source(), ROLE)
    store.put("bucket", "data/rows.csv", b"changed")

    assert (inputs.stage(store, source(), ROLE) / "rows.csv").read_bytes() == b"1,2\n"


@pytest.mark.parametrize(
    "other",
    [source("s3://bucket/list"), source("s3://bucket/list", manifest=True), source("s3://bucket/dat")],
)
def test_what_differs_is_not_shared(store: ObjectStore, folder: Path, other: Source) -> None:
    """A prefix or another, as objects or as the manifest that one of them is."""
    inputs = SharedInputs(folder)
    copies = [inputs.stage(store, each, ROLE) for each in (source(), source("s3://bucket/list"), other)]

    assert len(set(copies)) == (2 if other == source("s3://bucket/list") else 3)


def test_what_is_not_there_leaves_nothing_and_may_come_later(store: ObjectStore, folder: Path) -> None:
    """The first job fails in SageMaker's words; once the objects are there, the next one has them."""
    inputs = SharedInputs(folder)
    with pytest.raises(JobFailure, match="No S3 objects found under S3 URL"):
        inputs.stage(store, source("s3://bucket/later/"), ROLE)
    assert not list(folder.iterdir())
    store.put("bucket", "later/rows.csv", b"3\n")

    assert (inputs.stage(store, source("s3://bucket/later/"), ROLE) / "rows.csv").read_bytes() == b"3\n"


def test_nothing_is_left_of_it_and_nobody_gets_more(store: ObjectStore, folder: Path) -> None:
    """A job that comes too late is told so, rather than given a copy that nobody deletes; closing twice is fine."""
    inputs = SharedInputs(folder)
    inputs.stage(store, source(), ROLE)
    inputs.close()
    inputs.close()

    with pytest.raises(JobFailure, match="over before it began"):
        inputs.stage(store, source(), ROLE)
    assert not folder.exists()
