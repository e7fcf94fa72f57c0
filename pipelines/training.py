"""Train a model and register it if it is good enough.

ingest ─► prep ─► train ─► evaluate ─► gate ─┬─► register
                                             └─► fail, naming the bar and by how much it was missed
"""

from __future__ import annotations

from sagemaker.core import image_uris
from sagemaker.mlops.workflow.pipeline import Pipeline

from containers import contract
from pipelines.config import Config
from pipelines.parameters import parameters
from pipelines.publish import Publication, plan
from pipelines.session import BuildSession, building
from steps.context import StepContext
from steps.evaluate import evaluate_step
from steps.gate import gate_step
from steps.ingest import ingest_step
from steps.prep import prep_step
from steps.processing import output_uri
from steps.register import Hosting, register_step
from steps.settings import Tags
from steps.train import train_step


def build(config: Config, session: BuildSession, publication: Publication) -> Pipeline:
    """The training pipeline for ``config``, whose steps run the code that ``publication`` names."""
    environment, usecase = config.environment, config.usecase
    context = step_context(config, session)
    knobs = parameters(config)
    image, machine, code = environment.processing_image, environment.processing, publication.code
    training_image = framework_image(environment.images.training, environment.region)

    ingest = ingest_step(context, image, machine, code["ingest"], knobs.input_data)
    prep = prep_step(context, image, machine, code["prep"], output_uri(ingest, contract.DATA))
    train = train_step(
        context,
        training_image,
        environment.training,
        publication.source_dir,
        usecase.hyperparameters,
        train=output_uri(prep, contract.TRAIN),
        validation=output_uri(prep, contract.VALIDATION),
        flow=output_uri(prep, contract.FLOW),
    )
    model = train.properties.ModelArtifacts.S3ModelArtifacts
    evaluate = evaluate_step(
        context,
        image,
        machine,
        code["evaluate"],
        model=model,
        validation=output_uri(prep, contract.VALIDATION),
        test=output_uri(prep, contract.TEST),
        bar=knobs.quality_bar,
        threshold=usecase.evaluation.threshold,
    )
    register = register_step(
        context,
        training_image,
        Hosting(environment.registry.instances, environment.registry.batch_instances),
        usecase.registry.group,
        model=model,
        evaluation=output_uri(evaluate, contract.EVALUATION),
        approval=knobs.approval_status,
        lineage={
            "UseCase": usecase.name,
            "InputData": knobs.input_data,
            "DataManifest": output_uri(ingest, contract.MANIFEST),
            "PrepFlow": output_uri(prep, contract.FLOW),
            "TrainingJob": train.properties.TrainingJobArn,
            "TrainingCode": publication.source_dir,
        },
        commit=knobs.source_commit,
    )
    gate = gate_step(
        usecase.problem, usecase.gate.metric, usecase.gate.direction, knobs.quality_bar, [register]
    )
    return Pipeline(
        name=config.pipeline_name,
        parameters=knobs.all(),
        steps=[ingest, prep, train, evaluate, gate],
        sagemaker_session=session,
    )


def definition(config: Config, publication: Publication | None = None) -> str:
    """The definition JSON of the training pipeline; needs no network, and the same settings give the same bytes."""
    environment = config.environment
    with building():
        session = BuildSession(environment.region, environment.bucket)
        text: str = build(config, session, publication or plan(config)).definition()
    return text


def step_context(config: Config, session: BuildSession) -> StepContext:
    """What all steps share, from the environment's settings; jobs carry the project's and use case's tags."""
    environment = config.environment
    own_tags = {"project": environment.prefix.split("/")[0], "usecase": config.usecase.name}
    return StepContext(
        session=session,
        role=environment.role,
        runs=f"{environment.root}/runs/{config.usecase.name}",
        network=environment.network,
        keys=environment.keys,
        cache=environment.cache,
        retry=environment.retry,
        tags=Tags({**own_tags, **environment.tags}),
    )


def framework_image(image: str, region: str) -> str:
    """The URI of ``xgboost:3.2-0`` in ``region``, from the SDK's own table; a full URI stays as it is."""
    if "/" in image:
        return image
    framework, _, version = image.partition(":")
    uri: str = image_uris.retrieve(framework, region, version=version)
    return uri
