"""Train: script mode on AWS's XGBoost image, through the framework container's own contract.

The script and its package travel as one content-addressed ``sourcedir.tar.gz`` that two hyperparameters name; the
SDK's ``SourceCode`` would upload to a time-stamped address, so no definition could be built twice alike.
Contract: https://github.com/aws/sagemaker-training-toolkit (ENVIRONMENT_VARIABLES.md).

No metric definitions are given: AWS counts its XGBoost image among its own algorithms, refuses definitions for it in
script mode too, and reads the metrics itself from lines such as ``[7]	validation-auc:0.91``, which the script prints.
"""

from __future__ import annotations

from collections.abc import Mapping

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.core.shapes import CheckpointConfig, Tag
from sagemaker.core.training.configs import (
    Compute,
    InputData,
    Networking,
    OutputDataConfig,
    StoppingCondition,
)
from sagemaker.mlops.workflow.steps import TrainingStep
from sagemaker.train.model_trainer import ModelTrainer

from containers import contract
from steps.context import StepContext
from steps.settings import Machine

NAME = "Train"
PARQUET = "application/x-parquet"


def train_step(
    context: StepContext,
    image: str,
    machine: Machine,
    source_dir: str,
    hyperparameters: Mapping[str, object],
    *,
    train: StrPipeVar,
    validation: StrPipeVar,
    flow: StrPipeVar,
) -> TrainingStep:
    """Fit a model on ``train``, stop early on ``validation``, pack it together with the fitted ``flow``."""
    trainer = ModelTrainer(
        training_image=image,
        role=context.role,
        base_job_name=NAME.lower(),
        hyperparameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": source_dir,
            **hyperparameters,
        },
        compute=_compute(context, machine),
        networking=_networking(context),
        stopping_condition=_stopping_condition(machine),
        output_data_config=OutputDataConfig(
            s3_output_path=context.output(NAME, contract.MODEL), kms_key_id=context.keys.output
        ),
        checkpoint_config=_checkpoints(context) if machine.spot else None,
        tags=[Tag(key=key, value=value) for key, value in sorted(context.tags.values.items())] or None,
        sagemaker_session=context.session,
    )
    step_args = trainer.train(
        input_data_config=[
            InputData(channel_name=contract.TRAIN, data_source=train, content_type=PARQUET),
            InputData(channel_name=contract.VALIDATION, data_source=validation, content_type=PARQUET),
            InputData(channel_name=contract.FLOW, data_source=flow, content_type="application/json"),
        ]
    )
    return TrainingStep(
        name=NAME,
        step_args=step_args,
        cache_config=context.cache_config(),
        retry_policies=context.job_retries(),
    )


def _compute(context: StepContext, machine: Machine) -> Compute:
    return Compute(
        instance_type=machine.instance_type,
        instance_count=machine.instance_count,
        volume_size_in_gb=machine.volume_gb,
        volume_kms_key_id=context.keys.volume,
        enable_managed_spot_training=machine.spot or None,
    )


def _checkpoints(context: StepContext) -> CheckpointConfig:
    """Where an interrupted spot job finds what it had: in its execution's own folder, as everything it writes.

    AWS counts the address among what makes a training step's cache key, so a spot job never hits the cache; a job
    that cannot be interrupted needs no checkpoint, and has none.
    """
    return CheckpointConfig(
        s3_uri=context.output(NAME, "checkpoints"), local_path=str(contract.TrainingPaths().checkpoints)
    )


def _networking(context: StepContext) -> Networking | None:
    network = context.network
    if not (network.subnets or network.isolated or network.encrypted):
        return None
    return Networking(
        subnets=list(network.subnets) or None,
        security_group_ids=list(network.security_groups) or None,
        enable_network_isolation=network.isolated,
        enable_inter_container_traffic_encryption=network.encrypted,
    )


def _stopping_condition(machine: Machine) -> StoppingCondition:
    return StoppingCondition(
        max_runtime_in_seconds=machine.max_minutes * 60,
        max_wait_time_in_seconds=machine.max_wait_minutes * 60 if machine.spot else None,
    )
