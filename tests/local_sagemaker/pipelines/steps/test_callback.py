"""Callback: the message that asks, the answer that a step waits for, and everything that can go wrong between."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from local_sagemaker.errors import AwsError

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/queue"
OUTPUTS = [
    {"OutputName": name, "OutputType": kind}
    for name, kind in (("text", "String"), ("count", "Integer"), ("share", "Float"), ("good", "Boolean"))
]
GIVEN = {"text": "a", "count": "3", "share": "0.5", "good": "True"}


def callback(**changed: Any) -> Any:
    return {
        "Name": "ask",
        "Type": "Callback",
        "Arguments": {"model": {"Get": "Parameters.Model"}, "fixed": 1},
        "SqsQueueUrl": URL,
        "OutputParameters": OUTPUTS,
        **changed,
    }


def definition(write: Any, *steps: Any) -> Any:
    return write.definition(
        *steps, parameters=[{"Name": "Model", "Type": "String", "DefaultValue": "s3://bucket/m"}]
    )


def succeed(world: Any, token: str, outputs: dict[str, str] | None = None, **members: Any) -> Any:
    given = [{"Name": name, "Value": value} for name, value in (outputs or {}).items()]
    request = {"CallbackToken": token, "OutputParameters": given, **members}
    return world.call("SendPipelineExecutionStepSuccess", request)


def fail(world: Any, token: str, **members: Any) -> Any:
    return world.call("SendPipelineExecutionStepFailure", {"CallbackToken": token, **members})


def test_the_message_asks_and_the_answer_is_what_later_steps_read(world: Any, write: Any) -> None:
    """Token, execution, status and arguments; outputs of the declared types."""
    texts = [
        {"Std:Join": {"On": "", "Values": [write.get(f"Steps.ask.OutputParameters['{name}']")]}}
        for name in GIVEN
    ]
    world.create(definition(write, callback(), write.processing("after", *texts)))
    arn = world.start()
    url, message = world.messages.get(timeout=30)
    executing = world.steps(arn)["ask"]
    answer = succeed(world, message["token"], GIVEN)

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert url == URL
    assert message == {
        "token": message["token"],
        "pipelineExecutionArn": arn,
        "arguments": {"model": "s3://bucket/m", "fixed": 1},
        "status": "Executing",
    }
    assert answer == {"PipelineExecutionArn": arn}
    assert executing["StepStatus"] == "Executing"
    assert executing["Metadata"] == {"Callback": {"CallbackToken": message["token"], "SqsQueueUrl": URL}}
    shown = world.steps(arn)["ask"]["Metadata"]["Callback"]["OutputParameters"]
    assert {each["Name"]: each["Value"] for each in shown} == {**GIVEN, "good": "true"}
    (request,) = world.processing.requests
    assert request["AppSpecification"]["ContainerArguments"] == ["a", "3", "0.5", "true"]


def test_a_failure_fails_the_step_with_its_reason(world: Any, write: Any) -> None:
    """Or with none."""
    world.create(definition(write, callback(), callback(Name="other")))
    arn = world.start()
    for _ in range(2):
        _, message = world.messages.get(timeout=30)
        token = message["token"]
        # The other's message may be the first, before this step has come to its own.
        shown = world.steps(arn)["ask"].get("Metadata", {"Callback": {"CallbackToken": ""}})
        is_ask = shown["Callback"]["CallbackToken"] == token
        fail(world, token, **({"FailureReason": "nobody was there"} if is_ask else {}))

    assert world.wait(arn)["PipelineExecutionStatus"] == "Failed"
    steps = world.steps(arn)
    assert steps["ask"]["FailureReason"] == "nobody was there"
    assert "FailureReason" not in steps["other"]
    assert steps["other"]["StepStatus"] == "Failed"


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"count": "3.5"}, "'count' of the step: '3.5' is not a value of type Integer"),
        ({"count": "true"}, "'true' is not a value of type Integer"),
        ({"share": "much"}, "'much' is not a value of type Float"),
        ({"share": "NaN"}, "'NaN' is not a value of type Float"),
        ({"good": "yes"}, "'yes' is not a value of type Boolean"),
    ],
)
def test_an_output_of_another_type_is_refused_and_can_be_sent_again(
    world: Any, write: Any, outputs: dict[str, str], message: str
) -> None:
    """The step goes on waiting. What is not declared is a text."""
    world.create(definition(write, callback()))
    arn = world.start()
    token = world.messages.get(timeout=30)[1]["token"]

    with pytest.raises(AwsError, match=message):
        succeed(world, token, outputs)
    succeed(world, token, {"more": "x"})

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"


def test_a_callback_is_answered_once(world: Any, write: Any) -> None:
    """The same request again is no mistake, another answer is a conflict; an unknown token is not found."""
    world.create(definition(write, callback()))
    arn = world.start()
    token = world.messages.get(timeout=30)[1]["token"]
    first = succeed(world, token, ClientRequestToken="a" * 32)
    world.wait(arn)

    assert succeed(world, token, ClientRequestToken="a" * 32) == first
    for answer in (succeed, fail):
        with pytest.raises(AwsError, match="cannot be answered: it has been already") as conflict:
            answer(world, token, ClientRequestToken="b" * 32)
        assert conflict.value.code == "ConflictException"
    with pytest.raises(AwsError, match="There is no callback with the token 'aaaaaaaaaa'") as unknown:
        succeed(world, "a" * 10)
    assert unknown.value.code == "ResourceNotFound"


def test_a_stop_asks_again_and_waits_for_the_answer(world: Any, write: Any) -> None:
    """A second message with the same token says Stopping; only the answer ends the execution."""
    world.create(definition(write, callback(), write.processing("after", after=["ask"])))
    arn = world.start()
    _, first = world.messages.get(timeout=30)
    world.call("StopPipelineExecution", {"PipelineExecutionArn": arn})
    _, second = world.messages.get(timeout=30)

    assert second == {**first, "status": "Stopping"}
    assert world.describe(arn)["PipelineExecutionStatus"] == "Stopping"
    assert world.steps(arn)["ask"]["StepStatus"] == "Stopping"
    succeed(world, first["token"])
    assert world.wait(arn)["PipelineExecutionStatus"] == "Stopped"
    assert set(world.steps(arn)) == {"ask"}


def test_a_queue_that_refuses_fails_the_step(world: Any, write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In SQS's words."""

    def refuse(*message: Any) -> None:
        raise AwsError("The specified queue does not exist.")

    monkeypatch.setattr(world.messages, "put", refuse)

    _, steps = world.run(definition(write, callback()))

    assert steps["ask"]["FailureReason"] == (
        "ClientError: Failed to invoke sqs:SendMessage. Error Details: The specified queue does not exist."
    )


