"""What the Model Monitor analyzer is told: environment variables, all of them texts, as one record.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-contract-inputs.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from containers.analyzer.constraints import CHOICES
from containers.analyzer.predictions import ModelQualityConfig
from containers.processing.job import DataError

CSV, JSON, PARQUET, CAPTURE, MERGE = "csv", "json", "parquet", "sagemakerCaptureJson", "sagemakerMergeJson"
FORMATS = (CSV, JSON, PARQUET, CAPTURE, MERGE)
DATA_QUALITY, MODEL_QUALITY = "DATA_QUALITY", "MODEL_QUALITY"
ENABLED, DISABLED = "Enabled", "Disabled"
START, END = "START", "END"
# Setting -> whether a value may be one, and what it must be.
FLAG = (lambda value: isinstance(value, bool), "true or false")
POSITION = (lambda value: value in (START, END), f"{START} or {END}")
PARTS = (
    lambda value: isinstance(value, list) and bool(value) and all(isinstance(name, str) for name in value),
    "a list of names",
)
SETTINGS: dict[str, dict[str, tuple[Callable[[Any], bool], str]]] = {
    CSV: {"header": FLAG, "output_columns_position": POSITION},
    JSON: {"lines": FLAG, "line": FLAG},
    PARQUET: {},
    CAPTURE: {"captureIndexNames": PARTS, "output_columns_position": POSITION},
    MERGE: {"captureIndexNames": PARTS},
}


@dataclass(frozen=True)
class DatasetFormat:
    """How the data set is written: one of ``FORMATS``, and that format's own settings."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def header(self) -> bool:
        """Whether a CSV file begins with the names of its columns; the container assumes not."""
        return bool(self.settings.get("header", False))

    @property
    def lines(self) -> bool:
        """Whether a JSON file has one record a line."""
        return bool(self.settings.get("lines", self.settings.get("line", True)))

    @property
    def parts(self) -> tuple[str, ...]:
        """Which parts of a captured record are looked at."""
        default = ("endpointOutput",) if self.name == MERGE else ("endpointInput", "endpointOutput")
        return tuple(self.settings.get("captureIndexNames") or default)

    @property
    def outputs_first(self) -> bool:
        """Whether a captured record's output stands before its input, as labels mostly do in training data."""
        return bool(self.settings.get("output_columns_position", START) != END)


@dataclass(frozen=True)
class MonitorConfig:
    """One run of the analyzer; the names are those of the environment variables."""

    dataset_source: Path
    dataset_format: DatasetFormat
    output_path: Path
    baseline_constraints: Path | None = None
    baseline_statistics: Path | None = None
    record_preprocessor_script: Path | None = None
    post_analytics_processor_script: Path | None = None
    publish_cloudwatch_metrics: bool = False
    exclude_features_attribute: tuple[str, ...] = ()
    categorical_drift_method: str | None = None
    model_quality: ModelQualityConfig | None = None  # None: the analysis is of data quality
    metric_time: str = ""  # of what CloudWatch is told; the end of the window where nothing else is said
    sagemaker_endpoint_name: str = ""
    sagemaker_monitoring_schedule_name: str = ""


