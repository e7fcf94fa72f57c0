"""What a request claims about its body, and whether that is true.

A client may send an MD5 (``Content-MD5``), the SHA-256 that it signed (``x-amz-content-sha256``) and one
checksum, as a header or, in an aws-chunked body, as a trailer. See
https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from local_sagemaker.s3 import crc
from local_sagemaker.s3.errors import S3Error

HEADER = "x-amz-checksum-"
_settings = {HEADER + "algorithm", HEADER + "type", HEADER + "mode"}  # the same prefix, but no checksums
_sha256 = re.compile(r"[0-9a-f]{64}")


Data = bytes | memoryview


class Digest(Protocol):
    """A running checksum, as hashlib has them."""

    def update(self, data: Data, /) -> None:
        """Take in more bytes."""

    def digest(self) -> bytes:
        """The checksum so far."""


@dataclass(frozen=True)
class Algorithm:
    """One of S3's checksum algorithms."""

    new: Callable[[], Digest]
    size: int  # bytes of a checksum
    polynomial: crc.Polynomial | None = None  # of those whose checksums can be joined


def _hash(name: str, size: int) -> Algorithm:
    return Algorithm(lambda: hashlib.new(name, usedforsecurity=False), size)


def _crc(polynomial: crc.Polynomial) -> Algorithm:
    return Algorithm(lambda: crc.Crc(polynomial), polynomial.bits // 8, polynomial)


ALGORITHMS = {
    "CRC32": _crc(crc.CRC32),
    "CRC32C": _crc(crc.CRC32C),
    "CRC64NVME": _crc(crc.CRC64NVME),
    "SHA1": _hash("sha1", 20),
    "SHA256": _hash("sha256", 32),
    "SHA512": _hash("sha512", 64),
    "MD5": _hash("md5", 16),
}


@dataclass(frozen=True)
class Claims:
    """What a request says about its body."""

    md5: bytes | None = None
    sha256: str | None = None  # hexadecimal
    algorithm: str | None = None
    checksum: str | None = None  # base64; None where it follows as a trailer or is to be computed
    in_trailer: bool = False


def claims(headers: Mapping[str, str]) -> Claims:
    """Read the claims from a request's headers (names in lower case).

    Raises:
        S3Error: InvalidDigest or InvalidRequest, for what cannot be a checksum.
    """
    given = [name for name in headers if name.startswith(HEADER) and name not in _settings]
    trailers = [name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",") if name.strip()]
    announced = [name for name in trailers if name.startswith(HEADER)]
    if len(given) + len(announced) > 1:
        raise S3Error(
            "InvalidRequest",
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        )
    names = given + announced
    sha256 = headers.get("x-amz-content-sha256", "")
    return Claims(
        md5=_content_md5(headers.get("content-md5")),
        sha256=sha256 if _sha256.fullmatch(sha256) else None,
        algorithm=algorithm_name(names[0].removeprefix(HEADER)) if names else None,
        checksum=headers[given[0]] if given else None,
        in_trailer=bool(announced),
    )


def algorithm_name(name: str) -> str:
    """The algorithm's name as S3 writes it.

    Raises:
        S3Error: InvalidRequest for one that is not there.
    """
    if name.upper() not in ALGORITHMS:
        raise S3Error(
            "InvalidRequest",
            f"Checksum algorithm provided is unsupported: {name!r}. The local S3 has {', '.join(ALGORITHMS)}.",
        )
    return name.upper()


class Check:
    """Digests a body while it streams by, and compares at its end.

    ``algorithm`` is computed even if the request claims nothing.
    """

    def __init__(self, claimed: Claims, algorithm: str | None = None) -> None:
        self._claims = claimed
        self._algorithm = claimed.algorithm or algorithm
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256() if claimed.sha256 else None
        self._digest = ALGORITHMS[self._algorithm].new() if self._algorithm else None

    @property
    def md5(self) -> str:
        """The MD5 of the body, hexadecimal: a simple object's ETag."""
        return self._md5.hexdigest()

    @property
    def checksums(self) -> dict[str, str]:
        """The checksum to keep, by algorithm."""
        if self._algorithm is None or self._digest is None:
            return {}
        return {self._algorithm: base64.b64encode(self._digest.digest()).decode()}

    def update(self, data: Data) -> None:
        """Take in more of the body."""
        self._md5.update(data)
        if self._sha256:
            self._sha256.update(data)
        if self._digest:
            self._digest.update(data)

    def finish(self, trailers: Mapping[str, str]) -> None:
        """Compare everything that was claimed with what came.

        Raises:
            S3Error: BadDigest, XAmzContentSHA256Mismatch, InvalidRequest.
        """
        if self._claims.md5 is not None and self._claims.md5 != self._md5.digest():
            raise S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.")
        if self._sha256 and self._sha256.hexdigest() != self._claims.sha256:
            raise S3Error(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )
        if not self._claims.algorithm:
            return
        header = HEADER + self._claims.algorithm.lower()
        claimed = trailers.get(header) if self._claims.in_trailer else self._claims.checksum
        if claimed is None:
            raise S3Error("MalformedTrailerError", f"The trailer {header} was announced but did not come.")
        if len(_decode(claimed)) != ALGORITHMS[self._claims.algorithm].size:
            raise S3Error("InvalidRequest", f"Value for {header} header is invalid.")
        if claimed != self.checksums[self._claims.algorithm]:
            raise S3Error(
                "BadDigest",
                f"The {self._claims.algorithm} you specified did not match the calculated checksum.",
            )


def of_parts(algorithm: str, kind: str, parts: Sequence[tuple[str, int]]) -> str:
    """The checksum of an object from its parts' checksums and sizes.

    ``COMPOSITE`` is the checksum of the checksums, with the number of parts; ``FULL_OBJECT``, of the CRCs only,
    is what the whole object has.
    """
    digests = [base64.b64decode(checksum) for checksum, _ in parts]
    known = ALGORITHMS[algorithm]
    if kind == "COMPOSITE":
        digest = known.new()
        digest.update(b"".join(digests))
        return f"{base64.b64encode(digest.digest()).decode()}-{len(parts)}"
    if known.polynomial is None:
        raise S3Error(
            "InvalidRequest", f"The FULL_OBJECT checksum type cannot be used with the {algorithm} algorithm."
        )
    whole = 0
    for part, (_, size) in zip(digests, parts, strict=True):
        whole = known.polynomial.join(whole, int.from_bytes(part, "big"), size)
    return base64.b64encode(whole.to_bytes(known.size, "big")).decode()


def _content_md5(text: str | None) -> bytes | None:
    if text is None:
        return None
    value = _decode(text)
    if len(value) != 16:
        raise S3Error("InvalidDigest", "The Content-MD5 you specified was invalid.")
    return value


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
