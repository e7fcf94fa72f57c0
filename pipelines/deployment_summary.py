"""What an execution has done about its endpoint, in a line or two: in service and tested, waiting, or taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from containers import contract
from pipelines.errors import RunError
from pipelines.service import Execution, Service, Step

REGISTER, APPROVAL, DEPLOY, SMOKE_TEST = "Register", "Approval", "Deploy", "SmokeTest"


@dataclass(frozen=True)
class Line:
    """One thing to say; ``status`` is that of a step, by which it is marked."""

    status: str
    text: str


def lines(service: Service, execution: Execution) -> Iterator[Line]:
    """None where nothing is deployed, or the run did not come so far."""
    steps = {step.name: step for step in execution.steps}
    if SMOKE_TEST in steps and steps[SMOKE_TEST].ended:
        report = _report(service, steps[SMOKE_TEST])
        if report is not None:
            yield from _tested(steps[SMOKE_TEST], report)
            return
    if DEPLOY in steps and steps[DEPLOY].ended:
        yield Line(steps[DEPLOY].status, _answered(steps[DEPLOY]) or steps[DEPLOY].failure)
    elif REGISTER in steps and APPROVAL in steps and steps[APPROVAL].outcome == "False":
        yield Line("Stopped", _waits(service, steps[REGISTER]))


def _tested(step: Step, report: Mapping[str, Any]) -> Iterator[Line]:
    passed = step.status == "Succeeded" and report["status"] == "InService"
    yield Line(
        "Succeeded" if passed else "Stopped" if step.status == "Succeeded" else "Failed", report["message"]
    )
    moving = report["during_update"]
    if moving["asked"]:
        yield Line(
            "Succeeded" if passed else "Stopped",
            f"while the traffic moved, {moving['new']} of {moving['asked']} answers were the new model's",
        )


def _waits(service: Service, register: Step) -> str:
    """What a run that registered without approving leaves to be done."""
    arn = register.job_arn
    version = arn.rpartition("/")[2]
    try:
        status = service.sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"]
    except ClientError:  # deleted since
        return f"version {version} was registered and is gone"
    config = service.config
    if status != "PendingManualApproval":
        return f"version {version} was not deployed by this run, and is {status} by now"
    if config.environment.deploy.form == "native":
        return (
            f"version {version} waits for approval, and nothing deploys it then: native steps deploy what a run "
            "registers as approved (--param ModelApprovalStatus=Approved)"
        )
    return (
        f"version {version} waits for approval, and is deployed to {config.endpoint} by itself once it has it: "
        f"python -m pipelines approve {version}"
    )


def _answered(step: Step) -> str:
    """What the function said; an Endpoint step says nothing."""
    outputs = step.metadata.get("Lambda", {}).get("OutputParameters", [])
    return next((each["Value"] for each in outputs if each["Name"] == "Message"), "")


def _report(service: Service, step: Step) -> Mapping[str, Any] | None:
    try:
        folder = service.outputs(step.job_arn)[contract.SMOKE_TEST]
        found: Mapping[str, Any] = service.read_json(f"{folder}/{contract.SMOKE_TEST_FILE}")
    except (ClientError, KeyError, RunError):  # it failed before it had anything to report
        return None
    return found
