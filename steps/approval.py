"""Approval: deploy only what the run registers as approved; what waits for a person is deployed when they approve it.

A condition of its own after the gate's, not inside it: SageMaker does not nest conditions.
"""

from __future__ import annotations

from collections.abc import Sequence

from sagemaker.core.helper.pipeline_variable import StrPipeVar
from sagemaker.core.workflow.conditions import ConditionEquals
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.steps import Step

NAME = "Approval"
APPROVED = "Approved"


def approval_step(status: StrPipeVar, if_approved: Sequence[Step], after: Step) -> ConditionStep:
    """Run ``if_approved`` where ``status`` says so, once ``after`` has ended. Otherwise nothing: that is no failure."""
    return ConditionStep(
        name=NAME,
        conditions=[ConditionEquals(left=status, right=APPROVED)],
        if_steps=list(if_approved),
        else_steps=[],
        depends_on=[after],
    )
