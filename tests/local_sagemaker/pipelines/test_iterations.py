"""ForEach: what its children are, what they see, how they end, and what is left of them."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from local_sagemaker.errors import AwsError
from local_sagemaker.functions.process import Invocation

ITEM = {"Get": "ForEach.CurrentItem"}


def arguments_of(request: dict[str, Any]) -> list[str]:
    return request["AppSpecification"]["ContainerArguments"]


def named(request: dict[str, Any]) -> str:
    """The name of the step that made a job."""
    return next(tag["Value"] for tag in request["Tags"] if tag["Key"] == "sagemaker:pipeline-step-name")


def statuses(steps: dict[str, Any]) -> dict[str, str]:
    return {name: step["StepStatus"] for name, step in steps.items()}


def fails(*names: str) -> Any:
    return lambda request, stop: "AlgorithmError: no" if named(request) in names else None


def loop(*body: Any, items: Any = ("a", "b", "c"), most: int = 50, name: str = "loop", **step: Any) -> Any:
    selector = step.pop("Selector", None)
    arguments = {
        "IterableItems": list(items) if isinstance(items, tuple) else items,
        "MaxConcurrency": most,
        **({"Selector": selector} if selector else {}),
        "ForEachBody": list(body),
    }
    return {"Name": name, "Type": "ForEach", "Arguments": arguments, **step}


@pytest.mark.parametrize(
    ("items", "seen"),
    [
        (("a", 1, 0.5, True), ["a", "1", "0.5", "true"]),
        ({"Get": "Parameters.Items"}, ["x", "2"]),
        (({"Get": "Parameters.Items"}, "z"), ['["x", 2]', "z"]),
        ({"Std:JsonGet": {"S3Uri": "s3://bucket/items.json", "Path": "list"}}, ["p", '{"q": 1}']),
        ({"Std:JsonGet": {"S3Uri": "s3://bucket/items.json", "Path": "text"}}, ["r"]),
    ],
)
def test_each_item_runs_the_body_once(world: Any, write: Any, items: Any, seen: list[str]) -> None:
    """Literal items, an expression that comes to a JSON list, and items that are expressions themselves."""
    world.put("s3://bucket/items.json", json.dumps({"list": ["p", {"q": 1}], "text": '["r"]'}).encode())
    text = {"Std:Join": {"On": "", "Values": [ITEM]}}
    definition = write.definition(
        loop(write.processing("body", text), items=items, most=1),
        parameters=[{"Name": "Items", "Type": "String", "DefaultValue": '["x", 2]'}],
    )

    execution, steps = world.run(definition)

    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert [arguments_of(request)[0] for request in world.processing.requests] == seen
    assert list(steps) == ["loop", *(f"body-{index}" for index in range(len(seen)))]


def test_a_listing_says_what_each_child_is_for(world: Any, write: Any) -> None:
    """IterationContext of the children, and the counts of the ForEach, as AWS's API has them."""
    _, steps = world.run(write.definition(loop(write.processing("body", ITEM), items=("a", '{"b": 1}'))))

    assert steps["loop"]["Metadata"] == {
        "ForEach": {
            "Status": "Succeeded",
            "InputItemCount": 2,
            "TotalStepCount": 2,
            "SucceededStepCount": 2,
            "FailedStepCount": 0,
            "StoppedStepCount": 0,
        }
    }
    assert "IterationContext" not in steps["loop"]
    assert steps["body-1"]["IterationContext"] == {"ParentStepName": "loop", "Index": 1, "Item": '{"b": 1}'}
    jobs = {named(request): request["ProcessingJobName"] for request in world.processing.requests}
    assert steps["body-1"]["Metadata"]["ProcessingJob"]["Arn"].endswith(jobs["body-1"])


