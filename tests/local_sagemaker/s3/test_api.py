from collections.abc import Callable
from typing import Any

import pytest

from local_sagemaker.s3.api import NOT_HERE
from local_sagemaker.s3.xml_format import parse


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/bucket", "/bucket/k"])
def test_what_is_not_implemented_is_named(send: Callable[..., Any], method: str, path: str) -> None:
    """A sub-resource that the local S3 lacks is 501 with its name, never taken for the plain operation."""
    for subresource, name in NOT_HERE.items():
        answer = send(method, f"{path}?{subresource}", b"")
        error = parse(answer.body, "Error")

        assert (answer.status, error.findtext("Code")) == (501, "NotImplemented")
        assert name in error.findtext("Message", "")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 501),
        ("PATCH", "/bucket/k", 501),
        ("POST", "/bucket/k", 501),
        ("GET", "/Not_a_bucket", 404),
        ("PUT", "/Not_a_bucket", 400),
        ("GET", "/bucket/%ff", 400),
        ("GET", "/bucket/k?%ff", 400),
        ("PUT", "/bucket/k?partNumber=1&uploadId=..%2F..", 404),
        ("GET", "/bucket?list-type=2&max-keys=many", 400),
        ("GET", "/bucket?encoding-type=base64", 400),
        ("POST", "/bucket?delete", 400),
        ("PUT", "/bucket?cors", 400),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/.s3/metadata", 404),
        ("PUT", "/.s3/x", 404),
    ],
)
def test_requests_that_make_no_sense(send: Callable[..., Any], method: str, path: str, status: int) -> None:
    """Whatever is asked, the answer is one of S3's errors as a document, and never a traceback."""
    answer = send(method, path, b"<not><closed>")
    error = parse(answer.body, "Error")

    assert answer.status == status
    assert answer.headers["x-amz-request-id"] == error.findtext("RequestId")


def test_the_path_is_taken_as_it_was_sent(send: Callable[..., Any]) -> None:
    """Quoted slashes, dots, pluses and percent signs in the path are characters of the key."""
    send("PUT", "/bucket/a%2F..%2Fb+c%2525", b"x")
    listed = parse(send("GET", "/bucket").body, "ListBucketResult")

    assert [key.text for key in listed.iter("Key")] == ["a/../b+c%25"]


def test_the_server_may_lack_a_file_wrapper(client: Any, server: Any) -> None:
    """On a WSGI server without ``wsgi.file_wrapper`` large objects are sent all the same."""
    app, body = server.app, b"0123456789" * 100_000
    client.put_object(Bucket="bucket", Key="k", Body=body)
    server.app = lambda environ, start: app(
        {k: v for k, v in environ.items() if k != "wsgi.file_wrapper"}, start
    )

    assert client.get_object(Bucket="bucket", Key="k")["Body"].read() == body
    assert (
        client.get_object(Bucket="bucket", Key="k", Range="bytes=5-500004")["Body"].read() == body[5:500_005]
    )
