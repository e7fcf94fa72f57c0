"""The ClarifyCheck and QualityCheck steps, with a job that writes what the containers write."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
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


@pytest.fixture(autouse=True)
def baselines(world: Any) -> None:
    """There are baselines that can be supplied."""
    for name in ("analysis", "constraints", "statistics", "others"):
        world.put(f"s3://bucket/before/{name}.json", b"{}")


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


def test_when_a_check_fails(world: Any, write: Any, make: Make) -> None:
    """Exactly where it needs a baseline that is not there, or compares, finds a violation and must not let it pass."""
    found, expected = {}, {}
    for case in product([False, True], repeat=5):
        skip, register, fail, violated, known = case
        writes(world, violations=[VIOLATION] if violated else [])
        settings = {"SkipCheck": skip, "RegisterNewBaseline": register, "FailOnViolation": fail}
        name = "-".join(map(str, case))
        world.create(write.definition(make(**settings, **(supplied() if known else {}))), name)

        found[case] = world.wait(world.start(name))["PipelineExecutionStatus"]

        missing = not known and not (skip and register)
        expected[case] = "Failed" if missing or (not skip and violated and fail) else "Succeeded"

    assert found == expected


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


def test_a_report_without_violations_is_none(world: Any, write: Any, make: Make) -> None:
    """An empty list violates nothing."""
    writes(world)
    world.put(f"{OUTPUT}/constraint_violations.json", b"old")
    work = world.processing.work

    def empty(request: dict[str, Any], stop: Any) -> None:
        work(request, stop)
        world.put(f"{OUTPUT}/constraint_violations.json", b'{"violations": []}')

    world.processing.work = empty

    execution, _ = world.run(write.definition(make(**supplied())))

    assert execution["PipelineExecutionStatus"] == "Succeeded"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"violations": [1]}', b"\xff"])
def test_a_report_that_is_none(world: Any, write: Any, make: Make, body: bytes) -> None:
    """Fails the step, which cannot know what is violated."""

    def work(request: dict[str, Any], stop: Any) -> None:
        writes(world)
        world.processing.work(request, stop)
        world.put(f"{OUTPUT}/constraint_violations.json", body)

    world.processing.work = work

    _, steps = world.run(write.definition(make(**supplied())))

    reason = steps["Check"]["FailureReason"]
    assert reason.startswith(f"ClientError: {OUTPUT}/constraint_violations.json is no violation report: ")
    assert "CheckJobArn" in steps["Check"]["Metadata"]["QualityCheck"]


@pytest.mark.parametrize(("skip", "register"), [(False, False), (False, True), (True, False)])
def test_without_a_previous_baseline(world: Any, write: Any, make: Make, skip: bool, register: bool) -> None:
    """The step fails before any job, says what is missing, and what a first run does."""
    step = make(
        SkipCheck=skip,
        RegisterNewBaseline=register,
        SuppliedBaselineConstraints="s3://bucket/before/constraints.json",
    )

    _, steps = world.run(write.definition(step))

    assert steps["Check"]["FailureReason"] == (
        "ClientError: Quality check needs a previous baseline, and there is none: the step has "
        "SuppliedBaselineConstraints, but no SuppliedBaselineStatistics, and a baseline is both. "
        "In a first run, set SkipCheck and RegisterNewBaseline to true."
    )
    assert world.processing.requests == []


def test_a_previous_baseline_that_is_not_there(world: Any, write: Any, make: Make) -> None:
    """Is named before any job runs; another object whose name begins the same is not taken for it."""
    world.put("s3://bucket/before/constraints.json.old", b"{}")
    world.store.delete("bucket", "before/constraints.json")

    _, steps = world.run(write.definition(make(**supplied())))

    assert steps["Check"]["FailureReason"] == (
        "ClientError: Quality check cannot read its previous baseline: there is no object "
        "s3://bucket/before/constraints.json."
    )
    assert world.processing.requests == []


def test_a_first_run_asks_for_no_group(world: Any, write: Any, make: Make) -> None:
    """Skipped and registered anew: the group need not exist yet."""
    writes(world)
    step = make(SkipCheck=True, RegisterNewBaseline=True, ModelPackageGroupName="not-yet")

    _, steps = world.run(write.definition(step))

    assert steps["Check"]["StepStatus"] == "Succeeded"
    assert steps["Check"]["Metadata"]["QualityCheck"]["ModelPackageGroupName"] == "not-yet"


def test_settings_are_pipeline_variables(world: Any, write: Any, make: Make) -> None:
    """Flags and URIs may be parameters; a text that is empty counts as none."""
    names = {"Skip": "SkipCheck", "Register": "RegisterNewBaseline", "Fail": "FailOnViolation"}
    flags = [{"Name": name, "Type": "Boolean", "DefaultValue": False} for name in names]
    uris = [{"Name": part, "Type": "String", "DefaultValue": ""} for part in FILES["QualityCheck"]]
    settings = {
        **{setting: {"Get": f"Parameters.{name}"} for name, setting in names.items()},
        **{f"SuppliedBaseline{part}": {"Get": f"Parameters.{part}"} for part in FILES["QualityCheck"]},
    }
    writes(world, violations=[VIOLATION])

    none, steps = world.run(write.definition(make(**settings), parameters=flags + uris))
    given = {
        "Constraints": "s3://bucket/before/constraints.json",
        "Statistics": "s3://bucket/before/statistics.json",
    }
    passed = world.wait(world.start(parameters=given))
    failed = world.wait(world.start(parameters={**given, "Fail": "true"}))
    first = world.wait(world.start(parameters={"Skip": "true", "Register": "true", "Fail": "true"}))

    assert "needs a previous baseline" in steps["Check"]["FailureReason"]
    statuses = [each["PipelineExecutionStatus"] for each in (none, passed, failed, first)]
    assert statuses == ["Failed", "Succeeded", "Failed", "Succeeded"]


def test_settings_wait_for_the_steps_that_they_read(world: Any, write: Any, make: Make) -> None:
    """A baseline that another step makes: that step runs first."""

    def work(request: dict[str, Any], stop: Any) -> None:
        world.put("s3://bucket/Before/baseline/analysis.json", b"{}")
        world.put(f"{OUTPUT}/analysis.json", b"{}")

    world.processing.work = work
    before = write.processing("Before", outputs=("baseline",))
    uri = {"Get": "Steps.Before.ProcessingOutputConfig.Outputs['baseline'].S3Output.S3Uri"}
    joined = {"Std:Join": {"On": "/", "Values": [uri, "analysis.json"]}}
    step = make("ClarifyCheck", SuppliedBaselineConstraints=joined)

    _, steps = world.run(write.definition(step, before))

    assert list(steps) == ["Before", "Check"]
    used = steps["Check"]["Metadata"]["ClarifyCheck"]["BaselineUsedForDriftCheckConstraints"]
    assert used == "s3://bucket/Before/baseline/analysis.json"


def test_a_flag_that_turns_out_to_be_none(world: Any, write: Any, make: Make) -> None:
    """What comes out of a file is known only when the step runs."""
    world.put("s3://bucket/flags.json", b'{"skip": "yes"}')
    flag = {"Std:JsonGet": {"S3Uri": "s3://bucket/flags.json", "Path": "skip"}}

    _, steps = world.run(write.definition(make(SkipCheck=flag)))

    assert steps["Check"]["FailureReason"] == "ClientError: SkipCheck is true or false, not 'yes'."


def test_a_job_that_fails(world: Any, write: Any, make: Make) -> None:
    """The step fails with the job's reason, and names the job."""
    world.processing.work = lambda request, stop: "AlgorithmError: no rows, exit code: 1"

    _, steps = world.run(write.definition(make(**supplied())))

    assert steps["Check"]["FailureReason"] == "ClientError: AlgorithmError: no rows, exit code: 1"
    assert steps["Check"]["Metadata"]["QualityCheck"]["CheckJobArn"].endswith(
        world.processing.requests[0]["ProcessingJobName"]
    )


