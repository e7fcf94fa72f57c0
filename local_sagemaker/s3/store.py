"""Buckets and objects as plain folders and files: ``<root>/<bucket>/<key>``.

::

    <root>/<bucket>/<key>       the bytes; any tool may read them, or put files there
    <root>/.s3/metadata/        what else is known of an object (``records``)
    <root>/.s3/buckets/         what else is known of a bucket (``buckets``)
    <root>/.s3/uploads/         multipart uploads under way (``multipart``)
    <root>/.s3/temporary/       writes under way, a folder for each process; those of dead ones are removed

A write goes to a temporary file first and is renamed into its place, so a reader, or whoever comes after a
crash, finds the old object or the new one and never a mixture. One process serves a folder at a time; within it
any number of threads may read and write. Symbolic links in a bucket are not objects, and nothing is read or
written through them.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from local_sagemaker.s3 import names, transfer
from local_sagemaker.s3.buckets import BucketFiles
from local_sagemaker.s3.errors import NoSuchBucket, NoSuchKey, S3Error
from local_sagemaker.s3.records import AttributeFiles, Attributes, Identity, StoredObject, identity
from local_sagemaker.s3.staging import BLOCK, Staging, storage_errors
from local_sagemaker.s3.walk import KeyWalk

Condition = Callable[[StoredObject | None], None]  # raises unless the present object allows to replace it


class ObjectStore:
    """Objects below ``root``. Every method may raise NoSuchBucket, and InternalError for a full disk."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()
        private = self.root / ".s3"
        self._staging = Staging(private / "temporary")
        self._attributes = AttributeFiles(private / "metadata", self._staging)
        self.bucket_files = BucketFiles(private / "buckets", self._staging)
        self.uploads = private / "uploads"
        self._lock = threading.RLock()  # held while an object changes, which is short: its bytes are on disk

    # Buckets

    def create_bucket(self, name: str, region: str = "") -> None:
        """Create a bucket; nothing happens where it is there already.

        Raises:
            S3Error: InvalidBucketName.
        """
        names.check_bucket_name(name)
        (self.root / name).mkdir(parents=True, exist_ok=True)
        self.bucket_files.create(name, region)

    def buckets(self) -> list[str]:
        """The names of all buckets, sorted."""
        return sorted(entry.name for entry in os.scandir(self.root) if self.has_bucket(entry.name))

    def has_bucket(self, name: str) -> bool:
        """Whether the bucket is there."""
        path = self.root / name
        with contextlib.suppress(S3Error):
            names.check_bucket_name(name)
            return path.is_dir() and not path.is_symlink()
        return False

    def bucket_folder(self, name: str) -> Path:
        """The folder with the bucket's objects."""
        if not self.has_bucket(name):
            raise NoSuchBucket(name)
        return self.root / name

    def delete_bucket(self, name: str) -> None:
        """Delete an empty bucket.

        Raises:
            S3Error: BucketNotEmpty.
        """
        with self._lock:
            folder = self.bucket_folder(name)
            if any(files for _, _, files in os.walk(folder)):
                raise S3Error(
                    "BucketNotEmpty", "The bucket you tried to delete is not empty", BucketName=name
                )
            shutil.rmtree(folder)
            shutil.rmtree(self.uploads / name, ignore_errors=True)
            self.bucket_files.delete(name)

    # Objects

    def put(
        self, bucket: str, key: str, body: BinaryIO | bytes, attributes: Attributes | None = None
    ) -> StoredObject:
        """Store an object; ``attributes.etag`` is computed where it is empty.

        Raises:
            S3Error: KeyTooLongError and the like, for keys that S3 does not take either.
        """
        self.check(bucket, key)
        source = io.BytesIO(body) if isinstance(body, bytes) else body
        attributes = attributes or Attributes()
        with self.stage() as file:
            digest = hashlib.md5(usedforsecurity=False)
            while block := source.read(BLOCK):
                digest.update(block)
                file.write(block)
            return self.commit(
                file, bucket, key, replace(attributes, etag=attributes.etag or digest.hexdigest())
            )

    def get(self, bucket: str, key: str) -> StoredObject:
        """What is known of an object.

        Raises:
            NoSuchKey: there is none.
        """
        stored, file = self.open(bucket, key)
        file.close()
        return stored

    def open(self, bucket: str, key: str) -> tuple[StoredObject, BinaryIO]:
        """An object and its bytes, which stay what they are while the object is replaced or deleted."""
        folder = self.bucket_folder(bucket)
        while True:
            path = self._find(folder, key)
            if path is None:
                raise NoSuchKey(bucket, key)
            try:
                file = _open_regular(path)
            except FileNotFoundError:  # moved or deleted since it was found
                continue
            status = os.fstat(file.fileno())
            attributes = self._attributes.read(bucket, key, identity(status))
            if attributes is None:
                if not _is_still(path, identity(status)):  # replaced between the two readings
                    file.close()
                    continue
                attributes = self._adopt(bucket, key, path, file)
            return StoredObject(bucket, key, path, status.st_size, status.st_mtime, attributes), file

    def bytes_of(self, bucket: str, key: str) -> BinaryIO:
        """An object's bytes alone; as for ``open``, they stay what they are.

        Raises:
            NoSuchKey: there is none.
        """
        folder = self.bucket_folder(bucket)
        while path := self._find(folder, key):
            with contextlib.suppress(FileNotFoundError):  # moved or deleted since it was found
                return _open_regular(path)
        raise NoSuchKey(bucket, key)

    def keys(self, bucket: str, prefix: str = "", after: str = "") -> KeyWalk:
        """The keys that begin with ``prefix`` and come after ``after``, in the order of UTF-8 bytes."""
        return KeyWalk(self.bucket_folder(bucket), prefix, after)

    def list(self, bucket: str, prefix: str = "", after: str = "") -> Iterator[StoredObject]:
        """The objects whose keys begin with ``prefix`` and come after ``after``, in the order of UTF-8 bytes."""
        for key in self.keys(bucket, prefix, after):
            with contextlib.suppress(NoSuchKey):  # deleted meanwhile
                yield self.get(bucket, key)

    def delete(self, bucket: str, key: str, condition: Condition | None = None) -> None:
        """Delete an object; nothing happens where there is none."""
        self.check(bucket, key)
        folder = self.bucket_folder(bucket)
        with self._lock:
            if condition:
                condition(self.get(bucket, key) if self._find(folder, key) else None)
            path = self._find(folder, key)
            if path is None:
                return
            path.unlink()
            self._attributes.delete(bucket, key)
            for parent in path.parents:
                if parent == folder:
                    break
                with contextlib.suppress(OSError):  # others live there
                    parent.rmdir()

    def set_tags(self, bucket: str, key: str, tags: dict[str, str]) -> None:
        """Replace an object's tags; its time of modification stays, as in S3."""
        with self._lock:
            stored, file = self.open(bucket, key)
            with file:
                of = identity(os.fstat(file.fileno()))
            self._attributes.write(bucket, key, of, replace(stored.attributes, tags=tags), keep=None)

    # Writing in two steps, for bodies that are checked on their way

    def check(self, bucket: str, key: str) -> None:
        """Raise what putting an object there would raise, before any byte of it is read."""
        names.check_key(key)
        self.bucket_folder(bucket)

    def stage(self) -> AbstractContextManager[BinaryIO]:
        """A temporary file to write an object's bytes to; unless it is committed, it goes away."""
        return self._staging.file()

    def commit(
        self,
        file: BinaryIO,
        bucket: str,
        key: str,
        attributes: Attributes,
        condition: Condition | None = None,
    ) -> StoredObject:
        """Make a staged file the object ``key``, if ``condition`` allows it; the last to commit wins."""
        file.flush()
        folder = self.bucket_folder(bucket)
        with self._lock, storage_errors():
            present = self._find(folder, key)
            if condition:
                condition(self.get(bucket, key) if present else None)
            before = identity(present.stat()) if present else None
            now = max(time.time_ns(), before[1] + 1 if before else 0)
            os.utime(file.fileno(), ns=(now, now))
            status = os.fstat(file.fileno())
            path = present or self._make_room(folder, key)
            self._attributes.write(bucket, key, identity(status), attributes, keep=before)
            Path(file.name).replace(path)
            return StoredObject(bucket, key, path, status.st_size, status.st_mtime, attributes)

    def write_text(self, path: Path, text: str) -> None:
        """Write a small file beside the objects, so that readers see its old text or its new one."""
        with storage_errors():
            self._staging.replace(path, text)

    # For jobs, by URI

    def acting_as(self, role_arn: str) -> ObjectStore:
        """The objects as a role may see and change them: here, where nobody asks for permissions, as they are."""
        del role_arn
        return self

    def read(self, uri: str) -> bytes:
        """The bytes of one object."""
        _, file = self.open(*names.split_uri(uri))
        with file:
            return file.read()

    def download(self, uri: str, destination: Path) -> int:
        """Copy every object whose key begins with the URI's into ``destination``; see ``transfer``."""
        return transfer.download(self, uri, destination)

    def upload(self, source: Path, uri: str) -> int:
        """Store a file, or every file below a folder, under the URI; see ``transfer``."""
        return transfer.upload(self, source, uri)

    # Files

    def _find(self, folder: Path, key: str) -> Path | None:
        """The file that holds ``key``, if there is one."""
        plain = folder.joinpath(*names.components(key))
        if plain.parent != folder and Path(os.path.realpath(plain.parent)) != plain.parent:
            return None  # behind a link: not an object
        for path in (plain, plain.with_name(plain.name + names.BESIDE)):
            with storage_errors(), contextlib.suppress(FileNotFoundError, NotADirectoryError):
                if stat.S_ISREG(path.lstat().st_mode):
                    return path
        return None

    def _make_room(self, folder: Path, key: str) -> Path:
        """Where the new object ``key`` goes; objects in the way of its folders step aside."""
        plain = folder.joinpath(*names.components(key))
        while True:
            try:
                plain.parent.mkdir(parents=True, exist_ok=True)
                break
            except (FileExistsError, NotADirectoryError):
                if not self._step_aside(plain.parent, folder):
                    raise _in_the_way(key, folder) from None
        if Path(os.path.realpath(plain.parent)) != plain.parent:
            raise _in_the_way(key, folder)
        return plain.with_name(plain.name + names.BESIDE) if plain.is_dir() else plain

    def _step_aside(self, path: Path, folder: Path) -> bool:
        """Give the name of an object to a folder; False where what has it is no object."""
        for parent in (path, *path.parents):
            if parent == folder:
                break
            if parent.is_file() and not parent.is_symlink():
                parent.replace(parent.with_name(parent.name + names.BESIDE))
                return True
        return False

    def _adopt(self, bucket: str, key: str, path: Path, file: BinaryIO) -> Attributes:
        """Attributes for a file that came past ``put``; remembered, so that it is read for them only once."""
        of = identity(os.fstat(file.fileno()))
        digest = hashlib.md5(usedforsecurity=False)
        while block := file.read(BLOCK):
            digest.update(block)
        file.seek(0)
        attributes = Attributes(etag=digest.hexdigest())
        with self._lock:
            if _is_still(path, of):
                self._attributes.write(bucket, key, of, attributes, keep=None)
        return attributes


def _in_the_way(key: str, folder: Path) -> S3Error:
    return S3Error(
        "InternalError", f"Something that is no object, such as a link, is in the way of {key!r} in {folder}"
    )


def _open_regular(path: Path) -> BinaryIO:
    # Not blocking, should somebody have put a pipe there after the look; not following, should it be a link.
    return open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")  # noqa: PTH123


def _is_still(path: Path, of: Identity) -> bool:
    try:
        return identity(path.lstat()) == of
    except OSError:
        return False