def test_fields_of_an_item_that_is_an_object(world: Any, write: Any) -> None:
    """By name, by key, by position, of a text that is JSON and of an object in a list that is."""
    fields = [write.get(f"ForEach.CurrentItem{path}") for path in (".name", "['a b'].c", ".list[1]", "")]
    texts = [{"Std:Join": {"On": "", "Values": [field]}} for field in fields]
    item = {"name": "n", "a b": {"c": 2}, "list": [1, "two"]}
    parameters = [{"Name": "Items", "Type": "String", "DefaultValue": json.dumps([item])}]
    for items in ((json.dumps(item),), write.get("Parameters.Items")):
        world.processing.requests.clear()
        definition = write.definition(
            loop(write.processing("body", *texts), items=items), parameters=parameters
        )
        world.create(definition, name=f"p{len(str(items))}")
        world.wait(world.start(name=f"p{len(str(items))}"))

        assert arguments_of(world.processing.requests[0]) == ["n", "2", "two", json.dumps(item)]


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ("no json", "IterableItems should come to the text of a JSON list; it is 'no json'."),
        ('{"a": 1}', "IterableItems should come to the text of a JSON list; it is '{\"a\": 1}'."),
        ('["a", null]', "IterableItems has null at index 1; an item is a value."),
        ('["a"]', None),
        ("[]", None),
    ],
)
def test_items_that_are_none_fail_the_step(world: Any, write: Any, items: str, reason: str | None) -> None:
    """The reason says what it got. No items at all are nothing to do."""
    definition = write.definition(
        loop(write.processing("body", ITEM), items=write.get("Parameters.Items")),
        parameters=[{"Name": "Items", "Type": "String"}],
    )

    execution, steps = world.run(definition, Items=items)

    assert execution["PipelineExecutionStatus"] == ("Failed" if reason else "Succeeded")
    assert steps["loop"].get("FailureReason") == (f"ClientError: {reason}" if reason else None)
    assert len(steps) == 1 + (items == '["a"]')


def test_the_steps_of_a_body_follow_each_other_within_an_iteration(world: Any, write: Any) -> None:
    """A reference or a dependency to another step of the body is to that of the same item."""
    body = [
        write.processing("make", ITEM),
        write.processing(
            "use", write.get("Steps.make.ProcessingJobName"), write.get("Steps.prep.ProcessingJobName")
        ),
        write.processing("last", after=["use"]),
    ]

    execution, steps = world.run(write.definition(write.processing("prep"), loop(*body)))

    assert execution["PipelineExecutionStatus"] == "Succeeded"
    jobs = {named(request): request for request in world.processing.requests}
    assert len(jobs) == len(steps) - 1 == 10
    for index in range(3):
        assert arguments_of(jobs[f"use-{index}"]) == [
            jobs[f"make-{index}"]["ProcessingJobName"],
            jobs["prep"]["ProcessingJobName"],
        ]
    order = [named(request) for request in world.processing.requests]
    assert order[0] == "prep"
    assert all(order.index(f"use-{index}") < order.index(f"last-{index}") for index in range(3))


@pytest.mark.parametrize(("most", "parallel", "expected"), [(2, None, 2), (4, 1, 1), (1, 3, 1)])
def test_no_more_children_run_at_a_time_than_allowed(
    world: Any, write: Any, most: int, parallel: int | None, expected: int
) -> None:
    """By the ForEach and by the execution, in which the ForEach itself takes no place."""
    lock, now, seen = threading.Lock(), 0, 0
    together = threading.Barrier(expected)

    def work(request: dict[str, Any], stop: threading.Event) -> None:
        nonlocal now, seen
        with lock:
            now += 1
            seen = max(seen, now)
        together.wait(30)
        with lock:
            now -= 1

    world.processing.work = work
    world.create(write.definition(loop(write.processing("body", ITEM), items=tuple("abcdef"), most=most)))
    limit = {"ParallelismConfiguration": {"MaxParallelExecutionSteps": parallel}} if parallel else {}

    assert world.wait(world.start(**limit))["PipelineExecutionStatus"] == "Succeeded"
    assert seen == expected


