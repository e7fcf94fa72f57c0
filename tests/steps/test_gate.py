"""The gate: the right comparison, and a failure that says what was missed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sagemaker.core.workflow.parameters import ParameterFloat
from sagemaker.mlops.workflow.fail_step import FailStep

from steps.champion import champion_step
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


@pytest.fixture
def champion(context: StepContext, code: Code) -> Any:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/processing:1"
    given = {"model": "s3://b/model", "holdout": "s3://b/holdout", "evaluation": "s3://b/evaluation"}
    return champion_step(context, image, Machine(), code, group="group", **given)


def test_no_bar_may_be_missed(compiled: Callable[..., dict[str, Any]], evaluate: Any, champion: Any) -> None:
    """One condition a report, whatever its bars are: it has counted those that were missed."""
    step = gate_step([FailStep(name="Passed")])

    conditions = compiled(evaluate, champion, step)["Arguments"]["Conditions"]

    assert [each["LeftValue"]["Std:JsonGet"]["Path"] for each in conditions] == ["gate.missed", "missed"]
    assert {(each["Type"], each["RightValue"]) for each in conditions} == {("Equals", 0)}


def test_a_missed_bar_fails_with_the_reports_own_sentence(
    compiled: Callable[..., dict[str, Any]], evaluate: Any, champion: Any
) -> None:
    """It names the metric, the bar and by how much it was missed, and what the champion has to do with it."""
    step = gate_step([FailStep(name="Passed")])

    (fail,) = compiled(evaluate, champion, step)["Arguments"]["ElseSteps"]

    assert fail["Name"] == "BelowTheBar"
    assert '"Path": "gate.message"' in str(fail).replace("'", '"')
    assert '"Path": "objection"' in str(fail).replace("'", '"')
