"""The SDK's monitors against the images of Model Monitor: baselines, and a run of captured data against them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROWS = 300
AFTER = """
def postprocess_handler():
    print("after the analysis")
"""


@pytest.fixture(scope="module")
def told(program: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the SDK told the program, and what it printed."""
    folder = tmp_path_factory.mktemp("monitoring")
    rows = "".join(f"{n % 10 / 10},{n},{'ab'[n % 2]}\n" for n in range(ROWS))
    (folder / "baseline.csv").write_text("score,age,city\n" + rows)
    predictions = "".join(f"{n},{n + n % 3 - 1}\n" for n in range(ROWS))
    (folder / "predictions.csv").write_text("label,prediction\n" + predictions)
    (folder / "after.py").write_text(AFTER)
    capture = folder / "capture" / "2024" / "01" / "02" / "03"
    capture.mkdir(parents=True)
    (capture / "04-05-678-capture.jsonl").write_text("".join(map(_captured, range(ROWS))))
    printed = program(HERE / "monitoring.py", folder, folder / "result.json")
    return {**json.loads((folder / "result.json").read_text()), "printed": printed}


def _captured(n: int) -> str:
    """A call as an endpoint captures it; from a third city, now and then."""
    parts = {"endpointInput": f"{n},{'abc'[n % 3]}", "endpointOutput": str(n % 10 / 10)}
    data = {name: {"data": text, "encoding": "CSV", "mode": name} for name, text in parts.items()}
    metadata = {"eventId": str(n), "inferenceTime": "2024-01-02T03:04:05Z"}
    return json.dumps({"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}) + "\n"


def test_a_baseline_of_data(told: dict[str, Any]) -> None:
    """DefaultModelMonitor.suggest_baseline returns, and finds statistics and constraints where it looks for them."""
    data = told["data"]

    assert data["job"] == {
        "status": "Completed",
        "message": "Completed: Job completed successfully with no violations.",
    }
    assert data["statistics"]["dataset"]["item_count"] == ROWS
    assert [one["inferred_type"] for one in data["constraints"]["features"]] == [
        "Fractional",
        "Integral",
        "String",
    ]
    assert "after the analysis" in told["printed"]


def test_a_baseline_of_a_model(told: dict[str, Any]) -> None:
    """ModelQualityMonitor.suggest_baseline does the same."""
    model = told["model"]

    assert model["job"]["status"] == "Completed"
    assert model["statistics"]["regression_metrics"]["mae"]["value"] == pytest.approx(2 / 3)
    assert model["constraints"]["regression_constraints"]["mae"] == {
        "threshold": model["statistics"]["regression_metrics"]["mae"]["value"],
        "comparison_operator": "GreaterThanThreshold",
    }


def test_captured_data_is_held_against_it(told: dict[str, Any]) -> None:
    """The third city is found out, and the job says so where a schedule would look."""
    watched = told["watched"]

    assert watched["job"] == {
        "status": "Completed",
        "message": "CompletedWithViolations: Job completed successfully with 2 violations.",
    }
    assert watched["files"] == ["constraint_violations.json", "constraints.json", "statistics.json"]
    assert [(one["feature_name"], one["constraint_check_type"]) for one in watched["violations"]] == [
        ("city", "categorical_values_check"),
        ("city", "baseline_drift_check"),
    ]
