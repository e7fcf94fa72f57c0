"""The language of definitions as tables: given, expression, and its result or error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_sagemaker.errors import AwsError
from local_sagemaker.pipelines import conditions, expressions, parameters, properties
from local_sagemaker.pipelines.definition import Definition, Parameter, PropertyFile, Step

OBJECTS = {
    "s3://b/report/evaluation.json": json.dumps(
        {
            "metrics": {"auc": {"value": 0.93}, "f1 score": 0.8},
            "rows": [{"name": "one", "score": 1}, {"name": "two", "score": 2}],
        }
    ).encode(),
    "s3://b/text": b"no json",
}
OUTPUTS = [{"OutputName": "report", "S3Output": {"S3Uri": "s3://b/report/"}}]
DESCRIBED = {
    "ModelName": "m",
    "ModelArtifacts": {"S3ModelArtifacts": "s3://b/m"},
    "Outputs": [{"OutputName": name, "S3Output": {"S3Uri": f"s3://b/{name}"}} for name in ("train", "test")],
    "FinalMetricDataList": [{"MetricName": "validation:auc", "Value": 0.9}],
    "HyperParameters": {"max_depth": "6", "a. b": "c"},
    "Numbers": [1, 2],
}


def table(name: str) -> Any:
    path = Path(__file__).parent / "compliance" / f"{name}.json"
    cases = json.loads(path.read_text())
    return pytest.mark.parametrize("case", cases, ids=[case["claim"] for case in cases])


def read(uri: str) -> bytes:
    if uri not in OBJECTS:
        raise AwsError("there is no such object")
    return OBJECTS[uri]


@pytest.fixture
def scope() -> expressions.Scope:
    files = {
        "report": PropertyFile("report", "report", "evaluation.json"),
        "lost": PropertyFile("lost", "elsewhere", "x.json"),
    }
    definition = Definition(steps={"evaluate": Step("evaluate", "Processing", property_files=files)})
    return expressions.Scope(
        definition,
        parameters={"Text": "a b", "Count": 3, "Rate": 0.5, "Flag": True},
        execution={"PipelineName": "churn"},
        steps={
            "train": {"ModelArtifacts": {"S3ModelArtifacts": "s3://b/m/model.tar.gz"}},
            "evaluate": {"ProcessingOutputConfig": {"Outputs": OUTPUTS}},
        },
        read=read,
    )


def judge(case: dict[str, Any], evaluate: Any) -> None:
    """The expression comes to the result, of the same type, or fails with a message that holds the error."""
    if "error" in case:
        with pytest.raises(ValueError) as failure:
            evaluate(case["expression"])
        assert case["error"] in str(failure.value)
    else:
        result = evaluate(case["expression"])
        assert (result, type(result)) == (case["result"], type(case["result"]))


@table("expressions")
def test_expressions(case: dict[str, Any], scope: expressions.Scope) -> None:
    """Get, Std:Join and Std:JsonGet come to what the table says."""
    judge(case, lambda expression: expressions.resolve(expression, scope))


@table("conditions")
def test_conditions(case: dict[str, Any], scope: expressions.Scope) -> None:
    """Conditions hold or do not hold as the table says."""
    judge(case, lambda condition: conditions.holds(condition, scope))


def test_all_conditions_must_hold(scope: expressions.Scope) -> None:
    """Several conditions are joined by AND; none at all hold."""
    true = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}

    assert conditions.all_hold([], scope)
    assert conditions.all_hold([true, true], scope)
    assert not conditions.all_hold([true, {"Type": "Not", "Condition": true}], scope)


@table("properties")
def test_properties(case: dict[str, Any]) -> None:
    """Paths lead to what the table says."""
    judge(case, lambda path: properties.walk(DESCRIBED, properties.parse(path)))


@table("parameters")
def test_parameters(case: dict[str, Any]) -> None:
    """A text becomes a value of the parameter's type, or the error says why not."""
    declared = Parameter("P", case["given"]["Type"], enum=tuple(case["given"].get("EnumValues", ())))
    judge(case, lambda value: parameters.typed(declared, value))