def test_later_steps_read_the_outputs_of_iterations(world: Any, write: Any) -> None:
    """By the index of the item and the name of the step in the body; and the counts."""
    paths = ("IterationOutputs[1].make.ProcessingJobName", "Status")
    counts = ("InputItemCount", "TotalStepCount", "SucceededStepCount", "FailedStepCount", "StoppedStepCount")
    values = [write.get(f"Steps.loop.{path}") for path in paths]
    texts = [{"Std:Join": {"On": "", "Values": [write.get(f"Steps.loop.{path}")]}} for path in counts]
    definition = write.definition(
        loop(write.processing("make", ITEM), write.processing("use", after=["make"])),
        write.processing("after", *values, *texts),
    )

    world.run(definition)

    jobs = {named(request): request for request in world.processing.requests}
    assert arguments_of(jobs["after"]) == [
        jobs["make-1"]["ProcessingJobName"],
        "Succeeded",
        *("3", "6", "6", "0", "0"),
    ]


@pytest.mark.parametrize(("pick", "index"), [("MaxBy", 1), ("MinBy", 2)])
def test_a_selector_picks_one_iteration(world: Any, write: Any, pick: str, index: int) -> None:
    """The first of those with the greatest or the least value; later steps read its outputs."""
    world.functions["arn:aws:lambda:us-east-1:123456789012:function:f"] = score
    body = {
        "Name": "score",
        "Type": "Lambda",
        "Arguments": {"item": ITEM},
        "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f",
        "OutputParameters": [
            {"OutputName": "auc", "OutputType": "Float"},
            {"OutputName": "name", "OutputType": "String"},
        ],
    }
    selector = {"Pick": pick, "Field": write.get("IterationOutput.score.OutputParameters['auc']")}
    definition = write.definition(
        loop(body, items=("0.5", "0.9", "0.1", "0.9", "0.1"), Selector=selector),
        write.processing("after", write.get("Steps.loop.Selected.OutputParameters['name']")),
    )

    execution, steps = world.run(definition)

    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert steps["loop"]["Metadata"]["ForEach"]["Selector"] == {"StepName": "score", "Index": index}
    assert arguments_of(world.processing.requests[0]) == [f"model of {('0.5', '0.9', '0.1')[index]}"]


def score(event: bytes) -> Invocation:
    item = json.loads(event)["item"]
    return Invocation(
        json.dumps({"auc": float(item), "name": f"model of {item}"}).encode(), log="", version="$LATEST"
    )


def test_a_selector_that_cannot_compare_fails_the_step(world: Any, write: Any) -> None:
    """The reason names the child and what is there."""
    selector = {"Pick": "MaxBy", "Field": write.get("IterationOutput.body.ProcessingJobName")}

    execution, steps = world.run(write.definition(loop(write.processing("body", ITEM), Selector=selector)))

    assert execution["PipelineExecutionStatus"] == "Failed"
    assert steps["loop"]["FailureReason"].startswith(
        "ClientError: the Selector cannot compare step 'body-0': 'pipelines-"
    )


def test_an_iteration_that_fails_ends_no_other(world: Any, write: Any) -> None:
    """All run to their end, within the failed one what still can; then the ForEach has failed, and says where."""
    world.processing.work = fails("make-1")
    body = [write.processing("make", ITEM), write.processing("use", after=["make"])]
    definition = write.definition(loop(*body, most=1), write.processing("after", after=["loop"]))

    execution, steps = world.run(definition)

    assert execution["PipelineExecutionStatus"] == "Failed"
    assert statuses(steps) == {
        "loop": "Failed",
        **dict.fromkeys(("make-0", "make-2", "use-0", "use-2"), "Succeeded"),
        "make-1": "Failed",
    }
    assert steps["loop"]["FailureReason"] == "ClientError: step 'make-1' failed, of 3 items."
    counts = steps["loop"]["Metadata"]["ForEach"]
    assert (counts["TotalStepCount"], counts["SucceededStepCount"], counts["FailedStepCount"]) == (6, 4, 1)


