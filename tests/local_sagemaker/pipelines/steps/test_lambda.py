"""The Lambda step: its function really runs, and its outputs are what later steps read."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from local_sagemaker import LocalSageMaker

OUTPUTS = [
    {"OutputName": "name", "OutputType": "String"},
    {"OutputName": "count", "OutputType": "Integer"},
    {"OutputName": "share", "OutputType": "Float"},
    {"OutputName": "good", "OutputType": "Boolean"},
]
ANSWER = "def handler(event, context):\n    return {'name': event['who'], 'count': 3, 'share': 0.5, 'good': True}\n"


def step(arn: str, **changed: Any) -> dict[str, Any]:
    return {
        "Name": "Call",
        "Type": "Lambda",
        "Arguments": {"who": {"Get": "Parameters.Who"}},
        "FunctionArn": arn,
        "OutputParameters": OUTPUTS,
        **changed,
    }


def fail_with(*values: Any) -> dict[str, Any]:
    """A step that shows what it reads: in the message with which the execution fails."""
    message = {"Std:Join": {"On": " ", "Values": list(values)}}
    return {"Name": "Show", "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def output(name: str) -> dict[str, str]:
    return {"Get": f"Steps.Call.OutputParameters['{name}']"}


@pytest.fixture
def function(
    client: Callable[[str], Any], local: LocalSageMaker, request: pytest.FixtureRequest
) -> Callable[[str], str]:
    """``function(code)``: the ARN of a function of this test's own."""

    def make(code: str) -> str:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("index.py", code)
        return str(
            client("lambda").create_function(
                FunctionName=f"step-{abs(hash(request.node.nodeid))}",
                Role=local.settings.role_arn,
                Runtime="python3.11",
                Handler="index.handler",
                Code={"ZipFile": buffer.getvalue()},
            )["FunctionArn"]
        )

    return make


@pytest.fixture
def run(
    client: Callable[[str], Any], local: LocalSageMaker, request: pytest.FixtureRequest
) -> Callable[..., Any]:
    """``run(steps)``: the ended execution's steps by name; the pipeline is this test's own."""
    sagemaker = client("sagemaker")
    name = f"lambda-{abs(hash(request.node.nodeid))}"

    def start(*steps: dict[str, Any]) -> dict[str, Any]:
        definition = {
            "Version": "2020-12-01",
            "Parameters": [{"Name": "Who", "Type": "String", "DefaultValue": "me"}],
            "Steps": list(steps),
        }
        told = {
            "PipelineName": name,
            "PipelineDefinition": json.dumps(definition),
            "RoleArn": local.settings.role_arn,
        }
        try:
            sagemaker.create_pipeline(**told, ClientRequestToken="x" * 40)
        except sagemaker.exceptions.ConflictException:
            sagemaker.update_pipeline(**told)
        arn = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
        while (
            sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
            == "Executing"
        ):
            time.sleep(0.02)
        listed = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        return {each["StepName"]: each for each in listed}

    return start


def test_outputs_of_every_type_reach_later_steps(
    function: Callable[[str], str], run: Callable[..., Any]
) -> None:
    """The function gets the resolved arguments; each declared output can be read by other steps."""
    arn = function(ANSWER)
    steps = run(step(arn), fail_with(*map(output, ("name", "count", "share", "good"))))
    assert steps["Call"]["StepStatus"] == "Succeeded"
    assert steps["Call"]["Metadata"]["Lambda"]["Arn"] == arn
    listed = steps["Call"]["Metadata"]["Lambda"]["OutputParameters"]
    assert {each["Name"]: each["Value"] for each in listed} == {
        "name": "me",
        "count": "3",
        "share": "0.5",
        "good": "true",
    }
    assert steps["Show"]["FailureReason"].startswith("me 3 0.5 ")


def test_an_equal_call_comes_from_the_cache(function: Callable[[str], str], run: Callable[..., Any]) -> None:
    """With CacheConfig, the same function and arguments are not invoked again."""
    cached = step(function(ANSWER), CacheConfig={"Enabled": True, "ExpireAfter": "P1D"})
    assert "CacheHitResult" not in run(cached)["Call"]
    assert "CacheHitResult" in run(cached)["Call"]


FAILURES = [
    (
        "def handler(e, c):\n    raise ValueError('no luck')\n",
        "The Lambda function failed: ValueError: no luck",
    ),
    (
        "def handler(e, c):\n    return 7\n",
        "should answer an object with name, count, share, good; it answered a int",
    ),
    ("def handler(e, c):\n    return {'name': 'a'}\n", "did not answer the output 'count'; it answered name"),
    (
        "def handler(e, c):\n    return {'name': 1, 'count': 1, 'share': 1, 'good': True}\n",
        "answered 1 for the output 'name', which should be a String",
    ),
]


@pytest.mark.parametrize(("code", "reason"), FAILURES)
def test_a_function_that_fails_fails_the_step(
    function: Callable[[str], str], run: Callable[..., Any], code: str, reason: str
) -> None:
    """The step's reason says what the function answered, or did not."""
    failed = run(step(function(code)))["Call"]
    assert failed["StepStatus"] == "Failed"
    assert reason in failed["FailureReason"]


def test_a_function_that_is_not_there_fails_the_step(run: Callable[..., Any]) -> None:
    """Lambda's own error is the reason."""
    gone = "arn:aws:lambda:us-east-1:123456789012:function:nobody"
    assert f"Function not found: {gone}" in run(step(gone))["Call"]["FailureReason"]


MISTAKES = [
    ({"FunctionArn": None}, "FunctionArn is missing"),
    ({"FunctionArn": "just-a-name"}, "FunctionArn is the ARN of a function, not 'just-a-name'"),
    ({"OutputParameters": [{"OutputName": "a", "OutputType": "Text"}]}, "there is no OutputType 'Text'"),
    ({"OutputParameters": ["a"]}, r"OutputParameters\[0\] is an object"),
]


@pytest.mark.parametrize(("changed", "message"), MISTAKES)
def test_a_wrong_step_is_refused_when_it_is_stored(
    run: Callable[..., Any], changed: Any, message: str
) -> None:
    """What can be known before a start is said then."""
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    with pytest.raises(ClientError, match=message):
        run(step(arn, **changed))


def test_an_output_that_is_not_declared_is_refused(run: Callable[..., Any]) -> None:
    """A reference to an output of another name gets a suggestion."""
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    with pytest.raises(ClientError, match=r"has no property 'OutputParameters\.nam'"):
        run(step(arn), fail_with(output("nam")))
