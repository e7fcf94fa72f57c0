from concurrent.futures import ThreadPoolExecutor

import pytest

from local_sagemaker.errors import UnsupportedOperation, ValidationException

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/"
SPECIFICATION = {"Containers": [{"Image": "image:1", "ModelDataUrl": "s3://b/model.tar.gz"}]}


@pytest.fixture
def group(call):
    call("CreateModelPackageGroup", ModelPackageGroupName="g")
    return "g"


def test_packages_of_a_group_are_versions(call, group):
    """Versions count from 1; a version waits for approval unless it was created approved."""
    first = call("CreateModelPackage", ModelPackageGroupName=group, InferenceSpecification=SPECIFICATION)
    second = call("CreateModelPackage", ModelPackageGroupName=group, ModelApprovalStatus="Approved")
    described = call("DescribeModelPackage", ModelPackageName=ARN + "g/1")

    assert (first, second) == ({"ModelPackageArn": ARN + "g/1"}, {"ModelPackageArn": ARN + "g/2"})
    assert isinstance(described.pop("CreationTime"), float)
    assert described.pop("CreatedBy")["IamIdentity"]
    assert described == {
        "ModelPackageGroupName": "g",
        "ModelPackageVersion": 1,
        "ModelPackageArn": ARN + "g/1",
        "InferenceSpecification": SPECIFICATION,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "ModelApprovalStatus": "PendingManualApproval",
    }
    assert call("DescribeModelPackage", ModelPackageName="g/2")["ModelApprovalStatus"] == "Approved"


def test_a_version_number_is_used_once(call, group):
    """After the last version is deleted the next is a new number."""
    call("CreateModelPackage", ModelPackageGroupName=group)
    call("DeleteModelPackage", ModelPackageName=ARN + "g/1")
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/g"

    assert call("CreateModelPackage", ModelPackageGroupName=arn)["ModelPackageArn"] == ARN + "g/2"
    with pytest.raises(ValidationException, match=f"ModelPackage {ARN}g/1 does not exist"):
        call("DescribeModelPackage", ModelPackageName=ARN + "g/1")


def test_versions_registered_at_once_are_different(call, group):
    """Two registrations never get the same number."""
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: call("CreateModelPackage", ModelPackageGroupName=group), range(20)))

    assert {package["ModelPackageArn"] for package in made} == {f"{ARN}g/{n}" for n in range(1, 21)}


def test_packages_without_versions(call):
    """A package can stand alone, under its own name; the name is taken once."""
    call("CreateModelPackage", ModelPackageName="p", InferenceSpecification=SPECIFICATION)
    described = call("DescribeModelPackage", ModelPackageName="p")

    assert described["ModelPackageArn"] == ARN + "p"
    assert "ModelPackageVersion" not in described
    assert "ModelApprovalStatus" not in described
    with pytest.raises(ValidationException) as caught:
        call("UpdateModelPackage", ModelPackageArn=ARN + "p", ModelApprovalStatus="Approved")
    assert "belong to a group" in caught.value.message
    with pytest.raises(Exception, match=f"already exists: {ARN}p"):
        call("CreateModelPackage", ModelPackageName="p")


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        ({}, ValidationException, "needs a ModelPackageGroupName"),
        ({"ModelPackageName": "p", "ModelPackageGroupName": "g"}, ValidationException, "not both"),
        ({"ModelPackageGroupName": "none"}, ValidationException, "model-package-group/none does not exist"),
        (
            {"ModelPackageName": "p", "ModelApprovalStatus": "Approved"},
            ValidationException,
            "belong to a group",
        ),
        (
            {
                "ModelPackageName": "p",
                "ValidationSpecification": {
                    "ValidationRole": "arn:aws:iam::123456789012:role/r",
                    "ValidationProfiles": [
                        {
                            "ProfileName": "p",
                            "TransformJobDefinition": {
                                "TransformInput": {
                                    "DataSource": {
                                        "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/k"}
                                    }
                                },
                                "TransformOutput": {"S3OutputPath": "s3://b/k"},
                                "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
                            },
                        }
                    ],
                },
            },
            UnsupportedOperation,
            "ValidationSpecification",
        ),
    ],
)
def test_a_package_that_cannot_be(call, group, request_, error, message):
    """What no shape can say is checked, and nothing is recorded."""
    with pytest.raises(error, match=message):
        call("CreateModelPackage", **request_)
    assert call("ListModelPackages", ModelPackageType="Both")["ModelPackageSummaryList"] == []


