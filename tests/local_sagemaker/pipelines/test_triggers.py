"""Dependencies on an outcome: which steps run after a failure, and how the execution then ends."""

from __future__ import annotations

import json
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_sagemaker.errors import AwsError
from local_sagemaker.pipelines.definition import TRIGGERS

CASES = json.loads((Path(__file__).parent / "compliance" / "triggers.json").read_text())
FALSE = {"Type": "Equals", "LeftValue": 1, "RightValue": 2}


def dependency(text: str) -> Any:
    """``"a"``, or ``"a/Failed"`` for a dependency on another outcome than success."""
    step, _, trigger = text.partition("/")
    return {"Step": step, "Trigger": trigger} if trigger else step


def fails(*names: str) -> Any:
    """Work that fails for the steps of these names, which are their first arguments."""
    return lambda request, stop: (
        "AlgorithmError: no" if request["AppSpecification"]["ContainerArguments"][0] in names else None
    )


def names_run(world: Any) -> list[str]:
    return [request["AppSpecification"]["ContainerArguments"][0] for request in world.processing.requests]


def steps_of(write: Any, graph: dict[str, list[str]]) -> list[Any]:
    return [
        write.processing(name, name, after=[dependency(text) for text in waits])
        for name, waits in graph.items()
    ]


@pytest.mark.parametrize("case", CASES, ids=[case["claim"] for case in CASES])
def test_triggers(world: Any, write: Any, case: dict[str, Any]) -> None:
    """What runs, and the status at the end, as the table says."""
    world.processing.work = fails(*case["failing"])

    execution, steps = world.run(write.definition(*steps_of(write, case["steps"])))

    assert execution["PipelineExecutionStatus"] == case["status"]
    assert sorted(steps) == sorted(case["run"])


Graph = dict[str, list[str]]
Loops = dict[str, tuple[int, Graph]]  # of a step that is a ForEach: its items, and its body


def model(graph: Graph, loops: Loops, failing: set[str], suffix: str = "") -> tuple[dict[str, str], bool]:
    """What each step that may run ends as, and whether a step answers each failure. Names are in order."""
    ended: dict[str, str] = {}
    own: dict[str, str] = {}
    for name, waits in graph.items():
        wanted = [TRIGGERS[text.partition("/")[2] or "Completed"] for text in waits]
        if not all(own.get(text.partition("/")[0]) in each for text, each in zip(waits, wanted, strict=True)):
            continue
        failed = name + suffix in failing
        if name in loops:
            count, body = loops[name]
            children = [model(body, {}, failing, f"-{index}") for index in range(count)]
            failed = not all(answered for _, answered in children)
            ended |= {key: value for outcomes, _ in children for key, value in outcomes.items()}
        own[name] = "Failed" if failed else "Succeeded"
    answered = {
        text.partition("/")[0]
        for name in own
        for text in graph[name]
        if text.partition("/")[2] in ("Failed", "Any")
    }
    ended |= {name + suffix: status for name, status in own.items()}
    return ended, {name for name, status in own.items() if status == "Failed"} <= answered


def graphs(prefix: str, most: int) -> st.SearchStrategy[Graph]:
    """Steps that wait for some of those before them, each for an outcome."""

    @st.composite
    def draw_graph(draw: st.DrawFn) -> Graph:
        graph: Graph = {}
        for index in range(draw(st.integers(1, most))):
            before = draw(st.lists(st.sampled_from(sorted(graph)), max_size=3, unique=True)) if graph else []
            outcomes = st.sampled_from(["", "/Completed", "/Failed", "/Any", "/Stopped"])
            graph[f"{prefix}{index}"] = [name + draw(outcomes) for name in before]
        return graph

    return draw_graph()


@st.composite
def pipelines(draw: st.DrawFn) -> tuple[Graph, Loops]:
    """A graph, some of whose steps are a ForEach with a graph for a body."""
    graph = draw(graphs("s", 8))
    names = draw(st.sets(st.sampled_from(sorted(graph)), max_size=2))
    return graph, {name: (draw(st.integers(0, 3)), draw(graphs(f"{name}b", 3))) for name in names}


def works(graph: Graph, loops: Loops) -> list[str]:
    """The names of all steps that run a job, those of every iteration included."""
    children = [
        f"{name}-{index}" for count, body in loops.values() for name in body for index in range(count)
    ]
    return [name for name in graph if name not in loops] + children


