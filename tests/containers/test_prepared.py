from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xgboost as xgb

from containers.contract import LABEL
from containers.prepared import Rows, read, scoring_matrix, training_matrix
from containers.processing.job import DataError


def rows(count: int = 3000) -> Rows:
    draw = np.random.default_rng(0)
    table = pa.table(
        {"a": draw.normal(size=count), "b": draw.integers(0, 5, count), "c": draw.random(count) < 0.5}
    )
    return Rows("test", draw.normal(size=count), table)


def test_scoring_sees_exact_values():
    """Scores of a few rows are those of the same rows among many: no bins of their own shift them."""
    every = rows()
    booster = xgb.train({"max_depth": 6, "nthread": 1}, training_matrix(every, nthread=1), 20)
    few = Rows("test", every.labels[:7], every.features.slice(0, 7))

    assert (booster.predict(scoring_matrix(few)) == booster.predict(scoring_matrix(every))[:7]).all()


def test_labels_keep_their_digits(tmp_path):
    """A label that a 32-bit number cannot hold is measured as it is."""
    pq.write_table(pa.table({LABEL: [16_777_217.0, 0.1], "a": [1, 2]}), tmp_path / "part.parquet")

    assert read(tmp_path, "test").labels.tolist() == [16_777_217.0, 0.1]


def test_missing_values_stay_missing(tmp_path):
    """A null of any type is missing to XGBoost, in training and in scoring."""
    table = pa.table(
        {LABEL: [0.0, 1.0], "a": pa.array([1, None]), "b": pa.array([None, True]), "c": [float("nan"), 1]}
    )
    pq.write_table(table, tmp_path / "part.parquet")
    found = read(tmp_path, "train")

    assert training_matrix(found).num_nonmissing() == scoring_matrix(found).num_nonmissing() == 3


@pytest.mark.parametrize("make", [training_matrix, scoring_matrix])
def test_infinite_values_are_named(make):
    """Which columns they are in, and what to do."""
    table = pa.table({"good": [1.0, 2.0], "bad": [1.0, float("inf")], "worse": [float("-inf"), 1.0]})

    with pytest.raises(
        DataError, match="'test': infinite values in bad, worse; leave them empty or clip them"
    ):
        make(Rows("test", np.array([0.0, 1.0]), table))


def test_parts_with_different_columns_are_one_clear_line(tmp_path):
    """Files of one input must have the same columns."""
    pq.write_table(pa.table({LABEL: [0.0], "a": [1.0]}), tmp_path / "part-0.parquet")
    pq.write_table(pa.table({LABEL: [0.0], "b": [1.0]}), tmp_path / "part-1.parquet")

    with pytest.raises(
        DataError, match=r"'train': the columns of part-1\.parquet are not those of part-0\.parquet"
    ):
        read(tmp_path, "train")
