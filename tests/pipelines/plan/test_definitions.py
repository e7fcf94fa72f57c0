"""The deployed pipeline beside the local one: what is new, what is gone, what is another."""

from __future__ import annotations

import copy
import json
from typing import Any

from pipelines.plan.definitions import compare
from pipelines.publish import ROOT

GOLDEN = json.loads((ROOT / "tests/pipelines/golden/prod-adult.json").read_text(encoding="utf-8"))


def sides() -> tuple[dict[str, Any], dict[str, Any]]:
    deployed = {"PipelineDefinition": GOLDEN, "RoleArn": "arn:aws:iam::444455556666:role/r"}
    return deployed, copy.deepcopy(deployed)


def told(deployed: Any, local: Any) -> list[tuple[str, str, str, list[str]]]:
    return [
        (part.kind, part.name, part.action, [change.path for change in part.changes])
        for part in compare(deployed, local)
    ]


def test_what_is_equal_has_no_parts() -> None:
    """Nothing would change."""
    assert told(*sides()) == []


def test_each_kind_of_change_is_a_part() -> None:
    """Parameters, steps in and out of branches, moved into a branch, and what the pipeline itself is given."""
    deployed, local = sides()
    definition = local["PipelineDefinition"]
    local["ParallelismConfiguration"] = {"MaxParallelExecutionSteps": 4}
    definition["Parameters"][1]["DefaultValue"] = 0.5
    steps = {step["Name"]: step for step in definition["Steps"]}
    gate = steps["Gate"]["Arguments"]
    steps["Prep"]["Arguments"]["ProcessingResources"]["ClusterConfig"]["InstanceType"] = "ml.m5.4xlarge"
    gate["Conditions"][0]["RightValue"] = 1
    gate["ElseSteps"] = []
    definition["Steps"] = [step for step in definition["Steps"] if step["Name"] != "TuningReport"]
    gate["IfSteps"].append({**steps["TuningReport"], "Name": "Afterwards"})
    gate["IfSteps"].append(definition["Steps"].pop(1))
    loop = {"Name": "Loop", "Type": "ForEach", "Arguments": {"IterableItems": [1]}}
    body = {"Name": "Inner", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}
    deployed["PipelineDefinition"] = {**GOLDEN, "Steps": [*GOLDEN["Steps"], loop]}
    definition["Steps"].append({**loop, "Arguments": {"IterableItems": [1], "ForEachBody": [body]}})

    assert told(deployed, local) == [
        ("pipeline", "pipeline", "change", ["ParallelismConfiguration"]),
        ("parameter", "QualityBar", "change", ["DefaultValue"]),
        ("step", "Gate", "change", ["Conditions[0].RightValue"]),
        ("step", "Afterwards", "add", []),
        ("step", "Prep", "change", ["ProcessingResources.ClusterConfig.InstanceType", "Place"]),
        ("step", "Inner", "add", []),
        ("step", "TuningReport", "remove", []),
        ("step", "BelowTheBar", "remove", []),
    ]


def test_a_pipeline_that_is_not_there_is_all_new() -> None:
    """Every step, every parameter."""
    _, local = sides()
    found = compare(None, local)

    assert {part.action for part in found} == {"add"}
    assert len([part for part in found if part.kind == "parameter"]) == len(GOLDEN["Parameters"])
    assert {"Ingest", "Register", "BelowTheBar"} <= {part.name for part in found if part.kind == "step"}
