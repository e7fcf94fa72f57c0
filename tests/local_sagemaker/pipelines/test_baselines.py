"""Which baseline a check step compares with."""

from __future__ import annotations

from typing import Any

import pytest

from local_sagemaker.pipelines.baselines import NoBaseline, previous

BIAS = {"Bias": {"PreTrainingConstraints": "pre", "PostTrainingConstraints": "post"}}
EXPLAINED = {"Explainability": {"Constraints": "explained"}}
QUALITY = {
    area: {"Constraints": f"{area}-c", "Statistics": f"{area}-s"}
    for area in ("ModelDataQuality", "ModelQuality")
}


def approve(world: Any, write: Any, baselines: dict[str, Any], status: str = "Approved") -> str:
    """A new package of the group ``g``, which is made with the first; the package's ARN."""
    if world.records.get("ModelPackageGroup", "g") is None:
        world.call("CreateModelPackageGroup", {"ModelPackageGroupName": "g"})
    request = write.register("Register", "g", "s3://bucket/model.tar.gz")["Arguments"]
    del request["ModelMetrics"]
    sources = {
        area: {
            member: {"ContentType": "application/json", "S3Uri": f"s3://bucket/{name}.json"}
            for member, name in members.items()
        }
        for area, members in baselines.items()
    }
    asked = {**request, "ModelApprovalStatus": status, "DriftCheckBaselines": sources}
    arn: str = world.call("CreateModelPackage", asked)["ModelPackageArn"]
    return arn


@pytest.mark.parametrize(
    ("check_type", "expected"),
    [
        ("DATA_BIAS", {"Constraints": "pre"}),
        ("MODEL_BIAS", {"Constraints": "post"}),
        ("MODEL_EXPLAINABILITY", {"Constraints": "explained"}),
        ("DATA_QUALITY", {"Constraints": "ModelDataQuality-c", "Statistics": "ModelDataQuality-s"}),
        ("MODEL_QUALITY", {"Constraints": "ModelQuality-c", "Statistics": "ModelQuality-s"}),
    ],
)
def test_each_check_has_its_place_in_a_package(
    world: Any, write: Any, check_type: str, expected: dict[str, str]
) -> None:
    """The five checks read five baselines of the same package."""
    approve(world, write, BIAS | EXPLAINED | QUALITY)

    found = previous(check_type, {}, "g", world.call)

    assert found == {part: f"s3://bucket/{name}.json" for part, name in expected.items()}


def test_the_latest_approved_package_counts(world: Any, write: Any) -> None:
    """Not one that waits for its approval or was rejected, nor an older one; an ARN names the group as well."""
    approve(world, write, {"Bias": {"PreTrainingConstraints": "first"}})
    second = approve(world, write, {"Bias": {"PreTrainingConstraints": "second"}})
    approve(world, write, {"Bias": {"PreTrainingConstraints": "third"}}, "PendingManualApproval")
    approve(world, write, {"Bias": {"PreTrainingConstraints": "fourth"}}, "Rejected")
    group = second.replace("model-package/", "model-package-group/").rpartition("/")[0]

    found = [previous("DATA_BIAS", {}, name, world.call) for name in ("g", group)]

    assert found == [{"Constraints": "s3://bucket/second.json"}] * 2


def test_what_is_supplied_goes_first(world: Any, write: Any) -> None:
    """And goes alone: half a baseline is not filled up with half of another one."""
    approve(world, write, QUALITY)

    with pytest.raises(NoBaseline) as missing:
        previous("DATA_QUALITY", {"Constraints": "s3://bucket/mine.json"}, "g", world.call)

    assert str(missing.value) == (
        "the step has SuppliedBaselineConstraints, but no SuppliedBaselineStatistics, and a baseline is both"
    )


def test_a_whole_supplied_baseline_asks_no_group() -> None:
    """The group need not exist."""

    def nobody(operation: str, request: Any) -> dict[str, Any]:
        raise AssertionError((operation, request))

    given = {"Constraints": "s3://bucket/mine.json"}

    assert previous("MODEL_BIAS", given, "not-there", nobody) == given


@pytest.mark.parametrize(
    ("group", "packages", "said"),
    [
        (None, [], "the step has no SuppliedBaselineConstraints and no ModelPackageGroupName"),
        ("g", [(BIAS, "Rejected")], "model package group 'g' has no approved model package"),
        (
            "g",
            [(BIAS, "Approved"), (EXPLAINED, "Approved")],
            "the step has no SuppliedBaselineConstraints, and the latest approved model package, "
            "arn:aws:sagemaker:us-east-1:123456789012:model-package/g/2, has no "
            "DriftCheckBaselines.Bias.PreTrainingConstraints",
        ),
    ],
)
def test_what_is_missing_is_said(
    world: Any, write: Any, group: str | None, packages: list[tuple[Any, str]], said: str
) -> None:
    """The latest approved package alone counts: an older one's baseline belongs to another model."""
    for baselines, status in packages:
        approve(world, write, baselines, status)

    with pytest.raises(NoBaseline) as missing:
        previous("DATA_BIAS", {}, group, world.call)

    assert str(missing.value) == said


def test_a_group_that_is_not_there(world: Any) -> None:
    """Is said as SageMaker says it."""
    with pytest.raises(NoBaseline, match=r"model-package-group/nobodys does not exist$"):
        previous("DATA_BIAS", {}, "nobodys", world.call)


def test_a_folder_is_no_baseline(world: Any) -> None:
    """The job would be told a file that is not there."""
    with pytest.raises(NoBaseline) as missing:
        previous("DATA_BIAS", {"Constraints": "s3://bucket/before/"}, None, world.call)

    assert str(missing.value) == "s3://bucket/before/ is a folder, and Constraints are a file"
