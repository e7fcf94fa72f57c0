"""A real server with its own folder, and real clients of it."""

import http.client
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local_sagemaker.http_server import HttpServer
from local_sagemaker.s3.api import S3Api
from local_sagemaker.s3.store import ObjectStore

KEYS = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    store = ObjectStore(tmp_path / "s3")
    store.create_bucket("bucket")
    return store


@pytest.fixture
def server(store: ObjectStore) -> Iterator[HttpServer]:
    with HttpServer(S3Api(store)) as server:
        yield server


@pytest.fixture(scope="session")
def s3_client() -> Callable[[str], Any]:
    """Clients for a URL; they share one loaded service model, which is what costs time."""
    session = boto3.Session(**KEYS)
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    return lambda url: session.client("s3", endpoint_url=url, config=config)


@pytest.fixture
def client(server: HttpServer, s3_client: Callable[[str], Any]) -> Iterator[Any]:
    client = s3_client(server.url)
    yield client
    client.close()


@pytest.fixture
def send(server: HttpServer) -> Callable[..., Answer]:
    """One plain HTTP request, for what clients do not do by themselves."""

    def send(
        method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **more: Any
    ) -> Answer:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {}, **more)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    return send


@pytest.fixture
def aws_environment(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a shell has after ``python -m local_sagemaker env``."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
