"""What is wrong with a Cleanup step, seen within its pipeline: what is not its to delete, and what it deletes early."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local_sagemaker.pipelines import graph
from local_sagemaker.pipelines.definition import Definition, Step
from local_sagemaker.pipelines.expressions import expression, references
from local_sagemaker.pipelines.problem import Problem, hint
from local_sagemaker.pipelines.steps.cleanup import FOUND, LISTED, is_below, outputs, sources


def mistakes_in(step: Step, definition: Definition) -> Iterator[str]:
    """Sources that do not exist, that have not run before, or that AWS does not clean up after."""
    seen: set[str] = set()
    for source in sources(step) if step.type == "Cleanup" else ():
        name = source["StepName"]
        upstream = definition.steps.get(name)
        if name in seen:
            yield f"it cleans up after step {name!r} twice."
        seen.add(name)
        if upstream is None:
            yield f"it cleans up after step {name!r}, which does not exist.{hint(name, definition.steps)}"
            continue
        if upstream.loop and upstream.loop != step.loop:
            yield (
                f"it cleans up after step {name!r}, which is in the body of ForEach {upstream.loop!r}: only a step "
                "of that body can."
            )
        elif step.loop and not upstream.loop:
            yield f"it is in the body of ForEach {step.loop!r} and runs for each item, but step {name!r} runs once."
        yield from _source(source, upstream)
        if all(dependency.step != name for dependency in step.depends_on):
            yield f"it cleans up after step {name!r}, but does not depend on it: add it to DependsOn."


def warnings(definition: Definition) -> Iterator[Problem]:
    """Outputs that somebody may still want when they are deleted."""
    edges = graph.upstream(definition)
    for step in definition.steps.values():
        for source in sources(step) if step.type == "Cleanup" else ():
            name = source["StepName"]
            upstream = definition.steps.get(name)
            if upstream is None:
                continue
            if (upstream.cache or {}).get("Enabled"):
                yield Problem(
                    f"Step {step.name!r}",
                    f"it deletes what step {name!r} wrote, whose result later executions take from the cache: "
                    "they will find nothing there.",
                    "warning",
                )
            if upstream.type in FOUND:
                before = graph.reach(edges, {step.name})
                for reader in definition.steps.values():
                    if reader.name not in before and _reads(reader, name):
                        yield Problem(
                            f"Step {step.name!r}",
                            f"it may delete what step {name!r} wrote before step {reader.name!r} has read it: "
                            f"let it depend on {reader.name!r}.",
                            "warning",
                        )


def _source(source: Mapping[str, Any], upstream: Step) -> Iterator[str]:
    name, type_ = upstream.name, upstream.type
    if type_ not in (*FOUND, *LISTED):
        yield f"it cannot clean up after step {name!r}, a {type_} step; only after {', '.join((*FOUND, *LISTED))}."
        return
    uris = source.get("S3Uris")
    if type_ in LISTED and uris is None:
        yield f"S3Uris is missing: of step {name!r}, a {type_} step, each object to delete must be listed."
    if type_ in FOUND and uris is not None:
        yield f"S3Uris is not for step {name!r}: what a {type_} step wrote is found from its job."
    network = upstream.arguments.get("NetworkConfig")
    if "VpcConfig" in upstream.arguments or (isinstance(network, Mapping) and "VpcConfig" in network):
        yield f"it cannot clean up after step {name!r}, which sets a VpcConfig."
    places = outputs(type_, upstream.arguments) if type_ in LISTED else []
    if places and all(isinstance(place, str) for place in places):
        for uri in uris or ():
            if not expression(uri) and not is_below(uri, places):
                yield f"{uri} is below no output of step {name!r}: {', '.join(places)}."


def _reads(reader: Step, name: str) -> bool:
    return any(
        each.space == "Steps"
        and each.name == name
        and each.path.startswith(("ModelArtifacts", "OutputDataConfig"))
        for each in references(reader.written)
    )
