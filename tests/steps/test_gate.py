"""The gate: the right comparison, and a failure that says what was missed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sagemaker.core.workflow.parameters import ParameterFloat
from sagemaker.mlops.workflow.fail_step import FailStep

from steps.context import StepContext
from steps.evaluate import evaluate_step
from steps.gate import gate_step
from steps.settings import Code, Machine

BAR = ParameterFloat("QualityBar", 0.9)


@pytest.fixture
def evaluate(context: StepContext, code: Code) -> Any:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/processing:1"
    rows = {"model": "s3://b/model", "validation": "s3://b/validation", "test": "s3://b/test"}
    rows["holdout"] = "s3://b/holdout"
    return evaluate_step(context, image, Machine(), code, **rows, bar=BAR, threshold="f1")


def test_no_bar_may_be_missed(compiled: Callable[..., dict[str, Any]], evaluate: Any) -> None:
    """One condition, whatever the bars are: the report has counted those that were missed."""
    step = gate_step([FailStep(name="Passed")])

    (condition,) = compiled(evaluate, step)["Arguments"]["Conditions"]

    assert condition["Type"] == "Equals"
    assert condition["LeftValue"]["Std:JsonGet"]["Path"] == "gate.missed"
    assert condition["RightValue"] == 0


def test_a_missed_bar_fails_with_the_reports_own_sentence(
    compiled: Callable[..., dict[str, Any]], evaluate: Any
) -> None:
    """It names the metric, the bar and by how much it was missed."""
    step = gate_step([FailStep(name="Passed")])

    (fail,) = compiled(evaluate, step)["Arguments"]["ElseSteps"]

    assert fail["Name"] == "BelowTheBar"
    assert '"Path": "gate.message"' in str(fail).replace("'", '"')
