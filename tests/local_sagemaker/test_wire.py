import http.client
import io
import json
import logging

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_sagemaker.control_plane import ControlPlane
from local_sagemaker.http_server import HttpServer
from local_sagemaker.records import Records
from local_sagemaker.resources.models import Models
from local_sagemaker.settings import Settings
from local_sagemaker.wire import SageMakerApi

CONTAINER = {"Image": "image:1"}
ROLE = "arn:aws:iam::123456789012:role/r"


@pytest.fixture
def api(tmp_path):
    settings = Settings(folder=tmp_path)
    records = Records(settings.database)
    control_plane = ControlPlane(settings)
    control_plane.add(Models(settings, records).operations())
    control_plane.add({"DescribeEndpoint": lambda _: {}["secret"]})
    yield SageMakerApi(control_plane)
    records.close()


@pytest.fixture
def url(api):
    server = HttpServer(api, "127.0.0.1", 0)
    server.start()
    yield f"http://127.0.0.1:{server.port}"
    server.stop()


@pytest.fixture
def sagemaker(url):
    client = boto3.client(
        "sagemaker",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(parameter_validation=False, retries={"max_attempts": 0}),
    )
    yield client
    client.close()


def test_boto3_speaks_with_it(sagemaker):
    """A model is created, described, listed page by page and deleted by boto3 over a real socket."""
    for name in ("a", "b", "c"):
        sagemaker.create_model(ModelName=name, PrimaryContainer=CONTAINER, ExecutionRoleArn=ROLE)
    answer = sagemaker.describe_model(ModelName="b")
    pages = sagemaker.get_paginator("list_models").paginate(PaginationConfig={"PageSize": 1})

    assert answer["PrimaryContainer"] == CONTAINER
    assert answer["CreationTime"].tzinfo is not None
    assert len(answer["ResponseMetadata"]["RequestId"]) == 36
    assert "VpcConfig" not in answer
    assert [model["ModelName"] for page in pages for model in page["Models"]] == ["c", "b", "a"]
    for name in ("a", "b", "c"):
        sagemaker.delete_model(ModelName=name)
    assert sagemaker.list_models()["Models"] == []


@pytest.mark.parametrize(
    ("operation", "request_", "status", "code", "message"),
    [
        ("describe_model", {"ModelName": "none"}, 400, "ValidationException", "Could not find model"),
        ("describe_model", {}, 400, "ValidationException", "1 validation error detected: Value null"),
        ("create_endpoint", {}, 501, "UnsupportedOperation", "CreateEndpoint"),
        ("describe_endpoint", {"EndpointName": "e"}, 500, "InternalFailure", "DescribeEndpoint failed"),
    ],
)
def test_boto3_sees_aws_errors(sagemaker, operation, request_, status, code, message, caplog):
    """Whatever goes wrong arrives as a ClientError with a code and one line of text."""
    with caplog.at_level(logging.CRITICAL), pytest.raises(ClientError) as caught:
        getattr(sagemaker, operation)(**request_)

    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == status
    assert error["Error"]["Code"] == code
    assert message in error["Error"]["Message"]
    assert "\n" not in error["Error"]["Message"]


def test_a_failure_inside_is_logged_with_its_traceback(api, caplog):
    """The client gets a line; whoever runs the server gets the traceback and the request's id."""
    call(api, "SageMaker.DescribeEndpoint", b'{"EndpointName": "e"}')

    (record,) = caplog.records
    assert record.exc_info is not None
    assert "SageMaker.DescribeEndpoint" in record.getMessage()


@pytest.mark.parametrize(
    ("target", "body", "code"),
    [
        ("SageMaker.ListModels", b"", None),
        ("SageMaker.ListModels", b"{", "SerializationException"),
        ("SageMaker.ListModels", b"[]", "SerializationException"),
        ("SageMaker.ListModels", b"\xff", "SerializationException"),
        ("SageMaker.ListModels", b"[" * 100_000, "SerializationException"),
        ("SageMaker.ListModel", b"{}", "UnknownOperationException"),
        ("Logs.ListModels", b"{}", "UnknownOperationException"),
        ("", b"{}", "UnknownOperationException"),
    ],
)
def test_what_no_client_sends(api, target, body, code):
    """A request that is not the protocol's gets an error in the protocol's shape."""
    headers, answer = call(api, target, body)

    assert answer.get("__type") == code
    assert headers.get("x-amzn-ErrorType") == code
    assert headers["Content-Type"] == "application/x-amz-json-1.1"


def test_the_server_reads_the_body_it_is_told_of(url):
    """Plain HTTP without boto3 works, too."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    connection.request("POST", "/", b'{"ModelName": "m"}', {"X-Amz-Target": "SageMaker.DescribeModel"})
    answer = connection.getresponse()

    assert answer.status == 400
    assert json.loads(answer.read())["__type"] == "ValidationException"
    connection.close()


def call(api, target, body):
    started = []
    environ = {
        "HTTP_X_AMZ_TARGET": target,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    chunks = api(environ, lambda status, headers: started.append(dict(headers)))
    return started[0], json.loads(b"".join(chunks))
