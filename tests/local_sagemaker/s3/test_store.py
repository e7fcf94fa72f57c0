import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_sagemaker.s3 import names
from local_sagemaker.s3.errors import NoSuchBucket, NoSuchKey, S3Error
from local_sagemaker.s3.records import Attributes
from local_sagemaker.s3.store import ObjectStore

KEYS = st.text(
    st.one_of(st.sampled_from("/.%~-e\0"), st.characters(exclude_categories=["Cs"])), min_size=1, max_size=50
)


def read(store: ObjectStore, key: str) -> bytes:
    return store.read(f"s3://bucket/{key}")


def keys(store: ObjectStore) -> list[str]:
    return [stored.key for stored in store.list("bucket")]


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents=st.dictionaries(KEYS, st.binary(max_size=20), min_size=1, max_size=5))
def test_any_keys_live_side_by_side(store: ObjectStore, contents: dict[str, bytes]) -> None:
    """Objects of any keys keep their bytes, stay inside the bucket's folder, and leave nothing when deleted."""
    for key, body in contents.items():
        store.put("bucket", key, body)

    assert {stored.key: read(store, stored.key) for stored in store.list("bucket")} == contents
    assert all(stored.path.resolve().is_relative_to(store.root / "bucket") for stored in store.list("bucket"))

    for key in contents:
        store.delete("bucket", key)
    assert list((store.root / "bucket").iterdir()) == []


@pytest.mark.parametrize("order", [["a", "a/b", "a/b/c"], ["a/b/c", "a/b", "a"], ["a/b", "a", "a/b/c"]])
def test_a_key_may_also_be_a_folder(store: ObjectStore, order: list[str]) -> None:
    """``a``, ``a/b`` and ``a/b/c`` are three objects, whichever comes first, and each can be replaced."""
    for round_ in (b"first ", b"second "):
        for key in order:
            store.put("bucket", key, round_ + key.encode())

    assert {key: read(store, key) for key in order} == {key: b"second " + key.encode() for key in order}
    assert keys(store) == ["a", "a/b", "a/b/c"]


def test_an_object_keeps_its_attributes_when_it_steps_aside(store: ObjectStore) -> None:
    """An object that makes room for a folder of its name loses nothing of what was stored with it."""
    attributes = Attributes(headers={"content-type": "text/csv"}, metadata={"by": "me"}, tags={"k": "v"})
    before = store.put("bucket", "a", b"x", attributes)
    store.put("bucket", "a/b", b"")

    after = store.get("bucket", "a")

    assert (after.attributes, after.modified) == (before.attributes, before.modified)
    assert (after.content_type, after.metadata, after.etag) == (
        "text/csv",
        {"by": "me"},
        "9dd4e461268c8034f5c8564e155c67a6",
    )


def test_common_objects_are_plain_files(store: ObjectStore) -> None:
    """An object can be opened by any tool at its bucket and key."""
    store.put("bucket", "data/2024/a.csv", b"1,2\n")

    assert (store.root / "bucket/data/2024/a.csv").read_bytes() == b"1,2\n"


def test_files_put_there_by_hand_are_objects(store: ObjectStore) -> None:
    """A file that somebody drops into the folder appears with its ETag; changed, it appears anew."""
    path = store.root / "bucket/by/hand.txt"
    path.parent.mkdir()
    path.write_text("x")
    first = store.get("bucket", "by/hand.txt")
    path.write_text("yy")
    second = store.get("bucket", "by/hand.txt")

    assert (first.size, first.etag, first.content_type) == (
        1,
        "9dd4e461268c8034f5c8564e155c67a6",
        "binary/octet-stream",
    )
    assert (second.size, second.etag) == (2, "2fb1c5cf58867b5bbc9a1b145a86f3a0")


def test_a_file_changed_by_hand_loses_what_was_said_of_the_old_one(store: ObjectStore) -> None:
    """Attributes belong to the bytes they came with, not to the key."""
    stored = store.put(
        "bucket", "a", b"x", Attributes(metadata={"rows": "1"}, checksums={"CRC32": "wrong by now"})
    )
    stored.path.write_text("changed")

    assert store.get("bucket", "a").attributes == Attributes(etag="8977dfac2f8e04cb96e66882235f5aba")


def test_everything_survives_a_restart(store: ObjectStore) -> None:
    """A second store on the same folder has the buckets and objects of the first, attributes included."""
    attributes = Attributes(metadata={"by": "me"}, parts=(1, 2), tags={"k": "v"})
    before = store.put("bucket", "a/b", b"x", attributes)

    again = ObjectStore(store.root)

    assert again.buckets() == ["bucket"]
    assert again.get("bucket", "a/b") == before


