"""Which checks a pipeline has, and what each of them is told to analyse. No SDK import."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from containers import checks, contract
from containers.checks import CHECKS, Check
from containers.flow_schema import raw_columns
from pipelines.config import Config, UseCase
from steps.settings import Form

# A check's parameters are its name and one of these.
SKIP, REGISTER, FAIL = "SkipCheck", "RegisterNewBaseline", "FailOnViolation"
PROBLEM_TYPES = {
    "binary": "BinaryClassification",
    "multiclass": "MulticlassClassification",
    "regression": "Regression",
}
PARQUET: dict[str, Any] = {"parquet": {}}  # as Model Monitor says it
PARQUET_TYPE = "application/x-parquet"  # as Clarify says it
COALITIONS = 100  # that Kernel SHAP asks about for each row
REPORT = {"name": "report", "title": "Analysis Report"}


@dataclass(frozen=True)
class Planned:
    """A check that a pipeline has."""

    check: Check
    form: Form
    settings: Mapping[str, Any]  # what it analyses, in the words of AWS's containers


def planned(config: Config) -> dict[Check, Planned]:
    """The checks that are on, and for which the use case gives something to look at."""
    forms = config.environment.checks
    return {
        check: Planned(check, form, settings)
        for check in CHECKS.values()
        if (form := forms.form(check.setting)) != "off"
        and (settings := (NATIVE_SETTINGS if form == "native" else SETTINGS)[check.name](config.usecase))
        is not None
    }


def _data_quality(_: UseCase) -> dict[str, Any]:
    return {"dataset_format": PARQUET}


def _model_quality(usecase: UseCase) -> dict[str, Any]:
    binary = usecase.problem == "binary"
    return {
        "dataset_format": PARQUET,
        "analysis_type": checks.MODEL_QUALITY.type,
        "problem_type": PROBLEM_TYPES[usecase.problem],
        "ground_truth_attribute": contract.LABEL,
        "inference_attribute": contract.PREDICTED_LABEL,
        **({"probability_attribute": contract.PROBABILITY} if binary else {}),
        **({"positive_label": str(_number(usecase.positive))} if binary else {}),
    }


def _data_bias(usecase: UseCase) -> dict[str, Any] | None:
    return _bias(usecase, usecase.label, "pre_training_bias", checks.PRE_TRAINING)


def _model_bias(usecase: UseCase) -> dict[str, Any] | None:
    found = _bias(usecase, contract.LABEL, "post_training_bias", checks.POST_TRAINING)
    return found and {**found, "predicted_label": contract.PREDICTED_LABEL}


def _bias(usecase: UseCase, label: str, method: str, metrics: Sequence[str]) -> dict[str, Any] | None:
    """A part of ``analysis_config.json``; the metrics are those for which the rows have what is needed.

    Without facets there is no bias to look for, nor without label values where the problem is not binary.
    """
    binary = usecase.problem == "binary"
    positive = [_number(usecase.positive)] if binary else list(usecase.fairness.label_values)
    if not usecase.facets or not positive:
        return None
    group = usecase.fairness.group_variable
    without = checks.OF_FEATURES if group else (*checks.OF_FEATURES, *checks.OF_GROUPS)
    return {
        "dataset_type": PARQUET_TYPE,
        "label": label,
        "label_values_or_threshold": positive,
        "facet": [
            {
                "name_or_index": facet.column,
                **({"value_or_threshold": [_number(each) for each in facet.values]} if facet.values else {}),
            }
            for facet in usecase.facets
        ],
        **({"group_variable": group} if group else {}),
        "methods": {
            method: {"methods": [name for name in metrics if name not in without]},
            "report": REPORT,
        },
    }


def _number(value: Any) -> Any:
    """True and false as the numbers for which AWS's containers take them; anything else as it is."""
    return int(value) if isinstance(value, bool) else value


def _tree_shap(_: UseCase) -> dict[str, Any]:
    """Of our own model on the prepared test rows: exact, so there is nothing to choose."""
    return {
        "dataset_type": PARQUET_TYPE,
        "label": contract.LABEL,
        "methods": {"shap": {"agg_method": "mean_abs", "save_local_shap_values": True}, "report": REPORT},
    }


def _kernel_shap(usecase: UseCase) -> dict[str, Any]:
    """Of the model behind an endpoint, which reads raw rows as CSV: those columns that its flow reads.

    A thousand rows with a hundred coalitions each are a hundred thousand questions.
    """
    read = raw_columns(list(usecase.flow), dict(usecase.columns), usecase.label)
    return {
        "dataset_type": PARQUET_TYPE,
        "label": usecase.label,
        "excluded_columns": [name for name in usecase.columns if name not in (*read, usecase.label)],
        "methods": {
            "shap": {
                "num_samples": COALITIONS,
                "agg_method": "mean_abs",
                "seed": usecase.split.seed,
                "save_local_shap_values": False,
            },
            "report": REPORT,
        },
        "predictor": {
            "content_type": "text/csv",
            "accept_type": "text/csv",
            "label": 1
            if usecase.problem == "binary"
            else 0,  # decision,probability; of a regression the number
        },
    }


SETTINGS: dict[str, Callable[[UseCase], dict[str, Any] | None]] = {
    checks.DATA_QUALITY.name: _data_quality,
    checks.DATA_BIAS.name: _data_bias,
    checks.MODEL_BIAS.name: _model_bias,
    checks.EXPLAINABILITY.name: _tree_shap,
    checks.MODEL_QUALITY.name: _model_quality,
}
NATIVE_SETTINGS = {**SETTINGS, checks.EXPLAINABILITY.name: _kernel_shap}
