"""The engine: order, branches, failures, stops, parallelism. Jobs are threads that do as the test says."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

TRUE = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}
FALSE = {"Type": "Equals", "LeftValue": 1, "RightValue": 2}


def statuses(steps: dict[str, Any]) -> dict[str, str]:
    return {name: step["StepStatus"] for name, step in steps.items()}


def arguments_of(request: dict[str, Any]) -> list[str]:
    return request["AppSpecification"]["ContainerArguments"]


def test_the_spine_of_a_pipeline_runs_to_a_registered_package(world, write):
    """Processing, training, a gate that reads a property file, and registration, each fed by the one before."""
    world.put("s3://bucket/evaluate/report/evaluation.json", b'{"auc": {"value": 0.93}}')
    auc = {
        "Std:JsonGet": {"PropertyFile": {"Get": "Steps.evaluate.PropertyFiles.report"}, "Path": "auc.value"}
    }
    definition = write.definition(
        write.processing("prep", outputs=("train",)),
        write.training(
            "train", write.get("Steps.prep.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri")
        ),
        write.processing(
            "evaluate",
            write.get("Steps.train.ModelArtifacts.S3ModelArtifacts"),
            outputs=("report",),
            PropertyFiles=[
                {"PropertyFileName": "report", "OutputName": "report", "FilePath": "evaluation.json"}
            ],
        ),
        write.condition(
            "gate",
            {"Type": "GreaterThanOrEqualTo", "LeftValue": auc, "RightValue": write.get("Parameters.Bar")},
            yes=[
                write.register("register", "group", write.get("Steps.train.ModelArtifacts.S3ModelArtifacts"))
            ],
            no=[write.fail("missed")],
        ),
        parameters=[{"Name": "Bar", "Type": "Float", "DefaultValue": 0.9}],
    )

    execution, steps = world.run(definition)

    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert statuses(steps) == dict.fromkeys(["prep", "train", "evaluate", "gate", "register"], "Succeeded")
    assert steps["gate"]["Metadata"] == {"Condition": {"Outcome": "True"}}
    assert world.training.requests[0]["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] == (
        "s3://bucket/prep/train"
    )
    (package,) = world.records.list("ModelPackage")
    assert steps["register"]["Metadata"] == {"RegisterModel": {"Arn": package["ModelPackageArn"]}}
    assert package["MetadataProperties"] == {"GeneratedBy": execution["PipelineExecutionArn"]}
    assert "ModelMetrics" not in package
    assert [group["ModelPackageGroupName"] for group in world.records.list("ModelPackageGroup")] == ["group"]
    job = world.processing.requests[0]
    assert job["ProcessingJobName"].startswith(f"pipelines-{execution['PipelineExecutionArn'][-12:]}-prep-")
    assert {tag["Key"]: tag["Value"] for tag in job["Tags"]} == {
        "sagemaker:pipeline-execution-arn": execution["PipelineExecutionArn"],
        "sagemaker:pipeline-step-name": "prep",
    }
    assert steps["prep"]["Metadata"]["ProcessingJob"]["Arn"].endswith(job["ProcessingJobName"])


def test_a_bar_that_is_missed_fails_with_the_message_of_the_fail_step(world, write):
    """The Fail step's resolved message is its FailureReason and its metadata; the execution says that a step failed."""
    message = {"Std:Join": {"On": " ", "Values": ["auc below", write.get("Parameters.Bar")]}}
    definition = write.definition(
        write.condition("gate", FALSE, yes=[write.processing("never")], no=[write.fail("missed", message)]),
        parameters=[{"Name": "Bar", "Type": "Float", "DefaultValue": 0.9}],
    )

    execution, steps = world.run(definition)

    assert execution["PipelineExecutionStatus"] == "Failed"
    assert execution["FailureReason"] == "Step failure: One or multiple steps failed"
    assert statuses(steps) == {"gate": "Succeeded", "missed": "Failed"}
    assert steps["missed"]["FailureReason"] == "auc below 0.9"
    assert steps["missed"]["Metadata"] == {"Fail": {"ErrorMessage": "auc below 0.9"}}


def test_a_fail_step_without_a_message_has_no_failure_reason(world, write):
    """ErrorMessage is then empty, and FailureReason absent."""
    _, steps = world.run(write.definition(write.fail("end", "")))

    assert "FailureReason" not in steps["end"]
    assert steps["end"]["Metadata"] == {"Fail": {"ErrorMessage": ""}}


