"""Batch transform by the SDK: a model by ModelBuilder, a job by Transformer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.compat.test_endpoints import REGISTRY, model_data

if TYPE_CHECKING:
    from local_sagemaker import LocalSageMaker


def test_a_transformer(
    program: Callable[..., str], local: LocalSageMaker, client: Callable[[str], Any]
) -> None:
    """It waits, shows the job's log, and its output is each row's id with what the model says of the rest."""
    uri, expected = model_data(local, client, "compat-transform")
    bucket = local.settings.bucket
    client("s3").put_object(Bucket=bucket, Key="compat-transform/in/rows.csv", Body=b"id-7,1,2,3\n")

    printed = program(
        Path(__file__).parent / "transform.py",
        f"{REGISTRY}/sagemaker-xgboost:3.0-5",
        local.settings.role_arn,
        uri,
        f"s3://{bucket}/compat-transform/in/",
    )

    (scored,) = [line for line in printed.splitlines() if line.startswith("scored ")]
    name, score = scored.removeprefix("scored ").split(",")
    assert name == "id-7"
    assert abs(float(score) - expected) < 1e-6
    assert "told ('Completed', True, True)" in printed
