"""A plan as a coloured tree, as plain lines where there is no terminal, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from pipelines.plan.code import FileChange
from pipelines.plan.definitions import Part
from pipelines.plan.differences import ABSENT, Change, shown
from pipelines.plan.forecast import Forecast
from pipelines.plan.plan import Plan

_SIGNS = {"add": "+", "remove": "-", "change": "~"}
_COLOURS = {"+": "green", "-": "red", "~": "yellow", "✔": "green", "▶": "cyan", "?": "yellow"}
_LONG = 100  # characters of a value
_FILES = 6  # named at most


@dataclass(frozen=True)
class Node:
    """A line, and what belongs below it."""

    text: str
    below: Sequence[Node] = ()


def show(plan: Plan, console: Console) -> None:
    """Print it."""
    nodes = [Node(plan.headline, [_part(plan, part) for part in plan.parts] if plan.exists else [])]
    nodes += [Node(title, [Node(line) for line in lines]) for title, lines in plan.sections.items()]
    nodes.append(Node("the next run", [_forecast(plan, step) for step in plan.steps]))
    for node in nodes:
        if console.is_terminal:
            console.print(_tree(node))
        else:
            for line in _lines(node):
                console.print(line, markup=False, soft_wrap=True)


def as_json(plan: Plan) -> str:
    """All of it, for programs."""
    document = {
        "pipeline": plan.pipeline,
        "exists": plan.exists,
        "changed": plan.changed,
        "parts": [
            {
                "kind": part.kind,
                "name": part.name,
                "action": part.action,
                "type": part.type,
                "changes": [_change_document(plan, change) for change in part.changes],
            }
            for part in plan.parts
        ],
        "steps": [
            {
                "step": step.step,
                "outcome": step.outcome,
                "why": step.why,
                "source": step.source,
                "changes": [_change_document(plan, change) for change in step.changes],
                "upstream": list(step.upstream),
                "branch": step.branch,
                "note": step.note,
            }
            for step in plan.steps
        ],
        "sections": dict(plan.sections),
    }
    return json.dumps(document, indent=2, ensure_ascii=False, default=str)


def _part(plan: Plan, part: Part) -> Node:
    said = part.name if part.kind == "pipeline" else f"{part.kind} {part.name}"
    kind = f" ({part.type})" if part.type and part.action != "change" else ""
    return Node(f"{_SIGNS[part.action]} {said}{kind}", [_change(plan, each) for each in part.changes])


def _change(plan: Plan, change: Change) -> Node:
    files = plan.files(change)
    if files:
        return Node(f"~ {change.path}", list(_file_nodes(files)))
    if change.old is ABSENT:
        return Node(f"+ {change.path}: {_short(change.new)}")
    if change.new is ABSENT:
        return Node(f"- {change.path}: {_short(change.old)}")
    return Node(f"~ {change.path}: {_from_to(change)}")


def _file_nodes(files: Sequence[FileChange]) -> Iterator[Node]:
    for file in files[:_FILES]:
        entries = [
            Node(f"~ {each.path or 'the document'}: {_from_to(each)}") for each in file.entries[:_FILES]
        ]
        yield Node(f"{_SIGNS[file.action]} {file.name}", entries)
    if len(files) > _FILES:
        yield Node(f"… and {len(files) - _FILES} more files")


def _forecast(plan: Plan, step: Forecast) -> Node:
    where = f", if {step.branch}" if step.branch else ""
    if step.hit:
        return Node(f"✔ {step.step}: from the cache, of execution {step.source}{where}")
    sign = "?" if step.outcome == "maybe" else "▶"
    return Node(f"{sign} {step.step}: {_reason(step)}{where}", [_change(plan, each) for each in step.changes])


def _reason(step: Forecast) -> str:
    if step.why == "first":
        return "runs, for the first time"
    if step.why in ("uncached", "unknown"):
        return f"runs: {step.note}"
    if step.why == "expired":
        return f"runs: the result of execution {step.source} has expired, {step.note}"
    verb = "run anew" if len(step.upstream) > 1 else "runs anew"
    if step.outcome == "maybe":
        return f"runs, unless what it reads of {' and '.join(step.upstream)} comes out as before"
    if not step.changes:
        return f"runs, because {' and '.join(step.upstream)} {verb}"
    also = f", and {' and '.join(step.upstream)} {verb}" if step.upstream else ""
    return f"runs, because it differs from execution {step.source}{also}"


def _from_to(change: Change) -> str:
    old, new = shown(change.old), shown(change.new)
    same = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        same += 1
    start = same - 20 if same > 40 else 0  # of two long texts, the part that differs is what matters
    return f"{_cut(old, start)} → {_cut(new, start)}"


def _cut(text: str, start: int) -> str:
    return _clip(f"…{text[start:]}" if start else text)


def _short(value: Any) -> str:
    return _clip(shown(value))


def _clip(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"


def _change_document(plan: Plan, change: Change) -> dict[str, Any]:
    document: dict[str, Any] = {"path": change.path}
    document |= {} if change.old is ABSENT else {"old": change.old}
    document |= {} if change.new is ABSENT else {"new": change.new}
    files = plan.files(change)
    if files is not None:
        document["files"] = [
            {
                "name": file.name,
                "action": file.action,
                "entries": [_change_document(plan, each) for each in file.entries],
            }
            for file in files
        ]
    return document


def _tree(node: Node) -> Tree:
    tree = Tree(_coloured(node.text), guide_style="dim")
    for each in node.below:
        tree.add(_tree(each))
    return tree


def _coloured(text: str) -> Text:
    return Text(text, _COLOURS.get(text[:1], ""))


def _lines(node: Node, depth: int = 0) -> Iterator[str]:
    yield "  " * depth + node.text
    for each in node.below:
        yield from _lines(each, depth + 1)
