"""Files in and out of the store without HTTP, the way SageMaker moves a job's inputs and outputs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from local_sagemaker.s3 import names
from local_sagemaker.s3.errors import S3Error
from local_sagemaker.s3.staging import BLOCK

if TYPE_CHECKING:
    from local_sagemaker.s3.store import ObjectStore

_AT_ONCE = 1 << 30  # bytes that the kernel is asked to copy


def download(store: ObjectStore, uri: str, destination: Path) -> int:
    """Copy every object whose key begins with the URI's into ``destination``: SageMaker's ``S3Prefix``.

    A prefix that names a folder (``s3://b/data`` or ``s3://b/data/`` for ``data/x/a.csv``) gives the paths below
    it (``x/a.csv``); one that ends within a name (``s3://b/da``), the paths from that name on
    (``data/x/a.csv``); and one that is an object itself, that object under its base name.

    Returns:
        The number of files; 0 where nothing matches. Keys that end in ``/`` (made by consoles to show empty
        folders) become folders and are not counted.

    Raises:
        S3Error: InvalidURI; InvalidRequest for a key that would leave ``destination`` or that has another's
            folder in its way.
    """
    bucket, prefix = names.split_uri(uri)
    store.check(bucket, prefix or "/")
    count = 0
    for key in store.keys(bucket, prefix):
        target = destination / _below(destination, key, prefix)
        try:
            if key.endswith("/"):
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with store.bytes_of(bucket, key) as source, target.open("wb") as file:
                _copy(source, file)
        except (FileExistsError, IsADirectoryError, NotADirectoryError):
            raise S3Error(
                "InvalidRequest",
                f"s3://{bucket}/{key}: another object has a name that this one needs as a folder",
            ) from None
        count += 1
    return count


def upload(store: ObjectStore, source: Path, uri: str) -> int:
    """Store a file, or every file below a folder, under the URI.

    A file becomes the object of exactly this URI, or, where that ends in ``/``, the one of its own name below
    it; a folder's files keep their paths relative to it. Links to files within the folder are followed, links
    out of it are left out, and so is whatever is not a regular file.

    Returns:
        The number of objects.

    Raises:
        S3Error: InvalidURI; NoSuchBucket; KeyTooLongError; InternalError for a full disk.
        FileNotFoundError: there is no ``source``.
    """
    bucket, key = names.split_uri(uri)
    if source.is_dir():
        prefix = key if not key or key.endswith("/") else key + "/"
        files = [(file, prefix + file.relative_to(source).as_posix()) for file in _files(source)]
    else:
        files = [(source, key + source.name if not key or key.endswith("/") else key)]
    for _, name in files:  # all of them first, so that nothing is stored where something cannot be
        try:
            names.check_key(name)
        except S3Error as error:
            raise S3Error(error.code, f"The file {name!r} cannot be an object. {error.message}") from None
    for path, name in files:
        with path.open("rb") as file:
            store.put(bucket, name, file)
    return len(files)


def _copy(source: BinaryIO, target: BinaryIO) -> None:
    """Copy all bytes, within the kernel where it can: some file systems then share them until one side is written."""
    if hasattr(os, "copy_file_range"):  # not on macOS
        # Refused from one file system to another by old kernels; a full disk is met again, and told, below.
        with suppress(OSError):
            while os.copy_file_range(source.fileno(), target.fileno(), _AT_ONCE):
                pass
    shutil.copyfileobj(source, target, BLOCK)  # from where that has come to


def relative(key: str, prefix: str) -> str:
    """The path of an object below a prefix, as SageMaker sees it; see ``download``."""
    rest = key[len(prefix) :]
    if not rest or (prefix and not prefix.endswith("/") and not rest.startswith("/")):
        rest = key[prefix.rfind("/") + 1 :]
    return rest.strip("/")


def _below(destination: Path, key: str, prefix: str) -> str:
    path = relative(key, prefix)
    if any(name in ("", ".", "..") for name in path.split("/")) or "\0" in path:
        if not path:  # the folder itself
            return ""
        raise S3Error("InvalidRequest", f"The key {key!r} cannot be a file below {destination}")
    return path


def _files(folder: Path) -> Iterator[Path]:
    inside = folder.resolve()
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(parent, name)
            if path.is_symlink() and not path.resolve().is_relative_to(inside):
                continue
            if path.is_file():
                yield path
