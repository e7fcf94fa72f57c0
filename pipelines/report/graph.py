"""A definition as a drawing: steps in layers from top to bottom, each in the colour of how it ended.

After Sugiyama, Tagawa and Toda, *Methods for Visual Understanding of Hierarchical System Structures* (1981): a step
lies one layer below the last one that it waits for, long arrows pass through the layers between in places of their
own, and each layer is ordered by where its upper neighbours lie. Works on anyone's definition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

BRANCHES = {"IfSteps": "yes", "ElseSteps": "no"}
COLOURS = {  # border and background; after Okabe & Ito, so that every reader can tell them apart
    "Succeeded": ("#009E73", "#e6f5f0"),
    "Failed": ("#D55E00", "#fbebe0"),
    "Stopped": ("#b38600", "#fdf5dc"),
    "Executing": ("#0072B2", "#e5f1f8"),
    "": ("#b9bec4", "#f6f7f8"),  # has not run
}
# Its own, so that the drawing also stands alone, in a notebook or a file; colours of text are the page's.
_STYLE = (
    ".graph text { font: 12px sans-serif; } .graph .outcome { font-size: 11px; }"
    " .graph .step { font-weight: 600; font-size: 13px; text-anchor: middle; }"
    " .graph .note { font-size: 11px; text-anchor: middle; }"
)
_WIDTH, _HEIGHT, _ACROSS, _DOWN, _MARGIN = 156, 46, 178, 84, 14


@dataclass(frozen=True)
class Edge:
    """``below`` waits for ``above``; ``label`` is the outcome of a condition, or what triggers the step."""

    above: str
    below: str
    label: str = ""


@dataclass(frozen=True)
class Node:
    """One step as it is drawn."""

    name: str
    kind: str  # its type
    status: str = ""  # as SageMaker says it; empty: has not run
    note: str = ""  # below the name: how long it took


def steps(definition: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str, str]]:
    """Every step with the condition that it hangs on and the outcome for which it runs; both empty at the top."""
    waiting = [(step, "", "") for step in reversed(definition.get("Steps", []))]
    while waiting:
        step, condition, outcome = waiting.pop()
        yield step, condition, outcome
        inner = [
            (below, step["Name"], outcome)
            for key, outcome in BRANCHES.items()
            for below in step.get("Arguments", {}).get(key) or []
        ]
        waiting += reversed(inner)


def edges(definition: Mapping[str, Any]) -> list[Edge]:
    """What waits for what: as written, through references, through branches; what follows from others is left out."""
    names = {step["Name"] for step, *_ in steps(definition)}
    found: dict[tuple[str, str], Edge] = {}
    for step, condition, outcome in steps(definition):
        name = step["Name"]
        if condition:
            found[condition, name] = Edge(condition, name, outcome)
        for above, label in (*_written(step), *((name, "") for name in _referred(_own(step)))):
            if above in names and above != name:
                found.setdefault((above, name), Edge(above, name, label))
    return _reduced(list(found.values()))


def draw(nodes: Sequence[Node], links: Sequence[Edge]) -> str:
    """The drawing as SVG; empty where there is nothing to draw."""
    if not nodes:
        return ""
    layers = _layers([node.name for node in nodes], links)
    rows, ways = _with_places_between(layers, links)
    order = _ordered(rows, ways)
    widest = max(len(row) for row in order)
    place = {
        name: (
            _MARGIN + _WIDTH / 2 + _ACROSS * (widest - len(row)) / 2 + _ACROSS * across,
            _MARGIN + _HEIGHT / 2 + _DOWN * down,
        )
        for down, row in enumerate(order)
        for across, name in enumerate(row)
    }
    width = 2 * _MARGIN + _WIDTH + _ACROSS * (widest - 1)
    height = 2 * _MARGIN + _HEIGHT + _DOWN * (len(order) - 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="graph" viewBox="0 0 {width} {height}" width="{width}"'
        ' role="img" aria-label="The pipeline">',
        f"<style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#8A8A8A"/></marker></defs>',
        *(_arrow([place[each] for each in way], label) for way, label in ways),
        *(_box(node, *place[node.name]) for node in nodes),
        "</svg>",
    ]
    return "".join(parts)


def _own(step: Mapping[str, Any]) -> Any:
    """The step without the steps of its branches."""
    arguments = step.get("Arguments", {})
    if not isinstance(arguments, Mapping):
        return step
    return {**step, "Arguments": {key: value for key, value in arguments.items() if key not in BRANCHES}}


def _written(step: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for each in step.get("DependsOn") or []:
        if isinstance(each, Mapping):
            trigger = str(each.get("Trigger", ""))
            yield str(each.get("Step", "")), "" if trigger == "Completed" else trigger.lower()
        else:
            yield str(each), ""


def _referred(value: Any) -> Iterator[str]:
    """The steps that are named by ``{"Get": "Steps.<name>.…"}`` anywhere in ``value``."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            address = each.get("Get")
            if isinstance(address, str) and address.startswith("Steps."):
                yield address.split(".")[1].partition("[")[0]
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _reduced(found: list[Edge]) -> list[Edge]:
    """Without the arrows that a longer way says too; those that name what triggers a step stay."""
    below: dict[str, set[str]] = {}
    for edge in found:
        below.setdefault(edge.above, set()).add(edge.below)

    def leads(start: str, end: str) -> bool:
        seen: set[str] = set()
        waiting = [each for each in below.get(start, ()) if each != end]
        while waiting:
            name = waiting.pop()
            if name == end:
                return True
            if name not in seen:
                seen.add(name)
                waiting += below.get(name, ())
        return False

    implied = ("", *BRANCHES.values())
    return [edge for edge in found if edge.label not in implied or not leads(edge.above, edge.below)]


