"""What each check is told to analyse, for each kind of problem."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from containers import checks, contract
from containers.analyzer import monitor
from containers.checks import CHECKS, DATA_BIAS, DATA_QUALITY, EXPLAINABILITY, MODEL_BIAS, MODEL_QUALITY
from pipelines import config
from pipelines.checks import planned
from pipelines.config import Config

USECASE = """
name = "small"
title = "A small one"
{problem}
label = "y"
{facets}

[columns]
id = "string"
age = "number"
y = "{type}"

[split]
strategy = "random"

[[flow]]
operator = "drop"
columns = ["id"]

{fairness}

[gate]
metric = "{metric}"
at_least = 0.1

[registry]
group = "small"
"""
FACET = '[[facets]]\ncolumn = "age"\nvalues = [40]'
PROBLEMS: dict[str, dict[str, str]] = {
    "text": {"problem": 'problem = "binary"\npositive = "yes"', "type": "string", "metric": "auc"},
    "number": {"problem": 'problem = "binary"\npositive = 1', "type": "integer", "metric": "auc"},
    "boolean": {"problem": 'problem = "binary"\npositive = false', "type": "boolean", "metric": "auc"},
    "multiclass": {
        "problem": 'problem = "multiclass"',
        "type": "string",
        "metric": "accuracy",
        "fairness": '[fairness]\nlabel_values = ["a", "b"]\ngroup_variable = "id"',
    },
    "regression": {
        "problem": 'problem = "regression"',
        "type": "number",
        "metric": "r2",
        "fairness": "[fairness]\nlabel_values = [0.5]",
    },
}


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """``load("binary", facets="")``: the settings of such a use case."""

    def read(kind: str, environment: str = "local", **parts: str) -> Config:
        file = tmp_path / "small.toml"
        texts = {"facets": "", "fairness": "", **PROBLEMS[kind], **parts}
        # TOML has values before tables, so the facets come after them.
        file.write_text(USECASE.format(**{**texts, "facets": ""}) + texts["facets"] + "\n", encoding="utf-8")
        return config.load(environment, str(file))

    return read


@pytest.mark.parametrize(
    ("kind", "positive", "without"),
    [
        ("text", ["yes"], {"CDDL"}),
        ("number", [1], {"CDDL"}),
        ("boolean", [0], {"CDDL"}),
        ("multiclass", ["a", "b"], set()),
        ("regression", [0.5], {"CDDL"}),
    ],
)
def test_bias_is_of_the_good_outcome(kind: str, positive: list[Any], without: set[str], load: Any) -> None:
    """The positive value, or the values or threshold that the use case names; no metric that lacks what it needs."""
    told = planned(load(kind, facets=FACET))

    assert told[DATA_BIAS].settings["label_values_or_threshold"] == positive
    assert told[MODEL_BIAS].settings["label_values_or_threshold"] == positive
    assert told[DATA_BIAS].settings["facet"] == [{"name_or_index": "age", "value_or_threshold": [40]}]
    asked = told[DATA_BIAS].settings["methods"]["pre_training_bias"]["methods"]
    assert set(asked) == set(checks.PRE_TRAINING) - without
    assert "FT" not in told[MODEL_BIAS].settings["methods"]["post_training_bias"]["methods"]


@pytest.mark.parametrize("kind", PROBLEMS)
def test_without_facets_there_is_no_bias_to_look_for(kind: str, load: Any) -> None:
    """The other checks stay."""
    assert list(planned(load(kind, fairness=""))) == [
        DATA_QUALITY,
        EXPLAINABILITY,
        MODEL_QUALITY,
    ]


@pytest.mark.parametrize(
    ("kind", "values"), [("text", ["yes", "no"]), ("number", [1, 0]), ("boolean", [False, True])]
)
def test_the_positive_value_is_recognised_in_the_predictions(
    kind: str, values: list[Any], load: Any, tmp_path: Path
) -> None:
    """Whatever type the label has: one of two yes is found, and the one no is right."""
    settings = planned(load(kind))[MODEL_QUALITY].settings
    yes, no = values
    table = pa.table(
        {
            contract.LABEL: [yes, yes, no],
            contract.PREDICTED_LABEL: [yes, no, no],
            contract.PROBABILITY: [0.9, 0.4, 0.1],
        }
    )
    pq.write_table(table, tmp_path / "rows.parquet")
    output = tmp_path / "output"
    environment = {name: value for name, value in settings.items() if isinstance(value, str)}

    monitor.main(
        {
            **environment,
            "dataset_format": '{"parquet": {}}',
            "dataset_source": str(tmp_path / "rows.parquet"),
            "output_path": str(output),
        },
        tmp_path,
    )

    metrics = _metrics(output)
    assert metrics["recall"]["value"] == 0.5
    assert metrics["true_negative_rate"]["value"] == 1.0
    assert metrics["auc"]["value"] == 1.0


def _metrics(output: Path) -> dict[str, Any]:
    document = json.loads((output / checks.STATISTICS_FILE).read_text(encoding="utf-8"))
    metrics: dict[str, Any] = document["binary_classification_metrics"]
    return metrics


def test_the_native_explanation_asks_with_what_the_model_reads(load: Any, tmp_path: Path) -> None:
    """Columns that the flow drops unread are not sent, nor is the label."""
    environment = tmp_path / "here.toml"
    text = (config.ENVIRONMENTS / "local.toml").read_text(encoding="utf-8")
    environment.write_text(f'{text}\n[checks]\nexplainability = "native"\n', encoding="utf-8")

    told = planned(load("text", str(environment)))[EXPLAINABILITY].settings

    assert (told["label"], told["excluded_columns"]) == ("y", ["id"])
    assert told["predictor"] == {"content_type": "text/csv", "accept_type": "text/csv", "label": 1}


@pytest.mark.parametrize("usecase", config.names(config.USECASES))
def test_every_shipped_use_case_has_all_checks(usecase: str) -> None:
    """In the shipped environments, in our own form: it runs in every account."""
    for environment in config.names(config.ENVIRONMENTS):
        told = planned(config.load(environment, usecase))
        assert list(told) == list(CHECKS.values())
        assert {each.form for each in told.values()} == {"processing"}
