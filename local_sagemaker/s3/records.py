"""What S3 keeps about an object beside its bytes, and where that lies.

The bytes of an object are a plain file, so what else there is to know has a small JSON file of its own, below
``.s3/metadata``. It is found by key, and believed only if it was written for exactly the file that is there: it
names that file's size and time of modification. Hence the two can be replaced one after the other and a crash
in between does no harm (the JSON still holds the entry of the file before), and a file that somebody changed or
put there by hand is simply an object of which nothing else is known yet.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local_sagemaker.s3.staging import Staging

DEFAULT_CONTENT_TYPE = "binary/octet-stream"  # S3's own default

Identity = tuple[int, int]  # size in bytes, time of modification in nanoseconds


@dataclass(frozen=True)
class Attributes:
    """What came with the bytes."""

    etag: str = ""  # without quotes; MD5 of the bytes, or of the parts' MD5s and their number
    headers: Mapping[str, str] = field(default_factory=dict)  # content-type and the like, names in lower case
    metadata: Mapping[str, str] = field(default_factory=dict)  # x-amz-meta-*, without that prefix
    checksums: Mapping[str, str] = field(default_factory=dict)  # algorithm -> base64
    checksum_type: str = "FULL_OBJECT"  # or COMPOSITE: of the parts' checksums
    parts: tuple[int, ...] = ()  # sizes, where it was uploaded in parts
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredObject:
    """One object as it was at one moment."""

    bucket: str
    key: str
    path: Path  # the file with its bytes
    size: int
    modified: float  # epoch seconds
    attributes: Attributes

    @property
    def etag(self) -> str:
        """The entity tag, without quotes."""
        return self.attributes.etag

    @property
    def content_type(self) -> str:
        """The Content-Type that it was stored with."""
        return self.attributes.headers.get("content-type", DEFAULT_CONTENT_TYPE)

    @property
    def metadata(self) -> Mapping[str, str]:
        """The user's metadata (``x-amz-meta-*``)."""
        return self.attributes.metadata


def identity(status: os.stat_result) -> Identity:
    """What tells a file from the one that was there before."""
    return status.st_size, status.st_mtime_ns


class AttributeFiles:
    """The JSON files with the attributes of objects."""

    def __init__(self, folder: Path, staging: Staging) -> None:
        self._folder = folder
        self._staging = staging

    def read(self, bucket: str, key: str, of: Identity) -> Attributes | None:
        """The attributes of the file ``of``; None where none were written for it."""
        entry = self._entries(bucket, key).get(_text(of))
        return Attributes(**{**entry, "parts": tuple(entry["parts"])}) if entry else None

    def write(
        self, bucket: str, key: str, of: Identity, attributes: Attributes, keep: Identity | None
    ) -> None:
        """Store ``attributes`` for the file ``of``, and keep those of the file ``keep`` that it replaces."""
        entries = {_text(of): asdict(attributes)}
        if keep and keep != of and (kept := self._entries(bucket, key).get(_text(keep))):
            entries[_text(keep)] = kept
        self._staging.replace(self._path(bucket, key), json.dumps({"key": key, "files": entries}))

    def delete(self, bucket: str, key: str) -> None:
        """Forget what is known of a key."""
        self._path(bucket, key).unlink(missing_ok=True)

    def _entries(self, bucket: str, key: str) -> dict[str, dict[str, Any]]:
        try:
            text = self._path(bucket, key).read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        try:
            files: dict[str, dict[str, Any]] = json.loads(text)["files"]
        except (ValueError, KeyError):  # a machine that lost power may leave an empty file
            return {}
        return files

    def _path(self, bucket: str, key: str) -> Path:
        # By hash, since the keys 'a' and 'a/b' (and '..', and long ones) would be as awkward here as there.
        digest = hashlib.sha256(key.encode()).hexdigest()
        return self._folder / bucket / digest[:2] / f"{digest}.json"


def _text(of: Identity) -> str:
    return f"{of[0]}-{of[1]}"
