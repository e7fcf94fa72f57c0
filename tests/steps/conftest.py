"""What the tests of steps share: a context as an environment would fill it, and a step as its definition has it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # the SDK looks for one while it is imported

from pipelines.session import BuildSession, building
from steps.context import StepContext
from steps.settings import Cache, Code, Keys, Network, Retry, Roles, Tags

Request = dict[str, Any]


@pytest.fixture(autouse=True)
def quiet_sdk() -> Iterator[None]:
    with building():
        yield


@pytest.fixture
def make_context() -> Callable[..., StepContext]:
    """A context whose parts can be replaced by name."""

    def make(**parts: Any) -> StepContext:
        defaults: dict[str, Any] = {
            "session": BuildSession("us-east-1", "bucket"),
            "roles": Roles().or_else("arn:aws:iam::123456789012:role/pipeline"),
            "runs": "s3://bucket/runs",
            "network": Network(),
            "keys": Keys(),
            "cache": Cache(),
            "retry": Retry(),
            "tags": Tags({"stage": "test"}),
        }
        return StepContext(**{**defaults, **parts})

    return make


@pytest.fixture
def context(make_context: Callable[..., StepContext]) -> StepContext:
    return make_context()


@pytest.fixture
def code() -> Code:
    return Code("s3://bucket/code/1", "s3://bucket/settings/1")


@pytest.fixture
def compiled(context: StepContext) -> Callable[..., Request]:
    """The definition's entry for a step, as SageMaker would get it."""
    import json

    from sagemaker.mlops.workflow.pipeline import Pipeline

    def compile_step(*steps: Any) -> Request:
        pipeline = Pipeline(name="p", steps=list(steps), sagemaker_session=context.session)
        entries: list[Request] = json.loads(pipeline.definition())["Steps"]
        return next(entry for entry in entries if entry["Name"] == steps[-1].name)

    return compile_step
