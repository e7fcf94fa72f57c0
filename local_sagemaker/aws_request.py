"""What a request is for, read from what every AWS client sends with it.

Clients sign what they send (Signature Version 4), and the signature's scope names the service: in the
``Authorization`` header, or in the query of a presigned URL. Signatures are not verified: this is loopback.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    WsgiApp = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]

# SigV4: <key>/<date>/<region>/<service>/aws4_request; SigV4A has no region.
_SCOPE = re.compile(r"(?P<key>[^/=\s]+)/\d{8}/(?:(?P<region>[^/]+)/)?(?P<service>[^/]+)/aws4_request")

_UNSIGNED_TARGETS = {"SageMaker": "sagemaker", "Logs_20140328": "logs"}
_FORM = "application/x-www-form-urlencoded"
_BODY = "local_sagemaker.body"  # where a request keeps a body that has been read


@dataclass(frozen=True)
class Caller:
    """Who asks which service."""

    service: str  # the signing name: "sagemaker" also signs the runtime, "monitoring" is CloudWatch
    access_key: str = ""
    region: str = ""


def caller(environ: WSGIEnvironment) -> Caller:
    """The service that a request is for, from its signature.

    What is not signed is told by its form: a JSON target, a query-protocol form (both name no service that is
    ours, so ``""``), and whatever is left is S3, which serves public objects and old presigned URLs.
    """
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    if "Credential=" in authorization:
        scope = _SCOPE.search(authorization.partition("Credential=")[2])
    else:
        query = parse_qs(environ.get("QUERY_STRING", ""))
        scope = _SCOPE.search(query.get("X-Amz-Credential", [""])[0])
    if scope is not None:
        return Caller(scope["service"].lower(), scope["key"], scope["region"] or "")
    target = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")[0]
    if target:
        return Caller(_UNSIGNED_TARGETS.get(target, ""))
    return Caller("" if environ.get("CONTENT_TYPE", "").startswith(_FORM) else "s3")


def body(environ: WSGIEnvironment) -> bytes:
    """The whole body, and the stream rewound for whoever reads it next. For small requests: S3's are streamed."""
    if _BODY not in environ:
        length, stream = environ.get("CONTENT_LENGTH"), environ["wsgi.input"]
        ends = environ.get("wsgi.input_terminated", False)
        environ[_BODY] = stream.read(int(length)) if length else stream.read() if ends else b""
        environ["CONTENT_LENGTH"] = str(len(environ[_BODY]))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
    data: bytes = environ[_BODY]
    environ["wsgi.input"] = io.BytesIO(data)
    return data


def form(environ: WSGIEnvironment) -> dict[str, str]:
    """The members of a query-protocol request: ``Action``, ``Version`` and the operation's own."""
    text = body(environ).decode() if environ.get("CONTENT_TYPE", "").startswith(_FORM) else ""
    pairs = parse_qs(f"{environ.get('QUERY_STRING', '')}&{text}", keep_blank_values=True)
    return {name: values[0] for name, values in pairs.items()}


def form_list(members: dict[str, str], name: str) -> list[str]:
    """A list of the query protocol: ``Name.member.1=a&Name.member.2=b``."""
    numbered = {
        int(key.rpartition(".")[2]): value
        for key, value in members.items()
        if re.fullmatch(rf"{re.escape(name)}\.member\.\d+", key)
    }
    return [numbered[number] for number in sorted(numbered)]
