"""Train a model, or search for the best one, and register it if it is good enough.

ingest ─┬─► prep ─┬─► tune ─┬─► evaluate ─► champion ─► gate ─┬─► register ─► model card
        │         │         └─► tuning report                 └─► fail, naming what was missed and by how much
        │         ├─► train ──► evaluate …   where the use case does not tune
        │         └─► tune or train ──► mitigate ──► evaluate …   where it works against bias
        ├─► manifest: what the model was made of, each thing with its hash; register takes it along
        └─► checks of the data; and, after evaluate, of the model: register takes their files along
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sagemaker.core import image_uris
from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep, Step

from containers import contract
from pipelines.check_steps import Checker, Trained
from pipelines.config import Config
from pipelines.definition import Built, define, step_context
from pipelines.parameters import parameters
from pipelines.publish import Publication, plan
from pipelines.session import BuildSession
from steps.champion import champion_step
from steps.checked import analyses
from steps.context import StepContext
from steps.evaluate import decision_threshold, evaluate_step
from steps.gate import gate_step
from steps.ingest import ingest_step
from steps.manifest import manifest_properties, manifest_step
from steps.model_card import model_card_step
from steps.prep import prep_step
from steps.processing import output_uri
from steps.register import Hosting, register_step, serving_environment
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


def build(
    config: Config, session: BuildSession, publication: Publication, warm_start: WarmStart | None = None
) -> Pipeline:
    """The training pipeline for ``config``, whose steps run the code that ``publication`` names."""
    environment, usecase = config.environment, config.usecase
    context = step_context(config, session)
    knobs = parameters(config)
    image, machine, code = environment.processing_image, environment.processing, publication.code

    ingest = ingest_step(context, image, machine, code["ingest"], knobs.input_data)
    prep = prep_step(
        context,
        image,
        machine,
        code["prep"],
        output_uri(ingest, contract.DATA),
        reweigh=usecase.fairness.reweigh,
    )
    learned = learn(config, context, publication, prep, warm_start)
    if usecase.fairness.reweigh:
        learned = mitigate(config, context, publication, prep, learned)
    evaluate = evaluate_step(
        context,
        image,
        machine,
        code["evaluate"],
        model=learned.model,
        unmitigated=learned.unmitigated,
        runners_up=learned.runners_up,
        validation=output_uri(prep, contract.VALIDATION),
        test=output_uri(prep, contract.TEST),
        holdout=output_uri(prep, contract.HOLDOUT),
        bar=knobs.quality_bar,
        threshold=usecase.evaluation.threshold,
    )
    champion = champion_step(
        context,
        image,
        machine,
        code["champion"],
        group=config.group,
        model=learned.model,
        holdout=output_uri(prep, contract.HOLDOUT),
        evaluation=output_uri(evaluate, contract.EVALUATION),
    )
    check = Checker(config, context, publication, knobs)
    data_checks = check.data(output_uri(ingest, contract.DATA))
    serving = serving_environment(
        publication.serving, decision_threshold() if usecase.problem == "binary" else None
    )
    hosted, model_checks = check.model(
        Trained(
            learned.model,
            predictions=output_uri(evaluate, contract.PREDICTIONS),
            test=output_uri(prep, contract.TEST),
            holdout=output_uri(prep, contract.HOLDOUT),
            image=serving_image(config),
            serving=serving,
        )
    )
    manifest = manifest_step(
        context,
        image,
        machine,
        code["manifest"],
        model=learned.model,
        manifest=output_uri(ingest, contract.MANIFEST),
        flow=output_uri(prep, contract.FLOW),
        origin={
            "data_uri": knobs.input_data,
            "commit": knobs.source_commit,
            "processing_image": image,
            "training_image": training_image(config),
            "training_job": learned.lineage["TrainingJob"],
            **({"tuning_job": learned.lineage["TuningJob"]} if "TuningJob" in learned.lineage else {}),
        },
    )
    register = register_step(
        context,
        serving_image(config),
        Hosting(environment.registry.instances, environment.registry.batch_instances),
        config.group,
        model=learned.model,
        evaluation=output_uri(evaluate, contract.EVALUATION),
        approval=knobs.approval_status,
        lineage={
            "UseCase": usecase.name,
            "InputData": knobs.input_data,
            "DataManifest": output_uri(ingest, contract.MANIFEST),
            "DataRecipe": publication.recipe,
            "PrepFlow": output_uri(prep, contract.FLOW),
            "TrainingCode": publication.source_dir,
            **learned.lineage,
            **manifest_properties(manifest),
        },
        commit=knobs.source_commit,
        environment=serving,
        checked=[*data_checks, *model_checks],
    )
    card = model_card_step(
        context,
        image,
        machine,
        code["model_card"],
        package=register.properties.ModelPackageArn,
        evaluation=output_uri(evaluate, contract.EVALUATION),
        manifest=output_uri(ingest, contract.MANIFEST),
        analyses=analyses([*data_checks, *model_checks]),
    )
    gate = gate_step([register, card])
    return Pipeline(
        name=config.pipeline_name,
        parameters=knobs.all(),
        steps=[
            ingest,
            prep,
            *(each.step for each in data_checks),
            *learned.steps,
            manifest,
            evaluate,
            champion,
            *hosted,
            *(each.step for each in model_checks),
            gate,
        ],
        sagemaker_session=session,
    )


def learn(
    config: Config,
    context: StepContext,
    publication: Publication,
    prep: ProcessingStep,
    warm_start: WarmStart | None,
) -> Learned:
    """Search for the best model or train one, as the use case says; what comes after does not see the difference."""
    environment, usecase = config.environment, config.usecase
    script = Script(training_image(config), environment.training, publication.source_dir)
    rows = {name: output_uri(prep, name) for name in (contract.TRAIN, contract.VALIDATION, contract.FLOW)}
    if not usecase.tuning.enabled:
        train = train_step(context, script, usecase.hyperparameters, **rows)
        lineage = {"TrainingJob": train.properties.TrainingJobArn}
        model = train.properties.ModelArtifacts.S3ModelArtifacts
        return Learned([train], model, lineage, hyperparameters=usecase.hyperparameters)
    search = usecase.search
    tune = tune_step(context, script, search, usecase.hyperparameters, warm_start, **rows)
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


def mitigate(
    config: Config,
    context: StepContext,
    publication: Publication,
    prep: ProcessingStep,
    learned: Learned,
) -> Learned:
    """Train once more with the same hyperparameters, and weights by which label and facets are independent."""
    script = Script(training_image(config), config.environment.training, publication.source_dir)
    names = (contract.TRAIN, contract.VALIDATION, contract.FLOW, contract.WEIGHTS)
    rows = {name: output_uri(prep, name) for name in names}
    step = train_step(context, script, learned.hyperparameters, name=MITIGATE, **rows)
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


def built(
    config: Config, publication: Publication | None = None, warm_start: WarmStart | None = None
) -> Built:
    """Build the training pipeline; needs no network, and the same settings give the same bytes."""
    publication = publication or plan(config)
    return define(config, publication, lambda session: build(config, session, publication, warm_start))


def definition(
    config: Config, publication: Publication | None = None, warm_start: WarmStart | None = None
) -> str:
    """The definition JSON of the training pipeline."""
    return built(config, publication, warm_start).definition


def training_image(config: Config) -> str:
    """What training and tuning run on."""
    return framework_image(config.environment.images.training, config.environment.region)


def serving_image(config: Config) -> str:
    """What hosts the model: AWS's image with our program, or our own, which has it."""
    return framework_image(config.environment.serving_image, config.environment.region)


def framework_image(image: str, region: str) -> str:
    """The URI of ``xgboost:3.2-0`` in ``region``, from the SDK's own table; a full URI stays as it is."""
    if "/" in image:
        return image
    framework, _, version = image.partition(":")
    uri: str = image_uris.retrieve(framework, region, version=version)
    return uri
