"""Score a batch of raw rows with the model that is approved when the pipeline runs.

prepare rows ─► model ─► transform ─► write scores
"""

from __future__ import annotations

from sagemaker.core.workflow.parameters import Parameter, ParameterString
from sagemaker.mlops.workflow.pipeline import Pipeline

from containers import contract
from pipelines.config import Config
from pipelines.definition import Built, define, step_context
from pipelines.publish import Publication, plan
from pipelines.session import BuildSession
from steps.package_model import package_model_step
from steps.prepare_rows import approved_package, prepare_rows_step
from steps.processing import output_uri
from steps.transform import scores_uri, transform_step
from steps.write_scores import write_scores_step


def build(config: Config, session: BuildSession, publication: Publication) -> Pipeline:
    """The batch scoring pipeline for ``config``, whose steps run the code that ``publication`` names."""
    environment = config.environment
    context = step_context(config, session)
    image, machine, code = environment.processing_image, environment.processing, publication.code
    root = f"{environment.root}/batch/{config.called}"
    input_data = ParameterString("InputData", default_value=f"{root}/rows/")
    output_data = ParameterString("OutputData", default_value=f"{root}/scores")
    parameters: list[Parameter] = [input_data, output_data]

    prepare = prepare_rows_step(
        context, image, machine, code["prepare_rows"], group=config.group, source=input_data
    )
    model = package_model_step(context, approved_package())
    transform = transform_step(
        context,
        environment.batch,
        model=model.properties.ModelName,
        rows=output_uri(prepare, contract.ROWS),
    )
    database = environment.batch.glue_database
    write = write_scores_step(
        context,
        image,
        machine,
        code["write_scores"],
        table=output_uri(prepare, contract.TABLE),
        batch=output_uri(prepare, contract.BATCH),
        scores=scores_uri(transform),
        destination=output_data,
        catalogue=(database, f"{config.called}_scores".replace("-", "_")) if database else None,
    )
    return Pipeline(
        name=config.pipeline_name,
        parameters=parameters,
        steps=[prepare, model, transform, write],
        sagemaker_session=session,
    )


def built(config: Config, publication: Publication | None = None) -> Built:
    """Build the batch scoring pipeline; needs no network, and the same settings give the same bytes."""
    publication = publication or plan(config)
    return define(config, publication, lambda session: build(config, session, publication))
