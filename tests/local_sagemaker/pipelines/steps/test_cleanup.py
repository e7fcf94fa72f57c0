"""Cleanup: what a step wrote is deleted, and nothing that it did not write."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pytest

from local_sagemaker.errors import AwsError
from local_sagemaker.pipelines.check import check

ANY = "Any"


def cleanup(*sources: Any, after: Any = None, name: str = "clean", **step: Any) -> Any:
    """``"train"``, or ``("process", uri, …)`` for a source with its objects."""
    written = [
        {"StepName": source}
        if isinstance(source, str)
        else {"StepName": source[0], "S3Uris": list(source[1:])}
        for source in sources
    ]
    depends = [source["StepName"] for source in written] if after is None else after
    return {
        "Name": name,
        "Type": "Cleanup",
        "Arguments": {"Resources": {"S3": written}},
        "DependsOn": depends,
        **step,
    }


def keys(world: Any) -> list[str]:
    return [stored.key for stored in world.store.list("bucket")]


def models(world: Any) -> Any:
    """Training that writes what a training job writes, and things that are not its own."""

    def work(request: dict[str, Any], stop: Any) -> None:
        folder = f"s3://bucket/models/{request['TrainingJobName']}"
        for name in ("output/model.tar.gz", "output/output.tar.gz", "output/report.json", "debug-output/x"):
            world.put(f"{folder}/{name}", b"x")

    return work


def writes(world: Any, *uris: str) -> Any:
    def work(request: dict[str, Any], stop: Any) -> None:
        for uri in uris:
            world.put(uri, b"x")

    return work


def test_the_archives_of_a_training_job_are_deleted(world: Any, write: Any) -> None:
    """Those of this job alone, and nothing else that lies beside them."""
    world.put("s3://bucket/models/other/output/model.tar.gz", b"x")
    world.put("s3://bucket/models.tar.gz", b"x")
    world.training.work = models(world)

    execution, steps = world.run(write.definition(write.training("train"), cleanup("train")))

    job = world.training.requests[0]["TrainingJobName"]
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert steps["clean"]["Metadata"] == {"Cleanup": {"CleanedSteps": ["train"]}}
    assert keys(world) == [
        "models.tar.gz",
        "models/other/output/model.tar.gz",
        f"models/{job}/debug-output/x",
        f"models/{job}/output/report.json",
    ]


def test_the_listed_objects_of_a_processing_job_are_deleted(world: Any, write: Any) -> None:
    """Expressions included; an object that is not there is no mistake."""
    world.processing.work = writes(world, "s3://bucket/p/out/a", "s3://bucket/p/out/b", "s3://bucket/p/out/c")
    base = write.get("Steps.p.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri")
    joined = {"Std:Join": {"On": "/", "Values": [base, "b"]}}
    clean = cleanup(("p", "s3://bucket/p/out/a", joined, "s3://bucket/p/out/gone"))

    _, steps = world.run(write.definition(write.processing("p", outputs=("out",)), clean))

    assert steps["clean"]["Metadata"] == {"Cleanup": {"CleanedSteps": ["p"]}}
    assert keys(world) == ["p/out/c"]


REFUSED = {
    "beside the output": (
        "s3://bucket/p/out-of-bounds/x",
        "is below no output of the step: s3://bucket/p/out.",
    ),
    "the output itself": ("s3://bucket/p/out", "is below no output of the step"),
    "another bucket": ("s3://other/p/out/x", "is below no output of the step"),
    "a folder": ("s3://bucket/p/out/", "is not the URI of one object"),
    "no URI": ("p/out/x", "is not the URI of one object"),
    "a way out": ("s3://bucket/p/out/../../x", None),
}


@pytest.mark.parametrize("claim", REFUSED)
def test_nothing_is_deleted_where_an_object_is_not_the_steps(world: Any, write: Any, claim: str) -> None:
    """The source fails as a whole, and so does the step; a key with dots is an object of that very key, or none."""
    uri, reason = REFUSED[claim]
    precious = ["p/out-of-bounds/x", "p/out", "p/x", "x"]
    for key in precious:
        world.put(f"s3://bucket/{key}", b"x")
    world.processing.work = writes(world, "s3://bucket/p/out/a")
    definition = write.definition(
        write.processing("p", outputs=("out",)),
        cleanup(("p", "s3://bucket/p/out/a", write.get("Parameters.Uri"))),
        parameters=[{"Name": "Uri", "Type": "String"}],
    )

    execution, steps = world.run(definition, Uri=uri)

    if reason is None:
        assert steps["clean"]["StepStatus"] == "Succeeded"
        assert set(precious) <= set(keys(world))
        return
    assert execution["PipelineExecutionStatus"] == "Failed"
    (failure,) = steps["clean"]["Metadata"]["Cleanup"]["FailedSteps"]
    assert (failure["StepName"], failure["ErrorCode"]) == ("p", "ClientError")
    assert reason in failure["ErrorMessage"]
    assert reason in steps["clean"]["FailureReason"]
    assert set(keys(world)) == {*precious, "p/out/a"}


@pytest.mark.parametrize("age", [-3600, 3600])
def test_what_was_written_before_or_after_the_job_ran_stays(world: Any, write: Any, age: float) -> None:
    """It lies below the output, but the job did not write it."""
    world.processing.work = lambda request, stop: (
        world.records.update("ProcessingJob", request["ProcessingJobName"], {"LastModifiedTime": time.time()})
        and None
    )
    world.put("s3://bucket/p/out/precious", b"x")
    path = world.store.get("bucket", "p/out/precious").path
    os.utime(path, (time.time() + age, time.time() + age))

    _, steps = world.run(
        write.definition(
            write.processing("p", outputs=("out",)), cleanup(("p", "s3://bucket/p/out/precious"))
        )
    )

    assert "was written before or after the job of the step ran" in steps["clean"]["FailureReason"]
    assert keys(world) == ["p/out/precious"]


def test_a_failure_is_cleaned_up_after_where_the_trigger_says_so(world: Any, write: Any) -> None:
    """The failed job's partial output goes; what failed before there was a job is skipped."""

    def work(request: dict[str, Any], stop: Any) -> str:
        world.put("s3://bucket/p/out/partial", b"x")
        return "AlgorithmError: no"

    world.processing.work = work
    definition = write.definition(
        write.processing("p", outputs=("out",)),
        write.training("train", write.get("Parameters.Uri")),
        cleanup(
            ("p", "s3://bucket/p/out/partial"),
            "train",
            after=[{"Step": "p", "Trigger": "Failed"}, {"Step": "train", "Trigger": "Any"}],
        ),
        parameters=[{"Name": "Uri", "Type": "String"}],
    )

    execution, steps = world.run(definition, Uri="no uri")

    assert execution["PipelineExecutionStatus"] == "CompletedWithFailures"
    assert steps["clean"]["Metadata"] == {"Cleanup": {"CleanedSteps": ["p"], "SkippedSteps": ["train"]}}
    assert keys(world) == []