def test_approval_and_metadata_change(call, group):
    """An update changes what it names, keeps the rest, and says who did it and when."""
    call(
        "CreateModelPackage",
        ModelPackageGroupName=group,
        CustomerMetadataProperties={"a": "1", "b": "2"},
        ModelCard={"ModelCardContent": "{}", "ModelCardStatus": "Draft"},
        SourceUri="s3://b/source",
    )
    answer = call(
        "UpdateModelPackage",
        ModelPackageArn=ARN + "g/1",
        ModelApprovalStatus="Approved",
        ApprovalDescription="good",
        CustomerMetadataProperties={"c": "3"},
        CustomerMetadataPropertiesToRemove=["a", "missing"],
        ModelCard={"ModelCardStatus": "Approved"},
        ModelLifeCycle={"Stage": "Production", "StageStatus": "Active"},
        AdditionalInferenceSpecificationsToAdd=[{"Name": "more", "Containers": SPECIFICATION["Containers"]}],
    )
    described = call("DescribeModelPackage", ModelPackageName=ARN + "g/1")

    assert answer == {"ModelPackageArn": ARN + "g/1"}
    assert described["ModelApprovalStatus"] == "Approved"
    assert described["ApprovalDescription"] == "good"
    assert described["CustomerMetadataProperties"] == {"b": "2", "c": "3"}
    assert described["ModelCard"] == {"ModelCardContent": "{}", "ModelCardStatus": "Approved"}
    assert described["ModelLifeCycle"]["Stage"] == "Production"
    assert [found["Name"] for found in described["AdditionalInferenceSpecifications"]] == ["more"]
    assert described["SourceUri"] == "s3://b/source"
    assert described["LastModifiedTime"] >= described["CreationTime"]
    assert described["LastModifiedBy"] == described["CreatedBy"]


def test_packages_are_listed(call, group):
    """Filters by group, type, approval and name; a version is found by its group's name."""
    call("CreateModelPackageGroup", ModelPackageGroupName="other")
    call("CreateModelPackage", ModelPackageGroupName=group)
    call("CreateModelPackage", ModelPackageGroupName=group, ModelApprovalStatus="Approved")
    call("CreateModelPackage", ModelPackageGroupName="other")
    call("CreateModelPackage", ModelPackageName="alone")

    def listed(**request):
        answer = call("ListModelPackages", **{"SortOrder": "Ascending", **request})
        return [package["ModelPackageArn"].rpartition("model-package/")[2] for package in answer[LIST]]

    assert listed() == ["alone"]
    assert listed(ModelPackageType="Both") == ["g/1", "g/2", "other/1", "alone"]
    assert listed(ModelPackageType="Versioned") == ["g/1", "g/2", "other/1"]
    assert listed(ModelPackageGroupName="g") == ["g/1", "g/2"]
    assert listed(ModelPackageGroupName="g", ModelApprovalStatus="Approved") == ["g/2"]
    assert listed(ModelPackageGroupName="g", SortOrder="Descending", MaxResults=1) == ["g/2"]
    latest = call("ListModelPackages", ModelPackageGroupName="g")[LIST][0]
    assert latest["ModelPackageVersion"] == 2  # newest first: what deployment scripts rely on
    assert listed(ModelPackageType="Both", NameContains="o") == ["other/1", "alone"]
    with pytest.raises(ValidationException, match="does not exist"):
        listed(ModelPackageGroupName="none")


LIST = "ModelPackageSummaryList"


def test_several_packages_at_once(call, group):
    """A batch answers what is there, and an error for each that is not."""
    call("CreateModelPackage", ModelPackageGroupName=group, InferenceSpecification=SPECIFICATION)
    answer = call("BatchDescribeModelPackage", ModelPackageArnList=[ARN + "g/1", ARN + "g/9"])

    assert answer["ModelPackageSummaries"][ARN + "g/1"]["ModelPackageVersion"] == 1
    assert "does not exist" in answer["BatchDescribeModelPackageErrorMap"][ARN + "g/9"]["ErrorResponse"]