def written(write: Any, graph: Graph, loops: Loops, draw: Any) -> Any:
    """Its definition, in any order."""
    steps = steps_of(write, graph)
    for step in steps:
        if step["Name"] in loops:
            count, body = loops[step["Name"]]
            inner = steps_of(write, body)
            for each in inner:
                named = {"Std:Join": {"On": "", "Values": [each["Name"], {"Get": "ForEach.CurrentItem"}]}}
                each["Arguments"]["AppSpecification"]["ContainerArguments"] = [named]
            items = json.dumps([f"-{index}" for index in range(count)])
            step["Type"] = "ForEach"
            step["Arguments"] = {
                "IterableItems": {"Std:Join": {"On": "", "Values": [items]}},
                "MaxConcurrency": draw(st.integers(1, 3)),
                "ForEachBody": draw(st.permutations(inner)),
            }
    return write.definition(*draw(st.permutations(steps)))


def start(world: Any, draw: Any) -> str:
    parallel = draw(st.none() | st.integers(1, 3))
    return world.start(
        **({"ParallelismConfiguration": {"MaxParallelExecutionSteps": parallel}} if parallel else {})
    )


@given(pipelines(), st.data())
@settings(max_examples=60, deadline=None)
def test_what_runs_is_what_a_small_model_allows(
    world_class: Any, write: Any, pipeline: tuple[Graph, Loops], data: st.DataObject
) -> None:
    """Where every failure is answered exactly that, and otherwise no more; the status says which."""
    graph, loops = pipeline
    names = works(graph, loops)
    failing = data.draw(st.sets(st.sampled_from(names))) if names else set()
    with tempfile.TemporaryDirectory() as folder:
        world = world_class(Path(folder))
        world.processing.work = fails(*failing)
        world.create(written(write, graph, loops, data.draw))
        arn = start(world, data.draw)
        execution, listed = world.wait(arn), world.steps(arn)
        world.close()

    expected, answered = model(graph, loops, failing)
    outcomes = {name: step["StepStatus"] for name, step in listed.items()}
    assert outcomes.items() <= expected.items()
    if answered:
        assert outcomes == expected
    ends = (
        ("CompletedWithFailures" if "Failed" in expected.values() else "Succeeded") if answered else "Failed"
    )
    assert execution["PipelineExecutionStatus"] == ends


@given(pipelines(), st.data())
@settings(max_examples=40, deadline=None)
def test_whatever_fails_and_whenever_it_is_stopped_a_retry_ends_it_well(
    world_class: Any, write: Any, pipeline: tuple[Graph, Loops], data: st.DataObject
) -> None:
    """Everything ends, says so, and runs again where it did not succeed: then all is as if it had gone well at once."""
    graph, loops = pipeline
    names = works(graph, loops)
    failing = data.draw(st.sets(st.sampled_from(names))) if names else set()
    stopping = data.draw(st.none() | st.sampled_from(names)) if names else None
    with tempfile.TemporaryDirectory() as folder:
        world = world_class(Path(folder))
        started: list[str] = []
        known = threading.Event()

        def work(request: dict[str, Any], stop: threading.Event) -> str | None:
            if request["AppSpecification"]["ContainerArguments"][0] == stopping:
                assert known.wait(30)
                world.call("StopPipelineExecution", {"PipelineExecutionArn": started[0]})
                return None if stop.wait(30) else "was not stopped"
            return fails(*failing)(request, stop)

        world.processing.work = work
        world.create(written(write, graph, loops, data.draw))
        started.append(start(world, data.draw))
        known.set()
        execution, first = world.wait(started[0]), world.steps(started[0])
        world.processing.work = fails()
        if execution["PipelineExecutionStatus"] != "Succeeded":
            world.call("RetryPipelineExecution", {"PipelineExecutionArn": started[0]})
        again, second = world.wait(started[0]), world.steps(started[0])
        world.close()

    assert all(step["StepStatus"] in ("Succeeded", "Failed", "Stopped") for step in first.values())
    assert all("EndTime" in step for step in first.values())
    for name in loops:
        counts = first.get(name, {}).get("Metadata", {}).get("ForEach", {})
        assert all(
            counts.get(f"{status}StepCount", 0)
            == sum(
                step["StepStatus"] == status
                for step in first.values()
                if step.get("IterationContext", {}).get("ParentStepName") == name
            )
            for status in ("Succeeded", "Failed", "Stopped")
        )
    assert again["PipelineExecutionStatus"] == "Succeeded"
    assert {name: step["StepStatus"] for name, step in second.items()} == model(graph, loops, set())[0]


