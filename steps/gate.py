"""Gate: register the model if it misses no bar, the champion included; otherwise fail and say what was missed."""

from __future__ import annotations

from collections.abc import Sequence

from sagemaker.core.workflow.conditions import ConditionEquals
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.steps import Step

from containers import contract
from steps import champion, evaluate

NAME = "Gate"
FAIL_NAME = "BelowTheBar"


def gate_step(if_passed: Sequence[Step]) -> ConditionStep:
    """Run ``if_passed`` where neither report has a missed bar, or the step that fails the execution."""
    return ConditionStep(
        name=NAME,
        conditions=[
            ConditionEquals(left=report_value(contract.GATE_MISSED_PATH), right=0),
            ConditionEquals(left=champion_value(contract.CHAMPION_MISSED_PATH), right=0),
        ],
        if_steps=list(if_passed),
        else_steps=[_fail_step()],
    )


def report_value(path: str) -> JsonGet:
    """A value of the evaluation report, read when the pipeline runs."""
    return JsonGet(step_name=evaluate.NAME, property_file=evaluate.REPORT, json_path=path)


def champion_value(path: str) -> JsonGet:
    """A value of the report on the champion."""
    return JsonGet(step_name=champion.NAME, property_file=champion.REPORT, json_path=path)


def _fail_step() -> FailStep:
    reports = [report_value(contract.GATE_MESSAGE_PATH), champion_value(contract.CHAMPION_OBJECTION_PATH)]
    said = Join(on="", values=["The model missed its bar: ", *reports])
    return FailStep(name=FAIL_NAME, error_message=said)
