"""Which images are known, and what is said about the others."""

from __future__ import annotations

import pytest

from local_sagemaker.errors import ValidationException
from local_sagemaker.jobs.images import (
    MODEL_MONITOR,
    MODEL_MONITOR_MERGER,
    PYTHON,
    SCIKIT_LEARN,
    XGBOOST,
    Images,
    Runtime,
)

REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("image", "runtime"),
    [
        (f"{REGISTRY}/sagemaker-scikit-learn:1.2-1-cpu-py3", SCIKIT_LEARN),
        (f"{REGISTRY}/sagemaker-xgboost:3.2-0", XGBOOST),
        (f"{REGISTRY}/sagemaker-xgboost@sha256:abc", XGBOOST),
        ("811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1", XGBOOST),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/mine:1.0", PYTHON),
        (f"{REGISTRY}/sagemaker-model-monitor-analyzer", MODEL_MONITOR),
        (f"{REGISTRY}/sagemaker-model-monitor-groundtruth-merger:latest", MODEL_MONITOR_MERGER),
    ],
)
def test_known_images(image: str, runtime: Runtime) -> None:
    """AWS's images are known by their repository, whatever the registry and the tag; a project's by its pattern."""
    assert Images({"*/team/mine:*": "python"}).resolve(image) == runtime


def test_a_project_can_override_what_is_built_in() -> None:
    """A project's own patterns come before AWS's names."""
    assert Images({"*sagemaker-xgboost*": "python"}).resolve(f"{REGISTRY}/sagemaker-xgboost:3.2-0") == PYTHON


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (f"{REGISTRY}/sagemaker-data-wrangler-container:3.x", r"Data Wrangler.*cannot run it yet"),
        (f"{REGISTRY}/tensorflow-training:2.19-cpu", r"needs tensorflow, which is not installed"),
        (
            "mine/thing:1",
            r"does not know what to run for the image mine/thing:1\. Known: .*sagemaker-xgboost",
        ),
        ("mine/thing:1", r'\[tool\.local_sagemaker\.images\] in pyproject\.toml: "thing\*" = "python"'),
    ],
)
def test_images_that_cannot_run(image: str, says: str) -> None:
    """The message names the image and says what would help."""
    with pytest.raises(ValidationException, match=says):
        Images({}).resolve(image)


def test_an_unknown_runtime_is_refused_with_a_suggestion() -> None:
    """A slip in the project's own table is found when it is read, not when a job needs it."""
    with pytest.raises(ValueError, match=r"unknown runtime 'pyhton'.*Did you mean 'python'\?"):
        Images({"mine*": "pyhton"})
