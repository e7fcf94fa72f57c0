"""Conditional requests and ranges (RFC 9110, as S3 applies it)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime

from local_sagemaker.s3.errors import NoSuchKey, S3Error
from local_sagemaker.s3.records import StoredObject

_range = re.compile(r"bytes=(\d*)-(\d*)")


def check_read(headers: Mapping[str, str], stored: StoredObject, prefix: str = "") -> None:
    """Apply the conditions of a read; those of a copy's source have the prefix ``x-amz-copy-source-``.

    Raises:
        S3Error: PreconditionFailed (412) or NotModified (304).
    """
    if_match = headers.get(prefix + "if-match")
    if_none_match = headers.get(prefix + "if-none-match")
    since, unmodified = headers.get(prefix + "if-modified-since"), headers.get(prefix + "if-unmodified-since")
    if if_match is not None:
        if not _matches(if_match, stored):
            raise _failed("If-Match")
    elif unmodified is not None and _later(stored, unmodified):
        raise _failed("If-Unmodified-Since")
    fresh = False
    if if_none_match is not None:
        fresh = _matches(if_none_match, stored)
    elif since is not None:
        fresh = not _later(stored, since)
    if fresh:
        if prefix:  # a copy has nothing to say 'not modified' about
            raise _failed("x-amz-copy-source-If-None-Match")
        raise S3Error("NotModified", "Not Modified")


def write_condition(
    headers: Mapping[str, str], bucket: str, key: str
) -> Callable[[StoredObject | None], None] | None:
    """The condition of a write on the object that it would replace; None where there is none.

    See https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html.
    """
    if_match, if_none_match = headers.get("if-match"), headers.get("if-none-match")
    if if_match is None and if_none_match is None:
        return None
    if if_none_match not in (None, "*"):
        raise S3Error("NotImplemented", "A write takes If-None-Match only with the value *")

    def check(present: StoredObject | None) -> None:
        if if_none_match is not None and present is not None:
            raise _failed("If-None-Match")
        if if_match is not None:
            if present is None:
                raise NoSuchKey(bucket, key)
            if not _matches(if_match, present):
                raise _failed("If-Match")

    return check


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and number of bytes that a Range header asks for; None for the whole object.

    Headers that are not understood, and lists of ranges, count as none, as in S3.

    Raises:
        S3Error: InvalidRange, where it lies outside of the object.
    """
    match = _range.fullmatch(header.replace(" ", "")) if header else None
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start > end:
        raise S3Error(
            "InvalidRange",
            "The requested range is not satisfiable",
            RangeRequested=str(header),
            ActualObjectSize=str(size),
        )
    return start, end - start + 1


def http_date(epoch: float) -> str:
    """A time as HTTP headers carry it, in whole seconds."""
    return formatdate(epoch, usegmt=True)


def iso_date(epoch: float) -> str:
    """A time as S3's documents carry it, in milliseconds."""
    return f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%dT%H:%M:%S}.{int(epoch * 1000) % 1000:03d}Z"


def _matches(header: str, stored: StoredObject) -> bool:
    wanted = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
    return "*" in wanted or stored.etag in wanted


def _later(stored: StoredObject, header: str) -> bool:
    """Whether the object changed after the time in the header; never, where that is no time."""
    try:
        return int(stored.modified) > parsedate_to_datetime(header).timestamp()
    except ValueError:
        return False


def _failed(condition: str) -> S3Error:
    return S3Error(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        Condition=condition,
    )
