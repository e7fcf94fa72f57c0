"""The parameters of a first run with AWS's own check steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.baselines import FirstRun, first_run

Client = Callable[[str], Any]
SWITCHES = ("SkipCheck", "RegisterNewBaseline", "FailOnViolation")


def definition(group: str, **kinds: str) -> dict[str, Any]:
    """A pipeline with these steps, name -> type."""
    return {
        "Parameters": [{"Name": f"{name}{switch}"} for name in kinds for switch in SWITCHES],
        "Steps": [
            {"Name": name, "Type": kind, "ModelPackageGroupName": group} for name, kind in kinds.items()
        ],
    }


def approve(sagemaker: Any, group: str, **baselines: Any) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [{"Image": "an/image:1", "ModelDataUrl": "s3://models/model.tar.gz"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        DriftCheckBaselines=baselines,
    )


def source(name: str) -> dict[str, str]:
    return {"ContentType": "application/json", "S3Uri": f"s3://baselines/{name}"}


def test_native_checks_without_a_baseline_are_told(client: Client) -> None:
    """To skip the comparison and to register; in one line that says for which."""
    deployed = definition("first-run-none", DataQuality="QualityCheck", ModelBias="ClarifyCheck")

    found = first_run(client("sagemaker"), deployed, {})

    assert found.values == {
        "DataQualitySkipCheck": "true",
        "DataQualityRegisterNewBaseline": "true",
        "ModelBiasSkipCheck": "true",
        "ModelBiasRegisterNewBaseline": "true",
    }
    assert found.note == (
        "no approved model has a baseline yet for DataQuality, ModelBias: this run's is the first"
    )


def test_only_the_checks_that_lack_a_baseline_are_told(client: Client) -> None:
    """A check that was switched on later has its first run later."""
    approve(client("sagemaker"), "first-run-some", Bias={"PostTrainingConstraints": source("analysis.json")})
    deployed = definition("first-run-some", ModelBias="ClarifyCheck", DataBias="ClarifyCheck")

    found = first_run(client("sagemaker"), deployed, {})

    assert found.values == {"DataBiasSkipCheck": "true", "DataBiasRegisterNewBaseline": "true"}


@pytest.mark.parametrize(
    "steps",
    [
        {"DataBias": "Processing", "Train": "Training"},
        {"SomebodyElsesCheck": "ClarifyCheck"},
    ],
)
def test_other_steps_need_nothing(steps: dict[str, str], client: Client) -> None:
    """Our own form sees to a first run itself; a check that is not ours has parameters that we do not know."""
    assert first_run(client("sagemaker"), definition("first-run-other", **steps), {}) == FirstRun()


def test_what_the_user_gives_stands(client: Client) -> None:
    """He may know of a supplied baseline."""
    deployed = definition("first-run-given", DataBias="ClarifyCheck")
    given = {"DataBiasSkipCheck": "false", "DataBiasRegisterNewBaseline": "false"}

    assert first_run(client("sagemaker"), deployed, given) == FirstRun()
