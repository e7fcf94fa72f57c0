"""The training script as training and tuning jobs run it: AWS's XGBoost image and that container's own contract.

The script and its package travel as one content-addressed ``sourcedir.tar.gz`` that two hyperparameters name; the
SDK's ``SourceCode`` would upload to a time-stamped address, so no definition could be built twice alike.
Contract: https://github.com/aws/sagemaker-training-toolkit (ENVIRONMENT_VARIABLES.md).

No metric definitions are given: AWS counts its XGBoost image among its own algorithms, refuses definitions for it in
script mode too, and reads the metrics itself from lines such as ``[7]	validation-auc:0.91``, which the script prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.core.shapes import CheckpointConfig, Tag
from sagemaker.core.training.configs import (
    Compute,
    InputData,
    Networking,
    OutputDataConfig,
    StoppingCondition,
)
from sagemaker.train.model_trainer import ModelTrainer

from containers import contract
from steps.context import StepContext
from steps.settings import Machine

PARQUET = "application/x-parquet"


@dataclass(frozen=True)
class Script:
    """What a training job runs, and on what."""

    image: str
    machine: Machine
    source_dir: str  # address of the sourcedir.tar.gz

    def trainer(self, context: StepContext, step: str, values: Mapping[str, object]) -> ModelTrainer:
        """The SDK's trainer for ``step``; a new one each time, because the SDK's tuner changes the one it is given."""
        machine = self.machine
        return ModelTrainer(
            training_image=self.image,
            role=context.roles.training,
            base_job_name=step.lower(),
            hyperparameters={**contract.script_hyperparameters(self.source_dir), **values},
            compute=Compute(
                instance_type=machine.instance_type,
                instance_count=machine.instance_count,
                volume_size_in_gb=machine.volume_gb,
                volume_kms_key_id=context.keys.volume,
                enable_managed_spot_training=machine.spot or None,
            ),
            networking=_networking(context),
            stopping_condition=StoppingCondition(
                max_runtime_in_seconds=machine.max_minutes * 60,
                max_wait_time_in_seconds=machine.max_wait_minutes * 60 if machine.spot else None,
            ),
            output_data_config=OutputDataConfig(
                s3_output_path=context.output(step, contract.MODEL), kms_key_id=context.keys.output
            ),
            checkpoint_config=_checkpoints(context, step) if machine.spot else None,
            tags=[Tag(key=key, value=value) for key, value in sorted(context.tags.values.items())] or None,
            sagemaker_session=context.session,
        )


def channels(
    train: StrPipeVar, validation: StrPipeVar, flow: StrPipeVar, weights: StrPipeVar | None = None
) -> list[InputData]:
    """What the script reads."""
    read = [
        InputData(channel_name=contract.TRAIN, data_source=train, content_type=PARQUET),
        InputData(channel_name=contract.VALIDATION, data_source=validation, content_type=PARQUET),
        InputData(channel_name=contract.FLOW, data_source=flow, content_type="application/json"),
    ]
    if weights is not None:
        read.append(InputData(channel_name=contract.WEIGHTS, data_source=weights, content_type=PARQUET))
    return read


def _checkpoints(context: StepContext, step: str) -> CheckpointConfig:
    """Where an interrupted spot job finds what it had: in its execution's own folder, as everything it writes.

    AWS counts the address among what makes a training step's cache key, so a spot job never hits the cache; a job
    that cannot be interrupted needs no checkpoint, and has none.
    """
    return CheckpointConfig(
        s3_uri=context.output(step, "checkpoints"), local_path=str(contract.TrainingPaths().checkpoints)
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
