"""Gate: register the model if the test metric meets its bar, otherwise fail and say by how much it was missed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sagemaker.core.workflow.conditions import ConditionGreaterThanOrEqualTo, ConditionLessThanOrEqualTo
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.steps import Step

from containers import contract
from steps import evaluate

NAME = "Gate"
FAIL_NAME = "BelowTheBar"

CONDITIONS = {"at_least": ConditionGreaterThanOrEqualTo, "at_most": ConditionLessThanOrEqualTo}


def gate_step(
    problem: str,
    metric: str,
    direction: Literal["at_least", "at_most"],
    bar: ParameterFloat,
    if_passed: Sequence[Step],
) -> ConditionStep:
    """Compare ``metric`` on the test rows with ``bar``; run ``if_passed`` or the step that fails the execution."""
    value = report_value(contract.metric_path(problem, metric))
    return ConditionStep(
        name=NAME,
        conditions=[CONDITIONS[direction](left=value, right=bar)],
        if_steps=list(if_passed),
        else_steps=[_fail_step()],
    )


def report_value(path: str) -> JsonGet:
    """A value of the evaluation report, read when the pipeline runs."""
    return JsonGet(step_name=evaluate.NAME, property_file=evaluate.REPORT, json_path=path)


def _fail_step() -> FailStep:
    message = report_value(contract.GATE_MESSAGE_PATH)
    return FailStep(name=FAIL_NAME, error_message=Join(on=" ", values=["The model missed its bar:", message]))
