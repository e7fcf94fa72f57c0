"""The model card: SageMaker's schema, filled from what a run left, created and attached through the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from containers import checks, contract
from containers.contract import ProcessingPaths
from containers.processing import card, model_card
from containers.processing.job import DataError

SETTINGS = {
    "name": "loans",
    "title": "Who pays back",
    "problem": "binary",
    "gate": {"metric": "auc", "at_least": 0.8, "at_most": None},
    "card": {"intended_uses": "To rank applications for a person to decide.", "risk_rating": "High"},
}
CURVE = [place / 400 for place in range(401)]
EVALUATION = {
    "dataset": {"item_count": 1234},
    "binary_classification_metrics": {
        "auc": {"value": 0.9, "standard_deviation": 0.01, "confidence_interval": [0.88, 0.92]},
        "recall": {"value": None, "standard_deviation": "NaN", "confidence_interval": None, "reason": "none"},
        "confusion_matrix": {"0": {"0": 5, "1": 1}, "1": {"0": 2, "1": 7}},
        "receiver_operating_characteristic_curve": {
            "false_positive_rates": CURVE,
            "true_positive_rates": CURVE,
        },
    },
    "feature_importance": {"age": 0.7, "income": 0.3},
    "gate": {"message": "auc on the test rows is 0.9, which meets at least 0.8"},
    "model": {
        "xgboost": "3.2.0",
        "features": ["age", "income"],
        "best_iteration": 7,
        "rounds": 20,
        "metrics": {"validation:auc": 0.91},
        "hyperparameters": {"rounds": 20, "num_class": None, "booster": {"eta": 0.1}},
    },
}
MANIFEST = {"rows": 5000, "sha256": "ab" * 32}
BIAS = {
    "pre_training_bias_metrics": {
        "facets": {
            "sex": [
                {
                    "value_or_threshold": "0",
                    "metrics": [
                        {"name": "CI", "description": "Class Imbalance (CI)", "value": 0.3},
                        {"name": "KL", "description": "KL", "value": "Infinity"},
                        {"name": "JS", "description": "JS", "value": None, "error": "empty"},
                    ],
                }
            ]
        }
    }
}
SHAP = {
    "explanations": {
        "kernel_shap": {"label0": {"global_shap_values": {"age": 0.2, "income": 0.1}, "expected_value": 0.3}},
        "shap_method": "tree_shap",
    }
}


def paths_with(base: Path, **inputs: Any) -> ProcessingPaths:
    """A job's inputs: ``folder=(file, document)``."""
    paths = ProcessingPaths(base)
    given = {contract.SETTINGS: (contract.SETTINGS_FILE, SETTINGS), **inputs}
    for name, (file, document) in given.items():
        paths.input(name).mkdir(parents=True)
        (paths.input(name) / file).write_text(json.dumps(document), encoding="utf-8")
    return paths


def everything(base: Path) -> ProcessingPaths:
    return paths_with(
        base,
        evaluation=(contract.EVALUATION_FILE, EVALUATION),
        manifest=(contract.MANIFEST_FILE, MANIFEST),
        data_bias=(checks.ANALYSIS_FILE, BIAS),
        explainability=(checks.ANALYSIS_FILE, SHAP),
    )


