"""The content of a model card, from what a run left: SageMaker's schema, nothing that was not measured or written down.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-cards.html (the JSON schema, and its limits on lengths)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from containers.contract import METRIC_GROUPS
from containers.metrics.gate import Direction

Document = Mapping[str, Any]

LONG, MEDIUM, SHORT = 2048, 1024, 63  # characters that the schema allows
MOST_DATASETS = 10
MOST_POINTS = 50  # of a curve: a card has 100,000 characters, and is looked at, not computed with
BIAS_SECTIONS = {
    "pre_training_bias_metrics": "in the data",
    "post_training_bias_metrics": "in the predictions",
}
OBJECTIVES: Mapping[Direction, str] = {"at_least": "Maximize", "at_most": "Minimize"}


@dataclass(frozen=True)
class Run:
    """What is known of a run; what it did not do is empty."""

    settings: Document  # of the use case, with the table [card]
    package: Document  # DescribeModelPackage
    evaluation: Document  # the evaluation report
    manifest: Document = field(default_factory=dict)  # of the ingested rows
    analyses: Sequence[Document] = ()  # analysis.json of the bias and explainability checks


def content(run: Run) -> dict[str, Any]:
    """The whole card, for CreateModelCard."""
    details = {"model_package_details": _package(run.package)}
    return _filled({"model_overview": {**_overview(run), **_about(run)}, **details, **_shared(run)})


def package_content(run: Run) -> dict[str, Any]:
    """The simpler card that a model package carries: no package details, and of the overview creator and artifact.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ModelPackageModelCard.html
    """
    return _filled({"model_overview": _overview(run), **_shared(run)})


def _shared(run: Run) -> dict[str, Any]:
    words = run.settings.get("card", {})
    return {
        "intended_uses": {
            "purpose_of_model": words.get("purpose") or run.settings.get("title", ""),
            "intended_uses": words.get("intended_uses", ""),
            "factors_affecting_model_efficiency": words.get("factors", ""),
            "risk_rating": words.get("risk_rating", "Unknown"),
            "explanations_for_risk_rating": words.get("risk_explanation", ""),
        },
        "business_details": {
            "business_problem": words.get("business_problem", ""),
            "business_stakeholders": words.get("stakeholders", ""),
            "line_of_business": words.get("line_of_business", ""),
        },
        "training_details": _training(run),
        "evaluation_details": [_evaluation(run), *_checks(run)],
        "additional_information": {
            "ethical_considerations": words.get("ethical_considerations", ""),
            "caveats_and_recommendations": words.get("caveats", ""),
            "custom_details": {str(key): str(value) for key, value in _lineage(run.package).items()},
        },
    }


def _overview(run: Run) -> dict[str, Any]:
    containers = run.package.get("InferenceSpecification", {}).get("Containers", [])
    artifacts = [each["ModelDataUrl"] for each in containers if "ModelDataUrl" in each]
    return {"model_creator": run.settings.get("card", {}).get("creator", ""), "model_artifact": artifacts}


def _about(run: Run) -> dict[str, Any]:
    words = run.settings.get("card", {})
    containers = run.package.get("InferenceSpecification", {}).get("Containers", [])
    return {
        "model_name": run.package.get("ModelPackageGroupName", ""),
        "model_version": run.package.get("ModelPackageVersion"),
        "model_description": _cut(run.settings.get("title", ""), MEDIUM),
        "model_owner": _cut(words.get("owner", ""), MEDIUM),
        "algorithm_type": f"XGBoost {run.evaluation.get('model', {}).get('xgboost', '')}".strip(),
        "problem_type": run.settings.get("problem", ""),
        "inference_environment": {"container_image": [each["Image"] for each in containers]},
    }


def _package(package: Document) -> dict[str, Any]:
    return {
        "model_package_arn": package.get("ModelPackageArn", ""),
        "model_package_group_name": package.get("ModelPackageGroupName", ""),
        "model_package_version": package.get("ModelPackageVersion"),
        "model_package_status": package.get("ModelPackageStatus", ""),
        "model_approval_status": package.get("ModelApprovalStatus", ""),
    }


def _training(run: Run) -> dict[str, Any]:
    model, lineage = run.evaluation.get("model", {}), _lineage(run.package)
    gate = run.settings.get("gate", {})
    direction: Direction = "at_most" if gate.get("at_most") is not None else "at_least"
    given = model.get("hyperparameters", {})
    chosen = {
        **{name: value for name, value in given.items() if name != "booster"},
        **given.get("booster", {}),
    }
    return {
        "objective_function": {
            "function": {
                "function": OBJECTIVES[direction],
                "facet": gate.get("metric", ""),
                "condition": f"{direction.replace('_', ' ')} {gate[direction]:g} on test rows"
                if gate
                else "",
            }
        },
        "training_observations": _cut(_observations(run), MEDIUM),
        "training_job_details": {
            "training_arn": lineage.get("TrainingJob") or lineage.get("TuningJob") or "",
            "training_datasets": [each for each in (lineage.get("InputData"),) if each],
            "training_metrics": [
                {"name": name, "value": value} for name, value in model.get("metrics", {}).items()
            ],
            "hyper_parameters": [
                {"name": name, "value": str(value)} for name, value in chosen.items() if value is not None
            ],
        },
    }


def _observations(run: Run) -> str:
    manifest, model = run.manifest, run.evaluation.get("model", {})
    parts = []
    if manifest:
        parts.append(f"{manifest['rows']:,} rows were ingested (content sha256 {manifest['sha256']}).")
    if model:
        best, rounds = model.get("best_iteration"), model.get("rounds")
        parts.append(f"{len(model.get('features', ()))} features; round {best} of {rounds} was kept.")
    return " ".join(parts)


def _evaluation(run: Run) -> dict[str, Any]:
    """How good the model is, on rows that it has not seen."""
    report = run.evaluation
    measured = report.get(METRIC_GROUPS[run.settings["problem"]], {})
    groups = [
        {"name": "test rows", "metric_data": [*_metrics(measured), *_curves(measured), *_matrix(measured)]}
    ]
    for column, facets in report.get("bias", {}).get("facets", {}).items():
        groups += [_facet(column, each, "in the predictions") for each in facets]
    groups.append(
        {
            "name": "feature importance",
            "metric_data": _bar("share of gain", report.get("feature_importance", {})),
        }
    )
    return {
        "name": "evaluation",
        "evaluation_observation": _cut(report.get("gate", {}).get("message", ""), LONG),
        "datasets": [f"{report.get('dataset', {}).get('item_count', 0):,} test rows"],
        "metric_groups": [group for group in groups if group["metric_data"]],
    }


def _checks(run: Run) -> Iterator[dict[str, Any]]:
    """What the analyses found, one entry each, in Clarify's terms."""
    for analysis in run.analyses:
        groups: list[dict[str, Any]] = []
        for section, where in BIAS_SECTIONS.items():
            for column, facets in analysis.get(section, {}).get("facets", {}).items():
                groups += [_facet(column, each, where) for each in facets]
        explanations = analysis.get("explanations", {})
        method = explanations.get("shap_method", "kernel_shap")
        for label, found in explanations.get("kernel_shap", {}).items():
            name = _cut(f"global SHAP values ({method}), {label}", SHORT)
            groups.append({"name": name, "metric_data": _bar("SHAP", found["global_shap_values"])})
        if groups:
            name = "explainability" if explanations else "bias"
            yield {"name": name, "metric_groups": groups}


