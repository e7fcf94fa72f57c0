"""Searches as SageMaker's answers tell of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from containers.tuning.trials import Search, search

START = datetime(2026, 1, 2, tzinfo=UTC)
RANGES = {
    "ContinuousParameterRanges": [
        {"Name": "eta", "MinValue": "0.01", "MaxValue": "1.0", "ScalingType": "Logarithmic"}
    ],
    "IntegerParameterRanges": [
        {"Name": "max_depth", "MinValue": "2", "MaxValue": "10", "ScalingType": "Auto"}
    ],
    "CategoricalParameterRanges": [{"Name": "grow_policy", "Values": ["depthwise", "lossguide"]}],
}


@pytest.fixture
def description() -> Callable[..., dict[str, Any]]:
    """``description("my-job", direction="Minimize")``: DescribeHyperParameterTuningJob's answer."""

    def make(
        name: str = "job", *, direction: str = "Maximize", parents: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        warm_start = {
            "WarmStartType": "TransferLearning",
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": parent} for parent in parents],
        }
        return {
            "HyperParameterTuningJobName": name,
            "HyperParameterTuningJobStatus": "Completed",
            "HyperParameterTuningJobConfig": {
                "Strategy": "Bayesian",
                "HyperParameterTuningJobObjective": {"Type": direction, "MetricName": "validation:auc"},
                "ParameterRanges": RANGES,
                "TrainingJobEarlyStoppingType": "Auto",
            },
            **({"WarmStartConfig": warm_start} if parents else {}),
        }

    return make


@pytest.fixture
def summary() -> Callable[..., dict[str, Any]]:
    """``summary(3, 0.9, seconds=2)``: one of ListTrainingJobsForHyperParameterTuningJob's summaries."""

    def make(
        number: int,
        value: float | None,
        *,
        seconds: float | None = 10,
        status: str = "Completed",
        **hyperparameters: str,
    ) -> dict[str, Any]:
        began = START + timedelta(minutes=number)
        chosen = {"eta": "0.1", "max_depth": "4", "grow_policy": "depthwise", **hyperparameters}
        metric = {"MetricName": "validation:auc", "Value": value}
        times = {"TrainingStartTime": began, "TrainingEndTime": began + timedelta(seconds=seconds or 0)}
        return {
            "TrainingJobName": f"job-{number:03}",
            "TrainingJobStatus": status,
            "CreationTime": began,
            "TunedHyperParameters": chosen,
            **(times if seconds is not None else {}),
            **({"FinalHyperParameterTuningJobObjectiveMetric": metric} if value is not None else {}),
        }

    return make


@pytest.fixture
def found(
    description: Callable[..., dict[str, Any]], summary: Callable[..., dict[str, Any]]
) -> Callable[..., Search]:
    """``found(0.8, 0.9)``: a search whose trials came to these values, in this order."""

    def make(*values: float | None, **about: Any) -> Search:
        summaries = [summary(number, value) for number, value in enumerate(values, start=1)]
        return search(description(**about), summaries)

    return make
