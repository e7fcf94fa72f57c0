"""``analysis_config.json``, held against Clarify's schema; what this program does not do is refused by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from containers.analyzer.clarify_schema import problems
from containers.processing.job import DataError

FILE = "analysis_config.json"
NOT_HERE = {
    "segment_config": "bias of segments",
    "time_series_data_config": "forecasts",
}
NOT_HERE_METHODS = {"asymmetric_shapley_value": "forecasts"}
NOT_HERE_DATASETS = ("application/sagemakercapturejson", "application/x-image")

Config = Mapping[str, Any]


def load(folder: Path) -> Config:
    """The configuration in a folder.

    Raises:
        DataError: it is not there, is no JSON, does not fit the schema, or asks for what is not done here. The texts
            begin as the container's do.
    """
    file = folder / FILE
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"Unable to load analysis configuration as JSON. There is no {file}.") from None
    except ValueError as error:
        raise DataError(f"Unable to load analysis configuration as JSON. {file.name}: {error}.") from None
    wrong = problems(config)
    if wrong:
        raise DataError(f"Analysis configuration schema validation error. {'; '.join(wrong)}.")
    _possible(config)
    found: Config = {**config, "dataset_type": config["dataset_type"].lower()}
    return found


def _possible(config: Config) -> None:
    asked = {**config, **config["methods"]}
    for key, what in {**NOT_HERE, **NOT_HERE_METHODS}.items():
        if key in asked:
            raise DataError(f"'{key}' ({what}) is not analysed here.")
    if config["dataset_type"].lower() in NOT_HERE_DATASETS:
        raise DataError(f"The dataset_type {config['dataset_type']} is not analysed here; tables are.")
    if not set(config["methods"]) - {"report"}:
        raise DataError("Analysis configuration schema validation error. methods names no analysis.")
    needs_model = {"shap", "pdp"} & set(config["methods"])
    if needs_model and "predictor" not in config:
        raise DataError(
            f"Analysis configuration schema validation error. {' and '.join(sorted(needs_model))} ask a model: "
            "'predictor' is missing."
        )
    post = "post_training_bias" in config["methods"]
    if post and not ({"predictor", "predicted_label", "predicted_label_dataset_uri"} & set(config)):
        raise DataError(
            "Analysis configuration schema validation error. post_training_bias needs predictions: give 'predictor', "
            "or 'predicted_label' where the data has them."
        )
