"""Loops, callbacks, cleaning up and steps for a failure, as SDK 3.27 builds them, with real jobs and functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
PYTHON = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


def test_a_pipeline_with_all_of_them(program: Callable[..., str]) -> None:
    """The best of three trials is asked about and answered by a function behind a queue; a failure is told."""
    printed = program(Path(__file__).with_name("loops.py"), XGBOOST, PYTHON)

    result = json.loads(printed.splitlines()[-1])
    assert result["status"] == "CompletedWithFailures"
    assert result["steps"] == {
        **dict.fromkeys(("Search", "Trial-0", "Trial-1", "Trial-2"), "Succeeded"),
        **dict.fromkeys(("Ask", "Throwaway", "Clean", "Tell"), "Succeeded"),
        "Check": "Failed",
    }
    assert result["search"] == {
        "Status": "Succeeded",
        "InputItemCount": 3,
        "TotalStepCount": 3,
        "SucceededStepCount": 3,
        "FailedStepCount": 0,
        "StoppedStepCount": 0,
        "Selector": {"StepName": "Trial", "Index": 1},
    }
    assert result["items"]["Trial-2"] == {"ParentStepName": "Search", "Index": 2, "Item": "2"}
    assert result["clean"] == {"CleanedSteps": ["Throwaway"]}
    assert len(result["models"]) == 3
    (told,) = result["told"]
    assert told["Value"].startswith("reason=AlgorithmError")
    assert told["Value"].endswith("trials=3 verdict=take model.tar.gz")
