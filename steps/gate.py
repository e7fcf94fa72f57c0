"""Gate: register the model if it meets its bar and every limit on bias, otherwise fail and name what was missed."""

from __future__ import annotations

from collections.abc import Sequence

from sagemaker.core.workflow.conditions import ConditionEquals
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.steps import Step

from containers import contract
from steps import evaluate

NAME = "Gate"
FAIL_NAME = "BelowTheBar"


def gate_step(if_passed: Sequence[Step]) -> ConditionStep:
    """Run ``if_passed`` where the report has no missed bar, or the step that fails the execution."""
    return ConditionStep(
        name=NAME,
        conditions=[ConditionEquals(left=report_value(contract.GATE_MISSED_PATH), right=0)],
        if_steps=list(if_passed),
        else_steps=[_fail_step()],
    )


def report_value(path: str) -> JsonGet:
    """A value of the evaluation report, read when the pipeline runs."""
    return JsonGet(step_name=evaluate.NAME, property_file=evaluate.REPORT, json_path=path)


def _fail_step() -> FailStep:
    message = report_value(contract.GATE_MESSAGE_PATH)
    return FailStep(name=FAIL_NAME, error_message=Join(on=" ", values=["The model missed its bar:", message]))
