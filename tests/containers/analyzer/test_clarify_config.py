"""Clarify's configuration: what is wrong with it is said at once, each with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from containers.analyzer import clarify_config
from containers.analyzer.clarify_schema import problems
from containers.processing.job import DataError

RIGHT: dict[str, Any] = {
    "version": "1.0",
    "dataset_type": "text/csv",
    "headers": ["paid", "age"],
    "label": "paid",
    "label_values_or_threshold": [1],
    "probability_threshold": 0.5,
    "facet": [{"name_or_index": "age", "value_or_threshold": [40]}, {"name_or_index": 1}],
    "group_variable": 0,
    "methods": {
        "pre_training_bias": {"methods": "all"},
        "post_training_bias": {"methods": ["DI"]},
        "shap": {
            "baseline": [[1, "a", None]],
            "num_samples": 5,
            "agg_method": "mean_abs",
            "use_logit": False,
        },
        "pdp": {"grid_resolution": 10, "features": ["age", 1]},
        "report": {"name": "report", "title": "It"},
    },
    "predictor": {"model_name": "m", "instance_type": "ml.m5.large", "initial_instance_count": 1, "label": 0},
}


def test_a_right_configuration_has_no_problem() -> None:
    """Every kind of key, in the forms that the SDK writes."""
    assert problems(RIGHT) == []


def test_every_mistake_is_named_at_once() -> None:
    """Unknown keys with a suggestion, wrong types and names with what would be right."""
    wrong = {
        "dataset_type": "text/cvs",
        "lable": "paid",
        "probability_threshold": "half",
        "facet": [{"value_or_threshold": 1}],
        "methods": {"shap": {"num_samples": 1.5, "use_logit": 1}, "pre_training_bias": {}},
    }

    assert problems(wrong) == [
        "dataset_type must be one of text/csv, application/jsonlines, application/json, "
        "application/sagemakercapturejson, application/x-parquet, application/x-image, not 'text/cvs'; "
        "did you mean 'text/csv'?",
        "lable is not known; did you mean 'label'?",
        "probability_threshold must be a number, not 'half'",
        "facet[0].name_or_index is missing",
        "facet[0].value_or_threshold must be a list, not 1",
        "methods.shap.num_samples must be a whole number, not 1.5",
        "methods.shap.use_logit must be true or false, not 1",
        "methods.pre_training_bias.methods is missing",
    ]


REFUSED: list[tuple[str, str]] = [
    ("{", "Unable to load analysis configuration as JSON. analysis_config.json:"),
    ("[]", "Analysis configuration schema validation error. the configuration must be an object"),
    (json.dumps({**RIGHT, "segment_config": []}), "'segment_config' (bias of segments) is not analysed here"),
    (
        json.dumps({**RIGHT, "dataset_type": "application/x-image"}),
        "application/x-image is not analysed here",
    ),
    (json.dumps({**RIGHT, "methods": {"report": {"name": "r"}}}), "methods names no analysis"),
    (
        json.dumps({"dataset_type": "text/csv", "methods": {"shap": {}}}),
        "shap ask a model: 'predictor' is missing",
    ),
    (
        json.dumps({"dataset_type": "text/csv", "methods": {"post_training_bias": {"methods": "all"}}}),
        "post_training_bias needs predictions",
    ),
]


@pytest.mark.parametrize(("content", "message"), REFUSED)
def test_what_cannot_be_done_is_refused_in_the_containers_words(
    content: str, message: str, tmp_path: Path
) -> None:
    """Before any data is read."""
    (tmp_path / clarify_config.FILE).write_text(content)
    with pytest.raises(DataError) as error:
        clarify_config.load(tmp_path)
    assert message in str(error.value)


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    """By its place."""
    with pytest.raises(DataError, match=r"as JSON\. There is no .*analysis_config\.json"):
        clarify_config.load(tmp_path)