def test_a_failure_that_the_body_answers_fails_no_loop(world: Any, write: Any) -> None:
    """A step of the body runs for the failure; the execution completes with failures, as without a loop."""
    world.processing.work = fails("make-1")
    body = [
        write.processing("make", ITEM),
        write.processing(
            "tell", write.get("Steps.make.FailureReason"), after=[{"Step": "make", "Trigger": "Failed"}]
        ),
    ]
    definition = write.definition(loop(*body), write.processing("after", write.get("Steps.loop.Status")))

    execution, steps = world.run(definition)

    assert execution["PipelineExecutionStatus"] == "CompletedWithFailures"
    assert set(steps) == {"loop", "make-0", "make-1", "make-2", "tell-1", "after"}
    jobs = {named(request): request for request in world.processing.requests}
    assert arguments_of(jobs["tell-1"]) == ["AlgorithmError: no"]
    assert arguments_of(jobs["after"]) == ["Succeeded"]


def test_a_step_for_the_failure_of_a_loop_reads_what_there_is(world: Any, write: Any) -> None:
    """Counts, and the outputs of the iterations that went well."""
    world.processing.work = fails("make-1")
    texts = [
        {"Std:Join": {"On": "", "Values": [write.get(f"Steps.loop.{path}")]}}
        for path in ("FailedStepCount", "Status", "IterationOutputs[0].make.ProcessingJobName")
    ]
    definition = write.definition(
        loop(write.processing("make", ITEM)),
        write.processing("tell", *texts, after=[{"Step": "loop", "Trigger": "Failed"}]),
    )

    execution, _ = world.run(definition)

    jobs = {named(request): request for request in world.processing.requests}
    assert execution["PipelineExecutionStatus"] == "CompletedWithFailures"
    assert arguments_of(jobs["tell"]) == ["1", "Failed", jobs["make-0"]["ProcessingJobName"]]


def test_a_loop_that_has_begun_ends_although_another_step_failed(world: Any, write: Any) -> None:
    """As any step that runs; what comes after it does not start."""
    failed = threading.Event()

    def work(request: dict[str, Any], stop: threading.Event) -> str | None:
        if named(request) == "bad":
            return "AlgorithmError: no"
        assert failed.wait(30)
        return None

    world.processing.work = work
    world.create(
        write.definition(
            loop(write.processing("body", ITEM), most=1),
            write.processing("bad", "x"),
            write.processing("after", after=["loop"]),
        )
    )
    arn = world.start()
    world.step_wait(arn, "bad", "Failed")
    failed.set()

    execution, steps = world.wait(arn), world.steps(arn)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert statuses(steps) == {
        "bad": "Failed",
        "loop": "Succeeded",
        **{f"body-{index}": "Succeeded" for index in range(3)},
    }


def test_a_loop_in_a_branch_runs_with_its_branch(world: Any, write: Any) -> None:
    """And one in the other branch does not appear."""
    definition = write.definition(
        write.condition(
            "gate",
            write.equals(1, 1),
            yes=[loop(write.processing("one", ITEM), name="yes")],
            no=[loop(write.processing("other", ITEM), name="no")],
        )
    )

    _, steps = world.run(definition)

    assert set(steps) == {"gate", "yes", "one-0", "one-1", "one-2"}


def test_stopping_stops_the_children_that_run_and_starts_none(world: Any, write: Any) -> None:
    """The ForEach is Stopped, and counts what was."""
    world.processing.work = lambda request, stop: (
        None if named(request) == "body-0" or stop.wait(30) else "was never stopped"
    )
    world.create(write.definition(loop(write.processing("body", ITEM), items=tuple("abcde"), most=2)))
    arn = world.start()
    for name, status in (("body-0", "Succeeded"), ("body-1", "Executing"), ("body-2", "Executing")):
        world.step_wait(arn, name, status)

    world.call("StopPipelineExecution", {"PipelineExecutionArn": arn})

    assert world.wait(arn)["PipelineExecutionStatus"] == "Stopped"
    steps = world.steps(arn)
    assert statuses(steps) == {
        "loop": "Stopped",
        "body-0": "Succeeded",
        "body-1": "Stopped",
        "body-2": "Stopped",
    }
    counts = steps["loop"]["Metadata"]["ForEach"]
    assert (counts["Status"], counts["TotalStepCount"]) == ("Stopped", 5)
    assert (counts["SucceededStepCount"], counts["StoppedStepCount"]) == (1, 2)


