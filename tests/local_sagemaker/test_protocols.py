"""Errors in the shapes of AWS's protocols, as botocore reads them."""

import io

import pytest
from botocore.parsers import create_parser

from local_sagemaker.errors import AwsError
from local_sagemaker.protocols import error_answer

FORM = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}

TABLE = [
    # botocore's parser, service in the scope, how such a request looks
    ("json", "events", {"HTTP_X_AMZ_TARGET": "AWSEvents.ListRules"}),
    ("rest-json", "lambda", {"PATH_INFO": "/2015-03-31/functions", "REQUEST_METHOD": "GET"}),
    ("query", "sns", {**FORM, "body": b"Action=ListTopics&Version=2010-03-31"}),
    ("ec2", "ec2", {**FORM, "body": b"Action=DescribeVpcs&Version=2016-11-15"}),
    ("rest-xml", "route53", {"PATH_INFO": "/2013-04-01/hostedzone", "REQUEST_METHOD": "GET"}),
    ("rest-xml", "s3", {"PATH_INFO": "/bucket/key", "REQUEST_METHOD": "GET"}),
    (
        "smithy-rpc-v2-cbor",
        "monitoring",
        {
            "PATH_INFO": "/service/GraniteServiceVersion20100801/operation/X",
            "HTTP_SMITHY_PROTOCOL": "rpc-v2-cbor",
        },
    ),
]


def environ(service, parts):
    body = parts.get("body", b"")
    scope = f"AWS4-HMAC-SHA256 Credential=AKIA/20261121/us-east-1/{service}/aws4_request, SignedHeaders=host"
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "HTTP_AUTHORIZATION": scope,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **parts,
    }


@pytest.mark.parametrize(("protocol", "service", "parts"), TABLE)
def test_a_client_of_each_protocol_reads_code_and_message(protocol, service, parts):
    """Whatever the request speaks, the error speaks too."""
    error = AwsError('Nothing <here> & "there"', code="UnsupportedOperation", status=501)
    answer = error_answer(environ(service, parts), error)
    headers = {name.lower(): value for name, value in answer.headers}
    response = {"status_code": answer.status, "headers": headers, "body": answer.body}
    parsed = create_parser(protocol).parse(response, None)

    assert parsed["Error"]["Code"] == "UnsupportedOperation"
    assert parsed["Error"]["Message"] == 'Nothing <here> & "there"'