def test_an_answer_can_be_taken_from_the_cache(world: Any, write: Any) -> None:
    """The same question of the same queue is not asked twice, where the step says so."""
    cached = callback(CacheConfig={"Enabled": True, "ExpireAfter": "P1D"})
    world.create(definition(write, cached))
    arn = world.start()
    succeed(world, world.messages.get(timeout=30)[1]["token"], GIVEN)
    world.wait(arn)

    again = world.start()

    assert world.wait(again)["PipelineExecutionStatus"] == "Succeeded"
    assert "CacheHitResult" in world.steps(again)["ask"]
    assert world.messages.empty()


def test_each_iteration_of_a_loop_asks_for_itself(world: Any, write: Any) -> None:
    """With a token and arguments of its own."""
    body = callback(Arguments={"item": write.get("ForEach.CurrentItem")}, OutputParameters=OUTPUTS[:1])
    loop = {
        "Name": "loop",
        "Type": "ForEach",
        "Arguments": {"IterableItems": ["a", "b", "c"], "MaxConcurrency": 3, "ForEachBody": [body]},
    }
    after = write.processing(
        "after", write.get("Steps.loop.IterationOutputs[1].ask.OutputParameters['text']")
    )
    world.create(definition(write, loop, after))
    arn = world.start()
    messages = [world.messages.get(timeout=30)[1] for _ in range(3)]
    for message in messages:
        succeed(world, message["token"], {"text": message["arguments"]["item"] * 2})

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert len({message["token"] for message in messages}) == 3
    assert world.processing.requests[0]["AppSpecification"]["ContainerArguments"] == ["bb"]


