"""What is wrong with a ForEach is said when it is stored, and nothing of one that is right."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_sagemaker.pipelines.check import check

SDK = json.loads((Path(__file__).parent / "definitions" / "sdk_3_27_loops.json").read_text())


def errors(definition: Any) -> list[str]:
    return [str(problem) for problem in check(definition) if problem.level == "error"]


def step(definition: Any, name: str) -> Any:
    """A step, or one in a body, by its name."""
    steps = definition["Steps"]
    inner = [each for outer in steps for each in outer["Arguments"].get("ForEachBody", [])]
    return next(each for each in (*steps, *inner) if each["Name"] == name)


def put(name: str, *path: Any, value: Any) -> Callable[[Any], None]:
    """A mutation that sets the value at a path below a step; a value of ``...`` takes it away."""

    def mutate(definition: Any) -> None:
        target = step(definition, name)
        for key in path[:-1]:
            target = target[key]
        if value is ...:
            del target[path[-1]]
        else:
            target[path[-1]] = value

    return mutate


def arguments(name: str, member: str, value: Any) -> Callable[[Any], None]:
    return put(name, "Arguments", member, value=value)


def both(*mutations: Callable[[Any], None]) -> Callable[[Any], None]:
    def mutate(definition: Any) -> None:
        for mutation in mutations:
            mutation(definition)

    return mutate


def add_to_body(name: str, added: Any) -> Callable[[Any], None]:
    return lambda definition: step(definition, name)["Arguments"]["ForEachBody"].append(added)


def event(value: Any) -> Callable[[Any], None]:
    """The step after the loops reads it."""
    return put("Best", "Arguments", "x", value={"Get": value})


CONDITION = {
    "Name": "If",
    "Type": "Condition",
    "Arguments": {"Conditions": [], "IfSteps": [], "ElseSteps": []},
}
FAIL = {"Name": "No", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}
INNER = {"Name": "Inner", "Type": "ForEach", "Arguments": {"IterableItems": ["a"], "MaxConcurrency": 1}}
MISTAKES = {
    "no items": (
        arguments("Search", "IterableItems", []),
        "IterableItems has 0 items; a list that is written out has 1 to 100",
    ),
    "too many items": (arguments("Search", "IterableItems", ["{}"] * 101), "IterableItems has 101 items"),
    "items missing": (
        arguments("Search", "IterableItems", ...),
        "IterableItems is a list of items, or an expression",
    ),
    "one literal": (
        arguments("Search", "IterableItems", '["a"]'),
        "IterableItems is a list of items, or an expression",
    ),
    "an item that is an object": (
        arguments("Search", "IterableItems", [{"depth": 3}]),
        "IterableItems[0] is a text, a number",
    ),
    "a null item": (arguments("Search", "IterableItems", [None]), "IterableItems[0] is a text, a number"),
    "items of another parameter": (
        arguments("ByCountry", "IterableItems", {"Get": "Parameters.Country"}),
        "there is no parameter 'Country'. Did you mean 'Countries'?",
    ),
    "a default that is no list": (
        lambda definition: definition["Parameters"][0].update(DefaultValue="at, nl"),
        "IterableItems should come to the text of a JSON list; it is 'at, nl'. (It is the parameter's default.)",
    ),
    "items that are a number": (
        arguments("ByCountry", "IterableItems", {"Get": "Steps.Search.InputItemCount"}),
        "IterableItems comes to a value of type integer",
    ),
    "none at a time": (
        arguments("Search", "MaxConcurrency", 0),
        "MaxConcurrency is an integer from 1 to 50, not 0",
    ),
    "too many at a time": (
        arguments("Search", "MaxConcurrency", 51),
        "MaxConcurrency is an integer from 1 to 50, not 51",
    ),
    "true at a time": (
        arguments("Search", "MaxConcurrency", True),
        "MaxConcurrency is an integer from 1 to 50, not True",
    ),
    "no limit": (
        arguments("Search", "MaxConcurrency", ...),
        "MaxConcurrency is an integer from 1 to 50, not None",
    ),
    "no body": (arguments("Search", "ForEachBody", []), "ForEachBody is a list with at least one step"),
    "a body that is no list": (arguments("ByCountry", "ForEachBody", {"a": 1}), "ForEachBody is not a list"),
    "an unknown argument": (
        arguments("Search", "MaxConcurency", 3),
        "unknown property 'MaxConcurency'. Did you mean 'MaxConcurrency'?",
    ),
    "an unknown key": (
        put("Search", "CacheConfig", value={"Enabled": True}),
        "unknown property 'CacheConfig'",
    ),
    "a condition in the body": (
        add_to_body("Search", CONDITION),
        "Step 'If': a Condition step cannot be in the body of a ForEach ('Search')",
    ),
    "a fail step in the body": (
        add_to_body("Search", FAIL),
        "a Fail step cannot be in the body of a ForEach ('Search')",
    ),
    "a loop in the body": (
        add_to_body("Search", INNER),
        "a ForEach step cannot be in the body of a ForEach ('Search')",
    ),
    "a mistake in a step of the body": (
        put("Trial", "Arguments", "RoleArn", value=...),
        "Step 'Trial': Arguments.RoleArn",
    ),
    "two steps of one name": (
        put("Report", "Name", value="Trial"),
        "there are two steps of that name (steps in branches and bodies count as well)",
    ),
    "a step called like a child": (
        put("Best", "Name", value="Trial-7"),
        "Step 'Trial-7': no step may be called like this: ForEach 'Search' makes the steps Trial-0, Trial-1, …",
    ),
    "a child with too long a name": (
        put("Report", "Name", value="x" * 63),
        f"a child would be called '{'x' * 63}-1'; a step's name has at most 64 characters",
    ),
    "a pick that is none": (
        put("Search", "Arguments", "Selector", "Pick", value="Max"),
        "Selector has no Pick 'Max'. Did you mean 'MaxBy'?",
    ),
    "a field that is none": (
        put("Search", "Arguments", "Selector", "Field", value={"Get": "Steps.Score.OutputParameters['auc']"}),
        "Selector.Field is {'Get': 'IterationOutput.<step of the body>.<property>'}",
    ),
    "a field that is a text": (
        put("Search", "Arguments", "Selector", "Field", value="auc"),
        "Selector.Field is {'Get'",
    ),
    "a field without a property": (
        put("Search", "Arguments", "Selector", "Field", value={"Get": "IterationOutput.Score"}),
        "cannot read {'Get': 'IterationOutput.Score'}",
    ),
    "a field of a step elsewhere": (
        put(
            "Search",
            "Arguments",
            "Selector",
            "Field",
            value={"Get": "IterationOutput.Report.ProcessingJobName"},
        ),
        "its body has no step 'Report'",
    ),
    "a field of an output that is not there": (
        put(
            "Search",
            "Arguments",
            "Selector",
            "Field",
            value={"Get": "IterationOutput.Score.OutputParameters['au']"},
        ),
        "step 'Score' (Lambda) has no property 'OutputParameters.au'",
    ),
    "an unknown key of the selector": (
        put("Search", "Arguments", "Selector", "By", value=1),
        "Selector: Cannot parse object, unknown property 'By'",
    ),
    "a selector's reference elsewhere": (
        event("IterationOutput.Score.OutputParameters['auc']"),
        "is for the Field of a ForEach's Selector",
    ),
    "an item outside of a body": (
        event("ForEach.CurrentItem"),
        "ForEach.CurrentItem is for the steps in the body of a ForEach",
    ),
    "an item in the list of items": (
        arguments("Search", "IterableItems", [{"Get": "ForEach.CurrentItem"}]),
        "ForEach.CurrentItem is for the steps in the body",
    ),
    "something else of the ForEach": (
        put("Score", "Arguments", "item", value={"Get": "ForEach.Index"}),
        "cannot read {'Get': 'ForEach.Index'}",
    ),
    "a path of an item that cannot be read": (
        put("Score", "Arguments", "item", value={"Get": "ForEach.CurrentItem['a"}),
        "cannot read the path",
    ),
    "a step of a body from outside": (
        event("Steps.Trial.ModelArtifacts.S3ModelArtifacts"),
        "write Steps.Search.IterationOutputs[<index>].Trial.<property>",
    ),
    "a step of a body from another body": (
        put(
            "Report",
            "Arguments",
            "AppSpecification",
            "ContainerArguments",
            value=[{"Get": "Steps.Trial.TrainingJobName"}],
        ),
        "which is in the body of ForEach 'Search'",
    ),
    "its own loop from a body": (
        put("Score", "Arguments", "item", value={"Get": "Steps.Search.Status"}),
        "it is in the body of ForEach 'Search', and cannot refer to how that ends",
    ),
    "its own loop as a dependency": (
        put("Score", "DependsOn", value=["Search"]),
        "it is in the body of ForEach 'Search', and cannot depend on its end",
    ),
    "a dependency on a step of a body": (
        put("Best", "DependsOn", value=["Trial"]),
        "it depends on step 'Trial', which is in the body of ForEach 'Search': depend on that",
    ),
    "a way round through the body": (
        put("Score", "DependsOn", value=["Best"]),
        "The steps wait for each other in a cycle",
    ),
    "a way round within the body": (
        put("Trial", "DependsOn", value=["Score"]),
        "The steps wait for each other in a cycle: ",
    ),
    "a property that a loop has not": (
        event("Steps.Search.SucceededStepsCount"),
        "ForEach 'Search' has no property 'SucceededStepsCount'",
    ),
    "outputs without an index": (
        event("Steps.Search.IterationOutputs.Trial.TrainingJobName"),
        "ForEach 'Search' has no property",
    ),
    "outputs without a step": (
        event("Steps.Search.IterationOutputs[0]"),
        "ForEach 'Search' has no property 'IterationOutputs[0]'",
    ),
    "outputs of a step that is not there": (
        event("Steps.Search.IterationOutputs[0].Trail.TrainingJobName"),
        "ForEach 'Search' has no step 'Trail'. Did you mean 'Trial'?",
    ),
    "outputs of an item that is not there": (
        event("Steps.Search.IterationOutputs[2].Trial.TrainingJobName"),
        "it has 2 items, counted from 0",
    ),
    "a property that an iteration's step has not": (
        event("Steps.Search.IterationOutputs[0].Trial.ModelArtifact.S3ModelArtifacts"),
        "Steps.Trial has no property 'ModelArtifact'. Did you mean 'ModelArtifacts'?",
    ),
    "a selected one of a loop without a selector": (
        event("Steps.ByCountry.Selected.ProcessingJobName"),
        "ForEach 'ByCountry' has no Selector",
    ),
    "a property that the selected one has not": (
        event("Steps.Search.Selected.TrainingJobName"),
        "step 'Score' (Lambda) has no property 'TrainingJobName'",
    ),
    "an item of another type": (
        both(
            arguments("Search", "IterableItems", [3, 6]),
            put("Trial", "Arguments", "HyperParameters", value={"max_depth": {"Get": "ForEach.CurrentItem"}}),
        ),
        "Member must be a string, but ForEach.CurrentItem is an integer",
    ),
    "two triggers for one step": (
        put("Tell", "DependsOn", value=[{"Step": "Search", "Trigger": "Failed"}, "Search"]),
        "it depends on step 'Search' with conflicting triggers, Failed and Completed",
    ),
    "a trigger that is no text": (
        put("Tell", "DependsOn", value=[{"Step": "Search", "Trigger": ["Any"]}]),
        "DependsOn has no trigger ['Any']",
    ),
}


def test_loops_of_the_sdk_have_no_problems() -> None:
    """Literal and run-time items, items that are objects, a selector, outputs, counts, a step for the failure."""
    assert check(SDK) == []


@pytest.mark.parametrize("claim", MISTAKES)
def test_a_mistake_is_named(claim: str) -> None:
    """Each with the step it is in, in words that say what would be right."""
    mutate, message = MISTAKES[claim]
    definition = copy.deepcopy(SDK)
    mutate(definition)

    found = errors(definition)

    assert any(message in error for error in found), found


def test_every_mistake_is_told_at_once() -> None:
    """Of the loop and of its body."""
    claims = (
        "too many at a time",
        "a pick that is none",
        "a mistake in a step of the body",
        "a fail step in the body",
    )
    definition = copy.deepcopy(SDK)
    for claim in claims:
        MISTAKES[claim][0](definition)

    found = " ".join(errors(definition))

    assert [claim for claim in claims if MISTAKES[claim][1] not in found] == []


@pytest.mark.parametrize(
    "mutate",
    [
        arguments("Search", "IterableItems", [{"Get": "Parameters.Countries"}, "b"]),
        arguments("ByCountry", "IterableItems", {"Std:JsonGet": {"S3Uri": "s3://b/k", "Path": "items"}}),
        put("Tell", "DependsOn", value=[{"Step": "Search", "Trigger": "Any"}]),
        put("Tell", "DependsOn", value=["Search", "Search"]),
        put("Tell", "Name", value="Tell-1"),
    ],
)
def test_what_is_right_is_left_alone(mutate: Callable[[Any], None]) -> None:
    """Items that are only known at run time, names with digits."""
    definition = copy.deepcopy(SDK)
    mutate(definition)

    assert errors(definition) == []
