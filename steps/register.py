"""Register: a model package in the use case's group, with its metrics and where it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.core.metadata_properties import MetadataProperties
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.serve.model_builder import ModelBuilder

from containers import contract
from steps.checked import Checked, drift_check_baselines, model_metrics
from steps.context import StepContext

NAME = "Register"
CONTENT_TYPES = ("text/csv", "application/json", "application/jsonlines", "application/x-parquet")
RESPONSE_TYPES = ("text/csv", "application/json", "application/jsonlines")


@dataclass(frozen=True)
class Hosting:
    """What the registered model may be hosted on."""

    instances: tuple[str, ...] = ("ml.m5.large",)
    batch_instances: tuple[str, ...] = ("ml.m5.large",)


def serving_environment(source_dir: str, threshold: StrPipeVar | None = None) -> dict[str, StrPipeVar]:
    """What makes a framework container serve with our program, and say yes from ``threshold`` on (binary)."""
    program: dict[str, StrPipeVar] = {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": source_dir,
    }
    return program if threshold is None else {**program, contract.DECISION_THRESHOLD: threshold}


def register_step(
    context: StepContext,
    image: str,
    hosting: Hosting,
    group: str,
    *,
    model: StrPipeVar,
    evaluation: StrPipeVar,
    approval: StrPipeVar,
    lineage: Mapping[str, StrPipeVar],
    commit: str | None = None,
    environment: Mapping[str, StrPipeVar],
    checked: Sequence[Checked] = (),
) -> ModelStep:
    """Put ``model`` into ``group`` with approval status ``approval``; ``lineage`` says what it was made from.

    ``environment`` is that of the container that serves it, on ``image``. What was ``checked`` gives the package its
    metrics, and the baselines with which the next run compares.
    """
    builder = ModelBuilder(
        s3_model_data_url=model,
        image_uri=image,
        env_vars=dict(environment),
        role_arn=context.roles.model,
        sagemaker_session=context.session,
        dependencies=None,  # the default, a non-empty record, makes the SDK prepare a code upload and warn of itself
    )
    step_args = builder.register(
        model_package_group_name=group,
        content_types=list(CONTENT_TYPES),
        response_types=list(RESPONSE_TYPES),
        inference_instances=list(hosting.instances),
        transform_instances=list(hosting.batch_instances),
        approval_status=approval,
        model_metrics=model_metrics(Join(on="/", values=[evaluation, contract.EVALUATION_FILE]), checked),
        drift_check_baselines=drift_check_baselines(checked),
        metadata_properties=MetadataProperties(
            commit_id=commit, generated_by=ExecutionVariables.PIPELINE_EXECUTION_ARN
        ),
        customer_metadata_properties=dict(lineage),
    )
    return ModelStep(name=NAME, step_args=step_args, retry_policies=context.request_retries())
