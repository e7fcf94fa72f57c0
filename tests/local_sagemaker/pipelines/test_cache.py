"""Results that are used again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from local_sagemaker.pipelines.cache import Hit, StepCache, differences, seconds
from local_sagemaker.records import Records

CACHED = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"}}


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("P30D", 2592000),
        ("p30d", 2592000),
        ("P4DT12H", 388800),
        ("T12H", 43200),
        ("PT90S", 90),
        ("P1W", 604800),
    ],
)
def test_durations_are_iso_8601_as_the_sdk_shows_them(duration: str, expected: float) -> None:
    """Days, weeks, hours and seconds; lower case, and the P left out."""
    assert seconds(duration) == expected


@pytest.mark.parametrize("duration", ["", "P", "PT", "30", "30 days", "P1H"])
def test_what_is_no_duration_is_refused(duration: str) -> None:
    """The message shows what one looks like."""
    with pytest.raises(ValueError, match="is not an ISO 8601 duration such as P30D"):
        seconds(duration)


def test_differences_name_the_place_and_both_values() -> None:
    """The places are paths into the arguments."""
    before = {"A": {"B": [1, 2]}, "C": "x"}
    after = {"A": {"B": [1, 3]}, "D": "x"}

    assert list(differences(before, after)) == ["A.B[1]: 2 -> 3", "C: removed", "D: added"]


def test_of_long_texts_the_part_that_differs_is_shown() -> None:
    """Two URIs that differ at their end do not look alike."""
    before, after = (
        f"s3://a-bucket/a/long/prefix/of/many/parts/runs/{run}/model.tar.gz" for run in ("one", "two")
    )

    (change,) = differences(before, after, "Uri")

    assert change == 'Uri: "…any/parts/runs/one/model.tar.gz" -> "…any/parts/runs/two/model.tar.gz"'


def test_the_latest_run_with_an_equal_key_counts_until_it_expires(tmp_path: Path) -> None:
    """A later run with another key does not hide an earlier one with this key; an old one is no hit."""
    records = Records(tmp_path / "records")
    cache = StepCache(records, "p")
    now = time.time()
    for run, key in enumerate([{"A": 1}, {"A": 1}, {"A": 2}]):
        cache.remember("step", key, now + run, Hit(f"arn/{run}", {}, {"run": run}))

    hit = cache.find("step", {"A": 1}, since=now)
    expired = cache.find("step", {"A": 1}, since=now + 2)
    records.close()

    assert hit == Hit("arn/1", {}, {"run": 1})
    assert expired is None


def run_twice(world: Any, definition: dict[str, Any], *starts: dict[str, str]) -> list[dict[str, Any]]:
    """The steps of several executions of one pipeline."""
    world.create(definition)
    found = []
    for parameters in starts or ({}, {}):
        arn = world.start(parameters=parameters)
        assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
        found.append(world.steps(arn))
    return found


def test_a_hit_has_the_earlier_job_and_its_results(world: Any, write: Any) -> None:
    """No job is created; later steps read the earlier run's properties; the source execution is named."""
    prep = write.processing("prep", outputs=("train",), **CACHED)
    uri = write.get("Steps.prep.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri")

    first, second = run_twice(world, write.definition(prep, write.training("train", uri, **CACHED)))

    for step in ("prep", "train"):
        assert second[step]["StepStatus"] == "Succeeded"
        assert second[step]["Metadata"] == first[step]["Metadata"]
        assert "/execution/" in second[step]["CacheHitResult"]["SourcePipelineExecutionArn"]
        assert "CacheHitResult" not in first[step]
    assert len(world.processing.requests) == len(world.training.requests) == 1


def test_outputs_and_resources_do_not_count_but_arguments_do(world: Any, write: Any) -> None:
    """A processing step's key is AppSpecification, Environment and ProcessingInputs."""
    step = write.processing("a", write.get("Parameters.A"), outputs=("o",), **CACHED)
    cluster = step["Arguments"]["ProcessingResources"]["ClusterConfig"]
    cluster["InstanceType"] = write.get("Parameters.Instance")
    parameters = [
        {"Name": "A", "Type": "String", "DefaultValue": "x"},
        {"Name": "Instance", "Type": "String", "DefaultValue": "ml.m5.large"},
    ]

    _, other_instance, other_argument = run_twice(
        world, write.definition(step, parameters=parameters), {}, {"Instance": "ml.m5.xlarge"}, {"A": "y"}
    )

    assert "CacheHitResult" in other_instance["a"]
    assert "CacheHitResult" not in other_argument["a"]


def test_a_miss_records_what_has_changed(world: Any, write: Any) -> None:
    """The reason names the argument, and its values then and now."""
    step = write.processing("a", write.get("Parameters.A"), **CACHED)
    world.create(write.definition(step, parameters=[{"Name": "A", "Type": "String", "DefaultValue": "x"}]))

    reasons = []
    for value in ("x", "y"):
        arn = world.start(parameters={"A": value})
        world.wait(arn)
        kind = f"PipelineExecutionStep/{arn.partition('pipeline/')[2]}"
        reasons.append(world.records.get(kind, "a")["_CacheMiss"])

    assert reasons[0] == "this step has not succeeded before"
    assert reasons[1].endswith('AppSpecification.ContainerArguments[0]: "x" -> "y"')


def test_a_failed_run_is_no_hit(world: Any, write: Any) -> None:
    """Only successful runs count."""
    world.processing.work = lambda request, stop: "AlgorithmError: no"
    world.create(write.definition(write.processing("a", **CACHED)))
    world.wait(world.start())
    world.processing.work = lambda request, stop: None

    arn = world.start()

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert "CacheHitResult" not in world.steps(arn)["a"]


def test_without_caching_every_run_is_new(world: Any, write: Any) -> None:
    """A step without CacheConfig, or with Enabled false, creates a job each time."""
    off = {"CacheConfig": {"Enabled": False, "ExpireAfter": "P30D"}}

    run_twice(world, write.definition(write.processing("a"), write.processing("b", **off)))

    assert len(world.processing.requests) == 4
