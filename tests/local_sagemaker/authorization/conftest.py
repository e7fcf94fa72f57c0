"""A local SageMaker that enforces policies."""

from collections.abc import Iterator

import pytest

from local_sagemaker import serve
from tests.local_sagemaker.authorization.enforced import Enforced


@pytest.fixture(scope="package")
def enforced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enforced]:
    """One server for all tests of this folder."""
    with serve(tmp_path_factory.mktemp("enforced") / "state", enforce_iam=True) as local:
        made = Enforced(local)
        for key in ("mine/x", "theirs/x"):
            made.owner("s3").put_object(Bucket=made.bucket, Key=key, Body=b"x")
        made.owner("sagemaker").create_model(
            ModelName="enforced-model",
            ExecutionRoleArn=local.settings.role_arn,
            PrimaryContainer={
                "Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
            },
        )
        yield made