def _layers(names: Sequence[str], links: Sequence[Edge]) -> dict[str, int]:
    """Each step's layer: one below the lowest that it waits for. A circle, which no pipeline that runs has, ends it."""
    layer = dict.fromkeys(names, 0)
    for _ in names:
        moved = False
        for edge in links:
            if layer[edge.below] <= layer[edge.above]:
                layer[edge.below] = layer[edge.above] + 1
                moved = True
        if not moved:
            break
    return layer


def _with_places_between(
    layer: Mapping[str, int], links: Sequence[Edge]
) -> tuple[list[list[str]], list[tuple[list[str], str]]]:
    """The names in each layer, and every arrow as the places through which it passes."""
    rows: list[list[str]] = [[] for _ in range(max(layer.values()) + 1)]
    for name, down in layer.items():
        rows[down].append(name)
    ways = []
    for number, edge in enumerate(links):
        between = [f"{number} {down}" for down in range(layer[edge.above] + 1, layer[edge.below])]
        for down, place in enumerate(between, layer[edge.above] + 1):
            rows[down].append(place)
        ways.append(([edge.above, *between, edge.below], edge.label))
    return [row for row in rows if row], ways


def _ordered(rows: list[list[str]], ways: Sequence[tuple[list[str], str]]) -> list[list[str]]:
    """Each row by the middle of its neighbours in the row above, then below, a few times."""
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for way, _ in ways:
        for upper, lower in pairwise(way):
            above.setdefault(lower, []).append(upper)
            below.setdefault(upper, []).append(lower)
    for turn in range(8):
        neighbours, sequence = (above, rows) if turn % 2 == 0 else (below, rows[::-1])
        for _, row in pairwise(sequence):
            row.sort(key=_middles(rows, row, neighbours).__getitem__)
    return rows


def _middles(
    rows: list[list[str]], row: Sequence[str], neighbours: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Where the neighbours of each name of a row lie on average; its own place where it has none."""
    place = {name: index / max(1, len(each) - 1) for each in rows for index, name in enumerate(each)}
    near = {name: [place[each] for each in neighbours.get(name, ())] for name in row}
    return {name: sum(found) / len(found) if found else place[name] for name, found in near.items()}


def _arrow(points: Sequence[tuple[float, float]], label: str) -> str:
    (x, y), *rest = points
    path = [f"M{x:.0f} {y + _HEIGHT / 2:.0f}"]
    before = (x, y + _HEIGHT / 2)
    for number, (right, down) in enumerate(rest, 1):
        end = down - _HEIGHT / 2 - 2 if number == len(rest) else down
        bend = (before[1] + end) / 2
        path.append(f"C{before[0]:.0f} {bend:.0f} {right:.0f} {bend:.0f} {right:.0f} {end:.0f}")
        before = (right, end)
    drawn = (
        f'<path d="{"".join(path)}" fill="none" stroke="#8A8A8A" stroke-width="1.3" marker-end="url(#tip)"/>'
    )
    if not label:
        return drawn
    right, down = rest[0]
    text = f'<text x="{(x + right) / 2 + 4:.0f}" y="{(y + down) / 2 + 4:.0f}" class="outcome">{escape(label)}</text>'
    return drawn + text


def _box(node: Node, x: float, y: float) -> str:
    border, background = COLOURS.get(node.status, COLOURS[""])
    left, top = x - _WIDTH / 2, y - _HEIGHT / 2
    said = f"{node.name}: {node.kind}, {node.status or 'has not run'}"
    name = node.name if len(node.name) <= 20 else node.name[:19] + "…"
    note = f"{node.kind} · {node.note}" if node.note else node.kind
    return (
        f'<g><title>{escape(said)}</title><rect x="{left:.0f}" y="{top:.0f}" width="{_WIDTH}" height="{_HEIGHT}" rx="7"'
        f' fill="{background}" stroke="{border}" stroke-width="1.6"/>'
        f'<text x="{x:.0f}" y="{y - 3:.0f}" class="step">{escape(name)}</text>'
        f'<text x="{x:.0f}" y="{y + 13:.0f}" class="note">{escape(note)}</text></g>'
    )
