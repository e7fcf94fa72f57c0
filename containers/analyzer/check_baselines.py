"""The baselines that the latest approved model package of a group carries: what a check compares with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from containers import registry
from containers.checks import Check
from containers.processing.job import DataError

NO_OBJECT = ("NoSuchKey", "404", "NoSuchBucket")


@dataclass(frozen=True)
class Approved:
    """The latest approved package of a group, and the ``DriftCheckBaselines`` that it carries."""

    package: str  # its ARN; empty where no package of the group is approved
    baselines: Mapping[str, Any] = field(default_factory=dict)

    def addresses(self, check: Check) -> dict[str, str]:
        """File name -> S3 address of the baseline of ``check``; empty where the package carries none."""
        group, _ = check.place
        names = {check.place[1]: check.constraints_file}
        if check.statistics_file:
            names["Statistics"] = check.statistics_file
        carried = self.baselines.get(group, {})
        found = {file: carried[name]["S3Uri"] for name, file in names.items() if name in carried}
        return found if check.constraints_file in found else {}


def latest_approved(sagemaker: Any, group: str) -> Approved:
    """Ask the registry, with a boto3 client."""
    package = registry.latest_approved(sagemaker, group)
    if package is None:
        return Approved("")
    return Approved(package["ModelPackageArn"], package.get("DriftCheckBaselines", {}))


def read(s3: Any, uri: str, package: str) -> bytes:
    """A baseline's file.

    Raises:
        DataError: it is not there any more.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] not in NO_OBJECT:
            raise
        raise DataError(
            f"the baseline {uri} of {package} has been deleted; start with SkipCheck and RegisterNewBaseline true "
            "to go on from a new one"
        ) from None
    return content
