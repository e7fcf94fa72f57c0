"""Attributes of model quality find their columns."""

import pytest

from containers.analyzer.monitor_attributes import resolve
from containers.analyzer.predictions import ModelQualityConfig
from containers.processing.job import DataError

MERGED = ["endpointOutput_0", "endpointOutput_score", "groundTruthData_0"]
CASES = [
    ("label", "prediction", ["label", "prediction"], ("label", "prediction")),
    ("1", "0", ["_c0", "_c1"], ("_c1", "_c0")),
    ("_c1", "_c0", ["_c0", "_c1"], ("_c1", "_c0")),
    ("", "0", MERGED, ("groundTruthData_0", "endpointOutput_0")),
    ("0", "score", MERGED, ("groundTruthData_0", "endpointOutput_score")),
    ("groundTruthData_0", "endpointOutput_0", MERGED, ("groundTruthData_0", "endpointOutput_0")),
    ("", "0", ["batchTransformOutput_0", "groundTruthData_y"], ("groundTruthData_y", "batchTransformOutput_0")),
    ("lable", "other", ["label"], ("lable", "other")),  # for predictions.statistics to complain of
]  # fmt: skip


@pytest.mark.parametrize(("truth", "inference", "columns", "found"), CASES)
def test_which_column_is_meant(
    truth: str, inference: str, columns: list[str], found: tuple[str, str]
) -> None:
    """Its name, its number, or an answer's own name or number."""
    config = resolve(ModelQualityConfig("Regression", truth, inference), columns)

    assert (config.ground_truth_attribute, config.inference_attribute) == found
    assert config.probability_attribute is None


@pytest.mark.parametrize("columns", [["a"], ["groundTruthData_0", "groundTruthData_1"]])
def test_a_truth_that_may_be_anything_is_none(columns: list[str]) -> None:
    """The columns that there are are named."""
    with pytest.raises(
        DataError, match="ground_truth_attribute: not given, and no single column can be meant"
    ):
        resolve(ModelQualityConfig("Regression", "", "0"), columns)