@pytest.mark.parametrize("left_over", [False, True])
def test_a_job_that_calculates_no_baseline(world: Any, write: Any, make: Make, left_over: bool) -> None:
    """Does not pass for one: later steps would read what is not there, or what an earlier job left there."""
    if left_over:
        for file in FILES["QualityCheck"].values():
            world.put(f"{OUTPUT}/{file}", b"{}")

    _, steps = world.run(write.definition(make(**supplied())))

    reason = "ClientError: Quality check job wrote no s3://bucket/out/constraints.json"
    assert steps["Check"]["FailureReason"] == reason


def test_stopping_stops_the_job(world: Any, write: Any, make: Make) -> None:
    """The step is Stopped when its job is."""
    world.processing.work = lambda request, stop: None if stop.wait(30) else "never stopped"
    world.create(write.definition(make(**supplied())))
    arn = world.start()
    world.step_wait(arn, "Check", "Executing")

    world.call("StopPipelineExecution", {"PipelineExecutionArn": arn})

    assert world.wait(arn)["PipelineExecutionStatus"] == "Stopped"
    assert world.steps(arn)["Check"]["StepStatus"] == "Stopped"


def test_while_the_job_runs(world: Any, write: Any, make: Make) -> None:
    """The step tells its job and its flags, but no baseline that is not there yet."""
    world.processing.work = lambda request, stop: None if stop.wait(30) else "never stopped"
    world.create(write.definition(make(**supplied())))
    arn = world.start()
    world.step_wait(arn, "Check", "Executing")

    told = world.steps(arn)["Check"]["Metadata"]["QualityCheck"]

    assert set(told) == {"CheckType", "SkipCheck", "RegisterNewBaseline", "CheckJobArn"}
    world.call("StopPipelineExecution", {"PipelineExecutionArn": arn})
    world.wait(arn)


