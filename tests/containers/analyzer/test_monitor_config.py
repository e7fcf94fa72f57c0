"""The analyzer's environment becomes one record, or a sentence on what is wrong with it."""

from pathlib import Path

import pytest

from containers.analyzer.monitor_config import DatasetFormat, read
from containers.processing.job import DataError

LEAST = {
    "dataset_source": "/opt/ml/processing/input/baseline_dataset_input",
    "dataset_format": '{"csv": {"header": true, "output_columns_position": "START"}}',
    "output_path": "/opt/ml/processing/output",
}
MODEL = {**LEAST, "analysis_type": "MODEL_QUALITY", "problem_type": "Regression"}


def test_what_the_sdk_sends_for_a_baseline() -> None:
    """Three paths and a format are enough, and variables of others do not matter."""
    config = read({**LEAST, "PATH": "/bin", "publish_cloudwatch_metrics": "Disabled"})

    assert config.dataset_source == Path(LEAST["dataset_source"])
    assert config.dataset_format == DatasetFormat("csv", {"header": True, "output_columns_position": "START"})
    assert config.model_quality is None
    assert config.baseline_constraints is None


def test_the_container_s_defaults() -> None:
    """A CSV file has no header unless the format says so; of a call, both sides are captured."""
    assert not DatasetFormat("csv").header
    assert DatasetFormat("json").lines
    assert DatasetFormat("sagemakerCaptureJson").parts == ("endpointInput", "endpointOutput")
    assert DatasetFormat("sagemakerMergeJson").parts == ("endpointOutput",)


def test_model_quality_has_attributes() -> None:
    """They are texts in an environment; the threshold is a number."""
    attributes = {
        "problem_type": "BinaryClassification",
        "ground_truth_attribute": "label",
        "inference_attribute": "prediction",
        "probability_attribute": "probability",
        "probability_threshold_attribute": "0.8",
    }

    config = read({**MODEL, **attributes}).model_quality

    assert config is not None
    assert (config.problem_type, config.ground_truth_attribute) == ("BinaryClassification", "label")
    assert (config.inference_attribute, config.probability_attribute) == ("prediction", "probability")
    assert config.probability_threshold == 0.8


def test_merged_data_knows_its_truth() -> None:
    """The schedule of a model quality monitor names no ground truth attribute, and need not."""
    config = read({**MODEL, "dataset_format": '{"sagemakerMergeJson": {}}', "inference_attribute": "0"})

    assert config.model_quality is not None
    assert config.model_quality.ground_truth_attribute == ""


def test_excluded_features_are_a_list() -> None:
    """Names or numbers between commas."""
    assert read({**LEAST, "exclude_features_attribute": "age, 3,,sex"}).exclude_features_attribute == (
        "age",
        "3",
        "sex",
    )


WRONG = [
    ({"dataset_source": ""}, "the environment variable 'dataset_source' is missing"),
    ({"output_path": " "}, "the environment variable 'output_path' is missing"),
    ({"dataset_format": "csv"}, "dataset_format is not JSON"),
    ({"dataset_format": "[]"}, "dataset_format must be an object"),
    ({"dataset_format": "{}"}, "it names none"),
    ({"dataset_format": '{"sagemakercapturejson": {}}'}, "Did you mean 'sagemakerCaptureJson'?"),
    ({"dataset_format": '{"csv": {}, "json": {}}'}, "it names csv, json"),
    ({"dataset_format": '{"csv": true}'}, "dataset_format.csv must be an object"),
    ({"dataset_format": '{"csv": {"headers": true}}'}, "dataset_format.csv has no 'headers'"),
    ({"dataset_format": '{"csv": {"header": "yes"}}'}, "header must be true or false; it is 'yes'"),
    ({"dataset_format": '{"csv": {}, "compression": "GZIP"}'}, "compression"),
    ({"analysis_type": "MODEL_BIAS"}, "analysis_type must be one of DATA_QUALITY, MODEL_QUALITY"),
    ({"analysis_type": "MODEL_QUALITY"}, "the environment variable 'problem_type' is missing"),
    (MODEL, "the environment variable 'ground_truth_attribute' is missing"),
    (
        {**MODEL, "ground_truth_attribute": "y", "probability_threshold_attribute": "half"},
        "probability_threshold_attribute must be a number; it is 'half'",
    ),
    ({"categorical_drift_method": "L2"}, "categorical_drift_method must be one of LInfinity, ChiSquared"),
    ({"publish_cloudwatch_metrics": "true"}, "publish_cloudwatch_metrics must be one of Enabled, Disabled"),
    (
        {"publish_cloudwatch_metrics": "Enabled"},
        "CloudWatch publishing is available only for jobs from MonitoringSchedules.",
    ),
    ({"baseline_constraints": "/nowhere.json"}, "baseline_constraints: there is no file /nowhere.json"),
    ({"record_preprocessor_script": "/no.py"}, "record_preprocessor_script: there is no file /no.py"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_what_cannot_be_meant_is_said(changes: dict[str, str], message: str) -> None:
    """The variable is named, and what it may be."""
    with pytest.raises(DataError) as caught:
        read({**LEAST, **changes})
    assert message in str(caught.value)
