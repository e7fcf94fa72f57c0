"""What waits for what, for any graph."""

from __future__ import annotations

import itertools
import tempfile
import threading
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from local_sagemaker.pipelines import graph


@st.composite
def dags(draw: st.DrawFn) -> dict[int, set[int]]:
    """Steps 0..n, each waiting for some of those before it."""
    size = draw(st.integers(1, 12))
    return {
        step: draw(st.sets(st.integers(0, step - 1), max_size=3)) if step else set() for step in range(size)
    }


@given(dags(), st.integers(1, 4), st.data())
@settings(max_examples=40, deadline=None)
def test_every_step_runs_once_after_all_it_waits_for(
    world_class: Any, write: Any, dag: dict[int, set[int]], parallel: int, data: st.DataObject
) -> None:
    """Whatever the graph, however the dependency is written, and however many run at a time."""
    steps = []
    for step, before in data.draw(st.permutations(sorted(dag.items()))):
        by_name = {name for name in before if data.draw(st.booleans())}
        values = [write.get(f"Steps.s{name}.ProcessingJobName") for name in sorted(before - by_name)]
        steps.append(
            write.processing(f"s{step}", str(step), *values, after=[f"s{name}" for name in sorted(by_name)])
        )
    order: list[tuple[str, int]] = []
    lock = threading.Lock()

    def work(request: dict[str, Any], stop: threading.Event) -> None:
        with lock:
            order.append(("began", int(request["AppSpecification"]["ContainerArguments"][0])))
        with lock:
            order.append(("ended", int(request["AppSpecification"]["ContainerArguments"][0])))

    with tempfile.TemporaryDirectory() as folder:
        world = world_class(Path(folder))
        world.processing.work = work
        world.create(write.definition(*steps))
        arn = world.start(ParallelismConfiguration={"MaxParallelExecutionSteps": parallel})
        status = world.wait(arn)["PipelineExecutionStatus"]
        world.close()

    assert status == "Succeeded"
    assert sorted(order) == sorted((event, step) for step in dag for event in ("began", "ended"))
    for step, before in dag.items():
        for name in before:
            assert order.index(("ended", name)) < order.index(("began", step))


@given(dags())
def test_a_graph_without_a_cycle_has_none(dag: dict[int, set[int]]) -> None:
    """No false alarm."""
    assert graph.cycle({str(step): set(map(str, before)) for step, before in dag.items()}) == []


@given(dags(), st.data())
def test_a_cycle_is_found_and_is_one(dag: dict[int, set[int]], data: st.DataObject) -> None:
    """Close any way through the graph: what is reported is a closed way along edges."""
    edges = {str(step): set(map(str, before)) for step, before in dag.items()}
    start = data.draw(st.sampled_from(sorted(edges)))
    end = data.draw(st.sampled_from(sorted({start, *graph.reach(edges, {start})})))
    edges[end].add(start)

    found = graph.cycle(edges)

    assert found[0] == found[-1]
    assert len(found) >= 2
    assert all(after in edges[before] for before, after in itertools.pairwise(found))


@given(dags(), st.data())
@settings(max_examples=30, deadline=None)
def test_whatever_fails_and_whenever_it_is_stopped_everything_ends(
    world_class: Any, write: Any, dag: dict[int, set[int]], data: st.DataObject
) -> None:
    """No execution and no step is left unfinished, and the statuses agree with each other."""
    failing = data.draw(st.sets(st.sampled_from(sorted(dag))))
    stopping = data.draw(st.none() | st.sampled_from(sorted(dag)))
    triggers = st.sampled_from(["Completed", "Failed", "Any"])
    steps = [
        write.processing(
            f"s{step}",
            str(step),
            after=[{"Step": f"s{name}", "Trigger": data.draw(triggers)} for name in before],
        )
        for step, before in dag.items()
    ]
    with tempfile.TemporaryDirectory() as folder:
        world = world_class(Path(folder))
        started: list[str] = []
        known = threading.Event()

        def work(request: dict[str, Any], stop: threading.Event) -> str | None:
            step = int(request["AppSpecification"]["ContainerArguments"][0])
            if step == stopping:
                assert known.wait(30)
                world.call("StopPipelineExecution", {"PipelineExecutionArn": started[0]})
                return None if stop.wait(30) else "was not stopped"
            return "AlgorithmError: no" if step in failing else None

        world.processing.work = work
        world.create(write.definition(*steps))
        started.append(world.start())
        known.set()
        execution, ended = world.wait(started[0]), world.steps(started[0])
        world.close()

    statuses = {step["StepStatus"] for step in ended.values()}
    assert statuses <= {"Succeeded", "Failed", "Stopped"}
    assert all("EndTime" in step for step in ended.values())
    expected = {
        "Succeeded": statuses == {"Succeeded"},
        "Failed": "Failed" in statuses,
        "CompletedWithFailures": "Failed" in statuses,
        "Stopped": stopping is not None,
    }
    assert expected[execution["PipelineExecutionStatus"]]