def test_no_check_goes_on_for_a_step_that_has_ended(world: Any, write: Any, make: Make) -> None:
    """What a process that is gone left running is stopped, and the execution can be carried on."""
    world.processing.work = lambda request, stop: None if stop.wait(30) else "never stopped"
    world.create(write.definition(make(**supplied())))
    arn = world.start()
    world.step_wait(arn, "Check", "Executing")
    world.close()
    world.open()

    world.pipelines.recover()

    job = world.steps(arn)["Check"]["Metadata"]["QualityCheck"]["CheckJobArn"].rpartition("/")[2]
    assert world.processing.stopped == [job]
    writes(world)
    world.call("RetryPipelineExecution", {"PipelineExecutionArn": arn})
    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"


def test_a_check_that_failed_is_tried_again(world: Any, write: Any, make: Make) -> None:
    """RetryPipelineExecution compares again: with data that was mended, it passes."""
    writes(world, violations=[VIOLATION])
    execution, _ = world.run(write.definition(make(**supplied())))
    writes(world)
    arn = execution["PipelineExecutionArn"]

    world.call("RetryPipelineExecution", {"PipelineExecutionArn": arn})

    assert world.wait(arn)["PipelineExecutionStatus"] == "Succeeded"
    step = world.steps(arn)["Check"]
    assert "FailureReason" not in step
    assert "ViolationReport" not in step["Metadata"]["QualityCheck"]


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({}, 1),
        ({"RegisterNewBaseline": True}, 2),
        ({"FailOnViolation": False}, 2),
        ({"SuppliedBaselineStatistics": "s3://bucket/before/others.json"}, 2),
        ({"DisplayName": "another name"}, 1),
    ],
)
def test_a_check_is_cached(world: Any, write: Any, make: Make, change: dict[str, Any], again: int) -> None:
    """With equal inputs and settings the job does not run again, and what it told is told again."""
    writes(world)
    cached = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"}, **supplied()}
    _, first = world.run(write.definition(make(**cached)))
    definition = json.dumps(write.definition(make(**{**cached, **change})))
    world.call("UpdatePipeline", {"PipelineName": "p", "PipelineDefinition": definition})
    arn = world.start()
    world.wait(arn)

    second = world.steps(arn)["Check"]

    assert len(world.processing.requests) == again
    assert second["StepStatus"] == "Succeeded"
    assert ("CacheHitResult" in second) is (again == 1)
    if again == 1:
        assert second["Metadata"] == first["Check"]["Metadata"]


