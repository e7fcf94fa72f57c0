"""Which failures are tried again, and when.

A policy names exception types, an interval that grows by a rate, and a limit: attempts, or minutes since
the step began. Without a policy nothing is tried again: AWS retries faults of its own service and throttling
by default, but here a fault of the service is a bug that a wait would only hide.
https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-retry-policy.html
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local_sagemaker.errors import AwsError
from local_sagemaker.pipelines.problem import hint

EXCEPTION_TYPES = (
    "Step.SERVICE_FAULT",
    "Step.THROTTLING",
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.RESOURCE_LIMIT",
)
_LIMITS = {  # field: (least, greatest, default)
    "IntervalSeconds": (0, 43200, 1),
    "BackoffRate": (0, 100, 2.0),
    "MaxAttempts": (1, 20, 5),
    "ExpireAfterMin": (1, 14400, None),
}


class Retries:
    """The retries of one run of one step; counts for each policy on its own."""

    def __init__(self, policies: Sequence[Mapping[str, Any]]) -> None:
        self._policies = policies
        self._used = [0] * len(policies)
        self._since = time.monotonic()

    def wait_after(self, failure: str | None) -> float | None:
        """Seconds to wait before the next attempt after a failure of that type; None for no next attempt."""
        for index, policy in enumerate(self._policies):
            if failure not in policy["ExceptionType"]:
                continue
            used = self._used[index]
            wait = float(policy.get("IntervalSeconds", 1) * policy.get("BackoffRate", 2.0) ** used)
            if "ExpireAfterMin" in policy:
                allowed = time.monotonic() + wait - self._since <= policy["ExpireAfterMin"] * 60
            else:
                allowed = used < policy.get("MaxAttempts", 5)
            if allowed:
                self._used[index] += 1
                return wait
        return None


def kind_of_error(error: AwsError) -> str | None:
    """The exception type of a refused request."""
    if error.code in ("ThrottlingException", "Throttling"):
        return "Step.THROTTLING"
    if error.code == "ResourceLimitExceeded":
        return "SageMaker.RESOURCE_LIMIT"
    return "Step.SERVICE_FAULT" if error.status >= 500 and error.code == "InternalFailure" else None


def kind_of_reason(reason: str) -> str | None:
    """The exception type of a job that failed with that FailureReason."""
    if reason.startswith(("InternalServerError", "ServerError")):
        return "SageMaker.JOB_INTERNAL_ERROR"
    return "SageMaker.CAPACITY_ERROR" if "CapacityError" in reason else None


def mistakes(policy: Mapping[str, Any]) -> Iterator[str]:
    """Everything that is wrong with a policy."""
    types = policy.get("ExceptionType")
    if not isinstance(types, list) or not types:
        yield "a retry policy has ExceptionType, a list."
        types = []
    for name in types:
        if name not in EXCEPTION_TYPES:
            yield f"there is no exception type {name!r} to retry on.{hint(str(name), EXCEPTION_TYPES)}"
    if "MaxAttempts" in policy and "ExpireAfterMin" in policy:
        yield "a retry policy has MaxAttempts or ExpireAfterMin, not both."
    for key, value in policy.items():
        if key == "ExceptionType":
            continue
        if key not in _LIMITS:
            yield f"Cannot parse object, unknown property {key!r}.{hint(key, ('ExceptionType', *_LIMITS))}"
            continue
        least, greatest, _ = _LIMITS[key]
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= greatest:
            yield f"{key} of a retry policy is a number from {least} to {greatest}, not {value!r}."
