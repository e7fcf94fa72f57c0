"""The five checks as the SageMaker SDK 3.27 writes them (``definitions/build_checks.py``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from local_sagemaker.pipelines.check import check

DEFINITIONS = Path(__file__).parents[1] / "definitions"


def test_the_five_checks_of_the_sdk(world: Any) -> None:
    """As SDK 3.27 writes them: nothing is wrong with them, and each hands its own baseline on in a first run."""
    definition = json.loads((DEFINITIONS / "sdk_3_27_checks.json").read_text())
    world.store.create_bucket("sagemaker-us-east-1-123456789012")
    for name in ("model-bias", "explainability"):
        world.put(
            f"s3://sagemaker-us-east-1-123456789012/config/{name}/analysis_config.json",
            b'{"predictor": {"instance_count": 1}}',
        )

    def work(request: dict[str, Any], stop: Any) -> None:
        output = request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
        for file in ("analysis.json", "constraints.json", "statistics.json"):
            world.put(f"{output}/{file}", b"{}")

    world.processing.work = work

    _, steps = world.run(definition, SkipCheck="true", RegisterNewBaseline="true")

    assert check(definition) == []
    places = (
        "data-bias/analysis.json",
        "model-bias/analysis.json",
        "explainability/analysis.json",
        "data-quality/constraints.json",
        "model-quality/constraints.json",
        "data-quality/statistics.json",
        "model-quality/statistics.json",
    )
    told = [uri.split("/", 4)[-1] for uri in steps["Tell"]["FailureReason"].split(" ")]
    assert told == list(places)
    types = {
        step["StepName"]: next(iter(step["Metadata"].values()))["CheckType"]
        for step in steps.values()
        if step["StepName"] not in ("Tell", "Create-CreateModel", "Create")
    }
    assert types == {
        "DataBias": "DATA_BIAS",
        "ModelBias": "MODEL_BIAS",
        "Explainability": "MODEL_EXPLAINABILITY",
        "DataQuality": "DATA_QUALITY",
        "ModelQuality": "MODEL_QUALITY",
    }