def _facet(column: str, facet: Document, where: str) -> dict[str, Any]:
    value = facet["value_or_threshold"]
    return {
        "name": _cut(f"bias {where}: {column} = {value}", SHORT),
        "metric_data": [
            {
                "name": each["name"],
                "type": "number",
                "value": each["value"],
                "notes": _cut(each["description"], MEDIUM),
            }
            for each in facet["metrics"]
            if isinstance(each["value"], int | float) and math.isfinite(each["value"])
        ],
    }


def _metrics(measured: Document) -> Iterator[dict[str, Any]]:
    for name, found in measured.items():
        if isinstance(found, Mapping) and isinstance(found.get("value"), int | float):
            interval = found.get("confidence_interval")
            notes = f"95 % interval {interval[0]:.6g} to {interval[1]:.6g}" if interval else ""
            yield {
                "name": name,
                "type": "number",
                "value": found["value"],
                **({"notes": notes} if notes else {}),
            }


def _curves(measured: Document) -> Iterator[dict[str, Any]]:
    shapes = {
        "receiver_operating_characteristic_curve": ("false_positive_rates", "true_positive_rates"),
        "precision_recall_curve": ("recalls", "precisions"),
    }
    for name, (x, y) in shapes.items():
        if name in measured:
            points = list(zip(measured[name][x], measured[name][y], strict=True))
            yield {
                "name": name,
                "type": "linear_graph",
                "value": [list(point) for point in _thinned(points)],
                "x_axis_name": x,
                "y_axis_name": y,
            }


def _thinned(points: Sequence[Any]) -> list[Any]:
    """At most ``MOST_POINTS`` of them, the first and the last among these."""
    if len(points) <= MOST_POINTS:
        return list(points)
    step = (len(points) - 1) / (MOST_POINTS - 1)
    return [points[round(place * step)] for place in range(MOST_POINTS)]


def _matrix(measured: Document) -> Iterator[dict[str, Any]]:
    confusion = measured.get("confusion_matrix")
    if confusion:
        names = list(confusion)
        yield {
            "name": "confusion_matrix",
            "type": "matrix",
            "value": [[confusion[actual].get(predicted, 0) for predicted in names] for actual in names],
            "x_axis_name": names,
            "y_axis_name": names,
        }


def _bar(name: str, shares: Document) -> list[dict[str, Any]]:
    """The largest as a bar chart; none where there are none."""
    largest = sorted(shares.items(), key=lambda item: -abs(item[1]))[:MOST_POINTS]
    if not largest:
        return []
    return [
        {
            "name": name,
            "type": "bar_chart",
            "value": [value for _, value in largest],
            "x_axis_name": [str(feature) for feature, _ in largest],
            "y_axis_name": name,
        }
    ]


def _lineage(package: Document) -> Document:
    found: Document = package.get("CustomerMetadataProperties", {})
    return found


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _filled(content: Document) -> dict[str, Any]:
    """Without what is empty: the schema wants a thing, or no word of it."""
    kept = {key: _without_gaps(each) for key, each in content.items()}
    return {key: each for key, each in kept.items() if each not in ("", None, {}, [])}


def _without_gaps(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _filled(value)
    if isinstance(value, list):
        return [_without_gaps(each) for each in value]
    return value
