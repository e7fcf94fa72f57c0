"""Model: a model that an endpoint could host, for the checks that ask it for predictions."""

from __future__ import annotations

from collections.abc import Mapping

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.serve.model_builder import ModelBuilder

from steps.context import StepContext

NAME = "Model"


def model_step(
    context: StepContext, image: str, *, model: StrPipeVar, environment: Mapping[str, StrPipeVar]
) -> ModelStep:
    """Create a model of the archive ``model`` on ``image``; ``environment`` names the program that serves it."""
    builder = ModelBuilder(
        s3_model_data_url=model,
        image_uri=image,
        role_arn=context.roles.model,
        env_vars=dict(environment),
        sagemaker_session=context.session,
        dependencies=None,  # see steps/register.py
    )
    return ModelStep(name=NAME, step_args=builder.build(), retry_policies=context.request_retries())
