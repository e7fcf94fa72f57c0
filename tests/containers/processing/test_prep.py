"""The job on real Parquet, and the laws that make training and serving the same."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from containers.contract import (
    DATA,
    FLOW,
    FLOW_FILE,
    HOLDOUT,
    LABEL,
    PART_FILE,
    TEST,
    TRAIN,
    VALIDATION,
    ProcessingPaths,
)
from containers.flow import FittedFlow, apply
from containers.processing import csv_files, prep
from containers.processing.job import run
from pipelines.usecases import roaming

USECASES = Path(roaming.__file__).parent


@pytest.fixture(scope="module")
def settings():
    return tomllib.loads((USECASES / "roaming.toml").read_text())


@pytest.fixture(scope="module")
def raw(settings, tmp_path_factory):
    """Generated transactions, as ingest leaves them; some delivered twice."""
    csv = tmp_path_factory.mktemp("raw") / "roaming.csv"
    roaming.write(csv, 3000, roaming.Knobs(seed=4))
    lines = csv.read_text().splitlines(keepends=True)
    csv.write_text("".join(lines + lines[10:20]))
    [table] = csv_files.tables(csv, "csv", settings["columns"], settings["source"])
    return table


@pytest.fixture
def job(tmp_path):
    """Run prep on a table with settings; gives the paths."""

    def start(table, settings, name="ml"):
        paths = ProcessingPaths(tmp_path / name)
        paths.settings.parent.mkdir(parents=True)
        paths.settings.write_text(json.dumps(settings))
        paths.input(DATA).mkdir(parents=True)
        half = len(table) // 2
        pq.write_table(table.slice(0, half), paths.input(DATA) / "part-00000.parquet")
        pq.write_table(table.slice(half), paths.input(DATA) / "part-00001.parquet")
        return run(prep.main, paths), paths

    return start


def read(paths, name):
    return pd.read_parquet(paths.output(name) / PART_FILE)


def test_what_prep_leaves(job, raw, settings, capsys):
    """Three splits with the label first and numbers after it, the raw test rows, and the flow; equal rows once."""
    status, paths = job(raw, settings)

    assert status == 0
    frames = {name: read(paths, name) for name in (TRAIN, VALIDATION, TEST)}
    assert {name: len(frame) for name, frame in frames.items()} == {TRAIN: 1950, VALIDATION: 450, TEST: 600}
    fitted = FittedFlow.from_json((paths.output(FLOW) / FLOW_FILE).read_text())
    for frame in frames.values():
        assert list(frame) == [LABEL, *fitted.features]
        assert frame[LABEL].dtype == np.int64
        assert {str(dtype) for dtype in frame.dtypes[1:]} == {"float64"}
    assert pq.read_schema(paths.output(HOLDOUT) / PART_FILE).equals(raw.schema)
    said = capsys.readouterr().out
    assert "3,000 rows (10 duplicates left out)" in said
    assert f"{len(fitted.features)} features from 26 raw columns" in said


def test_training_and_serving_make_the_same_numbers(job, raw, settings):
    """The raw test rows through the stored flow are the prepared test rows, bit for bit: all at once, one by one,
    and as the JSON of a request."""
    _, paths = job(raw, settings)
    fitted = FittedFlow.from_json((paths.output(FLOW) / FLOW_FILE).read_text())
    holdout, prepared = read(paths, HOLDOUT), read(paths, TEST)
    expected = prepared[list(fitted.features)].to_numpy()

    def same(features, rows=slice(None)):
        np.testing.assert_array_equal(features.to_numpy(), expected[rows])

    same(apply(fitted, holdout))
    assert (fitted.label.encode(holdout["is_fraud"]) == prepared[LABEL]).all()
    records = json.loads(holdout.to_json(orient="records", date_format="iso", double_precision=15))
    same(apply(fitted, pd.DataFrame(records)))
    for row in range(0, len(holdout), 50):
        same(apply(fitted, holdout.iloc[[row]]), [row])
        same(apply(fitted, pd.DataFrame([records[row]])), [row])


def test_nothing_is_learned_from_validation_or_test_rows(job, raw, settings):
    """Their values may change at will: the fitted flow does not change by a byte."""
    rows = raw.to_pandas()
    fitted, sides, kept = prep.prepare(rows, settings)
    unseen = kept.index[np.concatenate([sides[VALIDATION], sides[TEST]])]

    from containers.flow import fit

    changed = kept.copy()
    numbers = changed.select_dtypes("number").columns.drop("is_fraud")
    changed.loc[unseen, numbers] = changed.loc[unseen, numbers] * 1000 + 7
    changed.loc[unseen, ["device_type", "visited_network"]] = "never seen"
    again = fit(
        settings["flow"],
        changed.iloc[sides[TRAIN]],
        columns=settings["columns"],
        label="is_fraud",
        problem="binary",
        positive=1,
        missing=["n/a"],
    )

    assert again.to_json() == fitted.to_json()


def test_two_runs_give_the_same_bytes(job, raw, settings):
    """Every output file, byte for byte."""
    files = []
    for name in ("first", "second"):
        _, paths = job(raw, settings, name)
        out = paths.base / "processing" / "output"
        files.append({str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()})

    assert files[0] == files[1]
    assert len(files[0]) == 5


def toy(**changes):
    """Settings of a small table of three columns."""
    return {
        "name": "toy",
        "problem": "multiclass",
        "label": "y",
        "positive": None,
        "columns": {"a": "number", "b": "string", "y": "string"},
        "split": {"strategy": "stratified", "validation": 0.2, "test": 0.2, "seed": 1},
        "flow": [{"operator": "encode", "columns": ["b"], "method": "target"}],
        "source": {},
    } | changes


def rows_of(labels):
    import pyarrow as pa

    n = len(labels)
    return pa.table(
        {"a": [float(i) for i in range(n)], "b": ["u", "v"] * (n // 2) + ["u"] * (n % 2), "y": labels}
    )


def test_classes_are_indices_and_regression_is_the_number_itself(job, capsys):
    """Three classes become 0, 1, 2 in the order of their names; a number stays."""
    _, paths = job(rows_of(["c", "a", "b"] * 20), toy())
    assert sorted(read(paths, TRAIN)[LABEL].unique()) == [0, 1, 2]
    assert list(read(paths, TRAIN)) == [LABEL, "a", "b_a", "b_b", "b_c"]
    assert "a 33.3%, b 33.3%, c 33.3%" in capsys.readouterr().out

    changes = {
        "problem": "regression",
        "label": "a",
        "split": {"strategy": "random", "validation": 0.2, "test": 0.2, "seed": 1},
    }
    flow = [{"operator": "encode", "columns": ["b", "y"], "method": "one_hot"}]
    _, paths = job(rows_of(["c", "a", "b"] * 20), toy(flow=flow, **changes), "regression")
    assert read(paths, TEST)[LABEL].tolist() == read(paths, HOLDOUT)["a"].tolist()


BAD = [
    (["a"] * 10, {}, "label 'y' has one class, 'a'"),
    (["a", None] * 10, {}, "label 'y': 10 of 20 rows have no string value (first: row 2)"),
    (["a"] * 10 + ["b"] * 2, {}, "would have no row of class 1, which has 2 row(s)"),
    (
        ["a", "b"] * 10,
        {"flow": [{"operator": "drop", "columns": ["bb"]}]},
        "there is no column 'bb'. Did you mean 'b'?",
    ),
    (["a", "b"] * 10, {"problem": "binary", "positive": "c"}, "has no value 'c' (positive); it has 'a', 'b'"),
]


@pytest.mark.parametrize(("labels", "changes", "said"), BAD)
def test_what_cannot_be_prepared_is_one_sentence(job, capsys, labels, changes, said):
    """Exit status 1, the reason in the failure message, no traceback."""
    status, paths = job(rows_of(labels), toy(**changes))

    assert status == 1
    assert said in paths.failure_message.read_text()
    assert "Traceback" not in capsys.readouterr().err


def test_without_data_there_is_nothing_to_prepare(tmp_path):
    """The message names the input."""
    paths = ProcessingPaths(tmp_path)
    paths.settings.parent.mkdir(parents=True)
    paths.settings.write_text(json.dumps(toy()))

    assert run(prep.main, paths) == 1
    assert "no Parquet file; the input 'data' is what ingest wrote" in paths.failure_message.read_text()
