"""What a job asks the model registry: which package of a group is in service."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

# What SageMaker says of a group that is not there: it is made with its first package.
NO_GROUP = ("ResourceNotFound", "ResourceNotFoundException", "ValidationException")


def latest_approved(sagemaker: Any, group: str) -> dict[str, Any] | None:
    """DescribeModelPackage of the approved package of ``group`` that was made last; None where there is none.

    ``sagemaker`` is boto3's client. Raises what that raises.
    """
    try:
        listed = sagemaker.list_model_packages(
            ModelPackageGroupName=group,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=1,
        )["ModelPackageSummaryList"]
    except ClientError as error:
        if error.response["Error"]["Code"] in NO_GROUP:
            return None
        raise
    if not listed:
        return None
    found: dict[str, Any] = sagemaker.describe_model_package(ModelPackageName=listed[0]["ModelPackageArn"])
    return found
