"""Executions as resources: what is answered, retries of executions, selective executions."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest

from local_sagemaker.errors import AwsError

PARAMETERS = [
    {"Name": "Bar", "Type": "Float", "DefaultValue": 0.7},
    {"Name": "Rounds", "Type": "Float", "DefaultValue": 6.0},
    {"Name": "Flag", "Type": "Boolean", "DefaultValue": False},
    {"Name": "Uri", "Type": "String"},
]


def test_an_execution_is_described_as_aws_does(world: Any, write: Any) -> None:
    """Id of twelve letters and digits, a display name with the time, and the pipeline's role and version."""
    execution, _ = world.run(write.definition(write.processing("a")))

    arn = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p"
    assert re.fullmatch(rf"{arn}/execution/[a-z0-9]{{12}}", execution["PipelineExecutionArn"])
    assert re.fullmatch(r"execution-\d{13}", execution["PipelineExecutionDisplayName"])
    assert (execution["PipelineArn"], execution["PipelineVersionId"]) == (arn, 1)
    assert "FailureReason" not in execution
    assert "SelectiveExecutionConfig" not in execution


def test_all_parameters_are_listed_as_texts(world: Any, write: Any) -> None:
    """Defaults included, floats with their point."""
    definition = write.definition(write.processing("a"), parameters=PARAMETERS)
    execution, _ = world.run(definition, Uri="s3://b/k")

    request = {"PipelineExecutionArn": execution["PipelineExecutionArn"]}
    listed = world.call("ListPipelineParametersForExecution", request)["PipelineParameters"]

    assert {row["Name"]: row["Value"] for row in listed} == {
        "Bar": "0.7",
        "Rounds": "6.0",
        "Flag": "false",
        "Uri": "s3://b/k",
    }


def test_wrong_parameters_start_nothing(world: Any, write: Any) -> None:
    """The message is clear, and there is no execution."""
    world.create(write.definition(write.processing("a"), parameters=PARAMETERS))

    with pytest.raises(AwsError, match="Did you mean 'Bar'"):
        world.start(parameters={"Bra": "1", "Uri": "x"})

    assert world.call("ListPipelineExecutions", {"PipelineName": "p"})["PipelineExecutionSummaries"] == []


def test_the_same_token_starts_once(world: Any, write: Any) -> None:
    """A client that repeats its request gets the same execution."""
    world.create(write.definition(write.processing("a")))

    first, second = (world.start(ClientRequestToken="t" * 32) for _ in range(2))
    world.wait(first)

    assert first == second
    assert len(world.processing.requests) == 1


def test_steps_and_executions_are_listed_newest_first(world: Any, write: Any) -> None:
    """In pages, unless asked for the other order."""
    world.create(
        write.definition(write.processing("a"), *(write.processing(y, after=[x]) for x, y in ("ab", "bc")))
    )
    arns = [world.start(), world.start()]
    for arn in arns:
        world.wait(arn)

    request = {"PipelineExecutionArn": arns[0], "MaxResults": 2}
    page = world.call("ListPipelineExecutionSteps", request)
    rest = world.call("ListPipelineExecutionSteps", {**request, "NextToken": page["NextToken"]})
    steps = [*page["PipelineExecutionSteps"], *rest["PipelineExecutionSteps"]]
    executions = world.call("ListPipelineExecutions", {"PipelineName": "p"})["PipelineExecutionSummaries"]

    assert [step["StepName"] for step in steps] == ["c", "b", "a"]
    assert list(world.steps(arns[0])) == ["a", "b", "c"]
    assert "NextToken" not in rest
    assert [execution["PipelineExecutionArn"] for execution in executions] == arns[::-1]
    assert {execution["PipelineExecutionStatus"] for execution in executions} == {"Succeeded"}
    assert all("StartTime" in execution for execution in executions)


def test_an_execution_keeps_the_definition_it_runs(world: Any, write: Any) -> None:
    """Also when the pipeline has been updated since."""
    first = json.dumps(write.definition(write.processing("a")))
    world.create({}, PipelineDefinition=first)
    arn = world.start()
    world.wait(arn)
    world.call("UpdatePipeline", {"PipelineName": "p", "PipelineDefinition": first.replace('"a"', '"b"')})

    answer = world.call("DescribePipelineDefinitionForExecution", {"PipelineExecutionArn": arn})

    assert answer["PipelineDefinition"] == first


def test_an_execution_can_be_renamed(world: Any, write: Any) -> None:
    """Name and description can change at any time."""
    execution, _ = world.run(write.definition(write.processing("a")))
    arn = execution["PipelineExecutionArn"]

    world.call(
        "UpdatePipelineExecution", {"PipelineExecutionArn": arn, "PipelineExecutionDisplayName": "mine"}
    )

    assert world.describe(arn)["PipelineExecutionDisplayName"] == "mine"


@pytest.mark.parametrize("operation", ["DescribePipelineExecution", "ListPipelineExecutionSteps"])
def test_an_execution_that_is_not_there_is_not_found(world: Any, operation: str) -> None:
    """ResourceNotFound, with the ARN."""
    arn = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/abcdefghijkl"

    with pytest.raises(AwsError, match="abcdefghijkl' does not exist") as failure:
        world.call(operation, {"PipelineExecutionArn": arn})

    assert failure.value.code == "ResourceNotFound"