def test_a_deleted_pipeline_leaves_no_callbacks(world: Any, write: Any) -> None:
    """Their tokens are then unknown; those of other pipelines are not."""
    tokens = []
    for name in ("p", "pp"):
        world.create(definition(write, callback()), name=name)
        arn = world.start(name=name)
        tokens.append(world.messages.get(timeout=30)[1]["token"])
        succeed(world, tokens[-1], ClientRequestToken="a" * 32)
        world.wait(arn)

    world.call("DeletePipeline", {"PipelineName": "p", "ClientRequestToken": "d" * 32})

    assert [token for token, _ in world.records.items("PipelineCallback")] == tokens[1:]


VICTIM = """
import importlib.util, sys, time
from pathlib import Path

spec = importlib.util.spec_from_file_location("conftest", sys.argv[1])
helpers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(helpers)
world, write = helpers.World(Path(sys.argv[2])), helpers.Write
step = {"Name": "ask", "Type": "Callback", "Arguments": {}, "SqsQueueUrl": "http://x", "OutputParameters": []}
world.create(write.definition(step))
arn = world.start()
_, message = world.messages.get(timeout=30)
print(arn, message["token"], flush=True)
time.sleep(600)
"""


def test_a_callback_of_a_killed_process_cannot_be_answered_but_asked_again(
    world: Any, tmp_path: Path
) -> None:
    """The old token says how the step has ended; a retry has a new one."""
    world.close()
    helpers = str(Path(__file__).parents[1] / "conftest.py")
    command = [sys.executable, "-c", textwrap.dedent(VICTIM), helpers, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        arn, token = victim.stdout.readline().split()
        victim.send_signal(signal.SIGKILL)
    world.open()
    world.pipelines.recover()

    with pytest.raises(AwsError, match="cannot be answered: the step is Failed"):
        succeed(world, token)
    world.call("RetryPipelineExecution", {"PipelineExecutionArn": arn})
    _, message = world.messages.get(timeout=30)
    with pytest.raises(AwsError, match="cannot be answered: the step is Executing"):
        succeed(world, token)
    succeed(world, message["token"])

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"


MISTAKES = [
    ({"SqsQueueUrl": None}, "SqsQueueUrl is missing"),
    ({"SqsQueueUrl": "queue"}, "SqsQueueUrl is the URL of a queue, of at most 256 characters, not 'queue'"),
    ({"SqsQueueUrl": 3}, "SqsQueueUrl must be a string"),
    (
        {"SqsQueueUrl": {"Get": "Parameters.Count"}},
        "SqsQueueUrl must be a string, but Parameters.Count is an integer",
    ),
    ({"OutputParameters": [{"OutputName": "a", "OutputType": "Text"}]}, "there is no OutputType 'Text'"),
    ({"OutputParameters": ["a"]}, r"OutputParameters\[0\] is an object"),
    ({"RetryPolicies": []}, "unknown property 'RetryPolicies'"),
]


@pytest.mark.parametrize(("changed", "message"), MISTAKES)
def test_a_wrong_step_is_refused_when_it_is_stored(
    world: Any, write: Any, changed: Any, message: str
) -> None:
    """What can be known before a start is said then."""
    wrong = definition(write, callback(**changed))
    wrong["Parameters"].append({"Name": "Count", "Type": "Integer", "DefaultValue": 1})

    with pytest.raises(AwsError, match=message):
        world.create(wrong)


def test_an_output_that_is_not_declared_is_refused(world: Any, write: Any) -> None:
    """With a suggestion."""
    reads = write.fail("f", write.get("Steps.ask.OutputParameters['txt']"))

    with pytest.raises(AwsError, match=r"has no property 'OutputParameters\.txt'. Did you mean"):
        world.create(definition(write, callback(), reads))
