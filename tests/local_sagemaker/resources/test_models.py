import pytest

from local_sagemaker.errors import ValidationException

ROLE = "arn:aws:iam::123456789012:role/r"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model/"
CONTAINER = {"Image": "image:1", "ModelDataUrl": "s3://b/model.tar.gz"}


def test_a_model_is_described_as_it_was_created(call):
    """Describe answers the request, an ARN in lower case as AWS writes it, and a time."""
    created = call("CreateModel", ModelName="My-Model", PrimaryContainer=CONTAINER, ExecutionRoleArn=ROLE)
    described = call("DescribeModel", ModelName="My-Model")

    assert created == {"ModelArn": ARN + "my-model"}
    assert isinstance(described.pop("CreationTime"), float)
    assert described == {
        "ModelName": "My-Model",
        "ModelArn": ARN + "my-model",
        "PrimaryContainer": CONTAINER,
        "ExecutionRoleArn": ROLE,
        "EnableNetworkIsolation": False,
    }


def test_a_name_is_taken_until_its_model_is_deleted(call):
    """The texts are those that scripts look for."""
    call("CreateModel", ModelName="m", PrimaryContainer=CONTAINER)

    with pytest.raises(ValidationException, match=f'Cannot create already existing model "{ARN}m".'):
        call("CreateModel", ModelName="m", PrimaryContainer=CONTAINER)
    call("DeleteModel", ModelName="m")
    for operation in ("DescribeModel", "DeleteModel"):
        with pytest.raises(ValidationException, match=f'Could not find model "{ARN}m".'):
            call(operation, ModelName="m")
    call("CreateModel", ModelName="m", PrimaryContainer=CONTAINER)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, "PrimaryContainer or Containers"),
        ({"PrimaryContainer": CONTAINER, "Containers": [CONTAINER]}, "Specify only one"),
        ({"PrimaryContainer": {"ModelDataUrl": "s3://b/k"}}, "an Image or a ModelPackageName"),
        ({"Containers": [CONTAINER, {}]}, "an Image or a ModelPackageName"),
        (
            {"PrimaryContainer": CONTAINER, "InferenceExecutionConfig": {"Mode": "Serial"}},
            "more than one container",
        ),
        ({"Containers": [{**CONTAINER, "ContainerHostname": "h"}] * 2}, "ContainerHostname of its own"),
        (
            {
                "PrimaryContainer": {
                    **CONTAINER,
                    "ModelDataSource": {
                        "S3DataSource": {
                            "S3Uri": "s3://b/k",
                            "S3DataType": "S3Object",
                            "CompressionType": "Gzip",
                        }
                    },
                }
            },
            "not both",
        ),
    ],
)
def test_containers_that_contradict_each_other(call, request_, message):
    """What no shape can say is checked, and nothing is recorded."""
    with pytest.raises(ValidationException, match=message):
        call("CreateModel", ModelName="m", **request_)
    assert call("ListModels") == {"Models": []}


def test_a_pipeline_of_containers(call):
    """Several containers with hostnames of their own are a model, too."""
    containers = [{**CONTAINER, "ContainerHostname": "a"}, {**CONTAINER, "ContainerHostname": "b"}]
    call(
        "CreateModel",
        ModelName="m",
        Containers=containers,
        InferenceExecutionConfig={"Mode": "Serial"},
    )

    assert call("DescribeModel", ModelName="m")["Containers"] == containers