def test_a_retry_runs_only_the_children_that_did_not_succeed(world: Any, write: Any) -> None:
    """Also after a stop in the middle; the outputs of all iterations are there in the end."""
    world.processing.work = fails("make-1")
    body = [write.processing("make", ITEM), write.processing("use", after=["make"])]
    after = write.processing("after", write.get("Steps.loop.IterationOutputs[0].use.ProcessingJobName"))
    execution, first = world.run(write.definition(loop(*body), after))
    arn = execution["PipelineExecutionArn"]
    world.processing.work = fails()
    before = len(world.processing.requests)

    world.call("RetryPipelineExecution", {"PipelineExecutionArn": arn})

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert [named(request) for request in world.processing.requests[before:]] == ["make-1", "use-1", "after"]
    steps = world.steps(arn)
    assert steps["make-0"] == first["make-0"]
    assert steps["loop"]["Metadata"]["ForEach"]["SucceededStepCount"] == 6


def test_a_retry_forgets_the_children_of_items_that_have_changed(world: Any, write: Any) -> None:
    """The list is read again: what is at another index now, or gone, does not count."""
    world.put("s3://bucket/items.json", b'["a", "b", "c", "d"]')
    items = {"Std:JsonGet": {"S3Uri": "s3://bucket/items.json", "Path": "$"}}
    world.processing.work = fails("body-0")
    execution, _ = world.run(write.definition(loop(write.processing("body", ITEM), items=items)))
    arn = execution["PipelineExecutionArn"]
    world.put("s3://bucket/items.json", b'["a", "x", "c"]')
    world.processing.work = fails()
    before = len(world.processing.requests)

    world.call("RetryPipelineExecution", {"PipelineExecutionArn": arn})

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    ran = {named(request): arguments_of(request) for request in world.processing.requests[before:]}
    assert ran == {"body-0": ["a"], "body-1": ["x"]}
    assert set(world.steps(arn)) == {"loop", "body-0", "body-1", "body-2"}


def test_a_retry_runs_all_of_a_loop_that_ran_because_of_a_failure(world: Any, write: Any) -> None:
    """What it waited for has run again, so nothing of it holds."""
    world.processing.work = fails("train")
    after = [{"Step": "train", "Trigger": "Any"}]
    definition = write.definition(
        write.processing("train"), loop(write.processing("body", ITEM), DependsOn=after)
    )
    execution, _ = world.run(definition)
    arn = execution["PipelineExecutionArn"]
    assert execution["PipelineExecutionStatus"] == "CompletedWithFailures"
    world.processing.work = fails()

    world.call("RetryPipelineExecution", {"PipelineExecutionArn": arn})

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert len(world.processing.requests) == 8


def test_a_retry_within_an_iteration_runs_again_what_the_failure_caused(world: Any, write: Any) -> None:
    """The step that ran because another of its iteration failed does not stay; other iterations do."""
    world.processing.work = fails("make-1", "use-1")
    body = [
        write.processing("make", ITEM),
        write.processing("tell", after=[{"Step": "make", "Trigger": "Failed"}]),
        write.processing("use", after=["tell"]),
    ]
    execution, _ = world.run(write.definition(loop(*body)))
    arn = execution["PipelineExecutionArn"]
    assert execution["PipelineExecutionStatus"] == "Failed"
    world.processing.work = fails()
    before = len(world.processing.requests)

    world.call("RetryPipelineExecution", {"PipelineExecutionArn": arn})

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert [named(request) for request in world.processing.requests[before:]] == ["make-1"]
    assert set(world.steps(arn)) == {"loop", "make-0", "make-1", "make-2"}


def test_a_retry_runs_again_a_loop_that_succeeded_with_failures(world: Any, write: Any) -> None:
    """A child's failure was answered, so the ForEach had succeeded; what read it runs again too."""
    world.processing.work = fails("make-1")
    body = [
        write.processing("make", ITEM),
        write.processing("tell", after=[{"Step": "make", "Trigger": "Failed"}]),
    ]
    after = write.processing("after", write.get("Steps.loop.Status"))
    execution, _ = world.run(write.definition(loop(*body), after))
    arn = execution["PipelineExecutionArn"]
    assert execution["PipelineExecutionStatus"] == "CompletedWithFailures"
    world.processing.work = fails()
    before = len(world.processing.requests)

    world.call("RetryPipelineExecution", {"PipelineExecutionArn": arn})

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert [named(request) for request in world.processing.requests[before:]] == ["make-1", "after"]
    assert set(world.steps(arn)) == {"loop", "make-0", "make-1", "make-2", "after"}


