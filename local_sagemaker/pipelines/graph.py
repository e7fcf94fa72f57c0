"""What waits for what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from local_sagemaker.pipelines.definition import Definition, Dependency, Step
from local_sagemaker.pipelines.expressions import references


def dependencies(step: Step, definition: Definition) -> tuple[Dependency, ...]:
    """What must have happened before ``step`` can start, its branch aside: written, and through references.

    A reference waits for success, unless DependsOn names another outcome of that step: a step that runs when
    training failed may want to know its FailureReason. A ForEach waits for what its body waits for, too.
    """
    found = own_dependencies(step)
    if step.type != "ForEach":
        return found
    body = definition.body(step.name)
    within = {step.name, *body}
    lifted = (each for inner in body.values() for each in own_dependencies(inner) if each.step not in within)
    written = {dependency.step for dependency in step.depends_on}
    return tuple(dict.fromkeys((*found, *(each for each in lifted if each.step not in written))))


def own_dependencies(step: Step) -> tuple[Dependency, ...]:
    """The same of one step, seen by itself."""
    written = {dependency.step for dependency in step.depends_on}
    implied = (
        Dependency(reference.name)
        for reference in references(step.written)
        if reference.space == "Steps" and reference.name not in written
    )
    return tuple(dict.fromkeys((*step.depends_on, *implied)))


def upstream(definition: Definition) -> dict[str, set[str]]:
    """For each step the steps that it waits for directly: dependencies, and the condition or ForEach it is in."""
    edges = {}
    for name, step in definition.steps.items():
        edges[name] = {dependency.step for dependency in dependencies(step, definition)}
        if step.branch:
            edges[name].add(step.branch.condition)
        if step.loop:
            edges[name].add(step.loop)
    return edges


def reach(edges: Mapping[str, set[str]], starts: set[str]) -> set[str]:
    """Everything that can be reached from ``starts``, themselves left out unless on a way."""
    seen: set[str] = set()
    todo = list(starts)
    while todo:
        for name in edges.get(todo.pop(), ()):
            if name not in seen:
                seen.add(name)
                todo.append(name)
    return seen


def reversed_edges(edges: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The same graph, with every edge turned round."""
    turned: dict[str, set[str]] = {name: set() for name in edges}
    for name, others in edges.items():
        for other in others:
            turned.setdefault(other, set()).add(name)
    return turned


def cycle(edges: Mapping[str, set[str]]) -> list[str]:
    """One cycle, its first name repeated at the end (``["A", "B", "A"]``); empty where there is none."""
    done: set[str] = set()
    for start in edges:
        if start in done:
            continue
        path: dict[str, Iterator[str]] = {
            start: iter(sorted(edges[start]))
        }  # no recursion: pipelines are long
        while path:
            name, ahead = next(reversed(path.items()))
            following = next((other for other in ahead if other in edges and other not in done), None)
            if following is None:
                done.add(name)
                path.popitem()
            elif following in path:
                names = list(path)
                return [*names[names.index(following) :], following]
            else:
                path[following] = iter(sorted(edges[following]))
    return []
