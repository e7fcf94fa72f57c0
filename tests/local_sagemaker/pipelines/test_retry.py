"""Failures that are tried again."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from local_sagemaker.errors import AwsError, ResourceLimitExceeded
from local_sagemaker.pipelines.retry import Retries, kind_of_error, kind_of_reason, mistakes

INTERNAL = "SageMaker.JOB_INTERNAL_ERROR"


def test_waits_grow_by_the_rate_until_the_attempts_are_used_up() -> None:
    """Interval times rate to the power of the attempts so far."""
    retries = Retries(
        [{"ExceptionType": [INTERNAL], "IntervalSeconds": 3, "BackoffRate": 2, "MaxAttempts": 3}]
    )

    assert [retries.wait_after(INTERNAL) for _ in range(4)] == [3, 6, 12, None]


def test_each_policy_counts_on_its_own_and_other_failures_are_not_retried() -> None:
    """A policy is for its own exception types."""
    retries = Retries(
        [
            {"ExceptionType": [INTERNAL], "MaxAttempts": 1},
            {"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 5, "MaxAttempts": 1},
        ]
    )

    assert retries.wait_after("SageMaker.CAPACITY_ERROR") is None
    assert retries.wait_after(None) is None
    assert retries.wait_after(INTERNAL) == 1
    assert retries.wait_after("Step.THROTTLING") == 5
    assert retries.wait_after(INTERNAL) is None


def test_a_policy_with_an_expiry_does_not_wait_beyond_it() -> None:
    """The next attempt must begin within ExpireAfterMin."""
    retries = Retries(
        [{"ExceptionType": [INTERNAL], "IntervalSeconds": 50, "BackoffRate": 2, "ExpireAfterMin": 1}]
    )

    assert [retries.wait_after(INTERNAL) for _ in range(2)] == [50, None]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AwsError("slow down", code="ThrottlingException"), "Step.THROTTLING"),
        (ResourceLimitExceeded("no more"), "SageMaker.RESOURCE_LIMIT"),
        (AwsError("broken", code="InternalFailure", status=500), "Step.SERVICE_FAULT"),
        (AwsError("wrong", code="ValidationException"), None),
    ],
)
def test_refused_requests_have_the_exception_types_of_aws(error: AwsError, kind: str | None) -> None:
    """What is the caller's own mistake has none: trying again cannot help."""
    assert kind_of_error(error) == kind


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("InternalServerError: We encountered an internal error.", INTERNAL),
        ("CapacityError: Unable to provision requested ML compute capacity.", "SageMaker.CAPACITY_ERROR"),
        ("AlgorithmError: ValueError", None),
    ],
)
def test_failed_jobs_have_the_exception_types_of_aws(reason: str, kind: str | None) -> None:
    """Read off the beginning of the failure reason."""
    assert kind_of_reason(reason) == kind


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"ExceptionType": ["Step.THROTTLED"]}, "Did you mean 'Step.THROTTLING'?"),
        ({"MaxAttempts": 2}, "has ExceptionType, a list"),
        ({"ExceptionType": [INTERNAL], "MaxAttempts": 2, "ExpireAfterMin": 3}, "not both"),
        ({"ExceptionType": [INTERNAL], "MaxAttempts": 21}, "a number from 1 to 20, not 21"),
        (
            {"ExceptionType": [INTERNAL], "IntervalSeconds": "1"},
            "IntervalSeconds of a retry policy is a number",
        ),
        ({"ExceptionType": [INTERNAL], "BackofRate": 2}, "Did you mean 'BackoffRate'?"),
    ],
)
def test_mistakes_in_policies_are_named(policy: dict[str, Any], message: str) -> None:
    """Types, limits, and members that do not go together."""
    assert message in " ".join(mistakes(policy))


def flaky(failures: int) -> Any:
    """Work that fails with an internal error so many times, and then succeeds."""
    left = iter(["InternalServerError: oops"] * failures)
    return lambda request, stop: next(left, None)


def test_a_step_is_tried_again_with_a_new_job(world: Any, write: Any) -> None:
    """AttemptCount counts the retries; each has a job, and a name, of its own."""
    policy = {"ExceptionType": [INTERNAL], "IntervalSeconds": 0, "MaxAttempts": 3}
    world.processing.work = flaky(2)

    execution, steps = world.run(write.definition(write.processing("a", RetryPolicies=[policy])))

    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert steps["a"]["AttemptCount"] == 2
    assert "FailureReason" not in steps["a"]
    assert len({request["ProcessingJobName"] for request in world.processing.requests}) == 3


def test_without_a_policy_a_failure_is_final(world: Any, write: Any) -> None:
    """Nothing is tried again by default."""
    world.processing.work = flaky(1)

    _, steps = world.run(write.definition(write.processing("a")))

    assert steps["a"]["StepStatus"] == "Failed"
    assert steps["a"]["FailureReason"] == "InternalServerError: oops"


def test_the_wait_for_a_retry_can_be_stopped(world: Any, write: Any) -> None:
    """A step that waits an hour for its next attempt is Stopped at once."""
    failed = threading.Event()

    def work(request: dict[str, Any], stop: threading.Event) -> str:
        failed.set()
        return "InternalServerError: oops"

    world.processing.work = work
    policy = {"ExceptionType": [INTERNAL], "IntervalSeconds": 3600, "MaxAttempts": 3}
    world.create(write.definition(write.processing("a", RetryPolicies=[policy])))
    arn = world.start()
    assert failed.wait(30)

    world.call("StopPipelineExecution", {"PipelineExecutionArn": arn})

    assert world.wait(arn)["PipelineExecutionStatus"] == "Stopped"
    assert world.steps(arn)["a"]["StepStatus"] in ("Stopped", "Failed")
