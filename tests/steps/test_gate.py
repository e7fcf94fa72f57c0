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


@pytest.mark.parametrize(
    ("problem", "metric", "direction", "comparison", "path"),
    [
        ("binary", "auc", "at_least", "GreaterThanOrEqualTo", "binary_classification_metrics.auc.value"),
        ("regression", "mse", "at_most", "LessThanOrEqualTo", "regression_metrics.mse.value"),
    ],
)
def test_a_metric_is_held_against_its_bar(
    problem: str,
    metric: str,
    direction: Any,
    comparison: str,
    path: str,
    compiled: Callable[..., dict[str, Any]],
    evaluate: Any,
) -> None:
    """The value comes from the report, the bar from the run's parameter."""
    step = gate_step(problem, metric, direction, BAR, [FailStep(name="Passed")])

    (condition,) = compiled(evaluate, step)["Arguments"]["Conditions"]

    assert comparison == condition["Type"]
    assert path == condition["LeftValue"]["Std:JsonGet"]["Path"]
    assert condition["RightValue"] == {"Get": "Parameters.QualityBar"}


def test_a_missed_bar_fails_with_the_reports_own_sentence(
    compiled: Callable[..., dict[str, Any]], evaluate: Any
) -> None:
    """It names the metric, the bar and by how much it was missed."""
    step = gate_step("binary", "auc", "at_least", BAR, [FailStep(name="Passed")])

    (fail,) = compiled(evaluate, step)["Arguments"]["ElseSteps"]

    assert fail["Name"] == "BelowTheBar"
    assert '"Path": "gate.message"' in str(fail).replace("'", '"')
