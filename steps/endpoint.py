"""Endpoint: the SDK's own steps from a registered package to an endpoint in service, which take what these steps take.

The model and the configuration are this execution's, so two never collide; the endpoint is one, created by the first
run and updated by the next. AWS refuses a model of a package that is not approved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.endpoint_step import EndpointConfigStep, EndpointStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.steps import Step

from steps.context import StepContext
from steps.deploy import Asked
from steps.deployment import Deployment

MODEL, CONFIGURATION, NAME = "DeployedModel", "EndpointConfig", "Deploy"
VARIANT = "AllTraffic"
IN_SERVICE = "InService"


@dataclass(frozen=True)
class Owner:
    """What the SDK's model step asks for besides its arguments."""

    sagemaker_session: PipelineSession


def endpoint_steps(
    context: StepContext, deployment: Deployment, name: str, package: StrPipeVar
) -> tuple[list[Step], Asked]:
    """The steps that serve ``package`` at the endpoint ``name``, and what they end in."""
    session, tags = context.session, context.tags.request()
    session.init_model_step_arguments(Owner(session))
    session.create_model(
        name="",  # SageMaker's to make
        role=context.roles.model,
        container_defs={"ModelPackageName": package},
        vpc_config=_vpc(context),
        enable_network_isolation=deployment.isolated,
        tags=tags,
    )
    model = ModelStep(name=MODEL, step_args=session.context, retry_policies=context.request_retries())
    configuration = EndpointConfigStep(
        name=CONFIGURATION,
        step_args=session.create_endpoint_config(
            name=Join(on="-", values=[name, ExecutionVariables.PIPELINE_EXECUTION_ID]),
            production_variants=[_variant(deployment, model.properties.ModelName)],
            kms_key=context.keys.volume,
            tags=tags,
        ),
        retry_policies=context.request_retries(),
    )
    endpoint = EndpointStep(
        name=NAME,
        step_args=session.create_endpoint(
            endpoint_name=name, config_name=configuration.properties.EndpointConfigName, tags=tags
        ),
    )
    made = endpoint.properties
    return [model, configuration, endpoint], Asked(IN_SERVICE, made.EndpointName, made.EndpointConfigName)


def _variant(deployment: Deployment, model: StrPipeVar) -> dict[str, Any]:
    return {"VariantName": VARIANT, "ModelName": model, "InitialVariantWeight": 1.0, **_capacity(deployment)}


def _capacity(deployment: Deployment) -> dict[str, Any]:
    serverless = deployment.serverless
    if serverless is None:
        return {
            "InstanceType": deployment.instance_type,
            "InitialInstanceCount": deployment.instance_count,
        }
    return {
        "ServerlessConfig": {
            "MemorySizeInMB": serverless.memory_mb,
            "MaxConcurrency": serverless.max_concurrency,
        }
    }


def _vpc(context: StepContext) -> dict[str, list[str]] | None:
    network = context.network
    if not network.subnets:
        return None
    return {"Subnets": list(network.subnets), "SecurityGroupIds": list(network.security_groups)}