def test_the_experiment_of_the_definition_is_resolved(world: Any, write: Any) -> None:
    """Names of experiment and trial are shown with the execution, as are MLflow's."""
    definition = write.definition(write.processing("a"))
    definition["PipelineExperimentConfig"] = {
        "ExperimentName": write.get("Execution.PipelineName"),
        "TrialName": write.get("Execution.PipelineExecutionId"),
    }
    world.create(definition)

    execution = world.describe(world.start(MlflowExperimentName="mine"))

    identity = execution["PipelineExecutionArn"][-12:]
    assert execution["PipelineExperimentConfig"] == {"ExperimentName": "p", "TrialName": identity}
    assert execution["MLflowConfig"] == {"MlflowExperimentName": "mine"}
    world.wait(execution["PipelineExecutionArn"])


def chain(write: Any, names: str = "abcd") -> dict[str, Any]:
    """Steps that each get the job name of the one before."""
    steps = [write.processing(names[0], names[0])]
    for before, name in itertools.pairwise(names):
        steps.append(write.processing(name, name, write.get(f"Steps.{before}.ProcessingJobName")))
    return write.definition(*steps)


def works_but(*names: str) -> Any:
    return lambda request, stop: (
        "AlgorithmError: no" if request["AppSpecification"]["ContainerArguments"][0] in names else None
    )


def test_a_retried_execution_carries_on_from_what_failed(world: Any, write: Any) -> None:
    """What succeeded does not run again, and its results are still there."""
    world.processing.work = works_but("c")
    world.create(chain(write))
    arn = world.start()
    assert world.wait(arn)["PipelineExecutionStatus"] == "Failed"
    before = world.steps(arn)
    world.processing.work = works_but()

    world.call("RetryPipelineExecution", {"PipelineExecutionArn": arn})
    execution, after = world.wait(arn), world.steps(arn)

    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert "FailureReason" not in execution
    assert list(after) == ["a", "b", "c", "d"]
    assert (after["a"], after["b"]) == (before["a"], before["b"])
    assert len(world.processing.requests) == 5


def test_an_execution_that_succeeded_cannot_be_retried(world: Any, write: Any) -> None:
    """There is nothing to carry on."""
    execution, _ = world.run(chain(write))

    with pytest.raises(AwsError, match="cannot be retried: it is Succeeded") as failure:
        world.call("RetryPipelineExecution", {"PipelineExecutionArn": execution["PipelineExecutionArn"]})

    assert failure.value.code == "ConflictException"


def test_an_execution_that_a_fail_step_ended_cannot_be_retried(world: Any, write: Any) -> None:
    """The pipeline itself decided to fail."""
    execution, _ = world.run(write.definition(write.fail("f")))

    with pytest.raises(AwsError, match="a Fail step ended it"):
        world.call("RetryPipelineExecution", {"PipelineExecutionArn": execution["PipelineExecutionArn"]})


def select(source: str | None, *names: str) -> dict[str, Any]:
    config: dict[str, Any] = {"SelectedSteps": [{"StepName": name} for name in names]}
    return {**config, "SourcePipelineExecutionArn": source} if source else config


def test_selected_steps_run_on_the_results_of_the_source(world: Any, write: Any) -> None:
    """Upstream steps are listed with their results taken over; downstream steps do not run."""
    world.create(chain(write))
    source = world.start()
    world.wait(source)

    arn = world.start(SelectiveExecutionConfig=select(source, "c"))
    execution, steps = world.wait(arn), world.steps(arn)

    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert execution["SelectiveExecutionConfig"] == select(source, "c")
    assert set(steps) == {"a", "b", "c"}
    for name in "ab":
        assert steps[name]["SelectiveExecutionResult"] == {"SourcePipelineExecutionArn": source}
        assert steps[name]["Metadata"] == world.steps(source)[name]["Metadata"]
    assert "SelectiveExecutionResult" not in steps["c"]
    job = steps["b"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    assert world.processing.requests[-1]["AppSpecification"]["ContainerArguments"] == ["c", job]
    assert len(world.processing.requests) == 5


def test_the_first_steps_can_be_selected_without_a_source(world: Any, write: Any) -> None:
    """They depend on nothing."""
    world.create(chain(write))

    arn = world.start(SelectiveExecutionConfig=select(None, "a", "b"))

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert list(world.steps(arn)) == ["a", "b"]


@pytest.mark.parametrize(
    ("names", "with_source", "message"),
    [
        (("x",), True, "there is no step 'x'"),
        (("a", "c"), True, "the steps between two selected ones must be selected too: b."),
        (
            ("c",),
            False,
            r"Invalid SourcePipelineExecutionArn: null. The selected steps \[c\] have dependencies on \[b\]",
        ),
        (("d",), True, r"The source execution has no result of \[c\]"),
    ],
)
def test_a_selection_that_cannot_run_is_refused(
    world: Any, write: Any, names: tuple[str, ...], with_source: bool, message: str
) -> None:
    """Unknown steps, gaps, no source, and a source that did not get far enough."""
    world.processing.work = works_but("c")
    world.create(chain(write))
    source = world.start()
    world.wait(source)

    with pytest.raises(AwsError, match=message):
        world.start(SelectiveExecutionConfig=select(source if with_source else None, *names))
