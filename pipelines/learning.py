"""How a model is learned: by a search or one training job, and once more with weights where a use case wants that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.mlops.workflow.steps import ProcessingStep, Step

from containers import contract
from pipelines.config import Config
from pipelines.publish import Publication
from steps.context import StepContext
from steps.processing import output_uri
from steps.script import Script
from steps.search import WarmStart
from steps.train import MITIGATE, train_step
from steps.tune import best_hyperparameters, chosen, model_uri, tune_step
from steps.tuning_report import tuning_report_step


@dataclass(frozen=True)
class Learned:
    """What training came to, whichever way it was done."""

    steps: list[Step]
    model: StrPipeVar
    lineage: Mapping[str, StrPipeVar]
    runners_up: tuple[StrPipeVar, ...] = ()
    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    unmitigated: StrPipeVar | None = None


def learn(
    config: Config,
    context: StepContext,
    publication: Publication,
    script: Script,
    prep: ProcessingStep,
    warm_start: WarmStart | None = None,
) -> Learned:
    """A model of the rows of ``prep``; with weights in a second training, where the use case reweighs."""
    usecase = config.usecase
    find = _search if usecase.tuning.enabled else _train
    learned = find(config, context, publication, script, prep, warm_start)
    return _mitigate(context, script, prep, learned) if usecase.fairness.reweigh else learned


def _train(
    config: Config,
    context: StepContext,
    _publication: Publication,
    script: Script,
    prep: ProcessingStep,
    _warm_start: WarmStart | None,
) -> Learned:
    hyperparameters = config.usecase.hyperparameters
    train = train_step(context, script, hyperparameters, **_rows(prep))
    return Learned(
        [train],
        train.properties.ModelArtifacts.S3ModelArtifacts,
        {"TrainingJob": train.properties.TrainingJobArn},
        hyperparameters=hyperparameters,
    )


def _search(
    config: Config,
    context: StepContext,
    publication: Publication,
    script: Script,
    prep: ProcessingStep,
    warm_start: WarmStart | None,
) -> Learned:
    environment, usecase = config.environment, config.usecase
    search = usecase.search
    tune = tune_step(context, script, search, usecase.hyperparameters, warm_start, **_rows(prep))
    report = tuning_report_step(
        context,
        environment.processing_image,
        environment.processing,
        publication.code["tuning_report"],
        tune,
    )
    runners_up = tuple(model_uri(tune, rank) for rank in range(2, search.top + 1))
    found = {**usecase.hyperparameters, **best_hyperparameters(tune, search)}
    return Learned([tune, report], model_uri(tune), chosen(tune, search), runners_up, found)


def _mitigate(context: StepContext, script: Script, prep: ProcessingStep, learned: Learned) -> Learned:
    """Train once more with the same hyperparameters, and weights by which label and facets are independent."""
    weights = output_uri(prep, contract.WEIGHTS)
    step = train_step(context, script, learned.hyperparameters, name=MITIGATE, **_rows(prep), weights=weights)
    return replace(
        learned,
        steps=[*learned.steps, step],
        model=step.properties.ModelArtifacts.S3ModelArtifacts,
        lineage={
            **learned.lineage,
            "TrainingJob": step.properties.TrainingJobArn,
            "UnmitigatedTrainingJob": learned.lineage["TrainingJob"],
        },
        unmitigated=learned.model,
    )


def _rows(prep: ProcessingStep) -> dict[str, StrPipeVar]:
    return {name: output_uri(prep, name) for name in (contract.TRAIN, contract.VALIDATION, contract.FLOW)}
