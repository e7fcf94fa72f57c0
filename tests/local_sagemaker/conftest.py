"""What the tests of the local SageMaker share."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local_sagemaker import execution_role
from local_sagemaker.cloudwatch_logs import CloudWatchLogs
from local_sagemaker.front import Front, SageMakerServices
from local_sagemaker.http_server import HttpServer
from local_sagemaker.iam import Iam, Sts
from local_sagemaker.other_services import OtherServices
from local_sagemaker.settings import Settings


@dataclass(frozen=True)
class Served:
    """A front with every service but S3 and the control plane, and what stands behind it."""

    url: str
    settings: Settings
    others: OtherServices
    session: boto3.Session

    def client(self, service: str, key: str = "local-sagemaker", **more: Any) -> Any:
        """A boto3 client that tells a failure at once."""
        config = Config(retries={"total_max_attempts": 1})
        keys = {"aws_access_key_id": key, "aws_secret_access_key": "not-a-secret", **more}
        return self.session.client(service, "us-east-1", endpoint_url=self.url, config=config, **keys)

    def send(
        self, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> tuple[int, Any, bytes]:
        """One plain request: status, headers and body of the answer, whatever it is."""
        connection = HTTPConnection(self.url.removeprefix("http://"))
        with closing(connection):
            connection.request("POST" if body is not None else "GET", path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()


@pytest.fixture(scope="session")
def aws_session() -> boto3.Session:
    """Reads each service's model once."""
    return boto3.Session()


@pytest.fixture
def front(tmp_path: Path, aws_session: boto3.Session) -> Iterator[Served]:
    """A front of its own for one test. moto's state is the process's, and so shared with other tests."""
    settings = Settings(tmp_path)
    others = OtherServices(settings, lambda: execution_role.create_in_moto(settings))
    application = Front(
        {
            "s3": _named("s3"),
            "sagemaker": SageMakerServices(_named("sagemaker"), _named("runtime")),
            "logs": CloudWatchLogs(settings, others),
            "iam": Iam(settings, others),
            "sts": Sts(settings, others),
        },
        others,
        lambda: {"well": True},
    )
    with HttpServer(application) as server:
        yield Served(server.url, settings, others, aws_session)


def _named(name: str) -> Callable[..., list[bytes]]:
    """An application that says which one it is."""

    def application(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        if environ["QUERY_STRING"] == "break":
            raise RuntimeError("something unforeseen")
        start_response("200 OK", [("Content-Type", "text/plain"), ("x-answered-by", name)])
        return [b"{}" if name == "sagemaker" else b""]

    return application
