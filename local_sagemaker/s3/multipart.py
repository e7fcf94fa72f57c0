"""Multipart uploads under way, on disk: they survive a restart, as they do in S3.

::

    .s3/uploads/<bucket>/<upload id>/upload.json     what CreateMultipartUpload said
                                     00001.json      part 1: its size, ETag, checksum, and which file it is
                                     00001-<n>       its bytes
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from local_sagemaker.s3 import checksums
from local_sagemaker.s3.errors import S3Error
from local_sagemaker.s3.records import Attributes, StoredObject
from local_sagemaker.s3.staging import BLOCK
from local_sagemaker.s3.store import Condition, ObjectStore

MIN_PART = 5 * 1024 * 1024  # bytes of every part but the last, S3's limit
MAX_PARTS = 10_000

_id = re.compile(r"[A-Za-z0-9_-]{32}")  # what token_urlsafe(24) gives, and no path


@dataclass(frozen=True)
class Upload:
    """One multipart upload."""

    id: str
    bucket: str
    key: str
    initiated: float  # epoch seconds
    attributes: Attributes
    algorithm: str | None = None  # of the parts' checksums


@dataclass(frozen=True)
class Part:
    """One part that has been uploaded."""

    number: int
    size: int
    etag: str
    checksum: str | None  # base64, of the upload's algorithm
    modified: float  # epoch seconds
    file: str  # name of the file with its bytes


class MultipartUploads:
    """The uploads under way in a store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def create(self, bucket: str, key: str, attributes: Attributes, algorithm: str | None) -> Upload:
        """Begin an upload."""
        self._store.check(bucket, key)
        upload = Upload(secrets.token_urlsafe(24), bucket, key, time.time(), attributes, algorithm)
        folder = self._folder(bucket, upload.id)
        folder.mkdir(parents=True)
        self._store.write_text(folder / "upload.json", json.dumps(asdict(upload)))
        return upload

    def get(self, bucket: str, key: str, upload_id: str) -> Upload:
        """An upload under way.

        Raises:
            S3Error: NoSuchUpload.
        """
        upload = self._read(self._folder(bucket, upload_id)) if _id.fullmatch(upload_id) else None
        if upload is None or upload.key != key:
            raise S3Error(
                "NoSuchUpload",
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
                "aborted or completed.",
                UploadId=upload_id,
            )
        return upload

    def under_way(self, bucket: str, prefix: str = "") -> list[Upload]:
        """The uploads under way in a bucket, by key and then by time."""
        self._store.bucket_folder(bucket)
        parent = self._store.uploads / bucket
        found = [self._read(folder) for folder in parent.iterdir()] if parent.is_dir() else []
        uploads = [upload for upload in found if upload and upload.key.startswith(prefix)]
        return sorted(uploads, key=lambda upload: (upload.key.encode(), upload.initiated))

    def put_part(
        self, upload: Upload, number: int, file: BinaryIO, size: int, etag: str, checksum: str | None
    ) -> Part:
        """Make a staged file the part ``number``; the last to come is the one that counts."""
        folder = self._folder(upload.bucket, upload.id)
        part = Part(number, size, etag, checksum, time.time(), f"{number:05d}-{secrets.token_hex(4)}")
        file.flush()
        try:
            Path(file.name).rename(folder / part.file)
            self._store.write_text(folder / f"{number:05d}.json", json.dumps(asdict(part)))
        except FileNotFoundError:
            self.get(upload.bucket, upload.key, upload.id)  # says that it was aborted meanwhile
            raise
        for old in folder.glob(f"{number:05d}-*"):
            if old.name != self._part(folder, number).file:
                old.unlink(missing_ok=True)
        return part

    def parts(self, upload: Upload) -> list[Part]:
        """The parts that are there, in order."""
        folder = self._folder(upload.bucket, upload.id)
        return [self._part(folder, int(path.stem)) for path in sorted(folder.glob("[0-9]*.json"))]

    def complete(
        self,
        upload: Upload,
        wanted: Sequence[tuple[int, str]],
        condition: Condition | None = None,
        claimed: tuple[str, str] | None = None,
    ) -> StoredObject:
        """Join the parts ``wanted`` (number, ETag) to the object; ``claimed`` is its checksum (algorithm, value).

        Raises:
            S3Error: InvalidPart, InvalidPartOrder, EntityTooSmall, BadDigest.
        """
        parts = self._wanted_parts(upload, wanted)
        attributes = self._joined(upload, parts)
        if claimed and attributes.checksums.get(claimed[0], claimed[1]).partition("-")[0] != claimed[1]:
            raise S3Error(
                "BadDigest", f"The {claimed[0]} you specified did not match the calculated checksum."
            )
        folder = self._folder(upload.bucket, upload.id)
        with self._store.stage() as file:
            for part in parts:
                with (folder / part.file).open("rb") as source:
                    shutil.copyfileobj(source, file, BLOCK)
            stored = self._store.commit(file, upload.bucket, upload.key, attributes, condition)
        self.abort(upload)
        return stored

    def abort(self, upload: Upload) -> None:
        """Forget the upload and its parts."""
        shutil.rmtree(self._folder(upload.bucket, upload.id), ignore_errors=True)

    def _wanted_parts(self, upload: Upload, wanted: Sequence[tuple[int, str]]) -> list[Part]:
        numbers = [number for number, _ in wanted]
        if numbers != sorted(set(numbers)):
            raise S3Error("InvalidPartOrder", "The list of parts was not in ascending order.")
        present = {part.number: part for part in self.parts(upload)}
        for number, etag in wanted:
            if number not in present or present[number].etag != etag:
                raise S3Error(
                    "InvalidPart",
                    "One or more of the specified parts could not be found. The part may not have been uploaded, "
                    "or the specified entity tag may not match the part's entity tag.",
                    PartNumber=str(number),
                )
        parts = [present[number] for number in numbers]
        for part in parts[:-1]:
            if part.size < MIN_PART:
                raise S3Error(
                    "EntityTooSmall",
                    "Your proposed upload is smaller than the minimum allowed size",
                    PartNumber=str(part.number),
                    ProposedSize=str(part.size),
                    MinSizeAllowed=str(MIN_PART),
                )
        return parts

    def _joined(self, upload: Upload, parts: Sequence[Part]) -> Attributes:
        digest = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts), usedforsecurity=False)
        known = [(part.checksum, part.size) for part in parts if part.checksum]
        found = {}
        if upload.algorithm and len(known) == len(parts):
            kind = upload.attributes.checksum_type
            found = {upload.algorithm: checksums.of_parts(upload.algorithm, kind, known)}
        return replace(
            upload.attributes,
            etag=f"{digest.hexdigest()}-{len(parts)}",
            checksums=found,
            parts=tuple(part.size for part in parts),
        )

    def _folder(self, bucket: str, upload_id: str) -> Path:
        self._store.bucket_folder(bucket)
        return self._store.uploads / bucket / upload_id

    def _read(self, folder: Path) -> Upload | None:
        known = _read_json(folder / "upload.json")
        return Upload(**{**known, "attributes": Attributes(**known["attributes"])}) if known else None

    def _part(self, folder: Path, number: int) -> Part:
        return Part(**_read_json(folder / f"{number:05d}.json"))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return known
