import pytest

from local_sagemaker.errors import ResourceNotFound

ROLE = "arn:aws:iam::123456789012:role/local-sagemaker-execution"
BASE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/processing"


@pytest.fixture
def image(call):
    """An image with two versions, the first of them under an alias."""
    call("CreateImage", ImageName="processing", RoleArn=ROLE)
    for tag, aliases in (("a", ["stable"]), ("b", [])):
        more = {"Aliases": aliases} if aliases else {}
        call("CreateImageVersion", ImageName="processing", BaseImage=f"{BASE}:{tag}", ClientToken=tag, **more)


@pytest.mark.parametrize(("which", "tag"), [({}, "b"), ({"Version": 1}, "a"), ({"Alias": "stable"}, "a")])
def test_a_version_is_found(call, image, which, tag):
    """By number, by alias, or the latest; its container is the base image itself."""
    found = call("DescribeImageVersion", ImageName="processing", **which)

    assert found["ContainerImage"] == f"{BASE}:{tag}"
    assert found["ImageVersionStatus"] == "CREATED"


@pytest.mark.parametrize(
    "request_", [{"ImageName": "nobody"}, {"ImageName": "processing", "Version": 9}], ids=["image", "version"]
)
def test_what_is_not_there_has_the_code_that_templates_catch(call, image, request_):
    """AWS's project templates fall back to a public image on ResourceNotFound."""
    with pytest.raises(ResourceNotFound, match="does not exist"):
        call("DescribeImageVersion", **request_)


def test_a_number_is_used_once(call, image):
    """Versions are listed newest first, and a deleted one's number is not given again."""
    call("DeleteImageVersion", ImageName="processing", Version=2)
    call("CreateImageVersion", ImageName="processing", BaseImage=f"{BASE}:c", ClientToken="c")
    versions = call("ListImageVersions", ImageName="processing", SortBy="VERSION")["ImageVersions"]

    assert [version["Version"] for version in versions] == [3, 1]
