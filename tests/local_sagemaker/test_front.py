"""The front: which service a request reaches."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

SCOPE = "AWS4-HMAC-SHA256 Credential=AKIA/20261121/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=x"


REQUESTS = [
    # path, headers, service
    ("/", {"Authorization": SCOPE.format("s3")}, "s3"),
    ("/bucket/key", {}, "s3"),
    ("/bucket/key?X-Amz-Credential=AKIA%2F20261121%2Fus-east-1%2Fs3%2Faws4_request", {}, "s3"),
    ("/bucket/key?AWSAccessKeyId=AKIA&Signature=x&Expires=1", {}, "s3"),
    ("/", {"Authorization": SCOPE.format("sagemaker"), "X-Amz-Target": "SageMaker.ListModels"}, "sagemaker"),
    ("/", {"X-Amz-Target": "SageMaker.ListModels"}, "sagemaker"),
]


@pytest.mark.parametrize(("path", "headers", "service"), REQUESTS)
def test_a_request_reaches_the_service_it_is_signed_for(front, path, headers, service):
    """The credential scope decides, in the header or in a presigned URL; unsigned paths are S3's."""
    assert front.send(path, headers)[1]["x-answered-by"] == service


def test_clients_of_each_kind_are_told_apart(front):
    """boto3's own signatures reach S3, the control plane and the other services."""
    assert front.client("s3").list_buckets()["ResponseMetadata"]["HTTPHeaders"]["x-answered-by"] == "s3"
    assert front.client("sagemaker").list_models()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert "QueueUrl" in front.client("sqs").create_queue(QueueName="front-queue")


def test_a_presigned_url_reaches_s3_in_both_signature_versions(front):
    """generate_presigned_url signs in the query."""
    for version in ("s3", "s3v4"):
        config = boto3.session.Config(signature_version=version)
        s3 = boto3.client(
            "s3",
            endpoint_url=front.url,
            region_name="us-east-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=config,
        )
        url = s3.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "key"})

        assert front.send(url.removeprefix(front.url))[1]["x-answered-by"] == "s3"


def test_the_health_endpoint_answers_json(front):
    """It needs no signature, and no bucket can have its name."""
    assert json.loads(front.send("/_local_sagemaker/health")[2]) == {"well": True}


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "name"),
    [
        (
            "sagemaker-runtime",
            "invoke_endpoint_async",
            {"EndpointName": "e", "InputLocation": "s3://b/k"},
            "sagemaker-runtime InvokeEndpointAsync",
        ),
        (
            "sagemaker-metrics",
            "batch_get_metrics",
            {
                "MetricQueries": [
                    {
                        "MetricName": "m",
                        "ResourceArn": "r",
                        "MetricStat": "Max",
                        "Period": "OneHour",
                        "XAxisType": "Timestamp",
                    }
                ]
            },
            "sagemaker-metrics BatchGetMetrics",
        ),
        (
            "sagemaker-featurestore-runtime",
            "get_record",
            {"FeatureGroupName": "f", "RecordIdentifierValueAsString": "1"},
            "sagemaker-featurestore-runtime GetRecord",
        ),
    ],
)
def test_a_data_plane_that_is_not_there_says_so_by_name(front, service, operation, arguments, name):
    """They sign as sagemaker; the error names service and operation."""
    with pytest.raises(ClientError, match=f"does not support {name}") as error:
        getattr(front.client(service), operation)(**arguments)

    assert error.value.response["Error"]["Code"] == "UnsupportedOperation"


def test_what_goes_wrong_inside_is_answered_as_an_error_of_the_service(front):
    """No client ever sees a page of HTML or a traceback."""
    status, _, body = front.send("/bucket/key?break")
    text = body.decode()

    assert status == 500
    assert "<Code>InternalFailure</Code>" in text
    assert "something unforeseen" in text
    assert "Traceback" not in text
