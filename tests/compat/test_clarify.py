"""The SDK's Clarify processor: a model behind a shadow endpoint, and behind one that is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def told(program: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the user's program saw."""
    result = tmp_path_factory.mktemp("clarify") / "result.json"
    program(Path(__file__).with_name("clarify.py"), result)
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def values(analysis: dict[str, Any], section: str) -> dict[str, Any]:
    (facet,) = analysis[section]["facets"]["group"]
    return {metric["name"]: metric["value"] for metric in facet["metrics"]}


def test_bias_before_training(told: dict[str, Any]) -> None:
    """run_pre_training_bias: all measures but the one that needs a group variable; no predictions, no model."""
    found = values(told["pre"], "pre_training_bias_metrics")

    assert list(found) == ["CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD"]
    assert found["DPL"] > 0
    assert "post_training_bias_metrics" not in told["pre"]


def test_bias_after_training_is_one_by_either_way_to_the_model(told: dict[str, Any]) -> None:
    """run_post_training_bias by a shadow endpoint and run_bias by an endpoint that is there."""
    shadow = values(told["post"], "post_training_bias_metrics")

    assert 0.1 < shadow["DPPL"] < 0.5
    assert shadow == values(told["both"], "post_training_bias_metrics")
    assert values(told["pre"], "pre_training_bias_metrics") == values(
        told["both"], "pre_training_bias_metrics"
    )


def test_a_model_is_explained(told: dict[str, Any]) -> None:
    """run_explainability with SHAP and partial dependence; local values for each row."""
    found = told["explained"]["explanations"]
    explained = found["kernel_shap"]["label0"]["global_shap_values"]
    (curve,) = found["pdp"]
    header, *lines = told["out.csv"].splitlines()

    assert sorted(explained, key=explained.get) == ["noise", "group", "income"]
    assert (curve["feature_name"], len(curve["feature_values"])) == ("income", 5)
    assert header == "income_label0,group_label0,noise_label0"
    assert len(lines) == 200


def test_monitors_find_the_same(told: dict[str, Any]) -> None:
    """The baselines that the bias and explainability monitors suggest are the processor's own results."""
    assert told["bias-monitor"] == told["both"]
    explained, suggested = (
        told[name]["explanations"]["kernel_shap"] for name in ("explained", "shap-monitor")
    )
    assert suggested == explained


def test_the_job_is_as_clarifys(told: dict[str, Any]) -> None:
    """Inputs, output and message have the names that Clarify's users look for."""
    job = told["job"]

    assert job["ExitMessage"] == "Completed: SageMaker XAI Analyzer ran successfully"
    assert [each["InputName"] for each in job["ProcessingInputs"]] == ["dataset", "analysis_config"]
    assert [each["OutputName"] for each in job["ProcessingOutputConfig"]["Outputs"]] == ["analysis_result"]


def test_only_the_endpoint_that_was_there_is_left(told: dict[str, Any]) -> None:
    """Shadow endpoints are deleted, and nobody else's."""
    assert "compat-clarify" in told["endpoints"]
    assert not [name for name in told["endpoints"] if name.startswith("sm-clarify")]
