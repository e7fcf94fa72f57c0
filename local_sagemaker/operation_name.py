"""The operation that a request names, for the sentence that says it is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from local_sagemaker import aws_request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# Signing name -> botocore's services, where they differ and users of SageMaker meet them.
_SERVICES = {
    "sagemaker": (
        "sagemaker-runtime",
        "sagemaker-metrics",
        "sagemaker-featurestore-runtime",
        "sagemaker-a2i-runtime",
        "sagemaker-edge",
    ),
    "apigateway": ("apigateway", "apigatewayv2"),
    "bedrock": ("bedrock", "bedrock-runtime", "bedrock-agent", "bedrock-agent-runtime"),
    "elasticfilesystem": ("efs",),
    "es": ("opensearch", "es"),
    "ses": ("sesv2",),
    "aoss": ("opensearchserverless",),
    "airflow": ("mwaa",),
    "aps": ("amp",),
    "connect-campaigns": ("connectcampaigns", "connectcampaignsv2"),
    "greengrass": ("greengrassv2", "greengrass"),
    "servicecatalog": ("servicecatalog-appregistry",),
}


def operation_name(environ: WSGIEnvironment) -> str:
    """Service and operation as a person says them: ``sagemaker-runtime InvokeEndpoint``.

    JSON and query requests carry the name; a REST request is looked up by method and path in botocore's models
    of the service, which costs some milliseconds: for errors only.
    """
    service = aws_request.caller(environ).service
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/")
    if target := environ.get("HTTP_X_AMZ_TARGET", ""):
        return f"{service} {target.rpartition('.')[2]}"
    if rpc := re.fullmatch(r"/service/[^/]+/operation/([^/]+)", path):
        return f"{service} {rpc[1]}"
    if action := aws_request.form(environ).get("Action"):
        return f"{service} {action}"
    named = max(_matches(service, method, path, environ.get("QUERY_STRING", "")), default=None)
    return named[1] if named else f"{service} {method} {path}"


def _matches(service: str, method: str, path: str, query: str) -> Iterator[tuple[int, str]]:
    """Operations whose URI the path fits, each with how much of the URI is literal: the most literal one is meant."""
    # Here, because only an error needs it and whoever asks for the server's state does not.
    from botocore.exceptions import UnknownServiceError
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    loader = Loader()
    for name in _SERVICES.get(service, (service,)):
        try:
            model = ServiceModel(loader.load_service_model(name, "service-2"), name)
        except UnknownServiceError:
            continue
        for operation in model.operation_names:
            http = model.operation_model(operation).http
            uri, _, wanted = http["requestUri"].partition("?")
            if http["method"] == method and wanted in query and _pattern(uri).fullmatch(path):
                yield len(re.sub(r"{[^}]+}", "", uri)) + len(wanted), f"{name} {operation}"


def _pattern(uri: str) -> re.Pattern[str]:
    """``/a/{B}/c`` fits one segment at B, ``{B+}`` any number."""
    parts = re.split(r"({[^}]+})", uri.rstrip("/"))
    made = (".+" if p.endswith("+}") else "[^/]+" if p.startswith("{") else re.escape(p) for p in parts)
    return re.compile("".join(made) + "/?")