@pytest.fixture
def package(client: Callable[[str], Any], request: pytest.FixtureRequest) -> str:
    """A registered package in a group of its own."""
    sagemaker = client("sagemaker")
    group = f"card-{request.node.name.replace('_', '-')}"[:40].rstrip("-")
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    arn: str = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification={
            "Containers": [{"Image": "an/image:1", "ModelDataUrl": "s3://bucket/model.tar.gz"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        CustomerMetadataProperties={"TrainingJob": "arn:of:the:job", "InputData": "s3://bucket/data/"},
    )["ModelPackageArn"]
    return arn


def test_the_card_is_created_and_attached(client: Callable[[str], Any], package: str, tmp_path: Path) -> None:
    """The card is there under the group's name and version, and the package carries it."""
    sagemaker = client("sagemaker")
    paths = everything(tmp_path)
    model_card.main(paths, package, sagemaker)
    _, group, version = package.rsplit("/", 2)
    created = sagemaker.describe_model_card(ModelCardName=f"{group}-{version}")
    content = json.loads(created["Content"])
    assert created["ModelCardStatus"] == "Draft"
    assert content["model_package_details"]["model_package_arn"] == package
    assert content["intended_uses"]["risk_rating"] == "High"
    assert content["training_details"]["training_job_details"]["training_arn"] == "arn:of:the:job"
    attached = sagemaker.describe_model_package(ModelPackageName=package)["ModelCard"]
    on_package = json.loads(attached["ModelCardContent"])
    assert "model_package_details" not in on_package
    assert set(on_package["model_overview"]) <= {"model_creator", "model_artifact"}
    assert (
        json.loads((paths.output(contract.CARD) / contract.CARD_FILE).read_text(encoding="utf-8")) == content
    )


def test_a_retried_run_makes_another_version(
    client: Callable[[str], Any], package: str, tmp_path: Path
) -> None:
    """Running twice leaves one card, whose version says that it was written twice."""
    sagemaker = client("sagemaker")
    model_card.main(everything(tmp_path), package, sagemaker)
    model_card.main(ProcessingPaths(tmp_path), package, sagemaker)
    _, group, version = package.rsplit("/", 2)
    assert sagemaker.describe_model_card(ModelCardName=f"{group}-{version}")["ModelCardVersion"] == 2


def test_the_sdk_reads_the_card(tmp_path: Path) -> None:
    """The SDK's own model of a card's content takes it, and finds in it what was put there."""
    from sagemaker.core.shapes.model_card_shapes import ModelCardContent

    run = model_card.read(everything(tmp_path), {"ModelPackageGroupName": "loans", "ModelPackageVersion": 3})
    content = card.content(run)
    # The schema nests function, facet and condition; the SDK 3.27 has them one level higher.
    assert content["training_details"].pop("objective_function") == {
        "function": {"function": "Maximize", "facet": "auc", "condition": "at least 0.8 on test rows"}
    }
    read = ModelCardContent.model_validate(content)
    evaluation, bias, explained = read.evaluation_details
    assert [group.name for group in evaluation.metric_groups] == ["test rows", "feature importance"]
    assert {each.name for each in evaluation.metric_groups[0].metric_data} == {
        "auc",
        "confusion_matrix",
        "receiver_operating_characteristic_curve",
    }
    assert [each.name for each in bias.metric_groups[0].metric_data] == ["CI"]
    assert explained.metric_groups[0].name == "global SHAP values (tree_shap), label0"
    assert explained.metric_groups[0].metric_data[0].x_axis_name == ["age", "income"]
    assert read.training_details.training_job_details.hyper_parameters[-1].name == "eta"


def test_a_curve_keeps_its_ends_and_few_points(tmp_path: Path) -> None:
    """A card is limited in size: a curve of 401 points comes down to 50, from its first to its last."""
    run = model_card.read(everything(tmp_path), {})
    groups = card.content(run)["evaluation_details"][0]["metric_groups"]
    (curve,) = [each for each in groups[0]["metric_data"] if each["type"] == "linear_graph"]
    assert len(curve["value"]) == card.MOST_POINTS
    assert (curve["value"][0], curve["value"][-1]) == ([0.0, 0.0], [1.0, 1.0])


def test_without_a_report_there_is_no_card(
    client: Callable[[str], Any], package: str, tmp_path: Path
) -> None:
    """A missing evaluation report is named, and nothing is created."""
    with pytest.raises(DataError, match=r"no evaluation\.json in the input 'evaluation'"):
        model_card.main(paths_with(tmp_path), package, client("sagemaker"))


def test_a_package_that_is_not_there_is_named(client: Callable[[str], Any], tmp_path: Path) -> None:
    """An unknown package is one clear line."""
    gone = "arn:aws:sagemaker:us-east-1:123456789012:model-package/nobody/1"
    with pytest.raises(DataError, match="nobody/1 could not be written"):
        model_card.main(everything(tmp_path), gone, client("sagemaker"))
