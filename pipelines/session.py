"""The SDK session under which a pipeline is built: it describes requests and sends none."""

from __future__ import annotations

import hashlib
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import boto3
from sagemaker.core.config.config_manager import SageMakerConfig
from sagemaker.core.local.local_session import LocalSagemakerClient
from sagemaker.core.workflow.pipeline_context import PipelineSession

from pipelines import collector

# The SDK reports every call to AWS unless its own configuration says otherwise.
SDK_CONFIG = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
ROLE_CHECK = "SAGEMAKER_VALIDATE_ROLE"  # whether the SDK asks IAM about the role while it builds


class BuildSession(PipelineSession):  # type: ignore[misc]  # the SDK has no types
    """A session that needs neither network nor credentials, so that building is reproducible anywhere.

    The SDK's defaults files are not read either: a definition follows from this project's settings only.
    """

    def __init__(self, region: str, bucket: str) -> None:
        boto_session = boto3.Session(
            region_name=region,
            aws_access_key_id="not-used",
            aws_secret_access_key="not-used",  # noqa: S106
        )
        super().__init__(boto_session=boto_session, default_bucket=bucket, sagemaker_config=SDK_CONFIG)
        self._bucket = bucket
        self.objects: dict[
            str, bytes
        ] = {}  # key -> content: what the definition refers to, to be uploaded first
        self._addresses: dict[str, str] = {}

    def upload_data(
        self,
        path: str,
        bucket: str | None = None,
        key_prefix: str = "data",
        callback: object = None,
        extra_args: object = None,
    ) -> str:
        """Keep a file for the upload, below a folder named after its content; returns its address.

        The SDK's check steps upload their configurations while they are constructed, to addresses at which the next
        step's may follow.
        """
        del bucket, callback, extra_args
        return self._keep(key_prefix, Path(path).name, Path(path).read_bytes())

    def upload_string_as_file_body(self, body: str, bucket: str, key: str, kms_key: str | None = None) -> str:
        """Keep a text for the upload; see ``address`` for where, since the SDK goes on with the ``key`` it asked for.

        That is ``<folder>/<name and time>/<random name>/<file>``.
        """
        del kms_key
        folder, _, _, name = key.rsplit("/", 3)
        address = self._addresses[f"s3://{bucket}/{key}"] = self._keep(folder, name, body.encode())
        return address

    def address(self, asked: str) -> str:
        """Where the text lies that was to be uploaded to ``asked``."""
        return self._addresses[asked]

    def _keep(self, folder: str, name: str, content: bytes) -> str:
        key = f"{folder.strip('/')}/{hashlib.sha256(content).hexdigest()}/{name}"
        self.objects[key] = content
        return f"s3://{self._bucket}/{key}"

    def default_bucket(self) -> str:
        """The bucket's name; the SDK's own version would ask S3 for it and create it."""
        return self._bucket


@contextmanager
def building() -> Iterator[None]:
    """While it lasts, the SDK asks IAM nothing, says little, and does no work for nothing.

    SDK 3.27 holds its configuration against a JSON schema about 50 times while one pipeline of five steps is built,
    50 ms each; ours is the constant above, which the session's constructor has checked. And it makes a local-mode
    session, with clients of its own, for each processing step, only to read the name of a method. The role is AWS's
    to judge when the pipeline is created. Its warnings say that nothing is run and which job names are left out, as
    is meant.
    """
    role_check = os.environ.get(ROLE_CHECK)
    disabled = logging.root.manager.disable
    with ExitStack() as stack:
        stack.enter_context(collector.paused())
        for owner, name, instead in (
            (SageMakerConfig, "validate_sagemaker_config", staticmethod(lambda *_, **__: None)),
            (LocalSagemakerClient, "__init__", lambda *_, **__: None),
        ):
            stack.callback(setattr, owner, name, owner.__dict__[name])
            setattr(owner, name, instead)
        os.environ[ROLE_CHECK] = "false"
        stack.callback(_restore, ROLE_CHECK, role_check)
        logging.disable(logging.WARNING)
        stack.callback(logging.disable, disabled)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        yield


def _restore(name: str, value: str | None) -> None:
    if value is None:
        del os.environ[name]
    else:
        os.environ[name] = value
