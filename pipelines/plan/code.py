"""What a changed code address means: which files differ, and in settings which entries.

Published objects lie below a hash of their contents, so both sides can still be read: the old one from S3, the new
one from what the next upsert will publish.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipelines.plan.differences import Change, changes, shown

_ADDRESS = re.compile(r'"?s3://(?P<bucket>[^/"]+)/(?P<folder>[^"]*?/[0-9a-f]{64})(?:/[^"]*)?"?')
_ARCHIVE = ".tar.gz"


@dataclass(frozen=True)
class FileChange:
    """A file of a publication that differs; of settings the entries that do."""

    name: str
    action: Literal["add", "remove", "change"]
    entries: tuple[Change, ...] = ()


class PublishedCode:
    """Reads what lies at content-addressed places; ``new`` are the objects that are not uploaded yet, by key."""

    def __init__(self, s3: Any, new: Mapping[str, bytes]) -> None:
        self._s3 = s3
        self._new = new
        self._known: dict[tuple[str, str], list[FileChange] | None] = {}

    def explain(self, change: Change) -> list[FileChange] | None:
        """The files behind a change of an address; None where it is none, or the old files cannot be read."""
        old, new = (_ADDRESS.fullmatch(shown(value)) for value in (change.old, change.new))
        if not old or not new:
            return None
        pair = (f"{old['bucket']}/{old['folder']}", new["folder"])
        if pair not in self._known:
            self._known[pair] = self._compare(old["bucket"], old["folder"], new["folder"])
        return self._known[pair]

    def _compare(self, bucket: str, old: str, new: str) -> list[FileChange] | None:
        after = {
            key.removeprefix(f"{new}/"): body for key, body in self._new.items() if key.startswith(f"{new}/")
        }
        before = self._stored(bucket, f"{old}/", after)
        return _files(before, after) if before and after else None

    def _stored(self, bucket: str, prefix: str, after: Mapping[str, bytes]) -> dict[str, bytes]:
        """The objects below a prefix; one whose ETag shows that it is the new one is not fetched."""
        found = {}
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                name, same = entry["Key"].removeprefix(prefix), after.get(entry["Key"].removeprefix(prefix))
                if same is not None and entry["ETag"].strip('"') == _etag(same):
                    found[name] = same
                else:
                    found[name] = self._s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
        return found


def _files(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[FileChange]:
    found: list[FileChange] = []
    for name in sorted({*before, *after}):
        if name not in before:
            found.append(FileChange(name, "add"))
        elif name not in after:
            found.append(FileChange(name, "remove"))
        elif before[name] != after[name] and name.endswith(_ARCHIVE):
            found += _files(_members(before[name]), _members(after[name]))
        elif before[name] != after[name]:
            found.append(FileChange(name, "change", _entries(name, before[name], after[name])))
    return found


def _members(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        files = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        return {name: file.read() for name, file in files.items() if file}


def _entries(name: str, old: bytes, new: bytes) -> tuple[Change, ...]:
    if not name.endswith(".json"):
        return ()
    try:
        return tuple(changes(json.loads(old), json.loads(new)))
    except ValueError:
        return ()


def _etag(body: bytes) -> str:
    """S3's, of an object that was put at once and without a KMS key; any other is fetched and compared."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
