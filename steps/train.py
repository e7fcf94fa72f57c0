"""Train: one training job with fixed hyperparameters; ``steps.tune`` searches for better ones.

Mitigate is the same job once more, with the hyperparameters of the model that was found and a weight for each row.
"""

from __future__ import annotations

from collections.abc import Mapping

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.mlops.workflow.steps import TrainingStep

from steps.context import StepContext
from steps.script import Script, channels

NAME = "Train"
MITIGATE = "Mitigate"


def train_step(
    context: StepContext,
    script: Script,
    hyperparameters: Mapping[str, object],
    *,
    name: str = NAME,
    train: StrPipeVar,
    validation: StrPipeVar,
    flow: StrPipeVar,
    weights: StrPipeVar | None = None,
) -> TrainingStep:
    """Fit a model on ``train``, stop early on ``validation``, pack it together with the fitted ``flow``.

    With ``weights`` each training row counts as much as they say. Validation rows count alike all the same: how long to
    train is a question of quality.
    """
    trainer = script.trainer(context, name, hyperparameters)
    return TrainingStep(
        name=name,
        step_args=trainer.train(input_data_config=channels(train, validation, flow, weights)),
        cache_config=context.cache_config(),
        retry_policies=context.job_retries(),
    )
