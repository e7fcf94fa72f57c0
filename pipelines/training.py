"""Train a model, or search for the best one, register it if it is good enough, and deploy it where it is approved.

ingest ─┬─► prep ─┬─► tune ─┬─► evaluate ─► champion ─► gate ─┬─► register ─► model card ─► approved? ─► deploy
        │         │         └─► tuning report                 │                              └─► waits    └─► smoke test
        │         │                                           └─► fail, naming what was missed and by how much
        │         ├─► train ──► evaluate …   where the use case does not tune
        │         └─► tune or train ──► mitigate ──► evaluate …   where it works against bias
        ├─► manifest: what the model was made of, each thing with its hash; register takes it along
        └─► checks of the data; and, after evaluate, of the model: register takes their files along
"""

from __future__ import annotations

from sagemaker.core import image_uris
from sagemaker.mlops.workflow.pipeline import Pipeline

from containers import contract
from pipelines.check_steps import Checker, Trained
from pipelines.config import Config
from pipelines.definition import Built, define, step_context
from pipelines.deploy_steps import Registered, deploy
from pipelines.learning import learn
from pipelines.parameters import parameters
from pipelines.publish import Publication, plan
from pipelines.session import BuildSession
from steps.champion import champion_step
from steps.checked import analyses
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
    script = Script(training_image(config), environment.training, publication.source_dir)
    learned = learn(config, context, publication, script, prep, warm_start)
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
    deployed = deploy(
        config,
        context,
        publication.code["smoke_test"],
        knobs.approval_status,
        Registered(register, card),
        prep=prep,
        evaluate=evaluate,
    )
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
            gate_step([register, card]),
            *deployed,
        ],
        sagemaker_session=session,
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
