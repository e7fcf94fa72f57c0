r"""Which file holds a key: ``data/a.csv`` is the file of that name; what a file system cannot hold is escaped.

======================================  ==============================================================
in a key                                in the file's path
======================================  ==============================================================
an ordinary name                        itself
the empty name (``//``, leading or      ``%~e``
trailing ``/``)
``.`` and ``..``                        ``%~.`` and ``%~.%~.``
NUL                                     ``%~0``
``%~`` itself                           ``%~~``
a name of more than 240 bytes           folders whose names end in ``%~+``, then the rest
a key that is also a folder             that file's name ends in ``%~-`` (``a`` beside ``a/b``)
======================================  ==============================================================

A path thus never has an empty, ``.`` or ``..`` component, so no key leaves its bucket's folder; and ``%~`` is
rare enough that files which people put there themselves hardly ever look escaped.
"""

from __future__ import annotations

import re

from local_sagemaker.s3.errors import S3Error

MAX_KEY = 1024  # bytes of UTF-8, S3's limit
BESIDE = "%~-"  # ends the name of a file whose plain name a folder has
_CONTINUED = "%~+"  # ends the name of a folder that holds the rest of a long name
_EMPTY = "%~e"
_MAX_COMPONENT = 240  # bytes; file systems hold 255, and a suffix must fit

_escapes = {"\0": "%~0", "%~": "%~~"}
_unescapes = {"%~0": "\0", "%~~": "%~", "%~.": ".", _EMPTY: ""}
_unit = re.compile(r"%~|.", re.DOTALL)
_escaped = re.compile(r"%~[0~.e]")
_address = re.compile(r"https://(?:(?P<bucket>[^/]+)\.)?s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?/")
_bucket_name = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def check_bucket_name(name: str) -> None:
    """Refuse names that S3 refuses (and with them, any that is not a plain folder name).

    Raises:
        S3Error: InvalidBucketName.
    """
    if not _bucket_name.fullmatch(name) or ".." in name:
        raise S3Error(
            "InvalidBucketName",
            f"The specified bucket is not valid: {name!r} (3 to 63 of a-z, 0-9, '-' and '.', "
            "beginning and ending with a letter or digit)",
            BucketName=name,
        )


def check_key(key: str) -> None:
    """Refuse keys that S3 refuses.

    Raises:
        S3Error: KeyTooLongError, InvalidURI (not UTF-8), InvalidRequest (empty).
    """
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise S3Error("InvalidURI", "Couldn't parse the specified URI: the key is not UTF-8") from None
    if size > MAX_KEY:
        raise S3Error(
            "KeyTooLongError",
            f"Your key is too long: {size} bytes",
            MaxSizeAllowed=str(MAX_KEY),
            Size=str(size),
        )
    if not key:
        raise S3Error("InvalidRequest", "A key has at least one character")


def components(key: str) -> list[str]:
    """The path of ``key`` below its bucket's folder, component by component."""
    return [component for name in key.split("/") for component in _name_components(name)]


def holds(key: str, path: str) -> bool:
    """Whether ``path``, which reads as the key, is also where the key would be stored."""
    plain = "/".join(components(key))
    return path.endswith(("/" + plain, "/" + plain + BESIDE))


def join(parent: str, name: str, *, is_folder: bool) -> str:
    """What the component ``name``, found in the folder of the prefix ``parent``, adds to the prefix.

    ``join("a/", "b", is_folder=True)`` is ``"a/b/"``. A key is the join of all its components.
    """
    end = "/" if is_folder else ""
    if is_folder and name.endswith(_CONTINUED):
        name, end = name[: -len(_CONTINUED)], ""
    elif not is_folder and name.endswith(BESIDE):
        name = name[: -len(BESIDE)]
    return parent + _escaped.sub(lambda match: _unescapes[match[0]], name) + end


def _name_components(name: str) -> list[str]:
    if not name:
        return [_EMPTY]
    if "%~" not in name and "\0" not in name and len(name) <= 60 and name not in (".", ".."):
        return [name]  # what nearly all names are: at most 240 bytes, since a character has at most four
    parts = [""]
    size = 0
    for unit in (_escapes.get(unit, unit) for unit in _unit.findall(name)):
        length = len(unit.encode())
        if size + length > _MAX_COMPONENT:
            parts.append("")
            size = 0
        parts[-1] += unit
        size += length
    parts = [part.replace(".", "%~.") if part in (".", "..") else part for part in parts]
    return [part + _CONTINUED for part in parts[:-1]] + parts[-1:]


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key (or prefix) of ``s3://bucket/key``, or of the same as S3's own address.

    SageMaker takes ``https://bucket.s3.us-east-1.amazonaws.com/key`` and ``https://s3.amazonaws.com/bucket/key`` too.

    Raises:
        S3Error: InvalidURI.
    """
    if address := _address.match(uri):
        uri = f"s3://{address['bucket'] + '/' if address['bucket'] else ''}{uri[address.end() :]}"
    scheme, separator, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not separator or not bucket:
        raise S3Error("InvalidURI", f"{uri!r} is not an S3 URI: expected s3://bucket/key")
    return bucket, key
