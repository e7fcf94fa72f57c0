"""Dependencies on an outcome: which steps run after a failure, and how the execution then ends."""

from __future__ import annotations

import json
import tempfile
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


def model(graph: dict[str, list[str]], failing: set[str]) -> tuple[dict[str, str], bool]:
    """What each step that may run ends as, and whether a step answers each failure. Names are in order."""
    ended: dict[str, str] = {}
    for name, waits in graph.items():
        wanted = [TRIGGERS[text.partition("/")[2] or "Completed"] for text in waits]
        if all(ended.get(text.partition("/")[0]) in each for text, each in zip(waits, wanted, strict=True)):
            ended[name] = "Failed" if name in failing else "Succeeded"
    answered = {
        text.partition("/")[0]
        for name in ended
        for text in graph[name]
        if text.partition("/")[2] in ("Failed", "Any")
    }
    return ended, {name for name, status in ended.items() if status == "Failed"} <= answered


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Steps that wait for some of those before them, each for an outcome."""
    graph: dict[str, list[str]] = {}
    for index in range(draw(st.integers(1, 9))):
        before = draw(st.lists(st.sampled_from(sorted(graph)), max_size=3, unique=True)) if graph else []
        outcomes = st.sampled_from(["", "/Completed", "/Failed", "/Any", "/Stopped"])
        graph[f"s{index}"] = [name + draw(outcomes) for name in before]
    return graph


@given(graphs(), st.data())
@settings(max_examples=60, deadline=None)
def test_what_runs_is_what_a_small_model_allows(
    world_class: Any, write: Any, graph: dict[str, list[str]], data: st.DataObject
) -> None:
    """Where every failure is answered exactly that, and otherwise no more; the status says which."""
    failing = data.draw(st.sets(st.sampled_from(sorted(graph))))
    with tempfile.TemporaryDirectory() as folder:
        world = world_class(Path(folder))
        world.processing.work = fails(*failing)
        execution, steps = world.run(write.definition(*data.draw(st.permutations(steps_of(write, graph)))))
        world.close()

    expected, answered = model(graph, failing)
    outcomes = {name: step["StepStatus"] for name, step in steps.items()}
    assert outcomes.items() <= expected.items()
    if answered:
        assert outcomes == expected
    ends = (
        ("CompletedWithFailures" if "Failed" in expected.values() else "Succeeded") if answered else "Failed"
    )
    assert execution["PipelineExecutionStatus"] == ends


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
