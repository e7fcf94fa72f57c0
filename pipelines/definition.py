"""What the environment's settings give to all steps of a pipeline, and how a pipeline becomes a definition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sagemaker.mlops.workflow.pipeline import Pipeline

from pipelines.config import Config
from pipelines.publish import Publication
from pipelines.session import BuildSession, building
from steps.context import StepContext


@dataclass(frozen=True)
class Built:
    """A definition, and every object that must lie in the bucket before it runs."""

    definition: str
    publication: Publication


def define(config: Config, publication: Publication, build: Callable[[BuildSession], Pipeline]) -> Built:
    """The definition of what ``build`` makes; needs no network, and the same settings give the same bytes."""
    with building():
        session = BuildSession(config.environment.region, config.environment.bucket)
        text: str = build(session).definition()
    return Built(text, replace(publication, objects={**publication.objects, **session.objects}))


def step_context(config: Config, session: BuildSession) -> StepContext:
    """What all steps share, from the environment's settings; jobs carry the project's and use case's tags."""
    environment = config.environment
    return StepContext(
        session=session,
        roles=environment.roles.or_else(environment.role),
        runs=f"{environment.root}/runs/{config.called}",
        network=environment.network,
        keys=environment.keys,
        cache=environment.cache,
        retry=environment.retry,
        tags=config.tags,
    )
