import pytest

from local_sagemaker.errors import ResourceLimitExceeded, ResourceNotFound

MODEL = "arn:aws:sagemaker:us-east-1:123456789012:model/m"


@pytest.fixture
def model(call):
    call(
        "CreateModel",
        ModelName="m",
        PrimaryContainer={"Image": "i"},
        Tags=[{"Key": "team", "Value": "red"}, {"Key": "stage", "Value": "dev"}],
    )
    return MODEL


def tags(call, arn):
    return {tag["Key"]: tag["Value"] for tag in call("ListTags", ResourceArn=arn)["Tags"]}


def test_tags_given_at_creation_are_there(call, model):
    """They are listed, and are no part of the description."""
    assert tags(call, model) == {"team": "red", "stage": "dev"}
    assert "Tags" not in call("DescribeModel", ModelName="m")


def test_tags_are_added_replaced_and_deleted(call, model):
    """A key has one value; a key that is not there can be deleted."""
    answer = call(
        "AddTags",
        ResourceArn=model,
        Tags=[{"Key": "team", "Value": "blue"}, {"Key": "cost", "Value": ""}],
    )
    call("DeleteTags", ResourceArn=model, TagKeys=["stage", "nothing"])

    assert len(answer["Tags"]) == 3
    assert tags(call, model) == {"team": "blue", "cost": ""}


def test_a_resource_without_tags(call):
    """An empty list, not an error."""
    group = call("CreateModelPackageGroup", ModelPackageGroupName="g")["ModelPackageGroupArn"]

    assert call("ListTags", ResourceArn=group) == {"Tags": []}


def test_versions_and_executions_have_tags_of_their_own(call, records):
    """A resource whose ARN has several parts is found, too."""
    call("CreateModelPackageGroup", ModelPackageGroupName="g")
    package = call("CreateModelPackage", ModelPackageGroupName="g")["ModelPackageArn"]
    execution = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/abc"
    records.create("PipelineExecution", "abc", {"PipelineExecutionArn": execution})
    for arn in (package, execution):
        call("AddTags", ResourceArn=arn, Tags=[{"Key": "k", "Value": arn}])

    assert tags(call, package) == {"k": package}
    assert tags(call, execution) == {"k": execution}


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("AddTags", {"Tags": [{"Key": "k", "Value": "v"}]}),
        ("ListTags", {}),
        ("DeleteTags", {"TagKeys": ["k"]}),
    ],
)
def test_a_resource_that_is_not_there(call, operation, request_):
    """Tags have no life without their resource."""
    with pytest.raises(ResourceNotFound, match="does not exist"):
        call(operation, ResourceArn=MODEL, **request_)


def test_fifty_tags_are_the_limit(call, model):
    """The request that would go beyond changes nothing."""
    call("AddTags", ResourceArn=model, Tags=[{"Key": f"k{n}", "Value": ""} for n in range(48)])

    with pytest.raises(ResourceLimitExceeded, match="51 tags; the limit is 50"):
        call("AddTags", ResourceArn=model, Tags=[{"Key": "one too many", "Value": ""}])
    assert len(tags(call, model)) == 50


def test_tags_come_in_pages(call, model):
    """Every tag once, whatever the size of a page."""
    call("AddTags", ResourceArn=model, Tags=[{"Key": f"k{n}", "Value": ""} for n in range(48)])
    first = call("ListTags", ResourceArn=model, MaxResults=50)

    assert len(first["Tags"]) == 50
    assert "NextToken" not in first