def test_a_violation_is_never_taken_from_the_cache(world: Any, write: Any, make: Make) -> None:
    """A failed check is no result to use again."""
    writes(world, violations=[VIOLATION])
    world.run(write.definition(make(CacheConfig={"Enabled": True}, **supplied())))

    assert world.wait(world.start())["PipelineExecutionStatus"] == "Failed"
    assert len(world.processing.requests) == 2


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        ("QualityCheck", {"CheckType": "DATA_BIAS"}, "no CheckType 'DATA_BIAS' of a QualityCheck step"),
        ("ClarifyCheck", {"CheckType": "DATA_BAIS"}, "Did you mean 'DATA_BIAS'?"),
        (
            "ClarifyCheck",
            {"CheckType": None},
            "CheckType is missing. (There is: DATA_BIAS, MODEL_BIAS, MODEL_",
        ),
        ("ClarifyCheck", {"CheckType": {"Get": "Execution.PipelineName"}}, "there is no CheckType {"),
        ("ClarifyCheck", {"CheckType": ["DATA_BIAS"]}, "CheckType must be a string; it is ['DATA_BIAS']"),
        ("ClarifyCheck", {"ModelName": "m"}, "ModelName is for MODEL_BIAS and MODEL_EXPLAINABILITY"),
        ("QualityCheck", {"ModelName": "m"}, "unknown property 'ModelName'"),
        (
            "ClarifyCheck",
            {"SuppliedBaselineStatistics": "s3://b/s"},
            "Did you mean 'SuppliedBaselineConstraints'?",
        ),
        ("QualityCheck", {"SkipChek": True}, "unknown property 'SkipChek'. Did you mean 'SkipCheck'?"),
        ("QualityCheck", {"RetryPolicies": []}, "unknown property 'RetryPolicies'"),
        ("QualityCheck", {"SkipCheck": "true"}, "SkipCheck must be a boolean; it is 'true'."),
        ("QualityCheck", {"SkipCheck": 0}, "SkipCheck must be a boolean; it is 0."),
        (
            "QualityCheck",
            {"FailOnViolation": {"Get": "Execution.PipelineName"}},
            "FailOnViolation must be a boolean, but Execution.PipelineName is a string.",
        ),
        ("QualityCheck", {"ModelPackageGroupName": 1}, "ModelPackageGroupName must be a string; it is 1."),
        ("QualityCheck", {"SkipCheck": {"Get": "Parameters.Skip"}}, "there is no parameter 'Skip'"),
        (
            "QualityCheck",
            {"SuppliedBaselineConstraints": {"Get": "Steps.Tell.X"}},
            "wait for each other in a cycle",
        ),
        ("QualityCheck", {"Arguments": {}}, "has no output with an S3Output"),
    ],
)
def test_what_is_wrong_with_a_check(
    write: Any, make: Make, kind: str, settings: dict[str, Any], said: str
) -> None:
    """Is said when the pipeline is stored, and what would be right."""
    uses = {"Get": "Steps.Check.CalculatedBaselineConstraints"}
    definition = write.definition(make(kind, **settings), write.fail("Tell", uses))

    found = [str(problem) for problem in check(definition)]

    assert any(said in problem for problem in found), found


@KINDS
def test_a_check_is_fine(write: Any, make: Make, kind: str) -> None:
    """As the SDK writes it; all its properties can be read, and no others."""
    parts = [
        f"{stem}{part}"
        for stem in ("CalculatedBaseline", "BaselineUsedForDriftCheck")
        for part in FILES[kind]
    ]
    values = [{"Get": f"Steps.Check.{part}"} for part in parts]
    tell = write.fail("Tell", {"Std:Join": {"On": " ", "Values": values}})

    assert check(write.definition(make(kind), tell)) == []

    tell = write.fail("Tell", {"Get": "Steps.Check.CalculatedBaseline"})
    (problem,) = check(write.definition(make(kind), tell))
    assert "has no property 'CalculatedBaseline'. Did you mean 'CalculatedBaseline" in str(problem)
