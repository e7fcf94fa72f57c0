import pytest

from local_sagemaker.errors import ConflictException, ValidationException

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/"


def test_a_group_is_found_by_name_and_by_arn(call):
    """Describe takes both, and answers what the SDK requires: status and who made it."""
    created = call("CreateModelPackageGroup", ModelPackageGroupName="g", ModelPackageGroupDescription="d")
    by_name = call("DescribeModelPackageGroup", ModelPackageGroupName="g")
    by_arn = call("DescribeModelPackageGroup", ModelPackageGroupName=ARN + "g")

    assert created == {"ModelPackageGroupArn": ARN + "g"}
    assert by_name == by_arn
    assert by_name["ModelPackageGroupStatus"] == "Completed"
    assert by_name["CreatedBy"]["IamIdentity"]["Arn"].startswith("arn:aws:sts::123456789012:assumed-role/")
    assert by_name["ModelPackageGroupDescription"] == "d"


def test_groups_are_listed(call):
    """A summary each, newest first."""
    for name in ("b", "a"):
        call("CreateModelPackageGroup", ModelPackageGroupName=name)

    groups = call("ListModelPackageGroups")["ModelPackageGroupSummaryList"]

    assert [group["ModelPackageGroupName"] for group in groups] == ["a", "b"]


def test_a_name_is_taken_once(call):
    """The text is the one that the SDK and scripts look for."""
    call("CreateModelPackageGroup", ModelPackageGroupName="g")

    with pytest.raises(ValidationException, match=f"Model Package Group already exists: {ARN}g"):
        call("CreateModelPackageGroup", ModelPackageGroupName="g")


def test_a_group_with_packages_cannot_be_deleted(call):
    """The packages go first."""
    call("CreateModelPackageGroup", ModelPackageGroupName="g")
    package = call("CreateModelPackage", ModelPackageGroupName="g")["ModelPackageArn"]

    with pytest.raises(ConflictException, match="it has 1 model package"):
        call("DeleteModelPackageGroup", ModelPackageGroupName="g")
    call("DeleteModelPackage", ModelPackageName=package)
    call("DeleteModelPackageGroup", ModelPackageGroupName="g")
    with pytest.raises(ValidationException, match=f"ModelPackageGroup {ARN}g does not exist"):
        call("DescribeModelPackageGroup", ModelPackageGroupName="g")


def test_a_resource_policy_comes_and_goes(call):
    """A policy is kept with its group; where there is none, the error says so."""
    call("CreateModelPackageGroup", ModelPackageGroupName="g")
    call("PutModelPackageGroupPolicy", ModelPackageGroupName="g", ResourcePolicy="{}")

    assert call("GetModelPackageGroupPolicy", ModelPackageGroupName="g") == {"ResourcePolicy": "{}"}
    call("DeleteModelPackageGroupPolicy", ModelPackageGroupName="g")
    with pytest.raises(ValidationException, match="Cannot find resource policy"):
        call("GetModelPackageGroupPolicy", ModelPackageGroupName="g")