def test_a_condition_for_a_failure_decides(world: Any, write: Any) -> None:
    """A condition step can wait for a failure, and read what failed."""
    world.processing.work = fails("train")
    definition = write.definition(
        write.processing("train", "train"),
        write.condition(
            "gate",
            write.equals(write.get("Steps.train.FailureReason"), "AlgorithmError: no"),
            yes=[write.processing("known", "known")],
            no=[write.fail("unknown")],
            DependsOn=[dependency("train/Failed")],
        ),
    )

    execution, steps = world.run(definition)

    assert execution["PipelineExecutionStatus"] == "CompletedWithFailures"
    assert sorted(steps) == ["gate", "known", "train"]


def test_a_branch_that_is_not_taken_answers_no_failure(world: Any, write: Any) -> None:
    """The step for the failure is in the other branch, so nothing answers it, and the execution has failed."""
    world.processing.work = fails("train")
    definition = write.definition(
        write.processing("train", "train"),
        write.condition(
            "gate", FALSE, yes=[write.processing("tell", "tell", after=[dependency("train/Failed")])]
        ),
    )

    execution, steps = world.run(definition)

    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "tell" not in steps


def test_what_was_refused_has_nothing_to_read(world: Any, write: Any) -> None:
    """No job was made, so there is no description: the step for the failure says what it misses."""
    definition = write.definition(
        write.training("train", write.get("Parameters.Uri")),
        write.processing(
            "tell", "tell", write.get("Steps.train.FailureReason"), after=[dependency("train/Failed")]
        ),
        parameters=[{"Name": "Uri", "Type": "String"}],
    )

    execution, steps = world.run(definition, Uri="no uri")

    assert execution["PipelineExecutionStatus"] == "Failed"
    assert steps["tell"]["FailureReason"] == (
        "ClientError: Steps.train.FailureReason is undefined: step 'train' has no result."
    )


def test_a_retry_runs_again_what_ran_because_of_the_failure(world: Any, write: Any) -> None:
    """Failing again, it is told again; what does not depend on it stays."""
    graph = {"beside": [], "train": [], "tell": ["train/Failed"], "clean": ["train/Any"], "use": ["train"]}
    world.processing.work = fails("train")
    execution, _ = world.run(write.definition(*steps_of(write, graph)))
    arn = execution["PipelineExecutionArn"]
    assert execution["PipelineExecutionStatus"] == "CompletedWithFailures"
    first = len(world.processing.requests)

    world.call("RetryPipelineExecution", {"PipelineExecutionArn": arn})
    assert world.wait(arn)["PipelineExecutionStatus"] == "CompletedWithFailures"
    second = names_run(world)[first:]
    world.processing.work = fails()
    world.call("RetryPipelineExecution", {"PipelineExecutionArn": arn})

    assert sorted(second) == ["clean", "tell", "train"]
    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert sorted(world.steps(arn)) == ["beside", "clean", "train", "use"]


def test_a_step_for_a_failure_can_be_selected(world: Any, write: Any) -> None:
    """The source execution's failure is taken over, and also when the selective execution is retried."""
    graph = {"train": [], "tell": ["train/Failed"], "use": ["train"]}
    world.processing.work = fails("train")
    execution, _ = world.run(write.definition(*steps_of(write, graph)))
    source = execution["PipelineExecutionArn"]

    def selecting(*names: str) -> dict[str, Any]:
        selected = [{"StepName": name} for name in names]
        return {"SelectiveExecutionConfig": {"SelectedSteps": selected, "SourcePipelineExecutionArn": source}}

    world.processing.work = fails("tell")
    arn = world.start(**selecting("tell"))
    assert world.wait(arn)["PipelineExecutionStatus"] == "Failed"
    world.processing.work = fails()
    world.call("RetryPipelineExecution", {"PipelineExecutionArn": arn})

    assert world.wait(arn)["PipelineExecutionStatus"] == "CompletedWithFailures"
    assert {name: step["StepStatus"] for name, step in world.steps(arn).items()} == {
        "train": "Failed",
        "tell": "Succeeded",
    }
    with pytest.raises(AwsError, match=r"The source execution has no result of \[train\]"):
        world.start(**selecting("use"))


def test_selected_steps_that_depend_on_each_other_all_run(world: Any, write: Any) -> None:
    """None of them is taken over from the source."""
    world.create(write.definition(*steps_of(write, {"a": [], "b": ["a"], "c": ["b"]})))
    source = world.start()
    world.wait(source)
    selected = [{"StepName": name} for name in ("b", "c")]

    arn = world.start(
        SelectiveExecutionConfig={"SelectedSteps": selected, "SourcePipelineExecutionArn": source}
    )
    world.wait(arn)

    assert names_run(world) == ["a", "b", "c", "b", "c"]