def test_without_a_trigger_a_failure_is_left_as_it_is(world: Any, write: Any) -> None:
    """The cleanup step waits for success."""
    world.training.work = lambda request, stop: models(world)(request, stop) or "AlgorithmError: no"

    execution, steps = world.run(write.definition(write.training("train"), cleanup("train")))

    assert execution["PipelineExecutionStatus"] == "Failed"
    assert set(steps) == {"train"}
    assert len(keys(world)) == 4


def test_what_another_execution_wrote_is_never_deleted(world: Any, write: Any) -> None:
    """A result from the cache, or from the source of a selective execution, is that execution's."""
    cached = {"Enabled": True, "ExpireAfter": "P1D"}
    world.training.work = models(world)
    world.create(write.definition(write.training("train", CacheConfig=cached)))
    source = world.start()
    world.wait(source)
    before = keys(world)
    text = write.definition(write.training("train", CacheConfig=cached), cleanup("train"))
    world.create(text, name="other")
    world.call("UpdatePipeline", {"PipelineName": "p", "PipelineDefinition": json.dumps(text)})

    hit = world.start()
    selected = {"SelectedSteps": [{"StepName": "clean"}], "SourcePipelineExecutionArn": source}
    taken = world.start(SelectiveExecutionConfig=selected)

    for arn in (hit, taken):
        assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
        assert world.steps(arn)["clean"]["Metadata"] == {"Cleanup": {"SkippedSteps": ["train"]}}
    assert keys(world) == before


def test_in_a_loop_each_iteration_cleans_up_after_itself(world: Any, write: Any) -> None:
    """The step of the same iteration, while others may still run."""
    world.training.work = models(world)
    body = [write.training("train"), cleanup("train")]
    loop = {
        "Name": "loop",
        "Type": "ForEach",
        "Arguments": {"IterableItems": ["a", "b"], "MaxConcurrency": 2, "ForEachBody": body},
    }

    execution, steps = world.run(write.definition(loop))

    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert steps["clean-1"]["Metadata"] == {"Cleanup": {"CleanedSteps": ["train"]}}
    assert not any(key.endswith("model.tar.gz") for key in keys(world))


def test_cleaning_up_again_finds_nothing_and_is_no_failure(world: Any, write: Any) -> None:
    """Two cleanup steps after the same job."""
    world.training.work = models(world)
    second = cleanup("train", after=["train", "clean"], name="again")

    _, steps = world.run(write.definition(write.training("train"), cleanup("train"), second))

    assert steps["again"]["Metadata"] == {"Cleanup": {"SkippedSteps": ["train"]}}


def with_vpc(step: Any) -> Any:
    vpc = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
    if step["Type"] == "Training":
        step["Arguments"]["VpcConfig"] = vpc
    else:
        step["Arguments"]["NetworkConfig"] = {"VpcConfig": vpc}
    return step


