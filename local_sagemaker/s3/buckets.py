"""What is known of a bucket beside its folder: when it was made, where, and the configurations given to it.

The local S3 keeps configurations (a policy, a lifecycle, …) as S3 does and gives them back; it does not act on
them.
"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

from local_sagemaker.s3.staging import Staging


class BucketFiles:
    """One JSON file for each bucket."""

    def __init__(self, folder: Path, staging: Staging) -> None:
        self._folder = folder
        self._staging = staging
        self._lock = threading.Lock()

    def create(self, bucket: str, region: str = "") -> None:
        """Note that a bucket was created now; an older note stays."""
        with self._lock:
            if not self._path(bucket).exists():
                self._write(bucket, {"created": time.time(), "region": region, "configurations": {}})

    def created(self, bucket: str) -> float | None:
        """When the bucket was created, in epoch seconds; None for a folder that somebody made."""
        created: float | None = self._read(bucket).get("created")
        return created

    def region(self, bucket: str) -> str:
        """The LocationConstraint it was created with; empty for S3's first region."""
        return str(self._read(bucket).get("region", ""))

    def configuration(self, bucket: str, name: str) -> str | None:
        """The document that was stored as ``name``."""
        text: str | None = self._read(bucket).get("configurations", {}).get(name)
        return text

    def configure(self, bucket: str, name: str, document: str | None) -> None:
        """Store a document as ``name``, or remove it."""
        with self._lock:
            known = self._read(bucket)
            configurations = dict(known.get("configurations", {}))
            configurations.pop(name, None)
            if document is not None:
                configurations[name] = document
            self._write(bucket, {**known, "configurations": configurations})

    def delete(self, bucket: str) -> None:
        """Forget the bucket."""
        self._path(bucket).unlink(missing_ok=True)

    def _read(self, bucket: str) -> dict[str, Any]:
        try:
            text = self._path(bucket).read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        try:
            known: dict[str, Any] = json.loads(text)
        except ValueError:  # a machine that lost power may leave an empty file
            return {}
        return known

    def _write(self, bucket: str, known: dict[str, Any]) -> None:
        self._staging.replace(self._path(bucket), json.dumps(known, indent=1))

    def _path(self, bucket: str) -> Path:
        return self._folder / f"{bucket}.json"
