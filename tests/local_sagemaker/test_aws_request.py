"""What a request is for."""

import io
from urllib.parse import quote

import pytest

from local_sagemaker.aws_request import Caller, body, caller, form, form_list

V4 = "AWS4-HMAC-SHA256 Credential=KEY/20261121/eu-west-1/sagemaker/aws4_request, SignedHeaders=host, Signature=0"
V4A = "AWS4-ECDSA-P256-SHA256 Credential=KEY/20261121/s3/aws4_request, SignedHeaders=host, Signature=0"
PRESIGNED = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + quote(
    "KEY/20261121/us-east-1/s3/aws4_request", ""
)
FORM = "application/x-www-form-urlencoded; charset=utf-8"

TABLE = [
    ({"HTTP_AUTHORIZATION": V4}, Caller("sagemaker", "KEY", "eu-west-1")),
    ({"HTTP_AUTHORIZATION": V4A}, Caller("s3", "KEY", "")),
    ({"QUERY_STRING": PRESIGNED}, Caller("s3", "KEY", "us-east-1")),
    ({"HTTP_X_AMZ_TARGET": "SageMaker.ListModels"}, Caller("sagemaker")),
    ({"HTTP_X_AMZ_TARGET": "Logs_20140328.GetLogEvents"}, Caller("logs")),
    ({"HTTP_X_AMZ_TARGET": "AWSCognitoIdentityService.GetId"}, Caller("")),
    ({"CONTENT_TYPE": FORM}, Caller("")),
    ({}, Caller("s3")),
    ({"HTTP_AUTHORIZATION": "AWS KEY:signature"}, Caller("s3")),
    ({"HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=nonsense"}, Caller("s3")),
]


@pytest.mark.parametrize(("environ", "expected"), TABLE)
def test_the_service_is_read_from_the_signature_or_the_form(environ, expected):
    """Both signature versions, presigned or not; what is not signed by what it looks like."""
    assert caller(environ) == expected


def test_a_body_can_be_read_again():
    """By whoever needs the operation's name, and then by the service itself."""
    environ = {"CONTENT_LENGTH": "3", "wsgi.input": io.BytesIO(b"abcdef")}

    assert body(environ) == body(environ) == environ["wsgi.input"].read() == b"abc"


def test_a_chunked_body_has_a_length_once_it_has_been_read():
    """WSGI applications that know no chunks need one."""
    environ = {
        "wsgi.input_terminated": True,
        "wsgi.input": io.BytesIO(b"abc"),
        "HTTP_TRANSFER_ENCODING": "chunked",
    }
    body(environ)

    assert environ["CONTENT_LENGTH"] == "3"
    assert "HTTP_TRANSFER_ENCODING" not in environ


def test_a_query_request_has_members_and_lists():
    """List members are numbered from 1, and come in any order."""
    text = b"Action=A&Names.member.2=b&Names.member.1=a&Names.member.10=c&Empty="
    environ = {"CONTENT_TYPE": FORM, "CONTENT_LENGTH": str(len(text)), "wsgi.input": io.BytesIO(text)}
    members = form(environ)

    assert members["Action"] == "A"
    assert members["Empty"] == ""
    assert form_list(members, "Names") == ["a", "b", "c"]