def read(environment: Mapping[str, str]) -> MonitorConfig:
    """The configuration that an environment holds; variables of others are left alone.

    Raises:
        DataError: a variable is missing, or its value is none that it may have; the message names it.
    """
    given = {name: value.strip() for name, value in environment.items() if value.strip()}
    analysis = _choice(given, "analysis_type", (DATA_QUALITY, MODEL_QUALITY), DATA_QUALITY)
    publish = _choice(given, "publish_cloudwatch_metrics", (ENABLED, DISABLED), DISABLED) == ENABLED
    schedule = given.get("sagemaker_monitoring_schedule_name", "")
    if publish and not schedule:
        # The container's words; seen in 2026 whenever somebody starts the job by hand.
        raise DataError("CloudWatch publishing is available only for jobs from MonitoringSchedules.")
    drift = _choice(given, "categorical_drift_method", CHOICES["categorical_drift_method"], "")
    dataset_format = _dataset_format(_required(given, "dataset_format"))
    return MonitorConfig(
        dataset_source=Path(_required(given, "dataset_source")),
        dataset_format=dataset_format,
        output_path=Path(_required(given, "output_path")),
        baseline_constraints=_file(given, "baseline_constraints"),
        baseline_statistics=_file(given, "baseline_statistics"),
        record_preprocessor_script=_file(given, "record_preprocessor_script"),
        post_analytics_processor_script=_file(given, "post_analytics_processor_script"),
        publish_cloudwatch_metrics=publish,
        exclude_features_attribute=_names(given.get("exclude_features_attribute", "")),
        categorical_drift_method=drift or None,
        model_quality=_model_quality(given, dataset_format) if analysis == MODEL_QUALITY else None,
        metric_time=given.get("metric_time") or given.get("end_time", ""),
        sagemaker_endpoint_name=given.get("sagemaker_endpoint_name", ""),
        sagemaker_monitoring_schedule_name=schedule,
    )


def _dataset_format(text: str) -> DatasetFormat:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise DataError(f"dataset_format is not JSON: {error}; it is {text!r}") from None
    if not isinstance(document, dict):
        raise DataError(
            f'dataset_format must be an object, such as {{"csv": {{"header": true}}}}; it is {text!r}'
        )
    names = [name for name in document if name != "compression"]
    if len(names) != 1 or names[0] not in FORMATS:
        near = get_close_matches(names[0].lower(), [name.lower() for name in FORMATS], 1) if names else []
        meant = [name for name in FORMATS if name.lower() in near]
        raise DataError(
            f"dataset_format must name one of {', '.join(FORMATS)}; it names {', '.join(names) or 'none'}."
            + (f" Did you mean {meant[0]!r}?" if meant else "")
        )
    if document.get("compression") not in (None, "None"):
        raise DataError(
            f"dataset_format: compression {document['compression']!r} cannot be read; uncompressed can"
        )
    return DatasetFormat(names[0], _settings(names[0], document[names[0]]))


def _settings(name: str, settings: Any) -> dict[str, Any]:
    """A format's settings; null, as some write it, is none of them."""
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise DataError(f"dataset_format.{name} must be an object; it is {settings!r}")
    for setting, value in settings.items():
        if setting not in SETTINGS[name]:
            known = ", ".join(SETTINGS[name]) or "no settings"
            raise DataError(f"dataset_format.{name} has no {setting!r}; it has {known}")
        fits, wanted = SETTINGS[name][setting]
        if not fits(value):
            raise DataError(f"dataset_format.{name}.{setting} must be {wanted}; it is {value!r}")
    return settings


def _model_quality(given: Mapping[str, str], dataset_format: DatasetFormat) -> ModelQualityConfig:
    threshold = given.get("probability_threshold_attribute", "0.5")
    try:
        probability_threshold = float(threshold)
    except ValueError:
        raise DataError(f"probability_threshold_attribute must be a number; it is {threshold!r}") from None
    merged = dataset_format.name == MERGE  # knows itself which of its columns is the truth
    return ModelQualityConfig(
        _required(given, "problem_type"),
        given.get("ground_truth_attribute", "") if merged else _required(given, "ground_truth_attribute"),
        given.get("inference_attribute"),
        given.get("probability_attribute"),
        probability_threshold,
        given.get("positive_label", "1"),
    )


def _required(given: Mapping[str, str], name: str) -> str:
    if name not in given:
        raise DataError(f"the environment variable {name!r} is missing")
    return given[name]


def _choice(given: Mapping[str, str], name: str, choices: tuple[str, ...], default: str) -> str:
    value = given.get(name, default)
    if value not in (*choices, default):
        raise DataError(f"{name} must be one of {', '.join(choices)}; it is {value!r}")
    return value


def _file(given: Mapping[str, str], name: str) -> Path | None:
    """The path that a variable names; None where there is no such variable."""
    if name not in given:
        return None
    path = Path(given[name])
    if not path.is_file():
        raise DataError(f"{name}: there is no file {path}")
    return path


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
