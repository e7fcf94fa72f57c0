"""ClarifyCheck and QualityCheck steps of the SDK: the verdicts that AWS's own live tests assert of the service.

Data, baselines and verdicts: tests/integ/sagemaker/workflow/test_{clarify,quality}_check_steps.py of the SDK.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NAMES = pytest.mark.parametrize("name", ["DataBias", "DataQuality", "ModelQuality"])
KIND = {"DataBias": "ClarifyCheck", "DataQuality": "QualityCheck", "ModelQuality": "QualityCheck"}
PARTS = {"ClarifyCheck": ("Constraints",), "QualityCheck": ("Constraints", "Statistics")}


@pytest.fixture(scope="module")
def told(
    program: Callable[..., str], shared_data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What the user's program saw of each execution."""
    result = tmp_path_factory.mktemp("checks") / "result.json"
    program(Path(__file__).with_name("checks.py"), shared_data("checkstep"), result)
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def read(client: Callable[[str], Any], uri: str) -> Any:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return json.loads(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


@NAMES
def test_a_good_baseline(told: dict[str, Any], name: str) -> None:
    """The check passes, tells which baseline it used and which it calculated, and no report: not the bad run's."""
    step = told["good"][name]
    metadata = step["Metadata"][KIND[name]]

    assert step["StepStatus"] == "Succeeded", step
    assert "FailureReason" not in step
    assert metadata["SkipCheck"] is metadata["RegisterNewBaseline"] is False
    assert not metadata.get("ViolationReport")
    for part in PARTS[KIND[name]]:
        used = metadata[f"BaselineUsedForDriftCheck{part}"]
        assert used == told["supplied"][f"{name}SuppliedBaseline{part}"]
        assert used != metadata[f"CalculatedBaseline{part}"]


@NAMES
@pytest.mark.parametrize("fail", [None, True])
def test_a_bad_baseline(told: dict[str, Any], name: str, fail: bool | None) -> None:
    """The check fails, in AWS's words; FailOnViolation that is null is true."""
    step = told[f"bad, {fail}"][name]

    assert step["StepStatus"] == "Failed"
    words = f"ClientError: {KIND[name].removesuffix('Check')} check failed. See violation report"
    assert words in step["FailureReason"]


@NAMES
def test_a_bad_baseline_that_may_be_violated(
    told: dict[str, Any], client: Callable[[str], Any], name: str
) -> None:
    """The step succeeds, and its report says what is violated."""
    step = told["bad, False"][name]
    report = read(client, step["Metadata"][KIND[name]]["ViolationReport"])
    said = {
        "DataBias": ("metric_name", "KS"),
        "DataQuality": ("feature_name", "_c5"),
        "ModelQuality": ("metric_name", "mse"),
    }

    assert step["StepStatus"] == "Succeeded"
    assert "FailureReason" not in step
    key, value = said[name]
    assert [each[key] for each in report["violations"]] == [value]


@NAMES
def test_no_baseline_at_all(told: dict[str, Any], name: str) -> None:
    """Is not a check that passes."""
    step = told["missing"][name]

    assert step["StepStatus"] == "Failed"
    assert "needs a previous baseline, and there is none" in step["FailureReason"]


@NAMES
def test_a_first_run(told: dict[str, Any], client: Callable[[str], Any], name: str) -> None:
    """Skipped and registered anew: the baseline that later checks use is the one that this run calculated."""
    step = told["first"][name]
    metadata = step["Metadata"][KIND[name]]

    assert step["StepStatus"] == "Succeeded"
    for part in PARTS[KIND[name]]:
        assert metadata[f"BaselineUsedForDriftCheck{part}"] == metadata[f"CalculatedBaseline{part}"]
        assert read(client, metadata[f"CalculatedBaseline{part}"])
