"""Pipelines and versions as resources."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from local_sagemaker.errors import AwsError

S3 = {"Bucket": "bucket", "ObjectKey": "definition.json"}


def test_a_pipeline_is_described_as_it_was_created(world: Any, write: Any) -> None:
    """By name and by ARN; the definition comes back byte for byte."""
    text = json.dumps(write.definition(write.processing("a")), indent=3)

    arn = world.create(
        {}, PipelineDefinition=text, PipelineDescription="what it does", Tags=[{"Key": "k", "Value": "v"}]
    )

    for name in ("p", arn):
        described = world.call("DescribePipeline", {"PipelineName": name})
        assert described["PipelineDefinition"] == text
        assert (described["PipelineArn"], described["PipelineName"]) == (arn, "p")
        assert (described["PipelineStatus"], described["PipelineDescription"]) == ("Active", "what it does")
        assert described["PipelineDisplayName"] == "p"


def test_a_name_that_is_taken_is_refused_in_the_words_that_the_sdk_looks_for(world: Any, write: Any) -> None:
    """upsert() tells create from update by this error."""
    world.create(write.definition(write.processing("a")))

    with pytest.raises(AwsError) as failure:
        world.create(write.definition(write.processing("a")), ClientRequestToken="x" * 32)

    assert failure.value.code == "ValidationException"
    assert failure.value.message == (
        "Pipeline names must be unique within an AWS account and region. Pipeline with name (p) already exists."
    )


def test_the_same_token_creates_once(world: Any, write: Any) -> None:
    """A client that repeats its request gets the same answer."""
    definition = write.definition(write.processing("a"))

    assert world.create(definition) == world.create(definition)


def test_a_definition_may_lie_in_s3(world: Any, write: Any) -> None:
    """The SDK puts large ones there."""
    text = json.dumps(write.definition(write.processing("a")))
    world.put("s3://bucket/definition.json", text.encode())
    request = {
        "PipelineName": "p",
        "PipelineDefinitionS3Location": S3,
        "RoleArn": "arn:aws:iam::123456789012:role/r",
    }

    world.call("CreatePipeline", request)

    assert world.call("DescribePipeline", {"PipelineName": "p"})["PipelineDefinition"] == text


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "Either PipelineDefinition or PipelineDefinitionS3Location must be given."),
        ({"PipelineDefinition": "{}", "PipelineDefinitionS3Location": S3}, "cannot both be given"),
        ({"PipelineDefinition": "{"}, "Unable to parse pipeline definition. It is not JSON: "),
    ],
)
def test_a_pipeline_needs_one_definition(world: Any, members: dict[str, Any], message: str) -> None:
    """None, two, and one that is none."""
    request = {"PipelineName": "p", "RoleArn": "arn:aws:iam::123456789012:role/r", **members}

    with pytest.raises(AwsError) as failure:
        world.call("CreatePipeline", request)

    assert message in failure.value.message
    assert world.call("ListPipelines", {})["PipelineSummaries"] == []


def test_a_wrong_definition_is_refused_with_every_problem(world: Any, write: Any) -> None:
    """One ValidationException names them all, and nothing is stored, in create as in update."""
    wrong = write.definition(
        write.processing("a", after=["b"]), {"Name": "c", "Type": "Nonsense", "Arguments": {}}
    )

    with pytest.raises(AwsError) as failure:
        world.create(wrong)

    assert failure.value.code == "ValidationException"
    assert failure.value.message.startswith(
        "Unable to parse pipeline definition. Step 'a': it depends on step 'b'"
    )
    assert "there is no step type 'Nonsense'" in failure.value.message
    world.create(write.definition(write.processing("a")))
    with pytest.raises(AwsError, match="Unable to parse pipeline definition"):
        world.call("UpdatePipeline", {"PipelineName": "p", "PipelineDefinition": json.dumps(wrong)})
    assert len(world.call("ListPipelineVersions", {"PipelineName": "p"})["PipelineVersionSummaries"]) == 1


def test_an_update_is_a_new_version_and_the_old_one_stays(world: Any, write: Any) -> None:
    """Versions are listed newest first; one without a new definition is none."""
    first, second = (json.dumps(write.definition(write.processing(name))) for name in "ab")
    world.create({}, PipelineDefinition=first)

    answer = world.call("UpdatePipeline", {"PipelineName": "p", "PipelineDefinition": second})
    world.call("UpdatePipeline", {"PipelineName": "p", "PipelineDescription": "new words"})

    assert answer["PipelineVersionId"] == 2
    versions = world.call("ListPipelineVersions", {"PipelineName": "p"})["PipelineVersionSummaries"]
    assert [version["PipelineVersionId"] for version in versions] == [2, 1]
    described = world.call("DescribePipeline", {"PipelineName": "p"})
    assert (described["PipelineDefinition"], described["PipelineDescription"]) == (second, "new words")
    assert (
        world.call("DescribePipeline", {"PipelineName": "p", "PipelineVersionId": 1})["PipelineDefinition"]
        == first
    )


def test_an_alias_names_one_version(world: Any, write: Any) -> None:
    """Giving it to another version takes it away from the first."""
    first, second = (json.dumps(write.definition(write.processing(name))) for name in "ab")
    arn = world.create({}, PipelineDefinition=first, PipelineVersionAliases=["stable"])
    world.call("UpdatePipeline", {"PipelineName": "p", "PipelineDefinition": second})
    asked = {"PipelineName": "p", "PipelineVersionAlias": "stable"}
    assert world.call("DescribePipeline", asked)["PipelineDefinition"] == first

    world.call(
        "UpdatePipelineVersion",
        {
            "PipelineArn": arn,
            "PipelineVersionId": 2,
            "PipelineVersionDisplayName": "release-2",
            "PipelineVersionAliasOperations": {"Add": ["stable"]},
        },
    )

    assert world.call("DescribePipeline", asked)["PipelineDefinition"] == second
    versions = world.call("ListPipelineVersions", {"PipelineName": "p"})["PipelineVersionSummaries"]
    assert versions[0]["PipelineVersionDisplayName"] == "release-2"
    assert versions[1].get("PipelineVersionAliases", []) == []


def test_pipelines_are_listed_by_prefix_and_page(world: Any, write: Any) -> None:
    """Every pipeline once, newest first."""
    names = ["a1", "b1", "a2", "a3"]
    for name in names:
        world.create(write.definition(write.processing("a")), name=name)

    found, request = [], {"PipelineNamePrefix": "a", "MaxResults": 2}
    while True:
        answer = world.call("ListPipelines", request)
        found += [summary["PipelineName"] for summary in answer["PipelineSummaries"]]
        if "NextToken" not in answer:
            break
        request["NextToken"] = answer["NextToken"]

    assert found == ["a3", "a2", "a1"]


def test_a_deleted_pipeline_leaves_nothing(world: Any, write: Any) -> None:
    """Its executions are gone, and the name starts at version 1 and with an empty cache again."""
    definition = write.definition(write.processing("a", CacheConfig={"Enabled": True, "ExpireAfter": "P1D"}))
    execution, _ = world.run(definition)

    world.call("DeletePipeline", {"PipelineName": "p"})

    for operation, request in (
        ("DescribePipeline", {"PipelineName": "p"}),
        ("DescribePipelineExecution", {"PipelineExecutionArn": execution["PipelineExecutionArn"]}),
    ):
        with pytest.raises(AwsError, match="does not exist") as failure:
            world.call(operation, request)
        assert failure.value.code == "ResourceNotFound"
    _, steps = world.run(definition)
    assert "CacheHitResult" not in steps["a"]


def test_a_pipeline_that_runs_cannot_be_deleted(world: Any, write: Any) -> None:
    """The conflict names the execution."""
    done = threading.Event()
    world.processing.work = lambda request, stop: None if done.wait(30) else "never told"
    world.create(write.definition(write.processing("a")))
    arn = world.start()

    with pytest.raises(AwsError, match="cannot be deleted while it has running executions") as failure:
        world.call("DeletePipeline", {"PipelineName": "p"})

    assert failure.value.code == "ConflictException"
    done.set()
    world.wait(arn)
