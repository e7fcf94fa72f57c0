import pytest

from local_sagemaker.control_plane import ControlPlane
from local_sagemaker.errors import AwsError, UnsupportedOperation, ValidationException
from local_sagemaker.settings import Settings


@pytest.fixture
def control_plane(tmp_path):
    return ControlPlane(Settings(folder=tmp_path))


def test_an_operation_gets_the_request_and_its_answer_is_shaped(control_plane):
    """The operation sees the request; the caller sees only what AWS's output has."""
    seen = []

    def describe(request):
        seen.append(request)
        return {"ModelName": "m", "VpcConfig": {}, "_Private": 1, "Unknown": 2, "Containers": None}

    control_plane.add({"DescribeModel": describe})

    assert control_plane.call("DescribeModel", {"ModelName": "m"}) == {"ModelName": "m"}
    assert seen == [{"ModelName": "m"}]


def test_an_operation_that_is_not_there_is_refused_by_name(control_plane):
    """AWS has it, this SageMaker has not: the error says which operation."""
    with pytest.raises(UnsupportedOperation, match="CreateEndpoint") as caught:
        control_plane.call("CreateEndpoint", {})
    assert caught.value.status == 501


def test_an_operation_that_aws_does_not_have(control_plane):
    """A misspelt operation is an error of its own, with a suggestion."""
    with pytest.raises(AwsError, match=r"'CreateModle'. Did you mean CreateModel\?") as caught:
        control_plane.call("CreateModle", {})
    assert caught.value.code == "UnknownOperationException"


@pytest.mark.parametrize("operations", [{"CreateModle": dict}, {"CreateModel": dict}])
def test_wiring_mistakes_are_found_at_once(control_plane, operations):
    """An operation that AWS does not have, or that is there already, cannot be added."""
    control_plane.add({"CreateModel": dict})

    with pytest.raises((AwsError, ValueError)):
        control_plane.add(operations)
    assert control_plane.operations == {"CreateModel"}


def test_a_wrong_request_never_reaches_the_operation(control_plane):
    """The request is checked before anything runs."""
    ran = []
    control_plane.add({"DescribeModel": ran.append})

    with pytest.raises(ValidationException, match="modelName"):
        control_plane.call("DescribeModel", {})
    assert ran == []


def test_null_is_absent(control_plane):
    """Members that are null, however deep, do not reach the operation."""
    seen = []
    control_plane.add({"CreateModel": lambda request: seen.append(request)})

    control_plane.call(
        "CreateModel", {"ModelName": "m", "VpcConfig": None, "PrimaryContainer": {"Image": "i", "Mode": None}}
    )

    assert seen == [{"ModelName": "m", "PrimaryContainer": {"Image": "i"}}]


def test_the_operation_owns_its_request(control_plane):
    """What the operation does to the request does not reach the caller."""
    control_plane.add({"CreateModel": lambda request: request["PrimaryContainer"].clear()})
    request = {"ModelName": "m", "PrimaryContainer": {"Image": "i"}}

    control_plane.call("CreateModel", request)

    assert request["PrimaryContainer"] == {"Image": "i"}


def test_idempotency_tokens_are_made_up(control_plane):
    """A call in process need not send the token that every client makes up; one that is sent is kept."""
    seen = []
    control_plane.add({"DeletePipeline": lambda request: seen.append(request["ClientRequestToken"])})

    control_plane.call("DeletePipeline", {"PipelineName": "p"})
    control_plane.call("DeletePipeline", {"PipelineName": "p", "ClientRequestToken": "t" * 32})

    assert len(seen[0]) >= 32
    assert seen[1] == "t" * 32


def test_an_operation_without_an_answer(control_plane):
    """Where AWS answers nothing, so do we."""
    control_plane.add({"DeleteModel": lambda _: None})

    assert control_plane.call("DeleteModel", {"ModelName": "m"}) == {}
