"""The SDK session under which a pipeline is built: it describes requests and sends none."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from sagemaker.core.config.config_manager import SageMakerConfig
from sagemaker.core.workflow.pipeline_context import PipelineSession

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

    def default_bucket(self) -> str:
        """The bucket's name; the SDK's own version would ask S3 for it and create it."""
        return self._bucket


@contextmanager
def building() -> Iterator[None]:
    """While it lasts, the SDK asks IAM nothing, says little, and does not check its configuration over and over.

    SDK 3.27 holds its configuration against a JSON schema about 50 times while one pipeline of five steps is built,
    50 ms each; ours is the constant above, which the session's constructor has checked. The role is AWS's to judge
    when the pipeline is created. Its warnings say that nothing is run and which job names are left out, as is meant.
    """
    check = SageMakerConfig.__dict__["validate_sagemaker_config"]
    role_check = os.environ.get(ROLE_CHECK)
    disabled = logging.root.manager.disable
    SageMakerConfig.validate_sagemaker_config = staticmethod(lambda *_, **__: None)
    os.environ[ROLE_CHECK] = "false"
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        SageMakerConfig.validate_sagemaker_config = check
        logging.disable(disabled)
        if role_check is None:
            del os.environ[ROLE_CHECK]
        else:
            os.environ[ROLE_CHECK] = role_check