def test_children_are_taken_from_the_cache(world: Any, write: Any) -> None:
    """Each by its own arguments: an item more costs one job."""
    cached = {"Enabled": True, "ExpireAfter": "P1D"}
    definition = write.definition(
        loop(write.processing("body", ITEM, CacheConfig=cached), items=write.get("Parameters.Items")),
        parameters=[{"Name": "Items", "Type": "String"}],
    )
    world.create(definition)
    for items, jobs in (('["a", "b"]', 2), ('["a", "b", "c"]', 3), ('["a", "x", "c"]', 4)):
        arn = world.start(parameters={"Items": items})
        assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
        assert len(world.processing.requests) == jobs

    assert "CacheHitResult" in world.steps(arn)["body-2"]


def test_a_child_is_tried_again_by_the_policy_of_its_step(world: Any, write: Any) -> None:
    """Each child has its attempts of its own."""
    left = {f"body-{index}": index for index in range(3)}
    lock = threading.Lock()

    def work(request: dict[str, Any], stop: threading.Event) -> str | None:
        with lock:
            left[named(request)] -= 1
            return "InternalServerError: oops" if left[named(request)] >= 0 else None

    world.processing.work = work
    policy = {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 0, "MaxAttempts": 3}
    body = write.processing("body", ITEM, RetryPolicies=[policy])

    _, steps = world.run(write.definition(loop(body)))

    assert {name: step["AttemptCount"] for name, step in steps.items()} == {
        "loop": 0,
        "body-0": 0,
        "body-1": 1,
        "body-2": 2,
    }


def test_a_loop_can_be_selected_and_taken_over(world: Any, write: Any) -> None:
    """Selected it runs whole; taken over it comes with its children. A step of its body cannot be selected."""
    after = write.processing("after", write.get("Steps.loop.IterationOutputs[2].body.ProcessingJobName"))
    world.create(
        write.definition(
            write.processing("prep"),
            loop(write.processing("body", write.get("Steps.prep.ProcessingJobName"))),
            after,
        )
    )
    source = world.start()
    world.wait(source)

    def select(name: str) -> str:
        selected = {"SelectedSteps": [{"StepName": name}], "SourcePipelineExecutionArn": source}
        return world.start(SelectiveExecutionConfig=selected)

    only_loop, only_after = select("loop"), select("after")
    for arn in (only_loop, only_after):
        assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"

    assert set(world.steps(only_loop)) == {"prep", "loop", "body-0", "body-1", "body-2"}
    assert "SelectiveExecutionResult" not in world.steps(only_loop)["body-1"]
    taken = world.steps(only_after)
    assert set(taken) == {"prep", "loop", "body-0", "body-1", "body-2", "after"}
    assert taken["body-1"]["SelectiveExecutionResult"] == {"SourcePipelineExecutionArn": source}
    assert arguments_of(world.processing.requests[-1])[0].startswith("pipelines-")
    with pytest.raises(AwsError, match="step 'body' is in the body of ForEach 'loop'; select that"):
        select("body")


def test_a_list_can_be_longer_than_one_that_is_written_out(world: Any, write: Any) -> None:
    """A thousand children, of five hundred items that a file holds."""
    world.put("s3://bucket/items.json", json.dumps(list(range(500))).encode())
    items = {"Std:JsonGet": {"S3Uri": "s3://bucket/items.json", "Path": "$"}}
    text = {"Std:Join": {"On": "", "Values": [ITEM]}}
    body = [write.processing("make", text), write.processing("use", after=["make"])]

    execution, _ = world.run(write.definition(loop(*body, items=items)))

    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert len(world.processing.requests) == 1000
