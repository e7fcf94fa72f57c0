"""Model of a package: what a registered package says of its container, as a model that can be run."""

from __future__ import annotations

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.serve.model_builder import ModelBuilder

from steps.context import StepContext

NAME = "Model"


def package_model_step(context: StepContext, package: StrPipeVar) -> ModelStep:
    """Create a model of ``package``, whose ARN is known when the pipeline runs.

    SDK 3.27's builder asks for the package while it builds, so the request goes to its session, which keeps it.
    """
    network, session = context.network, context.session
    builder = ModelBuilder(role_arn=context.roles.model, sagemaker_session=session, dependencies=None)
    session.init_model_step_arguments(builder)
    session.create_model(
        name=None,
        role=context.roles.model,
        container_defs=[{"ModelPackageName": package}],
        vpc_config={"Subnets": list(network.subnets), "SecurityGroupIds": list(network.security_groups)}
        if network.subnets
        else None,
        tags=context.tags.request() or None,
    )
    step_args, session.context = session.context, None
    return ModelStep(name=NAME, step_args=step_args, retry_policies=context.request_retries())
