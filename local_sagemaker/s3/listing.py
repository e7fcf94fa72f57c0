"""One page of a listing."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from local_sagemaker.s3.errors import NoSuchKey, S3Error
from local_sagemaker.s3.records import StoredObject
from local_sagemaker.s3.store import ObjectStore
from local_sagemaker.s3.walk import KeyWalk


@dataclass(frozen=True)
class Place:
    """Where a page ends: at a key, or at a common prefix, of which then nothing more follows."""

    text: str = ""
    is_prefix: bool = False

    def token(self) -> str:
        """This place as an opaque continuation token."""
        return base64.urlsafe_b64encode(json.dumps([self.text, self.is_prefix]).encode()).decode()

    @staticmethod
    def of_token(token: str) -> Place:
        """The place of a token.

        Raises:
            S3Error: InvalidArgument, for a token that was not made here.
        """
        try:
            text, is_prefix = json.loads(base64.urlsafe_b64decode(token))
            return Place(str(text), bool(is_prefix))
        except (binascii.Error, ValueError, TypeError):
            raise S3Error("InvalidArgument", "The continuation token provided is incorrect") from None


@dataclass(frozen=True)
class Page:
    """Objects and common prefixes, each in order; ``next`` is where the following page continues, if any."""

    objects: list[StoredObject]
    common_prefixes: list[str]
    next: Place | None


def list_page(
    store: ObjectStore,
    bucket: str,
    *,
    prefix: str = "",
    delimiter: str = "",
    after: Place | None = None,
    limit: int = 1000,
) -> Page:
    """The objects whose keys begin with ``prefix``, those with ``delimiter`` further on rolled up.

    An object and a common prefix count the same towards ``limit``.
    """
    after = after or Place()
    walk = KeyWalk(store.bucket_folder(bucket), prefix, after.text)
    if after.is_prefix:
        walk.skip(after.text)
    objects: list[StoredObject] = []
    prefixes: list[str] = []
    last: Place | None = None
    for key in walk:
        if len(objects) + len(prefixes) == limit:
            return Page(objects, prefixes, last)
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        if end >= 0:
            last = Place(key[: end + len(delimiter)], is_prefix=True)
            prefixes.append(last.text)
            walk.skip(last.text)
            continue
        try:
            objects.append(store.get(bucket, key))
        except NoSuchKey:  # deleted since the walk found it
            continue
        last = Place(key)
    return Page(objects, prefixes, None)
