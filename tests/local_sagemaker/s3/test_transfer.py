from pathlib import Path

import pytest

from local_sagemaker.s3.errors import NoSuchBucket, S3Error
from local_sagemaker.s3.store import ObjectStore


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("data", {"a.csv", "x/b.csv"}),
        ("data/", {"a.csv", "x/b.csv"}),
        ("data/x", {"b.csv"}),
        ("data/a.csv", {"a.csv"}),
        ("da", {"data/a.csv", "data/x/b.csv"}),
        ("data/a", {"a.csv"}),
        ("other.csv", {"other.csv"}),
        ("", {"data/a.csv", "data/x/b.csv", "other.csv"}),
        ("nothing", set()),
    ],
)
def test_a_prefix_downloads_as_sagemaker_does(
    store: ObjectStore, tmp_path: Path, prefix: str, expected: set[str]
) -> None:
    """Everything that begins with the prefix arrives, relative to the folder that the prefix names or ends in."""
    for key in ("data/a.csv", "data/x/b.csv", "other.csv"):
        store.put("bucket", key, key.encode())

    count = store.download(f"s3://bucket/{prefix}", tmp_path / "in")

    assert (set(tree(tmp_path / "in")), count) == (expected, len(expected))


def test_markers_of_empty_folders_become_folders(store: ObjectStore, tmp_path: Path) -> None:
    """The objects that consoles make for empty folders arrive as folders and are not counted."""
    store.put("bucket", "data/", b"")
    store.put("bucket", "data/empty/", b"")

    assert store.download("s3://bucket/data", tmp_path / "in") == 0
    assert (tmp_path / "in/empty").is_dir()


@pytest.mark.parametrize("key", ["data/../../escaped", "data/..", "data/x/../y", "data/a\0b"])
def test_a_key_cannot_leave_the_destination(store: ObjectStore, tmp_path: Path, key: str) -> None:
    """A key that would be a file outside of the destination is refused, by name."""
    store.put("bucket", key, b"")

    with pytest.raises(S3Error, match="cannot be a file below"):
        store.download("s3://bucket/data", tmp_path / "in")
    assert not (tmp_path / "escaped").exists()


def test_keys_that_cannot_be_files_together_are_named(store: ObjectStore, tmp_path: Path) -> None:
    """The objects ``a`` and ``a/b`` cannot both be files of one folder, and the message says which."""
    store.put("bucket", "data/a", b"")
    store.put("bucket", "data/a/b", b"")

    with pytest.raises(S3Error, match="s3://bucket/data/a/b: another object"):
        store.download("s3://bucket/data", tmp_path / "in")


def test_a_folder_uploads_with_its_paths(store: ObjectStore, tmp_path: Path) -> None:
    """Every file below a folder becomes an object under its relative path; links that leave it do not."""
    source = tmp_path / "out"
    (source / "deep/er").mkdir(parents=True)
    (source / "a.csv").write_bytes(b"a")
    (source / "deep/er/b.csv").write_bytes(b"b")
    (source / "again.csv").symlink_to("a.csv")
    (source / "passwd").symlink_to("/etc/passwd")
    (source / "up").symlink_to("..")

    count = store.upload(source, "s3://bucket/job/output")

    assert count == 3
    assert [stored.key for stored in store.list("bucket")] == [
        "job/output/a.csv",
        "job/output/again.csv",
        "job/output/deep/er/b.csv",
    ]


@pytest.mark.parametrize(
    ("uri", "key"),
    [("s3://bucket/x/model", "x/model"), ("s3://bucket/x/", "x/out.csv"), ("s3://bucket", "out.csv")],
)
def test_a_file_uploads_under_its_uri_or_its_name(
    store: ObjectStore, tmp_path: Path, uri: str, key: str
) -> None:
    """A file becomes exactly the object of the URI, or the one of its own name below a folder."""
    (tmp_path / "out.csv").write_bytes(b"1")

    assert store.upload(tmp_path / "out.csv", uri) == 1
    assert store.read(f"s3://bucket/{key}") == b"1"


def test_transfers_name_the_bucket_that_is_missing(store: ObjectStore, tmp_path: Path) -> None:
    """A transfer from or to a bucket that is not there fails with its name."""
    with pytest.raises(NoSuchBucket, match="absent"):
        store.download("s3://absent/x", tmp_path)
    with pytest.raises(NoSuchBucket, match="absent"):
        store.upload(Path(__file__), "s3://absent/x")