def test_the_outcome_of_a_condition_reads_lower_case(world, write):
    """Get: Steps.<condition>.Outcome is "true" or "false", while the metadata says "True" or "False"."""
    world.run(
        write.definition(write.condition("c", FALSE), write.processing("p", write.get("Steps.c.Outcome")))
    )

    assert arguments_of(world.processing.requests[0]) == ["false"]


@pytest.mark.parametrize("outcome", [True, False])
def test_only_the_branch_that_was_taken_appears(world, write, outcome):
    """Steps of the other branch, and whatever depends on them, are not listed."""
    definition = write.definition(
        write.condition(
            "c", TRUE if outcome else FALSE, yes=[write.processing("yes")], no=[write.processing("no")]
        ),
        write.processing("after-yes", after=["yes"]),
        write.processing("after-no", after=["no"]),
        write.processing("after-c", after=["c"]),
    )

    execution, steps = world.run(definition)

    taken = "yes" if outcome else "no"
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert set(steps) == {"c", taken, f"after-{taken}", "after-c"}


def test_after_a_failure_running_steps_finish_and_nothing_new_starts(world, write):
    """The step beside the failing one succeeds; the one after that does not start."""
    failed = threading.Event()

    def work(request: dict[str, Any], stop: threading.Event) -> str | None:
        if arguments_of(request) == ["bad"]:
            return "AlgorithmError: it broke"
        assert failed.wait(30)
        return None

    world.processing.work = work
    world.create(
        write.definition(
            write.processing("bad", "bad"),
            write.processing("good", "good"),
            write.processing("then", after=["good"]),
        )
    )
    arn = world.start()
    world.step_wait(arn, "bad", "Failed")
    failed.set()

    execution, steps = world.wait(arn), world.steps(arn)

    assert execution["PipelineExecutionStatus"] == "Failed"
    assert statuses(steps) == {"bad": "Failed", "good": "Succeeded"}
    assert steps["bad"]["FailureReason"] == "ClientError: AlgorithmError: it broke"
    assert "ProcessingJob" in steps["bad"]["Metadata"]


def test_a_request_that_is_refused_fails_the_step_with_the_message(world, write):
    """The step says which operation refused, and why, in AWS's words."""
    definition = write.definition(
        write.processing("p"),
        write.training("t", write.get("Parameters.Uri")),
        parameters=[{"Name": "Uri", "Type": "String"}],
    )

    _, steps = world.run(definition, Uri="no uri")

    assert steps["t"]["FailureReason"].startswith(
        "ClientError: Failed to invoke sagemaker:CreateTrainingJob. Error Details: 1 validation error detected: "
    )


def test_an_expression_that_comes_to_nothing_fails_the_step(world, write):
    """A property that the Describe answer does not have is named, with what is there."""
    definition = write.definition(
        write.processing("a"), write.processing("b", write.get("Steps.a.ExitMessage"))
    )

    _, steps = world.run(definition)

    assert steps["b"]["FailureReason"].startswith("ClientError: Steps.a.ExitMessage is undefined: ")


def test_steps_that_wait_for_a_failure_run_and_the_execution_completes_with_failures(world, write):
    """DependsOn with a trigger: the step for the failure runs, the one for success does not."""
    world.processing.work = lambda request, stop: (
        "AlgorithmError: no" if "bad" in json.dumps(request) else None
    )
    definition = write.definition(
        write.processing("a", "bad"),
        write.processing("on-failure", after=[{"Step": "a", "Trigger": "Failed"}]),
        write.processing("on-any", after=[{"Step": "a", "Trigger": "Any"}]),
        write.processing("on-success", after=["a"]),
        write.processing("on-stop", after=[{"Step": "a", "Trigger": "Stopped"}]),
    )

    execution, steps = world.run(definition)

    assert execution["PipelineExecutionStatus"] == "CompletedWithFailures"
    assert set(steps) == {"a", "on-failure", "on-any"}


def test_no_more_steps_run_at_a_time_than_allowed(world, write):
    """MaxParallelExecutionSteps of the start wins over the pipeline's."""
    lock, now, most = threading.Lock(), 0, 0
    both = threading.Barrier(2)

    def work(request: dict[str, Any], stop: threading.Event) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        both.wait(30)
        with lock:
            now -= 1

    world.processing.work = work
    steps = [write.processing(f"s{index}") for index in range(6)]
    world.create(write.definition(*steps), ParallelismConfiguration={"MaxParallelExecutionSteps": 5})

    arn = world.start(ParallelismConfiguration={"MaxParallelExecutionSteps": 2})

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert world.describe(arn)["ParallelismConfiguration"] == {"MaxParallelExecutionSteps": 2}
    assert most == 2


