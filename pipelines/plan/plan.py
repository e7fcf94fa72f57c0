"""A plan: what an upsert would change, what follows from that, and what the next run will do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_sagemaker.pipelines import parameters
from local_sagemaker.pipelines.definition import parse
from pipelines.plan.code import FileChange, PublishedCode
from pipelines.plan.definitions import Part, compare
from pipelines.plan.differences import Change
from pipelines.plan.forecast import Forecast, Forecaster
from pipelines.plan.history import History
from pipelines.plan.sections import consequences


@dataclass(frozen=True)
class Plan:
    """What would happen."""

    pipeline: str
    exists: bool  # it is deployed already
    parts: list[Part]
    steps: list[Forecast]
    sections: Mapping[str, list[str]] = field(default_factory=dict)
    files: Callable[[Change], list[FileChange] | None] = lambda _: None  # behind a change of a code address

    @property
    def changed(self) -> bool:
        """Whether an upsert does anything."""
        return bool(self.parts)

    @property
    def headline(self) -> str:
        """How much would change, in a line."""
        if not self.exists:
            return f"pipeline {self.pipeline} is not deployed yet; it would be created"
        if not self.changed:
            return f"pipeline {self.pipeline} is deployed as it is here; nothing would change"
        count = Counter((part.kind, part.action) for part in self.parts if part.kind != "pipeline")
        words = {"add": "added", "remove": "removed", "change": "changed"}
        said = [
            f"{number} {kind}{'s' if number > 1 else ''} {words[action]}"
            for (kind, action), number in count.items()
        ]
        return f"pipeline {self.pipeline} would be updated: {', '.join(said) or 'its own settings'}"


def plan(
    sagemaker: Any,
    s3: Any,
    request: Mapping[str, Any],
    values: Iterable[Mapping[str, str]],
    objects: Mapping[str, bytes] | None = None,
) -> Plan:
    """Plan an upsert and a start after it; only reads.

    ``request`` is that of UpdatePipeline (PipelineName, PipelineDefinition as JSON, RoleArn, …), ``values`` the
    PipelineParameters of the start, ``objects`` what the upsert would publish, by key.
    """
    name, definition = request["PipelineName"], json.loads(request["PipelineDefinition"])
    deployed = _deployed(sagemaker, name, request)
    local = {
        **{key: value for key, value in request.items() if key != "PipelineName"},
        "PipelineDefinition": definition,
    }
    parsed = parse(definition)[0]
    bound = parameters.bind(parsed.parameters, values)
    forecaster = Forecaster(parsed, bound, History(sagemaker, s3, name), name)
    before = deployed["PipelineDefinition"] if deployed else None
    return Plan(
        name,
        deployed is not None,
        compare(deployed, local),
        forecaster.all(),
        consequences(before, definition, sagemaker.meta.region_name),
        PublishedCode(s3, objects or {}).explain,
    )


def _deployed(sagemaker: Any, name: str, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """What of the deployed pipeline the request would set."""
    try:
        answer = sagemaker.describe_pipeline(PipelineName=name)
    except sagemaker.exceptions.ResourceNotFound:
        return None
    found = {key: answer[key] for key in request if key in answer and key != "PipelineName"}
    return {**found, "PipelineDefinition": json.loads(answer["PipelineDefinition"])}
