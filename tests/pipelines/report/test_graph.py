"""A definition is drawn as people would draw it: below what it waits for, and nothing said twice."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.report.graph import Edge, Node, draw, edges, steps

GOLDEN = Path(__file__).parents[1] / "golden"


def step(name: str, kind: str = "Processing", **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "Arguments": {}, **more}


def test_what_waits_for_what_is_read_from_dependencies_references_and_branches() -> None:
    """Each way in which a definition can say it, and a property file, whose step is meant too."""
    definition = {
        "Steps": [
            step("A"),
            step("B", Arguments={"Input": {"Get": "Steps.A.Outputs['x']"}}),
            step("C", DependsOn=["A", {"Step": "B", "Trigger": "Failed"}]),
            step(
                "If",
                "Condition",
                Arguments={
                    "Conditions": [
                        {"LeftValue": {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.B.PropertyFiles.P"}}}}
                    ],
                    "IfSteps": [step("Yes")],
                    "ElseSteps": [step("No", "Fail")],
                },
            ),
        ]
    }

    assert set(edges(definition)) == {
        Edge("A", "B"),
        Edge("B", "C", "failed"),
        Edge("B", "If"),
        Edge("If", "Yes", "yes"),
        Edge("If", "No", "no"),
    }


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_every_step_of_our_pipelines_is_drawn_once(file: Path) -> None:
    """In a drawing that is well-formed, with no two boxes in one place and no arrow upwards."""
    definition = json.loads(file.read_text(encoding="utf-8"))
    nodes = [Node(each["Name"], each["Type"]) for each, *_ in steps(definition)]
    drawing = ElementTree.fromstring(draw(nodes, edges(definition)))  # noqa: S314 - our own
    boxes = drawing.findall(".//{*}g")
    places = {(box.find("{*}rect").get("x"), box.find("{*}rect").get("y")) for box in boxes}  # type: ignore[union-attr]
    top = {box.find("{*}title").text.partition(":")[0]: float(box.find("{*}rect").get("y")) for box in boxes}  # type: ignore[union-attr,arg-type]

    assert len(boxes) == len(places) == len(nodes)
    assert all(top[edge.above] < top[edge.below] for edge in edges(definition))


@given(
    st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=40),
    st.lists(st.text(max_size=40), min_size=15, max_size=15, unique=True),
)
def test_any_pipeline_can_be_drawn(pairs: list[tuple[int, int]], names: list[str]) -> None:
    """Whatever the steps are called, and also one that goes in circles."""
    links = [Edge(names[above], names[below]) for above, below in pairs if above != below]

    drawing = draw([Node(name, "Processing") for name in names], links)

    assert drawing.count("<rect ") == len(names)


def test_nothing_is_drawn_of_nothing() -> None:
    """A definition without steps is an empty drawing, not an error."""
    assert draw([], []) == ""
