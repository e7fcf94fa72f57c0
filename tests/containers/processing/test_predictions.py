"""What the model says of each test row, beside the facets of the raw row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from containers import contract
from containers.contract import ProcessingPaths
from containers.processing import predictions
from containers.processing.job import DataError
from containers.processing.model_archive import TrainedModel
from containers.processing.report import Scored

SETTINGS = {
    "facets": [{"column": "sex"}, {"column": "age"}, {"column": "sex"}],
    "fairness": {"group_variable": "region"},
}
RAW = pa.table({"region": ["n", "s", None], "age": [30, 40, 50], "sex": ["F", "M", "F"], "income": [1, 2, 3]})


def model(problem, *values):
    return TrainedModel(None, problem, ("a",), tuple(map(str, values)), {}, values)


def job(base, raw=RAW):
    paths = ProcessingPaths(base)
    if raw is not None:
        predictions.write(raw, paths.input(contract.HOLDOUT))
    return paths


@pytest.mark.parametrize(
    ("values", "expected"),
    [(("no", "yes"), ["no", "yes", "yes"]), ((0, 1), [0, 1, 1]), ((False, True), [False, True, True])],
)
def test_labels_are_as_in_the_raw_rows(tmp_path, values, expected):
    """And a score that equals the threshold is a yes."""
    test = Scored(np.array([1.0, 0.0, 1.0]), np.array([0.1, 0.7, 0.4]))
    made = predictions.predict(job(tmp_path), SETTINGS, model("binary", *values), test, 0.4)

    assert made.column_names == ["sex", "age", "region", "label", "predicted_label", "probability"]
    assert made["predicted_label"].to_pylist() == expected
    assert made["label"].to_pylist() == [values[1], values[0], values[1]]
    assert made["age"].to_pylist() == [30, 40, 50]
    assert made["probability"].to_pylist() == [0.1, 0.7, 0.4]


def test_of_several_classes_the_likeliest_is_predicted(tmp_path):
    """No probability: there is one for each class."""
    test = Scored(np.array([2.0, 0.0, 1.0]), np.array([[0.2, 0.3, 0.5], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]))
    made = predictions.predict(job(tmp_path), SETTINGS, model("multiclass", "x", "y", "z"), test, None)

    assert made["predicted_label"].to_pylist() == ["z", "x", "x"]
    assert made["label"].to_pylist() == ["z", "x", "y"]
    assert "probability" not in made.column_names


def test_a_regression_predicts_numbers(tmp_path):
    """As they are."""
    test = Scored(np.array([1.5, 2.5, 3.5]), np.array([1.0, 2.0, 3.0]))
    made = predictions.predict(job(tmp_path), SETTINGS, model("regression"), test, None)

    assert made["label"].to_pylist() == [1.5, 2.5, 3.5]
    assert made["predicted_label"].to_pylist() == [1.0, 2.0, 3.0]


def test_without_facets_the_raw_rows_are_not_needed(tmp_path):
    """The quality of the model can be watched all the same."""
    test = Scored(np.array([1.0]), np.array([0.9]))
    made = predictions.predict(job(tmp_path, None), {}, model("binary", 0, 1), test, None)

    assert made.column_names == ["label", "predicted_label", "probability"]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (None, "'holdout' is missing: facets are read from the raw test rows"),
        (RAW.drop_columns(["age"]), "'holdout' has no column 'age'. There are region, sex, income"),
        (RAW.slice(1), "'holdout' has 2 rows, 'test' 3: they must be the same rows"),
    ],
)
def test_raw_rows_that_do_not_belong_are_refused(tmp_path, raw, said):
    """In one line."""
    test = Scored(np.array([1.0, 0.0, 1.0]), np.array([0.1, 0.7, 0.4]))
    with pytest.raises(DataError) as caught:
        predictions.predict(job(tmp_path, raw), SETTINGS, model("binary", 0, 1), test, 0.4)

    assert said in str(caught.value)


def test_a_facet_must_not_be_called_as_a_prediction_is(tmp_path):
    """The columns would be one."""
    raw = RAW.rename_columns(["region", "age", "sex", "probability"])
    settings = {"facets": [{"column": "probability"}]}
    test = Scored(np.array([1.0, 0.0, 1.0]), np.array([0.1, 0.7, 0.4]))
    with pytest.raises(DataError, match="'probability' is a name that the predictions need"):
        predictions.predict(job(tmp_path, raw), settings, model("binary", 0, 1), test, 0.4)
