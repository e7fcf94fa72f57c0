"""Train: one training job with fixed hyperparameters; ``steps.tune`` searches for better ones."""

from __future__ import annotations

from collections.abc import Mapping

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.mlops.workflow.steps import TrainingStep

from steps.context import StepContext
from steps.script import Script, channels

NAME = "Train"


def train_step(
    context: StepContext,
    script: Script,
    hyperparameters: Mapping[str, object],
    *,
    train: StrPipeVar,
    validation: StrPipeVar,
    flow: StrPipeVar,
) -> TrainingStep:
    """Fit a model on ``train``, stop early on ``validation``, pack it together with the fitted ``flow``."""
    trainer = script.trainer(context, NAME, hyperparameters)
    return TrainingStep(
        name=NAME,
        step_args=trainer.train(input_data_config=channels(train, validation, flow)),
        cache_config=context.cache_config(),
        retry_policies=context.job_retries(),
    )
