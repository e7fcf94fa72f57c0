"""Endpoints by the SDK: resource classes, and ModelBuilder with a script."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost

if TYPE_CHECKING:
    from local_sagemaker import LocalSageMaker

REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
ROWS = np.array([[1.0, 2.0, 3.0]])


def model_data(local: LocalSageMaker, client: Callable[[str], Any], name: str) -> tuple[str, float]:
    """Where a small model lies in S3, and what it says of ROWS."""
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(np.eye(3), label=[1.0, 2.0, 3.0]), 2)
    data, buffer = bytes(booster.save_raw("ubj")), io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        header = tarfile.TarInfo("xgboost-model")
        header.size = len(data)
        archive.addfile(header, io.BytesIO(data))
    client("s3").put_object(Bucket=local.settings.bucket, Key=f"{name}/model.tar.gz", Body=buffer.getvalue())
    return f"s3://{local.settings.bucket}/{name}/model.tar.gz", float(
        booster.predict(xgboost.DMatrix(ROWS))[0]
    )


def test_an_endpoint_by_resource_classes(
    program: Callable[..., str], local: LocalSageMaker, client: Callable[[str], Any]
) -> None:
    """Created, waited for, asked and deleted; what it answers is what the model says."""
    uri, expected = model_data(local, client, "compat-endpoint")

    printed = program(
        Path(__file__).with_name("endpoints.py"),
        f"{REGISTRY}/sagemaker-xgboost:3.0-5",
        local.settings.role_arn,
        uri,
    )

    assert f'AllTraffic {{"predictions": [{{"score": {expected}}}]}}' in printed
    assert printed.splitlines()[-1] == "deleted"


def test_model_builder_deploys_a_script(
    program: Callable[..., str], local: LocalSageMaker, client: Callable[[str], Any]
) -> None:
    """The SDK packs the script into the model archive; the script answers, and finds the model beside it."""
    uri, _ = model_data(local, client, "compat-builder")

    printed = program(
        Path(__file__).with_name("model_builder.py"),
        f"{REGISTRY}/sagemaker-scikit-learn:1.2-1-cpu-py3",
        local.settings.role_arn,
        uri,
    )

    assert printed.splitlines()[-1] == "['code', 'xgboost-model'] 1,2,3"
