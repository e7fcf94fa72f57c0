"""The deployed pipeline and the local one, side by side: by parameter, by step, by argument."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipelines.plan.differences import Change, changes

PIPELINE = "pipeline"  # what is said of it as a whole


@dataclass(frozen=True)
class Part:
    """A step or a parameter that differs, or the pipeline as a whole."""

    kind: Literal["pipeline", "parameter", "step"]
    name: str
    action: Literal["add", "remove", "change"]
    type: str = ""  # of a step or parameter
    changes: tuple[Change, ...] = ()


def compare(deployed: Mapping[str, Any] | None, local: Mapping[str, Any]) -> list[Part]:
    """What an upsert of ``local`` changes; both are requests of UpdatePipeline with a parsed PipelineDefinition."""
    before = deployed or {}
    old, new = before.get("PipelineDefinition", {}), local["PipelineDefinition"]
    found = list(_whole(before, local))
    found += _parts("parameter", _named(old.get("Parameters")), _named(new.get("Parameters")))
    found += _parts("step", dict(_steps(old.get("Steps"))), dict(_steps(new.get("Steps"))))
    return found


def _whole(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Part]:
    inner = ("Parameters", "Steps")
    old, new = (
        {
            **{key: value for key, value in side.items() if key != "PipelineDefinition"},
            **{k: v for k, v in side.get("PipelineDefinition", {}).items() if k not in inner},
        }
        for side in (before, after)
    )
    differing = tuple(changes(old, new))
    if not before:
        yield Part("pipeline", PIPELINE, "add")
    elif differing:
        yield Part("pipeline", PIPELINE, "change", "", differing)


def _parts(
    kind: Literal["parameter", "step"], old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Part]:
    for name in [*new, *(name for name in old if name not in new)]:
        if name not in old:
            yield Part(kind, name, "add", str(new[name].get("Type", "")))
        elif name not in new:
            yield Part(kind, name, "remove", str(old[name].get("Type", "")))
        elif differing := tuple(_without_arguments(changes(old[name], new[name]))):
            yield Part(kind, name, "change", str(new[name].get("Type", "")), differing)


def _without_arguments(found: Iterator[Change]) -> Iterator[Change]:
    """Paths as in the request: nearly everything lies below Arguments."""
    for each in found:
        yield Change(each.path.removeprefix("Arguments."), each.old, each.new)


def _named(items: Any) -> dict[str, Mapping[str, Any]]:
    return {str(item["Name"]): item for item in items or [] if isinstance(item, Mapping) and "Name" in item}


_INNER = {"IfSteps": "if of", "ElseSteps": "else of", "ForEachBody": "body of"}  # arguments that hold steps


def _steps(items: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step by its name, those of branches and bodies with the place where they are."""
    for name, step in _named(items).items():
        arguments = step.get("Arguments")
        holds = step.get("Type") in ("Condition", "ForEach") and isinstance(arguments, Mapping)
        inner = arguments if holds and isinstance(arguments, Mapping) else {}
        own = {**step, **({"Place": place} if place else {})}
        if inner:
            own["Arguments"] = {key: value for key, value in inner.items() if key not in _INNER}
        yield name, own
        for key, said in _INNER.items():
            yield from _steps(inner.get(key), f"{said} {name}")
