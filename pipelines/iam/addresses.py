"""Values of a definition as patterns of IAM: what is known only at run time becomes ``*``."""

from __future__ import annotations

import re
from typing import Any

from pipelines.lint.subject import Subject

_RUN_TIME = re.compile(r"\$\{[^}]*\}")
_HASH = re.compile(r"/[0-9a-f]{64}(/.*)?$")
_PARAMETER = re.compile(r"\$\{Parameters\.([\w-]+)\}")


def pattern(subject: Subject, value: Any) -> str:
    """The text of a value; parameters by their defaults, anything else that only a run knows as ``*``."""
    declared = subject.definition.parameters

    def default(found: re.Match[str]) -> str:
        parameter = declared.get(found[1])
        return str(parameter.default) if parameter and parameter.default not in (None, "") else "*"

    return _RUN_TIME.sub("*", _PARAMETER.sub(default, subject.text(value)))


def objects(subject: Subject, uri: Any) -> str:
    """The ARN of everything below an S3 address; of every object where the address is not known at all."""
    text = pattern(subject, uri)
    if not text.startswith("s3://"):
        return "arn:aws:s3:::*/*"
    # What is published lies under its content's hash: a policy that names it would be outdated with the next change.
    place = _HASH.sub("/*", text.removeprefix("s3://")).rstrip("/*")
    return f"arn:aws:s3:::{place}*" if "/" in place else f"arn:aws:s3:::{place}/*"


def bucket(subject: Subject, uri: Any) -> str:
    """The ARN of an address's bucket."""
    text = pattern(subject, uri)
    name = text.removeprefix("s3://").partition("/")[0] if text.startswith("s3://") else "*"
    return f"arn:aws:s3:::{name}"


def repository(image: str) -> str:
    """The ARN of an image's repository in ECR; of every one where it is not there, or not known."""
    found = re.fullmatch(r"(\d{12})\.dkr\.ecr\.([\w-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)(?:[:@].*)?", image)
    if found is None:
        return "arn:aws:ecr:*:*:repository/*"
    account, region, name = found.groups()
    return f"arn:aws:ecr:{region}:{account}:repository/{name}"