@pytest.fixture
def mistakes(write: Any) -> dict[str, Any]:
    train, process = write.training("train"), write.processing("p", outputs=("out",))
    good = ("p", "s3://bucket/p/out/x")
    broken = cleanup("train")
    broken["Arguments"] = {"Resources": {"S3": []}}
    misspelt = cleanup("train")
    misspelt["Arguments"]["Resources"]["S3"][0]["S3Uri"] = "s3://b/k"
    loop = {
        "Name": "loop",
        "Type": "ForEach",
        "Arguments": {
            "IterableItems": ["a"],
            "MaxConcurrency": 1,
            "ForEachBody": [write.training("inner"), cleanup("train", name="within", after=["train"])],
        },
    }
    return {
        "no sources": ([train, broken], "Resources.S3 is empty"),
        "no resources": ([{**broken, "Arguments": {}}, train], "Resources is an object with S3"),
        "a misspelt member": ([train, misspelt], "unknown property 'S3Uri'. Did you mean 'S3Uris'?"),
        "no such step": ([train, cleanup("trian")], "after step 'trian', which does not exist. Did you mean 'train'?"),
        "no dependency": ([train, cleanup("train", after=[])], "but does not depend on it: add it to DependsOn"),
        "twice": ([train, cleanup("train", "train")], "it cleans up after step 'train' twice"),
        "another type": (
            [write.fail("f"), write.condition("c", write.equals(1, 1)), cleanup("c")],
            "it cannot clean up after step 'c', a Condition step; only after Training, Processing, Transform.",
        ),
        "no objects": ([process, cleanup("p")], "S3Uris is missing: of step 'p', a Processing step"),
        "objects that are found": ([train, cleanup(("train", "s3://b/k"))], "S3Uris is not for step 'train'"),
        "an empty list": ([process, cleanup(("p",))], "Resources.S3[0].S3Uris is a list with at least one URI"),
        "a prefix": ([process, cleanup(("p", "s3://bucket/p/out/"))], "is not the URI of one object"),
        "a number": ([process, cleanup(("p", 3))], "'3' is not the URI of one object"),
        "elsewhere": ([process, cleanup(("p", "s3://bucket/q/x"))], "s3://bucket/q/x is below no output of step 'p'"),
        "a VPC": ([with_vpc(train), cleanup("train")], "it cannot clean up after step 'train', which sets a VpcConfig"),
        "a VPC of processing": ([with_vpc(process), cleanup(good)], "step 'p', which sets a VpcConfig"),
        "a step of a body": (
            [train, loop, cleanup("inner", after=["inner"])],
            "it cleans up after step 'inner', which is in the body of ForEach 'loop': only a step of that body can",
        ),
        "a step outside of the body": ([train, loop], "runs for each item, but step 'train' runs once"),
        "something to read": (
            [train, cleanup("train"), write.fail("f", write.get("Steps.clean.CleanedSteps"))],
            "step 'clean' (Cleanup) has no property 'CleanedSteps'",
        ),
        "a cache": ([train, cleanup("train", CacheConfig={"Enabled": True})], "unknown property 'CacheConfig'"),
    }  # fmt: skip


CLAIMS = (
    "no sources", "no resources", "a misspelt member", "no such step", "no dependency", "twice", "another type",
    "no objects", "objects that are found", "an empty list", "a prefix", "a number", "elsewhere", "a VPC",
    "a VPC of processing", "a step of a body", "a step outside of the body", "something to read", "a cache",
)  # fmt: skip


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_mistake_is_named_when_it_is_stored(
    world: Any, write: Any, mistakes: dict[str, Any], claim: str
) -> None:
    """What AWS refuses, and what could never work."""
    steps, message = mistakes[claim]
    definition = write.definition(*steps)

    found = " ".join(str(problem) for problem in check(definition) if problem.level == "error")

    assert message in found
    with pytest.raises(AwsError):
        world.create(definition)


def test_every_mistake_is_tried(mistakes: dict[str, Any]) -> None:
    """The names and the table agree."""
    assert set(mistakes) == set(CLAIMS)


def test_what_is_deleted_too_early_is_a_warning(write: Any) -> None:
    """A step that reads the model without the cleanup step waiting for it, and results that are cached."""
    model = write.get("Steps.train.ModelArtifacts.S3ModelArtifacts")
    train = write.training("train", CacheConfig={"Enabled": True})
    early = write.definition(train, write.processing("use", model), cleanup("train"))
    late = write.definition(
        write.training("train"), write.processing("use", model), cleanup("train", after=["train", "use"])
    )

    assert [(problem.level, problem.message) for problem in check(early)] == [
        (
            "warning",
            "it deletes what step 'train' wrote, whose result later executions take from the cache: "
            "they will find nothing there.",
        ),
        (
            "warning",
            "it may delete what step 'train' wrote before step 'use' has read it: let it depend on 'use'.",
        ),
    ]
    assert check(late) == []
