"""Answers and errors in the shapes of AWS's protocols, for what is answered outside the control plane.

json, rest-json   JSON 1.1 / REST-JSON   {"__type": code, "message": …}, and the code in a header
query             form in, XML out       <ErrorResponse><Error><Code>…
ec2               EC2's own              <Response><Errors><Error><Code>…
rest-xml          Route 53, CloudFront   as query; S3: <Error><Code>…
cbor              Smithy RPC v2          a CBOR map of the two texts
Source: https://smithy.io/2.0/aws/protocols/index.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from local_sagemaker import aws_request
from local_sagemaker.errors import AwsError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    500: "Internal Server Error",
    501: "Not Implemented",
}
_REST_XML = {"route53", "cloudfront"}  # their errors look like the query protocol's
_CBOR_PATH = "/service/"


@dataclass(frozen=True)
class Answer:
    """One HTTP response: small and whole."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Hand it to the server."""
        start_response(
            f"{self.status} {_REASONS.get(self.status, 'Error')}",
            [
                ("Content-Type", self.content_type),
                ("Content-Length", str(len(self.body))),
                ("x-amzn-RequestId", str(uuid.uuid4())),
                *self.headers,
            ],
        )
        return [self.body]


def json_answer(document: Mapping[str, Any], status: int = 200) -> Answer:
    """An answer of the JSON protocols."""
    return Answer(status, json.dumps(document).encode(), "application/x-amz-json-1.1")


def query_answer(action: str, namespace: str, result: Mapping[str, Any]) -> Answer:
    """An answer of the query protocol: ``<ActionResponse><ActionResult>…``."""
    text = (
        f'<{action}Response xmlns="{namespace}"><{action}Result>{_xml(result)}</{action}Result>'
        f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></{action}Response>"
    )
    return Answer(200, text.encode(), "text/xml")


def error_answer(environ: WSGIEnvironment, error: AwsError) -> Answer:
    """The error in the protocol that the request speaks."""
    return _ERRORS[protocol(environ)](error)


def protocol(environ: WSGIEnvironment) -> str:
    """The protocol that a request speaks: a key of the table of error shapes."""
    service = aws_request.caller(environ).service
    if environ.get("HTTP_X_AMZ_TARGET"):
        return "json"
    if environ.get("PATH_INFO", "").startswith(_CBOR_PATH) and environ.get("HTTP_SMITHY_PROTOCOL"):
        return "cbor"
    if service == "s3":
        return "s3"
    if "Action" in aws_request.form(environ):
        return "ec2" if service == "ec2" else "query"
    return "query" if service in _REST_XML else "json"


def _xml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_xml(item)}</{name}>" for name, item in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_xml(item)}</member>" for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(str(value))


def _json_error(error: AwsError) -> Answer:
    answer = json_answer({"__type": error.code, "message": error.message}, error.status)
    return Answer(answer.status, answer.body, answer.content_type, (("x-amzn-ErrorType", error.code),))


def _query_error(error: AwsError) -> Answer:
    who = "Receiver" if error.status >= 500 else "Sender"
    shape = {"Error": {"Type": who, "Code": error.code, "Message": error.message}, "RequestId": uuid.uuid4()}
    return Answer(error.status, f"<ErrorResponse>{_xml(shape)}</ErrorResponse>".encode(), "text/xml")


def _s3_error(error: AwsError) -> Answer:
    shape = {"Error": {"Code": error.code, "Message": error.message, "RequestId": uuid.uuid4()}}
    return Answer(error.status, _xml(shape).encode(), "application/xml")


def _ec2_error(error: AwsError) -> Answer:
    errors = {"Errors": {"Error": {"Code": error.code, "Message": error.message}}, "RequestID": uuid.uuid4()}
    return Answer(error.status, f"<Response>{_xml(errors)}</Response>".encode(), "text/xml")


def _cbor_error(error: AwsError) -> Answer:
    def text(value: str) -> bytes:
        data = value.encode()
        return b"\x7a" + len(data).to_bytes(4, "big") + data  # major type 3, 32-bit length

    pairs = (text("__type"), text(error.code), text("message"), text(error.message))
    smithy = (("smithy-protocol", "rpc-v2-cbor"),)
    return Answer(error.status, b"\xa2" + b"".join(pairs), "application/cbor", smithy)  # a map of two


_ERRORS: Mapping[str, Callable[[AwsError], Answer]] = {
    "json": _json_error,
    "query": _query_error,
    "s3": _s3_error,
    "ec2": _ec2_error,
    "cbor": _cbor_error,
}