def test_a_reader_keeps_the_object_that_it_opened(store: ObjectStore) -> None:
    """Bytes that are being read do not change when the object is replaced or deleted."""
    store.put("bucket", "a", b"old")
    stored, file = store.open("bucket", "a")
    with file:
        store.put("bucket", "a", b"new!")
        store.delete("bucket", "a")

        assert (stored.size, file.read()) == (3, b"old")


def test_a_failing_body_leaves_the_old_object(store: ObjectStore) -> None:
    """A body that breaks off stores nothing and leaves no file behind."""

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise OSError("the other side is gone")
            return super().read(3)

    store.put("bucket", "a", b"old")
    with pytest.raises(OSError, match="gone"):
        store.put("bucket", "a", Broken(b"new, but not all of it"))

    assert read(store, "a") == b"old"
    assert [path for path in (store.root / ".s3/temporary").rglob("*") if path.is_file()] == []


def test_the_last_of_many_writers_wins(store: ObjectStore) -> None:
    """Writers of one key at the same time leave one whole object, and its attributes are its own."""
    bodies = [bytes([number]) * 100_000 for number in range(8)]
    threads = [
        threading.Thread(target=lambda body=body: [store.put("bucket", "a", body) for _ in range(10)])
        for body in bodies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = store.get("bucket", "a")

    assert read(store, "a") in bodies
    assert ObjectStore(store.root).put("bucket", "b", read(store, "a")).etag == stored.etag


def test_readers_see_one_object_or_another(store: ObjectStore) -> None:
    """While an object is replaced again and again, its size, ETag and bytes always belong together."""
    expected = {store.put("bucket", "a", b"x" * size).etag: size for size in range(1, 6)}
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for size in expected.values():
                store.put("bucket", "a", b"x" * size)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(300):
            stored, file = store.open("bucket", "a")
            with file:
                assert expected[stored.etag] == stored.size == len(file.read())
    finally:
        stop.set()
        writer.join()


def test_folders_come_and_go_under_writers(store: ObjectStore) -> None:
    """Deleting the last object of a folder does not trip one who is writing into it."""

    def write_and_delete(name: str) -> None:
        for _ in range(100):
            store.put("bucket", f"folder/deep/{name}", b"x")
            store.delete("bucket", f"folder/deep/{name}")

    threads = [threading.Thread(target=write_and_delete, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert list((store.root / "bucket").iterdir()) == []


def test_links_are_never_followed(store: ObjectStore, tmp_path: Path) -> None:
    """Nothing is read, written or deleted through a symbolic link in a bucket."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("not an object")
    (store.root / "bucket/folder").symlink_to(outside)
    (store.root / "bucket/file").symlink_to(outside / "secret")

    for key in ("folder/secret", "file"):
        with pytest.raises(NoSuchKey):
            store.get("bucket", key)
        store.delete("bucket", key)
    with pytest.raises(S3Error, match="is in the way of 'folder/new'"):
        store.put("bucket", "folder/new", b"")

    assert [path.name for path in outside.iterdir()] == ["secret"]


@pytest.mark.parametrize("kind", ["dangling link", "pipe"])
def test_what_is_no_object_is_not_replaced_by_a_folder(store: ObjectStore, kind: str) -> None:
    """A link to nothing, or a pipe, where a folder is needed: the write fails and names the key."""
    path = store.root / "bucket/a"
    path.symlink_to("nothing") if kind == "dangling link" else os.mkfifo(path)

    with pytest.raises(S3Error, match="in the way of 'a/b'"):
        store.put("bucket", "a/b", b"")
    with pytest.raises(NoSuchKey):
        store.get("bucket", "a")


FORKER = """
import atexit, os, sys
from pathlib import Path
from local_sagemaker.s3.store import ObjectStore

store = ObjectStore(Path(sys.argv[1]))
with store.stage() as file:
    child = os.fork()
    if child == 0:
        atexit._run_exitfuncs()
        os._exit(0)
    os.waitpid(child, 0)
    print(Path(file.name).exists())
"""


def test_a_fork_that_ends_takes_nothing_with_it(tmp_path: Path) -> None:
    """A forked child that exits leaves its parent's writes under way alone."""
    command = [sys.executable, "-c", FORKER, str(tmp_path)]

    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "True\n"


@pytest.mark.parametrize("name", ["metadata", "buckets"])
def test_files_beside_that_were_lost_are_no_obstacle(store: ObjectStore, name: str) -> None:
    """Should a power cut leave an empty file beside an object or bucket, the object can still be read."""
    store.put("bucket", "a", b"x", Attributes(metadata={"by": "me"}))
    for path in (store.root / ".s3" / name).rglob("*.json"):
        path.write_text("")

    assert read(store, "a") == b"x"
    assert store.get("bucket", "a").etag == "9dd4e461268c8034f5c8564e155c67a6"
    assert store.bucket_files.region("bucket") == ""


@pytest.mark.parametrize("key", ["/" * 1024, "\0" * 1024, "%~" * 512, "é" * 512, "x" * 1024, "../" * 341])
def test_the_longest_keys_work_or_are_refused(store: ObjectStore, key: str) -> None:
    """A key of S3's greatest length is an object, or the answer says that the file system cannot hold it."""
    fits = len(os.fsencode(store.root / "bucket" / "/".join(names.components(key)))) < 4096
    expected = (
        contextlib.nullcontext() if fits else pytest.raises(S3Error, match="too long for the file system")
    )

    with expected:
        store.put("bucket", key, b"x")
        assert read(store, key) == b"x"


def test_what_is_missing_is_named(store: ObjectStore) -> None:
    """A missing bucket or key is S3's error, with its name in the message."""
    with pytest.raises(NoSuchKey, match="nothing"):
        store.get("bucket", "nothing")
    with pytest.raises(NoSuchBucket, match="absent"):
        store.put("absent", "a", b"")
    with pytest.raises(NoSuchBucket):
        store.get("../bucket", "a")


def test_only_empty_buckets_are_deleted(store: ObjectStore) -> None:
    """A bucket with an object stays; without one it goes, and its configurations with it."""
    store.put("bucket", "a", b"")
    store.bucket_files.configure("bucket", "policy", "{}")
    with pytest.raises(S3Error, match="not empty"):
        store.delete_bucket("bucket")
    store.delete("bucket", "a")
    store.delete_bucket("bucket")
    store.create_bucket("bucket")

    assert store.bucket_files.configuration("bucket", "policy") is None


WRITER = """
import sys
from pathlib import Path
from local_sagemaker.s3.store import ObjectStore

class Slow:
    def read(self, size):
        print("writing", flush=True)
        sys.stdin.readline()
        return b"half of the new object"

ObjectStore(Path(sys.argv[1])).put("bucket", "a", Slow())
"""


@contextlib.contextmanager
def writer(root: Path) -> Iterator[subprocess.Popen[str]]:
    """A process in the middle of writing the object ``a``."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", WRITER, str(root)], **pipes) as process:
        try:
            for _ in range(3):
                assert process.stdout.readline() == "writing\n"
                process.stdin.write("\n")
                process.stdin.flush()
            yield process
        finally:
            process.kill()


def test_a_killed_write_leaves_the_old_object_and_no_litter(store: ObjectStore) -> None:
    """After kill -9 in the middle of a write the old object is whole, and the next start clears the rest."""
    store.put("bucket", "a", b"old", Attributes(metadata={"by": "me"}))
    with writer(store.root) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        left = [path for path in (store.root / ".s3/temporary").rglob("*") if path.is_file()]

    again = ObjectStore(store.root)

    assert len(left) == 1
    assert (again.read("s3://bucket/a"), again.get("bucket", "a").metadata) == (b"old", {"by": "me"})
    assert not left[0].exists()


def test_a_start_does_not_clear_what_a_living_process_writes(store: ObjectStore) -> None:
    """Opening a folder that another process serves leaves that process's writes alone."""
    with writer(store.root):
        ObjectStore(store.root)

        assert [path for path in (store.root / ".s3/temporary").rglob("*") if path.is_file()]


def test_a_crash_between_attributes_and_bytes_does_no_harm(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attributes are written first; if the bytes never follow, the old object still has its own."""
    store.put("bucket", "a", b"old", Attributes(metadata={"version": "old"}))

    rename = Path.replace

    def crash(self: Path, target: Path) -> Path:
        if target.parent == store.root / "bucket":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        store.put("bucket", "a", b"new!", Attributes(metadata={"version": "new"}))

    assert (read(store, "a"), store.get("bucket", "a").metadata) == (b"old", {"version": "old"})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_said_and_leaves_nothing_half_written(small_disk: Path) -> None:
    """On a full disk a write fails with a message that says so; the old object stays and the space comes back."""
    store = ObjectStore(small_disk / "s3")
    store.create_bucket("bucket")
    store.put("bucket", "a", b"old")

    for _ in range(3):
        with pytest.raises(S3Error, match="full") as caught:
            store.put("bucket", "a", b"x" * 2_000_000)
        assert (caught.value.code, caught.value.status) == ("InternalError", 500)

    assert read(store, "a") == b"old"
    assert store.put("bucket", "b", b"x" * 500_000).size == 500_000
