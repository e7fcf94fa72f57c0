"""The ClarifyCheck and QualityCheck steps, with a job that writes what the containers write."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from local_sagemaker.pipelines.check import check

OUTPUT = "s3://bucket/out"
VIOLATION = {
    "feature_name": "_c5",
    "constraint_check_type": "data_type_check",
    "description": "Data type match requirement is not met.",
}
FILES = {
    "ClarifyCheck": {"Constraints": "analysis.json"},
    "QualityCheck": {"Constraints": "constraints.json", "Statistics": "statistics.json"},
}
TYPE = {"ClarifyCheck": "DATA_BIAS", "QualityCheck": "DATA_QUALITY"}
KINDS = pytest.mark.parametrize("kind", ["ClarifyCheck", "QualityCheck"])

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def make(write: Any) -> Make:
    """Makes a check step as the SDK writes it, nulls included."""

    def step(kind: str = "QualityCheck", name: str = "Check", **settings: Any) -> dict[str, Any]:
        made = write.processing(name, outputs=("result",))
        made["Arguments"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] = OUTPUT
        own = {
            "CheckType": TYPE[kind],
            "ModelPackageGroupName": None,
            "SkipCheck": False,
            "FailOnViolation": True,
            "RegisterNewBaseline": False,
            **{f"SuppliedBaseline{part}": None for part in FILES[kind]},
        }
        return {**made, "Type": kind, **own, **settings}

    return step


def supplied(kind: str = "QualityCheck") -> dict[str, str]:
    """Settings that supply the whole baseline."""
    return {f"SuppliedBaseline{part}": f"s3://bucket/before/{file}" for part, file in FILES[kind].items()}


def writes(world: Any, kind: str = "QualityCheck", violations: Any = ()) -> None:
    """The world's processing jobs write a baseline and, where they compare, what is violated."""

    def work(request: dict[str, Any], stop: Any) -> None:
        del stop
        for file in FILES[kind].values():
            world.put(f"{OUTPUT}/{file}", b"{}")
        if violations and "baseline_constraints" in request.get("Environment", {}):
            body = {"version": 0.0, "violations": list(violations)}
            world.put(f"{OUTPUT}/constraint_violations.json", json.dumps(body).encode())

    world.processing.work = work


def approve(world: Any, write: Any, baselines: dict[str, Any], status: str = "Approved") -> str:
    """A new package of the group ``g``; its ARN."""
    world.call("CreateModelPackageGroup", {"ModelPackageGroupName": "g"}) if not world.records.get(
        "ModelPackageGroup", "g"
    ) else None
    request = write.register("r", "g", "s3://bucket/model.tar.gz")["Arguments"]
    del request["ModelMetrics"]
    request |= {"ModelApprovalStatus": status, "DriftCheckBaselines": baselines}
    arn: str = world.call("CreateModelPackage", request)["ModelPackageArn"]
    return arn


def source(uri: str) -> dict[str, str]:
    return {"ContentType": "application/json", "S3Uri": uri}


@KINDS
@pytest.mark.parametrize(("skip", "register"), [(False, False), (False, True), (True, False), (True, True)])
def test_skip_and_register(world: Any, write: Any, make: Make, kind: str, skip: bool, register: bool) -> None:
    """The four combinations: whether the job compares, and which baseline later steps read."""
    writes(world, kind)
    step = make(kind, SkipCheck=skip, RegisterNewBaseline=register, **supplied(kind))
    uses = [{"Get": f"Steps.Check.BaselineUsedForDriftCheck{part}"} for part in FILES[kind]]
    tell = write.fail("Tell", {"Std:Join": {"On": " ", "Values": uses}})

    _, steps = world.run(write.definition(step, tell))

    calculated = {part: f"{OUTPUT}/{file}" for part, file in FILES[kind].items()}
    before = {part: f"s3://bucket/before/{file}" for part, file in FILES[kind].items()}
    used = calculated if register else before
    (request,) = world.processing.requests
    assert ("baseline_constraints" in request.get("Environment", {})) is not skip
    assert steps["Tell"]["FailureReason"] == " ".join(used.values())
    assert steps["Check"]["Metadata"][kind] == {
        "CheckType": TYPE[kind],
        "SkipCheck": skip,
        "RegisterNewBaseline": register,
        "CheckJobArn": world.records.list("ProcessingJob")[0]["ProcessingJobArn"],
        **{f"CalculatedBaseline{part}": uri for part, uri in calculated.items()},
        **{f"BaselineUsedForDriftCheck{part}": uri for part, uri in used.items()},
    }


def test_the_job_is_told_where_the_previous_baseline_lies(world: Any, write: Any, make: Make) -> None:
    """As inputs, and as the paths of their files in the environment; the rest of the request stays."""
    writes(world)
    step = make(**supplied())
    step["Arguments"]["Environment"] = {"dataset_format": "{}"}

    world.run(write.definition(step))

    (request,) = world.processing.requests
    assert request["Environment"] == {
        "dataset_format": "{}",
        "baseline_constraints": "/opt/ml/processing/baseline/constraints/constraints.json",
        "baseline_statistics": "/opt/ml/processing/baseline/stats/statistics.json",
    }
    assert [(each["InputName"], each["S3Input"]["S3Uri"]) for each in request["ProcessingInputs"]] == [
        ("baseline_constraints", "s3://bucket/before/constraints.json"),
        ("baseline_statistics", "s3://bucket/before/statistics.json"),
    ]
    assert "CheckType" not in request


@KINDS
@pytest.mark.parametrize("fail", [None, True, False])
def test_a_violation(world: Any, write: Any, make: Make, kind: str, fail: bool | None) -> None:
    """Fails the step, in AWS's words, unless FailOnViolation is false; the report is named in any case."""
    writes(world, kind, [VIOLATION])

    execution, steps = world.run(write.definition(make(kind, FailOnViolation=fail, **supplied(kind))))

    (step,) = steps.values()
    report = f"{OUTPUT}/constraint_violations.json"
    assert step["Metadata"][kind]["ViolationReport"] == report
    assert step["Metadata"][kind]["CalculatedBaselineConstraints"] == f"{OUTPUT}/{FILES[kind]['Constraints']}"
    if fail is False:
        assert step["StepStatus"] == "Succeeded"
        assert "FailureReason" not in step
        return
    assert step["StepStatus"] == execution["PipelineExecutionStatus"] == "Failed"
    assert step["FailureReason"] == (
        f"ClientError: {kind.removesuffix('Check')} check failed. See violation report: {report} "
        "(1 violation, first _c5 data_type_check: Data type match requirement is not met.)"
    )


def test_a_report_of_an_earlier_run_is_not_this_ones(world: Any, write: Any, make: Make) -> None:
    """Jobs with the same output: the second violates nothing, though the first one's report is still there."""
    writes(world, violations=[VIOLATION])
    world.run(write.definition(make(**supplied())))
    writes(world)

    arn = world.start()

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert "ViolationReport" not in world.steps(arn)["Check"]["Metadata"]["QualityCheck"]


def test_the_same_violation_again(world: Any, write: Any, make: Make) -> None:
    """A report that says what the one before it said is a new report nevertheless."""
    writes(world, violations=[VIOLATION])
    world.run(write.definition(make(**supplied())))

    assert world.wait(world.start())["PipelineExecutionStatus"] == "Failed"