def test_stopping_stops_the_running_jobs_and_starts_nothing(world, write):
    """Stopping, then Stopped: of the execution, and of the step that ran."""
    world.processing.work = lambda request, stop: None if stop.wait(30) else "was never stopped"
    world.create(write.definition(write.processing("a"), write.processing("b", after=["a"])))
    arn = world.start()
    world.step_wait(arn, "a", "Executing")

    world.call("StopPipelineExecution", {"PipelineExecutionArn": arn})

    assert world.wait(arn)["PipelineExecutionStatus"] == "Stopped"
    assert statuses(world.steps(arn)) == {"a": "Stopped"}


def test_a_step_that_ended_while_stopping_keeps_its_result(world, write):
    """A job that completes although it was asked to stop has succeeded; the execution is Stopped all the same."""
    done = threading.Event()

    def work(request: dict[str, Any], stop: threading.Event) -> None:
        assert stop.wait(30)
        stop.clear()  # this job takes no notice
        done.set()

    world.processing.work = work
    world.create(write.definition(write.processing("a"), write.processing("b", after=["a"])))
    arn = world.start()
    world.step_wait(arn, "a", "Executing")
    world.call("StopPipelineExecution", {"PipelineExecutionArn": arn})

    assert world.wait(arn)["PipelineExecutionStatus"] == "Stopped"
    assert statuses(world.steps(arn)) == {"a": "Succeeded"}


def test_an_execution_that_has_ended_cannot_be_stopped(world, write):
    """The conflict names the execution and its status."""
    execution, _ = world.run(write.definition(write.processing("a")))

    with pytest.raises(Exception, match="cannot be stopped: it is Succeeded"):
        world.call("StopPipelineExecution", {"PipelineExecutionArn": execution["PipelineExecutionArn"]})


def test_the_execution_variables_have_the_values_that_describe_shows(world, write):
    """Names, ARNs and times of the execution, and the name of the step's own job."""
    names = (
        "PipelineName",
        "PipelineArn",
        "PipelineExecutionId",
        "PipelineExecutionArn",
        "StartDateTime",
        "ProcessingJobName",
    )
    definition = write.definition(write.processing("a", *(write.get(f"Execution.{name}") for name in names)))

    execution, _ = world.run(definition)

    name, pipeline_arn, identity, arn, started, job = arguments_of(world.processing.requests[0])
    assert (name, pipeline_arn, arn) == ("p", execution["PipelineArn"], execution["PipelineExecutionArn"])
    assert arn == f"{pipeline_arn}/execution/{identity}"
    assert started.endswith("Z")
    assert job == world.processing.requests[0]["ProcessingJobName"]


def test_a_job_name_in_the_arguments_is_a_prefix(world, write):
    """The SDK's use_custom_job_prefix puts a name there; the job's is made unique."""
    step = write.processing("a")
    step["Arguments"]["ProcessingJobName"] = "my-job"

    world.run(write.definition(step))

    name = world.processing.requests[0]["ProcessingJobName"]
    assert name.startswith("my-job-")
    assert len(name) == len("my-job-") + 10


def test_a_model_step_creates_a_model_that_later_steps_can_name(world, write):
    """Its properties are DescribeModel's answer; its ARN is in the metadata."""
    model = {
        "Name": "m",
        "Type": "Model",
        "Arguments": {
            "ExecutionRoleArn": "arn:aws:iam::123456789012:role/r",
            "PrimaryContainer": {"Image": "i"},
        },
    }

    _, steps = world.run(write.definition(model, write.processing("a", write.get("Steps.m.ModelName"))))

    assert statuses(steps) == {"m": "Succeeded", "a": "Succeeded"}
    assert steps["m"]["Metadata"]["Model"]["Arn"].endswith(
        arguments_of(world.processing.requests[0])[0].lower()
    )


def test_a_step_for_a_failure_can_read_what_failed(world, write):
    """The failed job's description is there for a step that waits for the failure."""
    world.processing.work = lambda request, stop: (
        "AlgorithmError: no" if "bad" in json.dumps(request) else None
    )
    definition = write.definition(
        write.processing("a", "bad"),
        write.processing(
            "tell", write.get("Steps.a.FailureReason"), after=[{"Step": "a", "Trigger": "Failed"}]
        ),
    )

    execution, _ = world.run(definition)

    assert execution["PipelineExecutionStatus"] == "CompletedWithFailures"
    assert arguments_of(world.processing.requests[1]) == ["AlgorithmError: no"]
